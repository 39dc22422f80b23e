"""One radio net: who is on it, who is heard on it, and the line to its gateway (SOP VII.d).

One task serves the net: whatever happens comes through one inbox and is put to the floor (``domain.radio``), and what
the floor says is then made true in Asterisk (``radio_air``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

import anyio
import structlog

from ari_app.ari.errors import AriRefused, AriUnreachable, InboxFull
from ari_app.ari.inbox import Inbox
from ari_app.ari.model import (
    ChannelDtmfReceived,
    ChannelTalkingFinished,
    ChannelTalkingStarted,
    LegEvent,
    PlaybackFinished,
    leg_of,
)
from ari_app.domain import radio
from ari_app.domain.facts import Fact
from ari_app.domain.radio import NEVER, SYSTEM, Floor, FloorEvent, FloorState
from ari_app.flows.messages import LegGone, News, now
from ari_app.flows.radio_air import Air
from ari_app.flows.radio_bell import Bell, Desks
from ari_app.flows.radio_bridge import NetBridge
from ari_app.flows.radio_line import Line
from ari_app.flows.radio_messages import Asked, Came, Look, NetMessage, Seen, Voice
from ari_app.flows.radio_pulse import LineWatch, Pulse
from ari_app.flows.radio_speaker import WAIT_SECONDS, Speaker, Speech
from ari_app.flows.radio_story import Member, Story
from ari_app.flows.radio_tape import Tape

if TYPE_CHECKING:
    from ari_app.ari.commands import Commands
    from ari_app.ari.inbox import Switch

MOST_WAITING: Final = 1024

LEAVE_SECONDS: Final = 1.0
"""How long a member who leaves waits for the net to be done with them: it is, at once, or Asterisk is away."""

log = structlog.get_logger(__name__)


class Net:
    """One net; ``run`` serves it."""

    def __init__(
        self, tape: Tape, asterisk: Commands, switch: Switch, tell: Callable[[Fact], None], desks: Desks | None
    ) -> None:
        """Nothing is asked of Asterisk yet. ``tape`` is the net's own; ``desks`` ring for officers, None: none do."""
        self.rules = rules = tape.rules
        self.id = radio.endpoint_of_net(rules.net)
        self.floor = Floor()
        self.members: dict[str, Member] = {}
        self.line = Line(rules, asterisk, switch, self._put)
        self._asterisk = asterisk
        self._inbox: Inbox[NetMessage] = Inbox(MOST_WAITING)
        self._air = Air(rules, asterisk)
        self._story = Story(rules, self.members, tell)
        self._bridge = NetBridge(self.id, asterisk, switch, self._put)
        self._tape = tape
        self._speaker = Speaker(asterisk)
        self.bell: Bell | None = None
        if desks is not None and rules.call_code:
            self.bell = Bell(rules, asterisk, switch, desks, tell, self.say)
        self._officer, self._operator = Pulse(asterisk), Pulse(asterisk)
        self._watch = LineWatch(asterisk, rules.floor.longest)

    # ---- what others do ------------------------------------------------------------------------------

    async def join(self, member: Member) -> None:
        """Put a leg, that is ours and answered, on the net: it hears, and is heard by nobody.

        Raises:
            AriError: it is not on the net.
        """
        if self.rules.floor.lead:
            await self._asterisk.delay(member.leg, round(self.rules.floor.lead * 1000))
        await self._air.admit(member.leg, by_voice=self.rules.by_voice)
        await self._bridge.add(member.leg)
        self.members[member.leg] = member
        self._put(Look())

    async def listen(self, leg: str) -> None:
        """Let a leg hear the net; it is heard by nobody, unless it is among a member's ``also``.

        Raises:
            AriError: it is not on the net.
        """
        await self._air.admit(leg)
        await self._bridge.add(leg)

    def forget(self, leg: str) -> None:
        """Who listened is elsewhere now, or about to be: nobody puts them back onto the net."""
        self._bridge.legs.discard(leg)

    async def leave(self, leg: str) -> None:
        """A member goes, or is gone: it is muted, has not got the floor, and is where it was. Never raises."""
        member = self.members.pop(leg, None)
        self._bridge.legs -= {leg} if member is None else {leg, *member.also, member.call or leg}
        if member is not None:
            done = anyio.Event()
            if member.call is not None and all(other.call is None for other in self.members.values()):
                self._speaker.drop_urgent()  # it was for what they wanted to say
            self._put(Asked(FloorEvent.LEG_LOST, leg, done))
            for each in (leg, *member.also):
                await self._air.release(each)
            with anyio.move_on_after(LEAVE_SECONDS):
                await done.wait()

    async def let_talk(self, leg: str, other: str, *, on: bool) -> None:
        """Let ``other``, who listens, be heard whenever the member ``leg`` is; or no longer. Never raises."""
        member = self.members.get(leg)
        if member is not None and on:
            member.also.add(other)
            self._put(Look())
        elif member is not None:
            member.also.discard(other)
            await self._air.release(other)

    def ask(self, event: FloorEvent, leg: str) -> None:
        """A member presses to key or to take over; who has keyed by then unkeys. It is delivered as ``FloorNews``."""
        self._put(Asked(event, leg))

    def heard(self, leg: str, event: ChannelTalkingStarted | ChannelTalkingFinished) -> None:
        """A member begins to talk, or pauses: where voices key, that keys and unkeys, and only that takes it back."""
        if self.rules.by_voice:
            self._put(Voice(leg, isinstance(event, ChannelTalkingStarted)))

    def has_keyed(self, leg: str) -> bool:
        """Whether a member has keyed, and not unkeyed yet."""
        return self.floor.talker == leg and self.floor.state is not FloorState.TAILING

    def say(
        self,
        media: Sequence[str],
        on_end: Callable[[bool], None] = lambda _: None,
        *,
        urgent: bool = False,
        wait: float = WAIT_SECONDS,
    ) -> Speech:
        """Say ``sound:PATH`` to everybody on the net, one after the other, as soon as the floor is free.

        ``urgent``: it takes the floor from whoever has it. What could not be said within ``wait`` seconds is not said
        any more; ``on_end`` is told whether it was said to its end.
        """
        speech = self._speaker.add(media, on_end, urgent=urgent, wait=wait)
        self._put(Look())
        return speech

    def unsay(self, speech: Speech) -> bool:
        """Whether it has not begun yet: then it is not said, and its ``on_end`` is told so."""
        return self._speaker.withdraw(speech)

    def deliver(self, message: Came | Seen | LegGone) -> None:
        """The gateway has called us, or something was found when reconciling."""
        self._put(message)

    def certain_legs(self) -> set[str]:
        """The legs of ours that Asterisk must have."""
        return {self.line.leg} if self.line.leg is not None and self.line.is_up else set()

    def made(self) -> set[str]:
        """Our legs and bridges, the gateway's own call included."""
        return {made for made in (self.line.leg, self._bridge.id) if made is not None}

    def _put(self, message: NetMessage) -> None:
        try:
            self._inbox.put(message)
        except InboxFull:
            log.error("radio.inbox_full", net=self.rules.net)  # the task gets the same exception, and starts afresh

    # ---- the task ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the net for as long as the application runs; a failure of it is nobody else's."""
        structlog.contextvars.bind_contextvars(net=self.rules.net)
        while True:
            try:
                while True:
                    await self._look_after_line()
                    await self._take(await self._next())
                    await self._speak()
            except AriUnreachable as error:
                log.error("radio.asterisk_unreachable", error=str(error))
            except Exception:
                log.exception("radio.net_failed")
            await self._start_afresh()

    async def _next(self) -> NetMessage | None:
        """The next thing that happens; None: it is time for something."""
        due = min(self.floor.deadline, self._speaker.due, self.line.call_at, self.line.unwanted_at)
        due = min(due, self._watch.due(self.line.leg if self.line.is_up else None))
        due = min(due, self._officer.due if self.floor.talks else NEVER)
        due = min(due, NEVER if self._voice_that_keyed() is None else self._operator.due)
        with anyio.CancelScope(deadline=due):
            return await self._inbox.get()
        return None

    async def _look_after_line(self) -> None:
        if self._bridge.legs or self._speaker or (self.bell is not None and self.bell.is_calling):
            self.line.need()
        if not self.line.is_wanted:
            await self._close()
        elif self.line.call_at <= now():
            await self.line.call()
        await self._feel_pulses()

    async def _take(self, message: NetMessage | None) -> None:
        match message:
            case Asked() | Voice():
                await self._member_wants(message)
            case Came(leg=leg):
                await self._gateway_lost()
                await self.line.came(leg)
                await self._use_line()
            case Seen(lost=lost):
                await self._reconcile(lost)
            case ChannelTalkingStarted() | ChannelTalkingFinished():
                if self.line.is_up and leg_of(message) == self.line.leg:
                    self._officer.felt()
                    began = isinstance(message, ChannelTalkingStarted)
                    await self._step(FloorEvent.TALK_BEGAN if began else FloorEvent.TALK_ENDED)
            case Look() | None:
                await self._become(*radio.tick(self.floor, now=now(), rules=self.rules.floor))
            case PlaybackFinished(playback=playback):
                self._speaker.finished(playback.id, is_said=playback.state != "failed")
            case _:
                await self._read_line(message)

    async def _speak(self) -> None:
        """Say what is to be said, as soon as the floor is ours."""
        self._speaker.give_up()
        await self._speaker.follow(self.floor, self._bridge.id)
        wish = self._speaker.wish(self.floor)
        if wish is not None and self.line.is_up:
            await self._step(wish, SYSTEM)
        await self._speaker.follow(self.floor, self._bridge.id)

    async def _read_line(self, event: LegEvent | LegGone) -> None:
        if self.line.read(event):
            await self._line_lost(is_missed=self.line.is_needed)
        elif self.line.is_answered:
            await self._use_line()
        elif isinstance(event, ChannelDtmfReceived) and leg_of(event) == self.line.leg and self.bell is not None:
            self.bell.press(event.digit)

    async def _asked(self, event: FloorEvent, leg: str) -> None:
        if event in {FloorEvent.KEY, FloorEvent.TAKE_OVER} and not (leg in self.members and self.line.is_up):
            self._story.inform(leg, News.NET_LOST)  # who has left by now hears nothing
            return
        await self._step(event, leg)

    async def _member_wants(self, message: Asked | Voice) -> None:
        if isinstance(message, Voice):
            await self._heard(message.leg, talks=message.talks)
            return
        if message.leg in self.members:
            self.members[message.leg].by_voice = False
        unkeys = message.event is not FloorEvent.LEG_LOST and self.has_keyed(message.leg)
        await self._asked(FloorEvent.UNKEY if unkeys else message.event, message.leg)
        if message.done is not None:
            message.done.set()

    async def _heard(self, leg: str, *, talks: bool) -> None:
        """A voice never takes a floor over, and who has keyed by hand unkeys by hand."""
        member = self.members.get(leg)
        if member is None:
            return
        if talks and not self.has_keyed(leg):
            member.by_voice = True
            await self._asked(FloorEvent.KEY, leg)
        elif member.by_voice and not talks:
            member.by_voice = False
            await self._asked(FloorEvent.UNKEY, leg)
        if leg == self.floor.talker:
            self._operator.felt()

    def _voice_that_keyed(self) -> str | None:
        """The leg of whoever has the floor because they talk."""
        member = self.members.get(self.floor.talker)
        return member.leg if member is not None and member.by_voice else None

    # ---- the floor -----------------------------------------------------------------------------------

    async def _step(self, event: FloorEvent, who: str = "") -> None:
        await self._become(*radio.step(self.floor, event, now=now(), rules=self.rules.floor, who=who))

    async def _become(self, floor: Floor, happened: Iterable[radio.Happened]) -> None:
        """Make true in Asterisk what the floor says now, and tell what happened."""
        self.floor, lost = floor, set[str]()
        self._tape.name(floor)
        member = self.members.get(floor.voice)
        voices = set() if member is None else {member.leg, *member.also}
        is_lost = False
        try:
            lost = await self._air.make_true(floor, voices, self.line.leg)
        except AriRefused as refused:
            log.info("radio.gateway_gone", status=refused.status)
            is_lost = True
        finally:
            for each in happened:
                self._story.happened(each, self._tape.transmission)
                self._speaker.happened(each)
        await self._tape.follow(floor, self._bridge.id)
        if is_lost:
            await self._line_lost()  # one that takes no orders could not be switched off, either
        elif floor.talker in lost:
            await self._step(FloorEvent.LEG_LOST, floor.talker)

    # ---- the gateway -----------------------------------------------------------------------------------

    async def _use_line(self) -> None:
        """The gateway has answered: from now on it hears and is heard."""
        try:
            await self._bridge.gather()
            is_there = await self.line.listen(await self._bridge.open())
        except AriRefused as refused:
            log.warning("radio.line_not_used", status=refused.status)
            await self._rebuild()
        else:
            if is_there:
                self._story.line_up()
            else:
                await self._line_lost()

    async def _rebuild(self) -> None:
        """Line or bridge are not what they were: a new line, and a new bridge for those who are still there."""
        await self.line.hang_up()
        await self._bridge.renew()

    async def _gateway_lost(self) -> None:
        self._air.gateway_lost()
        await self._step(FloorEvent.GATEWAY_LOST)

    async def _feel_pulses(self) -> None:
        """Who sends nothing at all is not heard to be silent, nor to be gone: so we look."""
        gateway, talker = self.line.leg, self._voice_that_keyed()
        if gateway is not None and self.floor.talks and await self._officer.has_stopped(gateway):
            await self._step(FloorEvent.TALK_ENDED)
            await self._listen_anew()  # for Asterisk they talk still: it would not tell that the next one does
        if talker is not None and await self._operator.has_stopped(talker):
            await self._heard(talker, talks=False)
        if await self._watch.is_dead(gateway if self.line.is_up else None, self.floor):
            log.warning("radio.gateway_silent")
            await self._line_lost()

    async def _line_lost(self, *, is_missed: bool = True) -> None:
        """It is of no use any more, whatever Asterisk thinks of it; ``is_missed``: and it should be."""
        self._story.line_lost(self.line.cause, is_missed=is_missed)
        await self.line.hang_up()  # it may have been found missing too soon
        await self._gateway_lost()

    async def _close(self) -> None:
        """Nobody needs the net: neither line nor bridge stay, and no line that was there is said to be."""
        await self._line_lost(is_missed=False)
        if not self._bridge.legs:  # nobody has come meanwhile
            await self._bridge.close()

    async def _reconcile(self, lost: frozenset[str]) -> None:
        """Whether anybody still talks is not known, nor whether a line that was called was answered."""
        if not self.floor.has_stuck:  # such a one is not waited for: let it not have the floor once more
            await self._step(FloorEvent.TALK_ENDED)
        self._operator.doubt(self.rules.floor.hang)
        if self._bridge.id in lost:
            await self._rebuild()
            await self._gateway_lost()
        elif self.line.leg is not None and (self.line.leg in lost or not self.line.is_up):
            await self._read_line(LegGone(self.line.leg))
        else:
            if self.floor.talker == SYSTEM:
                await self._speaker.look()
            if not self.floor.has_stuck:
                await self._listen_anew()

    async def _listen_anew(self) -> None:
        if not await self.line.listen_anew():
            await self._line_lost()

    async def _start_afresh(self) -> None:
        """Something went wrong: nobody is heard any more and the gateway's line ends, however long that takes.

        Should Asterisk give no answer at all, it ends the line itself.
        """
        self._inbox = Inbox(MOST_WAITING)
        self.floor, happened = radio.step(self.floor, FloorEvent.GATEWAY_LOST, now=now(), rules=self.rules.floor)
        for each in happened:
            self._story.happened(each, self._tape.transmission)
        self._tape.forget()
        self._speaker.forget()
        await self._air.cut(self.line.hang_up)
