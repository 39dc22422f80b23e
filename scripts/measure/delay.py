"""How long a caller waits for the answer, from INVITE to 200, through each of the three ways in turn."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from scripts.measure.figures import Section, number, spread
from scripts.measure.options import Options
from scripts.measure.rig import APPLICATION, DIAL, WAYS, Measured, Rig, rig
from scripts.phones import percentile

T = TypeVar("T")
Round: TypeAlias = Mapping[str, Measured]
"""What was measured of each way."""

FEWEST: Final = 15
"""Calls in one stretch at least."""

PERCENTS: Final = (50, 95, 99)
RATIO, MORE_MS = 1.25, 2.0
"""p95 through the application: at most so many times ``Dial()``'s, or so much more, whichever is more."""

GOAL_RATES: Final = (20, 100)
CPU_MS: Final = 4.0


async def measure(section: Section, options: Options) -> None:
    """Every way at every rate, so many rounds."""
    with tempfile.TemporaryDirectory(prefix="siaga-delay-") as home:
        async with rig(Path(home), numbers=options.numbers) as running:
            await running.warm()
            for rate in options.rates:
                _tell(section, rate, await rounds(running, options, rate))


async def rounds(running: Rig, options: Options, rate: float) -> list[Round]:
    """One stretch of each way, again and again, so that whatever else the machine does hurts all alike."""
    found: list[Round] = []
    for count in range(options.rounds):
        round_: dict[str, Measured] = {}
        found.append(round_)
        for way in in_turn(list(WAYS), count):
            options.say(f"{rate:g} calls/s, round {count + 1} of {options.rounds}: {way}")
            measured = await running.measure(way, rate=rate, seconds=max(options.seconds, FEWEST / rate))
            round_[way] = measured
            if measured.fault:  # the other ways can be measured all the same
                options.say(f"{way}: {measured.fault}")
    return found


def in_turn(ways: Sequence[T], round_: int) -> list[T]:
    """The ways in another order in each round: each begins once behind what the others have left to do."""
    first = round_ % max(1, len(ways))
    return [*ways[first:], *ways[:first]]


def _tell(section: Section, rate: float, found: Sequence[Round]) -> None:
    table = section.table(
        f"{rate:g} calls a second: INVITE to 200 in ms, processor time in ms a call",
        "way", "calls", "failed", "p50", "p95", "p99", "max", "p95 / Dial()",
        "application", "beside it", "Asterisk", "in all",
    )  # fmt: skip
    for way in WAYS:
        own, ours = sound(each[way] for each in found), way == APPLICATION
        table.add(
            way,
            sum(len(each.load.calls) for each in own),
            failures([each[way] for each in found]),
            *(spread(percentile(each.load.delays_ms, percent) for each in own) for percent in PERCENTS),
            max((delay for each in own for delay in each.load.delays_ms), default=None),
            spread(_p95(each[way]) / _p95(each[DIAL]) for each in found),
            spread(each.application_ms for each in own) if ours else None,
            spread(each.beside_ms for each in own) if ours else None,
            spread(each.asterisk_ms for each in own),
            spread(each.asterisk_ms + (each.application_ms + each.beside_ms if ours else 0) for each in own),
        )
    if GOAL_RATES[0] <= rate <= GOAL_RATES[1]:
        _judge(section, rate, found)


def sound(stretches: Iterable[Measured]) -> list[Measured]:
    """Those whose figures are worth something."""
    return [each for each in stretches if not each.fault]


def failures(own: Sequence[Measured]) -> int | str:
    """How many calls failed; beside it those that were not over in time, and what could not be measured at all."""
    failed, unended = sum(each.failed for each in sound(own)), sum(each.load.unended for each in sound(own))
    faults = [each.fault for each in own if each.fault]
    late = [each.load.dialling_seconds for each in own if each.is_dialled_late]
    beside = [f"{unended} not ended"] if unended else []
    beside += [f"{len(late)} of {len(own)} dialled late, in up to {max(late):.1f} s"] if late else []
    beside += [f"{len(faults)} of {len(own)} stretches not measured: {faults[0]}"] if faults else []
    return ", ".join([f"{failed}", *beside]) if beside else failed


def _judge(section: Section, rate: float, found: Sequence[Round]) -> None:
    dial = spread(_p95(each[DIAL]) for each in found)
    ours = spread(_p95(each[APPLICATION]) for each in found)
    failed = failures([each[APPLICATION] for each in found])
    cpu = spread(each.application_ms for each in sound(each[APPLICATION] for each in found))
    beside = f"; failed: {failed}" if failed else ""
    goal = f"{RATIO:g} times Dial() or {MORE_MS:g} ms more"
    measured, is_reached = "not measured", False
    if dial and ours:
        most = max(RATIO * dial.median, dial.median + MORE_MS)
        goal, is_reached = f"{goal}: {number(most)} ms", ours.median <= most and not failed
        times, more = number(ours.median / dial.median), number(ours.median - dial.median)
        measured = f"{ours} ms, {times} times, {more} ms more"
    section.goal(f"p95 of the answer delay at {rate:g} calls/s", goal, measured + beside, is_reached=is_reached)
    section.goal(
        f"processor time of the application at {rate:g} calls/s",
        f"{CPU_MS:g} ms a call",
        (f"{cpu} ms" if cpu else "not measured") + beside,
        is_reached=cpu is not None and cpu.median <= CPU_MS and not failed,
    )


def _p95(each: Measured) -> float:
    return math.nan if each.fault else percentile(each.load.delays_ms, 95)
