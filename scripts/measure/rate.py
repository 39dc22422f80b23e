"""How many calls a second each way holds for a minute: none fails, and p99 of the answer delay stays below 100 ms.

First each way's rate is sought with short stretches, then with long ones: all ways in turns, so that a noisy minute
hurts all alike, and from each stretch up or down, so that no minute decides alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import Final

from scripts.measure.delay import in_turn
from scripts.measure.figures import Section, number, spread
from scripts.measure.options import Options
from scripts.measure.rig import APPLICATION, DIAL, QUEUE, WAYS, Measured, Rig, rig
from scripts.phones import percentile

P99_MS: Final = 100.0
TRY_SECONDS: Final = 8.0
FIRST, LEAST, LAST = 60.0, 1.0, 400.0
"""The rate that is tried first, and those beyond which none is."""

SHORT_STEP, LONG_STEP, NEAR = 1.5, 1.15, 1.075
"""The factor from the first short or long stretch to the next; and so near are the short ones to end."""

MOST_TRIES: Final = 16
"""Short stretches of one way, wherever it has come to by then."""

BACK: Final = 0.93
"""From what was held for a moment to the first rate that is tried for long."""

GRACE_SECONDS: Final = 15.0
"""After the last call has begun: what is not over then has failed."""

QUEUE_TIMES, DIAL_TIMES = 1.3, 0.85

DESKS: Final = 250
"""So many that no caller has to wait for one."""


@dataclass(slots=True)
class Stairs:
    """Up from a rate that was held, down from one that was not, and after each turn by half as much.

    A stretch that somebody else on the machine spoiled costs a turn: the ones behind it lead up again.
    """

    rate: float
    """To be tried next, in calls a second."""

    step: float
    """The factor to the one behind it."""

    _was_held: bool | None = None

    def climb(self, *, is_held: bool) -> None:
        """Take in whether ``rate`` was held."""
        if self._was_held is (not is_held):
            self.step = sqrt(self.step)
        self._was_held = is_held
        self.rate = min(max(self.rate * self.step if is_held else self.rate / self.step, LEAST), LAST)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A long one: the rate in calls a second, what was measured, and what was wrong with it; empty: it was held."""

    rate: float
    measured: Measured
    fault: str

    def __str__(self) -> str:
        """As the table has it."""
        return f"not {number(self.rate)} ({self.fault})" if self.fault else number(self.rate)


@dataclass(slots=True)
class Way:
    """What is known of one way so far."""

    name: str
    stretches: list[Stretch] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """The highest that was held for long; 0: none."""
        return max((each.rate for each in self.stretches if not each.fault), default=0.0)

    @property
    def best(self) -> list[Measured]:
        """What was measured while ``rate`` was held."""
        return [each.measured for each in self.stretches if not each.fault and each.rate == self.rate]


async def measure(section: Section, options: Options) -> None:
    """Find each way's highest rate."""
    ways = [Way(name) for name in WAYS]
    with tempfile.TemporaryDirectory(prefix="siaga-rate-") as home:
        async with rig(Path(home), desks=DESKS, numbers=options.numbers) as running:
            await running.warm()
            await seek(running, options, ways)
    table = section.table(
        f"Highest rate held for {options.hold_seconds:g} s without a failure, p99 below {P99_MS:g} ms",
        "way", "calls/s", "calls", "p50 ms", "p99 ms", "application ms a call", "Asterisk ms a call", "tried, in turn",
    )  # fmt: skip
    for way in ways:
        table.add(
            way.name,
            way.rate,
            sum(len(each.load.calls) for each in way.best),
            *(spread(percentile(each.load.delays_ms, percent) for each in way.best) for percent in (50, 99)),
            spread(each.application_ms for each in way.best) if way.name == APPLICATION else None,
            spread(each.asterisk_ms for each in way.best),
            ", ".join(map(str, way.stretches)),
        )
    rates = {way.name: way.rate for way in ways}
    for rival, times in ((QUEUE, QUEUE_TIMES), (DIAL, DIAL_TIMES)):
        share = rates[APPLICATION] / rates[rival] if rates[rival] else 0.0
        text = f"{number(share)} times ({number(rates[APPLICATION])} / {number(rates[rival])})"
        section.goal(
            f"highest rate beside {rival}", f"{times:g} times", text if rates[rival] else f"{rival} held none",
            is_reached=share >= times,
        )  # fmt: skip


async def seek(running: Rig, options: Options, ways: Sequence[Way]) -> None:
    """Try the ways in turns: short stretches until the steps are small, then long ones, one more than rounds."""
    stairs = {way.name: Stairs(FIRST, SHORT_STEP) for way in ways}
    seconds = TRY_SECONDS / 2 if options.is_quick else TRY_SECONDS
    for turn in range(MOST_TRIES):
        seeking = [name for name, each in stairs.items() if each.step > NEAR]
        if not seeking:
            break
        for name in in_turn(seeking, turn):
            tried = await _try(running, options, name, stairs[name].rate, seconds)
            stairs[name].climb(is_held=not tried.fault)
    stairs = {name: Stairs(max(each.rate * BACK, LEAST), LONG_STEP) for name, each in stairs.items()}
    for turn in range(options.rounds + 1):
        for way in in_turn(ways, turn):
            tried = await _try(running, options, way.name, stairs[way.name].rate, options.hold_seconds)
            way.stretches.append(tried)
            stairs[way.name].climb(is_held=not tried.fault)


async def _try(running: Rig, options: Options, name: str, rate: float, seconds: float) -> Stretch:
    measured = await running.measure(name, rate=rate, seconds=seconds, limit=seconds + GRACE_SECONDS)
    tried = Stretch(rate, measured, _fault(measured))
    options.say(f"{rate:.0f} calls/s for {seconds:g} s: {name} {tried.fault or 'holds'}")
    return tried


def _fault(measured: Measured) -> str:
    if measured.fault:
        return measured.fault
    if measured.failed:
        return f"{measured.failed} calls failed"
    if measured.is_dialled_late:
        return f"SIPp took {measured.load.dialling_seconds:.1f} s to dial them"
    p99 = percentile(measured.load.delays_ms, 99)
    return "" if p99 < P99_MS else f"p99 {p99:.0f} ms"
