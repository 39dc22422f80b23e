"""How many calls a second each way holds for a minute: none fails, and p99 of the answer delay stays below 100 ms.

First each way's rate is sought with short stretches, then held for long: all ways in turns, so that a noisy minute
hurts all alike, and more than once, so that no minute decides alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import Final

from scripts.measure.delay import in_turn
from scripts.measure.figures import Section, Spread, number
from scripts.measure.options import Options
from scripts.measure.rig import APPLICATION, DIAL, QUEUE, WAYS, Measured, Rig, rig
from scripts.phones import percentile

P99_MS: Final = 100.0
TRY_SECONDS: Final = 8.0
FIRST, STEP, LEAST, LAST = 60.0, 1.15, 1.0, 400.0
"""The first rate that is tried, the factor to the next one, up or down, and the rates beyond which none is tried."""

BACK: Final = 0.93
"""From a rate that was not held to the next lower one; and so near are the limits that the climb finds."""

HOLDS: Final = 2
GRACE_SECONDS: Final = 15.0
"""After the last call has begun: what is not over then has failed."""

QUEUE_TIMES, DIAL_TIMES = 1.3, 0.85

DESKS: Final = 250
"""So many that no caller has to wait for one."""


@dataclass(slots=True)
class Way:
    """What is known of one way so far; ``rate`` is tried next, in calls a second."""

    name: str
    rate: float = FIRST
    top: float = 0.0
    """The highest rate that was held in the climb, 0: none yet."""

    above: float = 0.0
    """The lowest rate that was not, 0: none yet."""

    why: str = ""
    """What was wrong with it; empty: nothing yet."""

    is_doubted: bool = False
    held: list[Measured] = field(default_factory=list)
    """The long stretches that held ``rate``."""

    def climbed(self, fault: str) -> bool:
        """Take in a short stretch at ``rate``; whether another one is to follow.

        A rate is too high when it fails twice: the first time may have been the machine's fault.
        """
        if fault and not self.is_doubted:
            self.is_doubted = True
            return True
        self.is_doubted = False
        if fault:
            self.above, self.why = self.rate, fault
        else:
            self.top = self.rate
        following = next_rate(self.top, self.above)
        self.rate = self.top if following is None else following
        return following is not None

    def kept(self, measured: Measured, fault: str) -> None:
        """Take in a long stretch at ``rate``: one that fails takes back those that did not."""
        if not fault:
            self.held.append(measured)
            return
        self.above, self.why = self.rate, fault
        self.rate *= BACK
        self.held.clear()


def next_rate(top: float, above: float) -> float | None:
    """The rate to try between the highest one held and the lowest one not held (0: none yet); None: near enough."""
    if not above:
        return top * STEP if top * STEP <= LAST else None
    if not top:
        return above / STEP if above / STEP >= LEAST else None
    return sqrt(top * above) if above / top * BACK > 1 + 1e-9 else None


async def measure(section: Section, options: Options) -> None:
    """Find each way's highest rate."""
    ways = [Way(name) for name in WAYS]
    holds = min(HOLDS, options.rounds)
    with tempfile.TemporaryDirectory(prefix="siaga-rate-") as home:
        async with rig(Path(home), desks=DESKS, numbers=options.numbers) as running:
            await running.warm()
            await _climb(running, options, ways)
            await _hold(running, options, ways, holds)
    table = section.table(
        f"Highest rate held {holds} times for {options.hold_seconds:g} s without a failure, p99 below {P99_MS:g} ms",
        "way", "calls/s", "calls", "p50 ms", "p99 ms", "application ms a call", "Asterisk ms a call", "above it",
    )  # fmt: skip
    for way in ways:
        table.add(way.name, way.rate, sum(len(each.load.calls) for each in way.held), *_figures(way), _above(way))
    rates = {way.name: way.rate for way in ways}
    for rival, times in ((QUEUE, QUEUE_TIMES), (DIAL, DIAL_TIMES)):
        share = rates[APPLICATION] / rates[rival] if rates[rival] else 0.0
        text = f"{number(share)} times ({number(rates[APPLICATION])} / {number(rates[rival])})"
        section.goal(
            f"highest rate beside {rival}", f"{times:g} times", text if rates[rival] else f"{rival} held none",
            is_reached=share >= times,
        )  # fmt: skip


def _figures(way: Way) -> Sequence[Spread | None]:
    if not way.held:
        return [None] * 4
    return [
        *(Spread.of(percentile(each.load.delays_ms, percent) for each in way.held) for percent in (50, 99)),
        Spread.of(each.application_ms for each in way.held) if way.name == APPLICATION else None,
        Spread.of(each.asterisk_ms for each in way.held),
    ]


def _above(way: Way) -> str:
    return f"{number(way.above)}: {way.why}" if way.why else ""


async def _climb(running: Rig, options: Options, ways: Sequence[Way]) -> None:
    """The highest rate that each way takes for a moment: up from the first one, or down to one that it takes."""
    climbing, turn = list(ways), 0
    seconds = TRY_SECONDS / 2 if options.is_quick else TRY_SECONDS
    while climbing:
        for way in in_turn(climbing, turn):
            _, fault = await _try(running, options, way, seconds)
            if not way.climbed(fault):
                climbing.remove(way)
        turn += 1


async def _hold(running: Rig, options: Options, ways: Sequence[Way], holds: int) -> None:
    """The highest rate that each way holds for long, each time that it is tried; 0: none.

    Who has held less often goes first, until all have once; then all once more, with another way at the beginning.
    """
    turn = 0
    while behind := [way for way in ways if way.rate and len(way.held) < holds]:
        fewest = min(len(way.held) for way in behind)
        for way in in_turn([way for way in behind if len(way.held) == fewest], turn):
            way.kept(*await _try(running, options, way, options.hold_seconds))
            if way.rate < LEAST:
                way.rate = 0.0
        turn += 1


async def _try(running: Rig, options: Options, way: Way, seconds: float) -> tuple[Measured, str]:
    """One stretch, and what is wrong with it; empty: the rate was held."""
    measured = await running.measure(way.name, rate=way.rate, seconds=seconds, limit=seconds + GRACE_SECONDS)
    fault = _fault(measured)
    options.say(f"{way.rate:.0f} calls/s for {seconds:g} s: {way.name} {fault or 'holds'}")
    return measured, fault


def _fault(measured: Measured) -> str:
    if measured.fault:
        return measured.fault
    if measured.failed:
        return f"{measured.failed} calls failed"
    if measured.is_dialled_late:
        return f"SIPp took {measured.load.dialling_seconds:.1f} s to dial them"
    p99 = percentile(measured.load.delays_ms, 99)
    return "" if p99 < P99_MS else f"p99 {p99:.0f} ms"
