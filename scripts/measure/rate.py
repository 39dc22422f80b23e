"""How many calls a second each way holds for a minute: none fails, and p99 of the answer delay stays below 100 ms.

First each way's rate is sought with short stretches, then with long ones: all ways in turns, so that a noisy minute
hurts all alike, and from each stretch up or down, until what is held and what is not are near each other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, sqrt
from pathlib import Path
from typing import Final

from scripts.measure.delay import in_turn
from scripts.measure.figures import Figure, Section, number, spread
from scripts.measure.options import Options
from scripts.measure.rig import APPLICATION, DIAL, QUEUE, WAYS, Measured, Rig, rig
from scripts.measure.usage import settle
from scripts.phones import percentile

P99_MS: Final = 100.0
SHORT_SECONDS: Final = 8.0
FIRST, LEAST, LAST = 60.0, 1.0, 400.0
"""The rate that is tried first, and those beyond which none is."""

SHORT_STEP, LONG_STEP, NEAR = 1.5, 1.15, 1.075
"""The factor from the first short or long stretch to the next; and so near are the highest rate that is held and the
lowest that is not to be in the end."""

MOST_SHORT, MOST_LONG = 16, 8
"""Stretches of one way, wherever it has come to by then."""

BACK: Final = 0.93
"""A minute is harder than a moment: so many times what the short ones led to is tried first for long."""

GRACE_SECONDS: Final = 15.0
"""Behind a stretch: what is not over then has failed."""

LEFTOVERS_SECONDS: Final = 20.0
"""So long may a stretch have to wait for what the one before left behind."""

QUEUE_TIMES, DIAL_TIMES = 1.3, 0.85

DESKS: Final = 250
"""So many that no caller has to wait for one."""


@dataclass(slots=True)
class Stairs:
    """Up from a rate that was held, down from one that was not; after each turn with the root of the factor before."""

    rate: float
    """To be tried next, in calls a second, with one digit behind the point: more SIPp does not take."""

    step: float
    """The factor from there to the next."""

    _was_held: bool | None = None

    def __post_init__(self) -> None:
        """As SIPp has it."""
        self.rate = round(self.rate, 1)

    def climb(self, *, is_held: bool) -> None:
        """Take in whether ``rate`` was held."""
        if self._was_held is (not is_held):
            self.step = sqrt(self.step)
        self._was_held = is_held
        following = self.rate * self.step if is_held else self.rate / self.step
        self.rate = round(min(max(following, LEAST), LAST), 1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """One rate in calls a second, what was measured, and what was wrong with it; empty: it was held."""

    rate: float
    measured: Measured
    fault: str
    is_ways_own: bool
    """Whether the fault is the way's: the rate is too high for it."""


@dataclass(slots=True)
class Way:
    """What the long stretches of one way have shown so far."""

    name: str
    dialled: str
    """What of ``WAYS`` is dialled for it."""

    stretches: list[Stretch] = field(default_factory=list)

    @property
    def is_over_ari(self) -> bool:
        """Whether an application decides, ours or the least."""
        return self.dialled == APPLICATION

    @property
    def rate(self) -> float:
        """The highest that was held; 0: none."""
        return max((each.rate for each in self.stretches if not each.fault), default=0.0)

    @property
    def above(self) -> float:
        """The lowest that is higher and was not held; inf: none."""
        failed = (each.rate for each in self.stretches if each.fault and each.is_ways_own)
        return min((rate for rate in failed if rate > self.rate), default=inf)

    @property
    def is_near(self) -> bool:
        """Whether these two are near each other."""
        return self.above <= self.rate * NEAR

    @property
    def is_found(self) -> bool:
        """Whether they are, and the higher one was not held twice: once may have been a neighbour's doing."""
        fails = sum(bool(each.fault) and each.is_ways_own and each.rate == self.above for each in self.stretches)
        return self.is_near and fails > 1


async def measure(section: Section, options: Options) -> None:
    """Find each way's highest rate."""
    ways = [Way(name, name) for name in WAYS]
    with tempfile.TemporaryDirectory(prefix="siaga-rate-") as home:
        async with rig(Path(home), desks=DESKS, numbers=options.numbers) as running:
            await running.warm()
            await seek(section, running, options, ways)
    known = {way.name: way for way in ways}
    for rival, times in ((QUEUE, QUEUE_TIMES), (DIAL, DIAL_TIMES)):
        _judge(section, known[APPLICATION], known[rival], times)


