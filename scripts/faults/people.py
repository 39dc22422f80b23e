"""The people of an experiment: citizens who dial 110, and those who pick up at the desks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from scripts.faults.oracle import CallSeen, Spell, quiet_spells
from scripts.phones import Audio, Handset, HandsetCall, PhoneError, PhoneTimeoutError, tones
from scripts.phones.leg import State

REACTION_SECONDS: Final = 0.05
"""How fast a person at a desk picks up: at once, so that all that is measured is the software's."""

_LOOK_SECONDS: Final = 0.01
_LEAST_SHARE: Final = 0.5
_EVERY_PACKET: Final = 4
"""A tone of less than 80 ms was no talk."""

_LOUD: Final = 200.0
RINGING_HZ: Final = 425
_RING_SHARE: Final = 0.9
_RING_PAUSES: Final = tuple(step / 4 for step in range(17))
"""One second it rings and four it does not (asterisk_conf/indications.conf): so long after it, it still does."""

_QUIET_NOTED: Final = 0.5
"""Shorter spells without sound are in every sentence."""


def moment() -> float:
    """The event loop's clock, by which the arrival of sound is stamped."""
    return asyncio.get_running_loop().time()


@dataclass(slots=True)
class Person:
    """Somebody at a desk, who picks up whenever the phone rings and there is no other call; unless ``away``.

    ``picks``: the only caller's number that is picked up; empty: everybody's.
    """

    extension: str
    phone: Handset
    hz: int
    away: bool = False
    picks: str = ""
    stays_for: Collection[str] | None = None
    """On whomever else this person hangs up soon, as there is nobody to be heard; None: stays for everybody."""
    left: set[str] = field(default_factory=set)
    """Numbers of the callers on whom this person hung up."""

    async def work(self) -> None:
        """Pick up, for ever."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self.away or self.phone.is_dead or self.phone.talking:
                continue
            for call in self.phone.calls:
                if call.state is State.RINGING and self.picks in {"", call.caller_number}:
                    await self._pick_up(call)
                    break

    async def _pick_up(self, call: HandsetCall) -> None:
        await asyncio.sleep(REACTION_SECONDS)
        try:
            await call.answer(seconds=1.0)
        except PhoneTimeoutError:  # nobody is there, and nobody stays on such a line
            with contextlib.suppress(PhoneError):
                await call.hang_up()
        except PhoneError:  # the other side was faster
            return
        if self.stays_for is not None and call.caller_number not in self.stays_for:
            await asyncio.sleep(REACTION_SECONDS)
            await self.hang_up_on(call.caller_number)

    def call_of(self, number: str) -> HandsetCall | None:
        """The talk that this person has with a caller now."""
        return next((call for call in self.phone.talking if call.caller_number == number), None)

    def is_rung_by(self, number: str) -> bool:
        """Whether the phone rings for a caller now."""
        return any(call.caller_number == number and call.state is State.RINGING for call in self.phone.calls)

    def describe(self) -> str:
        """What the phone does, in words."""
        living = [each for each in self.phone.calls if each.state is not State.ENDED]
        away = ["away"] if self.away else []
        return ", ".join([*away, *(f"{each.state.value} {each.caller_number}" for each in living)]) or "free"

    async def hang_up_on(self, number: str) -> None:
        """End the talk with a caller."""
        call = self.call_of(number)
        if call is not None:
            self.left.add(number)
            with contextlib.suppress(PhoneError):
                await call.hang_up()


@dataclass(slots=True)
class Citizen:
    """A caller with a number that no other caller has. ``excused``: see ``CallSeen``."""

    number: str
    call: HandsetCall
    dialled: float
    excused: bool = False

    @property
    def audio(self) -> Audio:
        """What the caller hears."""
        return self.call.audio

    async def hang_up(self) -> None:
        """Hang up, or give up; nothing when the call is over."""
        with contextlib.suppress(PhoneError):
            await self.call.hang_up()

    async def hears(self, tones_of_desks: Collection[int], *, since: float, seconds: float) -> float | None:
        """When one of these tones was first heard after ``since`` (loop's clock); None: not within ``seconds``."""
        looked = 0
        end = moment() + seconds
        while True:
            packets = self.audio.packets
            for at in range(max(looked, 1), len(packets)):
                if packets[at - 1].at < since:
                    continue
                pair = tones.decode(packets[at - 1].payload + packets[at].payload)
                if any(tones.share(pair, hz) > _LEAST_SHARE for hz in tones_of_desks):
                    return packets[at - 1].at
            looked = len(packets)
            if moment() > end or self.call.state is State.ENDED:
                return None
            await asyncio.sleep(_LOOK_SECONDS)

    def has_heard(self, tones_of_desks: Collection[int]) -> bool:
        """Whether any of these tones was ever heard."""
        packets = self.audio.packets
        for at in range(0, len(packets) - 1, _EVERY_PACKET):
            pair = tones.decode(packets[at].payload + packets[at + 1].payload)
            if any(tones.share(pair, hz) > _LEAST_SHARE for hz in tones_of_desks):
                return True
        return False

    def quiet(self) -> list[Spell]:
        """When nothing could be heard on the answered line, by the epoch's clock; between two rings it rings."""
        line = self.line()
        if line is None:
            return []
        offset = time.time() - moment()
        heard: list[float] = []
        for packet in self.audio.packets:
            samples = tones.decode(packet.payload)
            if tones.loudness(samples) >= _LOUD:
                pauses = _RING_PAUSES if tones.share(samples, RINGING_HZ) > _RING_SHARE else (0.0,)
                heard += [packet.at + offset + pause for pause in pauses]
        return quiet_spells(sorted(heard), line.start, line.end, longer_than=_QUIET_NOTED)

    def line(self) -> Spell | None:
        """From the answer, be it an announcement's, to the end or now; None: there was none."""
        answered, ended = self.call.events.all("answered"), self.call.events.all("ended")
        if not answered:
            return None
        return Spell(answered[0].at, ended[0].at if ended else time.time())

    def seen(self, people: Collection[Person]) -> CallSeen:
        """The call as this caller's phone saw it, and whether a desk's phone picked up."""
        events, call = self.call.events, self.call
        return CallSeen(
            self.number,
            reached=bool(events.all("ringing") or events.all("early") or events.all("answered")),
            answered=bool(events.all("answered")),
            served=self.has_heard([person.hz for person in people]),
            by={"self": "caller", "other": "other"}.get(call.ended_by or "", ""),
            excused=self.excused,
            desk_left=any(self.number in person.left for person in people),
            quiet=self.quiet(),
            talked=line.seconds if (line := self.line()) else 0.0,
        )
