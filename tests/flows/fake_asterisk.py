"""A fake Asterisk 22: the flows' ``Commands``, and the events that the real one sends.

What it does was read in Asterisk's source (res_stasis, res_stasis_broadcast, res/ari/resource_*). Every command
travels, takes effect, and its answer travels back; events travel on their own and arrive in their order. The
three times are a choice, so an event may come before the answer or after it.

Beside that it keeps watch: ``wrongs`` holds what no application of ours may ever do to a caller.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Literal, TypeVar

import anyio

from ari_app.ari.commands import Claim, Mark
from ari_app.ari.errors import AriConflict, AriNotFound, AriRefused, AriUnreachable
from ari_app.ari.model import (
    Bridge,
    CallBroadcast,
    CallerID,
    Channel,
    ChannelDestroyed,
    ChannelDtmfReceived,
    ChannelHold,
    ChannelStateChange,
    ChannelUnhold,
    DialplanCEP,
    Endpoint,
    Event,
    LegEvent,
    PeerStatusChange,
    StasisEnd,
    StasisStart,
)
from ari_app.domain import asterisk_log, recovery
from ari_app.domain.display import Shown
from ari_app.domain.notes import Note
from ari_app.domain.seen import DESK_CONTEXT, MONITOR_PREFIX
from tests.flows.equipment import Lags, Leg, Phone
from tests.flows.fake_radio import FakeRadio
from tests.flows.fake_refer import STAND_IN, FakeRefer
from tests.flows.fake_snoop import FakeSnoop
from tests.flows.fake_sound import SENTENCE_SECONDS, FakeSound
from tests.flows.virtual_time import virtual_now

__all__ = ["BUSY", "NO_ANSWER", "REJECTED", "FakeAsterisk", "Lags", "Trouble"]

NORMAL, BUSY, NO_ANSWER, REJECTED, ELSEWHERE, FAILURE = 16, 17, 19, 21, 26, 38
OFFER_SECONDS = 0.8
MOVES_SECONDS = 0.5
"""Whoever is left in a bridge may be on their way to another one for so long."""

T = TypeVar("T")
Trouble = Literal["before", "after", "refused"]
"""A command that gets no answer, before or after it took effect, or that Asterisk refuses for reasons of its own."""


class FakeAsterisk(FakeRadio, FakeRefer, FakeSnoop, FakeSound):
    """One Asterisk with desks; ``emit`` gets its events for as long as it is ``connected``."""

    def __init__(self, extensions: Sequence[str], emit: Callable[[Event], None], lags: Lags | None = None) -> None:
        FakeSound.__init__(self)
        FakeRadio.__init__(self)
        FakeSnoop.__init__(self)
        self.phones = {extension: Phone() for extension in extensions}
        self.legs: dict[str, Leg] = {}
        self.open_bridges: dict[str, set[str]] = {}
        self.wrongs: list[str] = []
        self.seen: list[asterisk_log.Event] = []
        """What Asterisk writes down itself (asterisk_conf/cel.conf)."""
        self.orders: Counter[str] = Counter()
        self.trouble: dict[str, list[Trouble | None]] = {}
        """By command: what becomes of its next uses."""
        self.connected = True
        self.timeout_cause = NO_ANSWER
        self.in_fallback: set[str] = set()
        self.answered_in_fallback: dict[str, str] = {}
        """Which desk has had each of them."""
        self.notes: list[Note] = []
        """The dialplan's notes on the callers' legs that ended."""
        self.note_takes = 0.0
        """How long the disk takes for one: until then the leg is not over."""
        self.entered: set[str] = set()
        """The callers that were ours."""
        self.rung: list[str] = []
        """The desks that rang, in order."""
        self.hung_up: dict[str, str] = {}
        self.emit = emit
        self.caller_enters_after = 0.001
        """From a claim to the hand-over; orders before that are refused."""
        self.desk_enters_after = 0.001
        """From a desk's answer to its leg's being ours."""
        self._lags = lags or Lags()
        self._last_event = 0.0
        self.stands_still_until = 0.0
        """The application reads no event before (the loop's clock)."""
        self._unread: list[Event] = []
        self._used: set[str] = set()
        self.mixing: set[str] = set()
        self._recorded: dict[str, str] = {}
        """The operator whose voice each caller's recording has, when the two are joined as they are."""
        self._made: dict[str, datetime] = {}
        self._fallback_rings: dict[str, Channel] = {}
        self._began = virtual_now()
        self._watched: set[str] = set()
        self._talked: dict[str, set[str]] = {}
        self._calls = 0

    # ---- the world: callers and phones ---------------------------------------------------------

    def call(self, number: str = "081234567890", exten: str = "110") -> str:
        """Somebody dials 110; the call is on offer for 0.8 s, then the dialplan goes on alone."""
        self._calls += 1
        id_ = f"fake-{self._calls}"
        leg = Leg(id_, f"PJSIP/pstn-{self._calls:08x}", "StasisBroadcast", "Ring", number, exten, offered=True)
        self.legs[id_] = leg
        self._write_down(asterisk_log.STARTED, leg)
        self._send(CallBroadcast(self._channel(leg), number, exten))
        self._later(leg, OFFER_SECONDS, lambda: self._offer_over(leg))
        return id_

    def _offer_over(self, leg: Leg) -> None:
        if not leg.claimed:
            self._to_fallback(leg)

    def dies(self) -> None:
        """Asterisk is killed with everything in it, tells nobody, and is there again at once."""
        for leg in list(self.legs.values()):
            self._stop(leg)
        self.legs.clear()
        self.open_bridges.clear()
        self.in_fallback.clear()
        self._silent_since.clear()
        self._began = virtual_now()

    def rings_in_fallback(self, extension: str) -> None:
        """The dialplan's fallback rings, or talks with, a desk's phone."""
        self._fallback_rings[extension] = Channel(
            f"dialled-{extension}",
            f"PJSIP/{extension}-1",
            "Up",
            CallerID("", ""),
            DialplanCEP("fallback", "", "AppDial"),
        )

    def ends_in_fallback(self, extension: str) -> None:
        """That is over; whoever has asked for the leg's events hears of it."""
        channel = self._fallback_rings.pop(extension)
        if channel.id in self._watched:
            self._send(ChannelDestroyed(channel, NORMAL, ""))

    def caller_hangs_up(self, call: str) -> None:
        """The caller puts the telephone down, if the call still is."""
        if call in self.legs:
            self._destroy(self.legs[call], NORMAL)

    def register(self, extension: str, *, answers_after: float | None = None, refuses: int | None = None) -> None:
        """A desk's phone registers; from now on it answers, refuses with a cause, or lets it ring."""
        phone = self.phones[extension]
        phone.registered, phone.answers_after, phone.refuses = True, answers_after, refuses
        self._endpoint_changed(extension)

    def unregister(self, extension: str) -> None:
        """A desk's phone is not registered any more; what rings or talks there goes on."""
        self.phones[extension].registered = False
        self._endpoint_changed(extension)

    def desk_answers(self, extension: str) -> bool:
        """The operator lifts the receiver; False when nothing rings there."""
        leg = self._at(extension)
        if leg is None or leg.state != "Ringing":
            return False
        self._stop(leg)
        self._change(leg, "Up")
        self._later(leg, self.desk_enters_after, lambda: self._enter(leg, *leg.dials))
        return True

    def desk_hangs_up(self, extension: str, cause: int = NORMAL) -> bool:
        """The operator refuses or ends what is at this desk; False when nothing is."""
        leg = self._at(extension)
        if leg is None or leg.state == "Down":
            return False
        self._destroy(leg, cause)
        return True

    def _at(self, extension: str) -> Leg | None:
        return self.legs.get(self.phones[extension].leg or "")

    def is_talking(self, call: str, extension: str) -> bool:
        """Whether caller and desk hear each other."""
        leg = self._at(extension)
        return leg is not None and leg.id in self.hears(call) and call in self.hears(leg.id)

    def _talking_at(self, extension: str) -> Leg | None:
        leg = self._at(extension)
        return leg if leg is not None and leg.state == "Up" and leg.died_at is None else None

    def press(self, extension: str, keys: str) -> None:
        """The operator presses keys, 50 ms after each other."""
        leg = self._talking_at(extension)
        if leg is None:
            return
        for number, key in enumerate(keys):
            self._later(leg, 0.05 * number, partial(self._press, leg, key))

    def _press(self, leg: Leg, key: str) -> None:
        callers = [id_ for id_ in self.open_bridges.get(leg.bridge or "", ()) if self.legs[id_].is_caller]
        if callers and not leg.absorbs_keys:
            self.wrongs.append(f"{callers[0]}: the caller hears the key {key}")
        self._tell(leg, ChannelDtmfReceived(self._channel(leg), key))

    def caller_presses(self, call: str, keys: str) -> None:
        """The caller presses keys, 50 ms after each other."""
        leg = self.legs[call]
        for number, key in enumerate(keys):
            self._later(leg, 0.05 * number, partial(self._tell, leg, ChannelDtmfReceived(self._channel(leg), key)))

    def hold_key(self, extension: str, *, on: bool) -> None:
        """The operator presses the phone's own hold key."""
        leg = self._talking_at(extension)
        if leg is None:
            return
        leg.holds_since = asyncio.get_running_loop().time() if on else None
        self._tell(leg, (ChannelHold if on else ChannelUnhold)(self._channel(leg)))

    def phone_dies(self, extension: str) -> None:
        """The phone's plug is pulled: no audio, and no goodbye."""
        leg = self._talking_at(extension)
        if leg is None:
            return
        leg.died_at = asyncio.get_running_loop().time()

    def dial(self, extension: str, kind: str, dialled: str) -> str:
        """A desk dials a service or a colleague; its leg."""
        self._calls += 1
        leg = Leg(f"desk-{self._calls}", f"PJSIP/{extension}-{self._calls:08x}", "Stasis", "Ring", desk=extension)
        leg.context, leg.dials = f"desk-{kind}", (kind, dialled)
        self.legs[leg.id] = leg
        if self.phones[extension].leg not in self.legs:
            self.phones[extension].leg = leg.id
        leg.stasis, leg.interested = True, 1
        self._tell(leg, StasisStart(self._channel(leg), [kind, dialled]))
        return leg.id

    # ---- the commands ----------------------------------------------------------------------------

    async def claim(self, channel: str) -> Claim:
        return await self._order("claim", lambda: self._claim(channel))

    def _claim(self, channel: str) -> Claim:
        leg = self.legs.get(channel)
        if leg is None or not leg.offered:
            return Claim.GONE
        if leg.claimed:
            return Claim.TAKEN
        leg.claimed = True
        self._later(leg, self.caller_enters_after, lambda: self._enter(leg, "call"))
        return Claim.OURS

    async def ring(self, leg: str, endpoint: str, *, originator: str | None, shown: Shown, seconds: int) -> None:
        assert shown.name, "a phone's display is never empty"
        self.displays[leg] = shown
        await self._order("ring", lambda: self._ring(leg, endpoint.partition("/")[2], seconds))

    def _ring(self, id_: str, extension: str, seconds: int) -> None:
        self._check_new(id_)
        phone = self.phones.get(extension)
        if phone is None or not phone.registered:
            raise AriRefused(500, "Allocation failed")
        leg = Leg(id_, f"PJSIP/{extension}-{len(self._used):08x}", "AppDial2", desk=extension, interested=1)
        self.legs[id_] = leg
        busy = BUSY if phone.leg in self.legs else phone.refuses
        if busy is not None:
            self._later(leg, 0.001, lambda: self._destroy(leg, busy))
            return
        phone.leg = id_
        self.rung.append(extension)
        self._change(leg, "Ringing")
        self._later(leg, seconds, lambda: self._destroy(leg, self.timeout_cause))
        if phone.answers_after is not None:
            self._later(leg, phone.answers_after, lambda: self.desk_answers(extension))

    async def answer(self, leg: str) -> None:
        await self._order("answer", lambda: self._answer(leg))

    def _answer(self, id_: str) -> None:
        leg = self._ours(id_)
        self.is_blocked(leg)
        if leg.state == "Down":
            raise AriConflict(412, "Channel in invalid state")
        if leg.state != "Up":
            self._change(leg, "Up")

    async def hangup(self, leg: str, *, reason: str = "normal") -> None:
        await self._order("hangup", lambda: self._hangup(leg, reason))

    def _hangup(self, id_: str, reason: str) -> None:
        leg = self._leg(id_)
        self.hung_up[id_] = reason
        if leg.is_caller and not self._talk_is_over(id_):
            self.wrongs.append(f"{id_}: a caller was hung up on ({leg.state}, {leg.app})")
        self._destroy(leg, {"answered_elsewhere": ELSEWHERE, "failure": FAILURE, "busy": BUSY}.get(reason, NORMAL))

    def _talk_is_over(self, call: str) -> bool:
        if (call, "hubungi-lagi-nanti") in self.played and self.legs[call].playing is None:
            return True  # SOP VIII: the lane is full
        others = self._talked.get(call, set())
        return bool(others) and not any(other in self.legs for other in others)

    async def mark(self, leg: str, mark: Mark, *, on: bool = True) -> None:
        await self._order("mark", lambda: self._mark(leg, mark, on=on))

    def _mark(self, id_: str, mark: Mark, *, on: bool) -> None:
        if id_ in self.legs:
            (self.legs[id_].marks.add if on else self.legs[id_].marks.discard)(mark)

    async def back_to_dialplan(self, leg: str) -> None:
        await self._order("back_to_dialplan", lambda: self._to_fallback(self._ours(leg)))

    def _to_fallback(self, leg: Leg) -> None:
        self.is_blocked(leg)
        self._leave(leg)
        leg.app, leg.offered = "Dial", False
        if leg.context.startswith(DESK_CONTEXT):
            self._goes_on(leg)
            return
        if Mark.CLOSED in leg.marks:
            self._dialplan_closes(leg)
        else:
            self.in_fallback.add(leg.id)

    def _dialplan_closes(self, leg: Leg) -> None:
        """The dialplan says the salutation in our place, and hangs up."""
        if not self._talk_is_over(leg.id):
            self.wrongs.append(f"{leg.id}: closed, and an operator is there")
        leg.app, leg.context = "Playback", recovery.CLOSED_CONTEXT
        self.played.append((leg.id, "salam-penutup"))
        self._later(leg, SENTENCE_SECONDS, lambda: self._destroy(leg, NORMAL))

    async def create_bridge(self, bridge: str, *, mixes: bool = False) -> None:
        await self._order("create_bridge", lambda: self._create_bridge(bridge, mixes=mixes))

    def _create_bridge(self, bridge: str, *, mixes: bool) -> None:
        self._check_new(bridge)
        if mixes:
            self.mixing.add(bridge)
        self.open_bridges[bridge] = set()

    async def add_to_bridge(self, bridge: str, legs: Sequence[str], *, absorb_keys: bool = False) -> None:
        await self._order("add_to_bridge", lambda: self._add(bridge, legs, absorb_keys=absorb_keys))

    def _add(self, bridge: str, ids: Sequence[str], *, absorb_keys: bool) -> None:
        if bridge not in self.open_bridges:
            raise AriNotFound(404, "Bridge not found")
        for id_ in ids:
            if id_ not in self.legs:
                raise AriRefused(400, "Channel not found")
            if not self.legs[id_].stasis:
                raise AriRefused(422, "Channel not in Stasis application")
        for leg in [self.legs[id_] for id_ in ids]:
            self.is_blocked(leg)
            if leg.state != "Up":
                self.wrongs.append(f"{leg.id}: nobody answered it, and it is to talk")
            self._out_of_bridge(leg)
            leg.bridge, leg.absorbs_keys = bridge, absorb_keys
            self.open_bridges[bridge].add(leg.id)
            self._write_down(asterisk_log.ENTERED, leg, bridge)
        inside = [self.legs[id_] for id_ in self.open_bridges[bridge]]
        for caller in [leg for leg in inside if leg.is_caller]:
            operators = {leg.id for leg in inside if leg.desk and not leg.id.startswith(MONITOR_PREFIX)}
            self._talked.setdefault(caller.id, set()).update(operators)
        self._record(bridge)

    def _record(self, bridge: str) -> None:
        """Two in a bridge that does not mix: the recording of the caller has one operator, and none after them."""
        inside = [self.legs[id_] for id_ in self.open_bridges.get(bridge, ())]
        callers = [leg.id for leg in inside if leg.is_caller]
        desks = [leg.id for leg in inside if leg.desk not in {None, STAND_IN}]
        if bridge in self.mixing or len(callers) != 1 or len(desks) != 1:
            return
        if self._recorded.setdefault(callers[0], desks[0]) != desks[0]:
            self.wrongs.append(f"{callers[0]}: the recording has nothing of {desks[0]}")

    async def destroy_bridge(self, bridge: str) -> None:
        await self._order("destroy_bridge", lambda: self._destroy_bridge(bridge))

    def _destroy_bridge(self, bridge: str) -> None:
        if bridge not in self.open_bridges:
            raise AriNotFound(404, "Bridge not found")
        for id_ in self.open_bridges.pop(bridge):
            self.legs[id_].bridge = None
            self._write_down(asterisk_log.LEFT, self.legs[id_], bridge)

    async def channels(self) -> list[Channel]:
        rung = self._fallback_rings.values()
        return await self._order("channels", lambda: [*map(self._channel, self.legs.values()), *rung])

    async def bridges(self) -> list[Bridge]:
        return await self._order(
            "bridges", lambda: [Bridge(id_, "mixing", sorted(legs)) for id_, legs in self.open_bridges.items()]
        )

    async def began(self) -> str:
        return await self._order("began", self._began.isoformat)

    async def endpoints(self) -> list[Endpoint]:
        return await self._order("endpoints", lambda: [self._endpoint(extension) for extension in self.phones])

    async def subscribe(self, sources: Sequence[str]) -> list[str]:
        return await self._order("subscribe", lambda: self._subscribe(sources))

    def _subscribe(self, sources: Sequence[str]) -> list[str]:
        gone = []
        for source in sources:
            kind, _, id_ = source.partition(":")
            in_fallback = {channel.id for channel in self._fallback_rings.values()}
            if kind == "channel" and id_ in self.legs:
                self.legs[id_].interested += 1
            elif id_ in in_fallback or (kind == "endpoint" and id_.partition("/")[2] in self.phones):
                self._watched.add(id_)
            else:
                gone.append(source)
        return gone

    def _make(self, leg: Leg) -> Leg:
        self.legs[leg.id] = leg
        return leg

    # ---- inside ----------------------------------------------------------------------------------

    async def _order(self, name: str, effect: Callable[[], T]) -> T:
        """A command on its way there, at work, and its answer on the way back."""
        self.orders[name] += 1
        waiting = self.trouble.get(name)
        trouble = waiting.pop(0) if waiting else None
        await anyio.sleep(self._lags.request())
        if trouble == "before":
            raise AriUnreachable(name)
        if trouble == "refused":
            raise AriRefused(500, name)
        try:
            result = effect()
            self.notice_silence()
        finally:
            await anyio.sleep(self._lags.answer())
        if trouble == "after":
            raise AriUnreachable(name)
        return result

    def _check_new(self, id_: str) -> None:
        if id_ in self._used:
            self.wrongs.append(f"{id_}: the id was used twice")
            raise AriConflict(409, "already exists")
        self._used.add(id_)

    def _leg(self, id_: str) -> Leg:
        if id_ not in self.legs:
            raise AriNotFound(404, "Channel not found")
        return self.legs[id_]

    def _ours(self, id_: str) -> Leg:
        if not self._leg(id_).stasis:
            raise AriConflict(409, "Channel not in Stasis application")
        return self.legs[id_]

    def _enter(self, leg: Leg, *arguments: str) -> None:
        leg.stasis, leg.offered = True, leg.is_caller
        leg.interested += 1
        if leg.is_caller:
            self.entered.add(leg.id)
        else:
            leg.app = "Stasis"
        self._tell(leg, StasisStart(self._channel(leg), list(arguments)))

    def _leave(self, leg: Leg) -> None:
        """Out of the application: a subscription ends with it, so the leg's end may not be told any more."""
        self._out_of_bridge(leg)
        if leg.stasis:
            self._tell(leg, StasisEnd(self._channel(leg), virtual_now().isoformat()))
            leg.stasis = False
            leg.interested -= 1

    def _change(self, leg: Leg, state: str) -> None:
        leg.state = state
        self._tell(leg, ChannelStateChange(self._channel(leg)))

    def _destroy(self, leg: Leg, cause: int) -> None:
        if self.legs.get(leg.id) is not leg:
            return
        self._stop(leg)
        if leg.ends is not None:
            leg.ends.cancel()
        self._end_playback(leg, "failed")
        self._leave(leg)
        if leg.is_caller and self.note_takes:
            self._later(leg, self.note_takes, lambda: self._over(leg, cause))
        else:
            self._over(leg, cause)

    def _over(self, leg: Leg, cause: int) -> None:
        if leg.is_caller:
            self._note(leg, cause)
        del self.legs[leg.id]
        self._write_down(asterisk_log.ENDED, leg, cause=cause)
        self.notice_silence()
        self._tell(leg, ChannelDestroyed(self._channel(leg), cause, str(cause), virtual_now().isoformat()))
        if leg.twin in self.legs:
            self._destroy(self.legs[leg.twin], cause)

    def _note(self, leg: Leg, cause: int) -> None:
        now = virtual_now()
        began = now if leg.id in self.in_fallback else None
        desk = self.answered_in_fallback.get(leg.id, "")
        up = leg.state == "Up" or bool(desk)
        self.notes.append(Note(leg.id, leg.number, leg.exten, now, began, now, 1000 * up, desk, "caller", up, cause))

    def _out_of_bridge(self, leg: Leg) -> None:
        if leg.bridge is not None:
            bridge, leg.bridge = leg.bridge, None
            self.open_bridges[bridge].discard(leg.id)
            self._write_down(asterisk_log.LEFT, leg, bridge)
            asyncio.get_running_loop().call_later(MOVES_SECONDS, self._record, bridge)

    def _write_down(self, kind: str, leg: Leg, bridge: str = "", cause: int = 0) -> None:
        context = asterisk_log.FROM_TRUNK if leg.is_caller else "from-desk"
        self.seen.append(asterisk_log.Event(virtual_now(), kind, leg.id, leg.name, context, bridge, cause))

    def _endpoint_changed(self, extension: str) -> None:
        if f"PJSIP/{extension}" in self._watched:
            self._send(PeerStatusChange(self._endpoint(extension)))

    def _tell(self, leg: Leg, event: LegEvent) -> None:
        if leg.interested > 0:
            self._send(event)

    def _send(self, event: Event) -> None:
        """Put an event on the websocket, which keeps their order."""
        if self.connected:
            loop = asyncio.get_running_loop()
            arrives = loop.time() + self._lags.event()
            if arrives < self.stands_still_until:
                if not self._unread:
                    self._last_event = max(self._last_event + 1e-6, self.stands_still_until)
                    loop.call_at(self._last_event, self._arrive, self._unread)
                self._unread.append(event)
                return
            # A microsecond apart: asyncio does not keep the order of timers for the same moment.
            self._last_event = max(self._last_event + 1e-6, arrives)
            loop.call_at(self._last_event, self._arrive, [event])

    def _arrive(self, events: list[Event]) -> None:
        """What has come while the application stood still is read at once, before any flow takes its next step."""
        read, events[:] = events[:], []
        for event in read:
            if self.connected:
                self.emit(event)

    def _later(self, leg: Leg, seconds: float, what: Callable[[], object]) -> None:
        leg.timers.append(asyncio.get_running_loop().call_later(seconds, what))

    def _stop(self, leg: Leg) -> None:
        for timer in leg.timers:
            timer.cancel()
        leg.timers.clear()

    def _channel(self, leg: Leg) -> Channel:
        return Channel(
            leg.id,
            leg.name,
            leg.state,
            CallerID("", leg.number),
            DialplanCEP(leg.context, leg.exten, leg.app),
            self._made.setdefault(leg.id, virtual_now()).isoformat(),
        )

    def _endpoint(self, extension: str) -> Endpoint:
        state = "online" if self.phones[extension].registered else "offline"
        return Endpoint("PJSIP", extension, [], state)