def _tell(section: Section, options: Options, ways: Sequence[Way]) -> None:
    rates = section.table(
        f"Calls a second held for {options.hold_seconds:g} s: none fails, p99 below {P99_MS:g} ms",
        "way", "held", "not held", "why",
    )  # fmt: skip
    stretches = section.table(
        f"Each stretch of {options.hold_seconds:g} s, in turn; processor time in ms a call",
        "way", "calls/s", "calls", "failed", "p50 ms", "p99 ms",
        "application", "Asterisk", "phones and Linux", "idle", "",
    )  # fmt: skip
    for way in ways:
        why = [each.fault for each in way.stretches if each.fault and each.is_ways_own and each.rate == way.above]
        rates.add(way.name, way.rate, way.above if why else None, "".join(why[:1]))
        for each in way.stretches:
            stretches.add(way.name, each.rate, *_figures(way, each), each.fault or "held")


def _figures(way: Way, stretch: Stretch) -> Sequence[Figure]:
    measured = stretch.measured
    if measured.fault:
        return [None] * 8
    return [
        len(measured.load.calls),
        measured.failed,
        *(spread([percentile(measured.load.delays_ms, percent)]) for percent in (50, 99)),
        measured.application_ms if way.is_over_ari else None,
        measured.asterisk_ms,
        measured.rest_ms,
        f"{measured.idle:.0%}",
    ]


def _judge(section: Section, own: Way, rival: Way, times: float) -> None:
    """Reached is what is reached wherever between held and not held the two limits are."""
    measured, is_reached = "not found: see the stretches", False
    if own.is_found and rival.is_found:
        least = own.rate / rival.above
        range_ = f"{number(least)} to {number(own.above / rival.rate)}"
        measured = f"{number(own.rate / rival.rate)} times ({number(own.rate)} / {number(rival.rate)}; {range_})"
        is_reached = least >= times
    section.goal(f"highest rate beside {rival.name}", f"{times:g} times", measured, is_reached=is_reached)


async def seek(section: Section, running: Rig, options: Options, ways: Sequence[Way]) -> None:
    """Find what each way holds, and put it into tables; so what there is by then, should it come to no end."""
    try:
        await _seek(running, options, ways)
    finally:
        _tell(section, options, ways)


async def _seek(running: Rig, options: Options, ways: Sequence[Way]) -> None:
    """Try the ways in turns: short stretches first, then at least one a round of long ones, until a limit is found."""
    stairs = {way.name: Stairs(FIRST, SHORT_STEP) for way in ways}
    seconds = SHORT_SECONDS / 2 if options.is_quick else SHORT_SECONDS
    for turn in range(MOST_SHORT):
        for way in _in_turn([way for way in ways if stairs[way.name].step > NEAR], turn):
            await _stretch(running, options, way, stairs[way.name], seconds)
    stairs = {name: Stairs(max(each.rate * BACK, LEAST), LONG_STEP) for name, each in stairs.items()}
    for turn in range(MOST_LONG):
        for way in _in_turn([way for way in ways if turn < options.rounds or not way.is_found], turn):
            if way.is_near:
                stairs[way.name].rate = way.above
            way.stretches.append(await _stretch(running, options, way, stairs[way.name], options.hold_seconds))


def _in_turn(ways: Sequence[Way], turn: int) -> list[Way]:
    """Each begins once, and none is always behind the same one, whose leftovers it would pay for."""
    return in_turn(ways, turn)[:: -1 if turn % 2 else 1]


async def _stretch(running: Rig, options: Options, way: Way, stairs: Stairs, seconds: float) -> Stretch:
    """The next one of this way, when what the one before left behind is done."""
    await settle(running.stack, seconds=LEFTOVERS_SECONDS)
    measured = await running.measure(way.dialled, rate=stairs.rate, seconds=seconds, limit=seconds + GRACE_SECONDS)
    stretch = Stretch(stairs.rate, measured, *_fault(way, measured))
    stairs.climb(is_held=not stretch.fault)
    options.say(f"{stretch.rate:g} calls/s for {seconds:g} s: {way.name} {stretch.fault or 'holds'}")
    return stretch


def _fault(way: Way, measured: Measured) -> tuple[str, bool]:
    """What was wrong, and whether it was the way's own fault.

    Asterisk's own has not failed where calls could not be dialled as they should; an application may have done that.
    """
    if measured.fault:
        return measured.fault, way.is_over_ari
    faults = []
    p99 = percentile(measured.load.delays_ms, 99)
    if measured.failed:
        faults.append(f"{measured.failed} calls failed")
    elif not p99 < P99_MS:
        faults.append(f"p99 {p99:.0f} ms")
    if measured.is_dialled_late:
        faults.append(f"SIPp took {measured.load.dialling_seconds:.1f} s to dial them")
    return ", ".join(faults), way.is_over_ari or not measured.is_dialled_late
