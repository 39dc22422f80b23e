"""How long a caller waits for the answer, from INVITE to 200, through each of the three ways in turn."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar

from scripts.measure.figures import Section, Spread, number
from scripts.measure.options import Options
from scripts.measure.rig import APPLICATION, DIAL, WAYS, Measured, Rig, rig
from scripts.phones import PhoneError, percentile

T = TypeVar("T")
TALKS: Final = 0.1
"""The share of the calls that last a second, with sound in both directions."""

WARM_RATE, WARM_SECONDS = 20, 3

FEWEST: Final = 15
"""Calls in one stretch at least."""

PERCENTS: Final = (50, 95, 99)
RATIO, MORE_MS = 1.25, 2.0
"""p95 through the application: at most so many times ``Dial()``'s, or so much more, whichever is more."""

GOAL_RATES: Final = (20, 100)
CPU_MS: Final = 4.0


async def measure(options: Options) -> Section:
    """Every way at every rate, so many rounds."""
    section = Section("delay")
    with tempfile.TemporaryDirectory(prefix="siaga-delay-") as home:
        async with rig(Path(home), numbers=options.numbers) as running:
            for way in WAYS:  # what is loaded only once
                await running.measure(way, rate=WARM_RATE, seconds=WARM_SECONDS)
            for rate in options.rates:
                try:
                    _tell(section, rate, await rounds(running, options, rate))
                except PhoneError as error:
                    section.table(f"{rate:g} calls a second were not measured, as {error}", "way")
    return section


async def rounds(running: Rig, options: Options, rate: float) -> list[dict[str, Measured]]:
    """One stretch of each way, again and again, so that whatever else the machine does hurts all alike."""
    found: list[dict[str, Measured]] = []
    for count in range(options.rounds):
        found.append({})
        for way in in_turn(list(WAYS), count):
            options.say(f"{rate:g} calls/s, round {count + 1} of {options.rounds}: {way}")
            seconds = max(options.seconds, FEWEST / rate)
            found[-1][way] = await running.measure(way, rate=rate, seconds=seconds, talks=TALKS)
    return found


def in_turn(ways: Sequence[T], round_: int) -> list[T]:
    """The ways in another order in each round: each begins once behind what the others have left to do."""
    first = round_ % len(ways)
    return [*ways[first:], *ways[:first]]


def _tell(section: Section, rate: float, found: list[dict[str, Measured]]) -> None:
    table = section.table(
        f"{rate:g} calls a second: INVITE to 200 in ms, processor time in ms a call",
        "way", "calls", "failed", "p50", "p95", "p99", "max", "p95 / Dial()",
        "application", "beside it", "Asterisk", "in all",
    )  # fmt: skip
    for way in WAYS:
        own = [each[way] for each in found]
        ours = way == APPLICATION
        table.add(
            way,
            sum(len(each.load.calls) for each in own),
            sum(each.failed for each in own),
            *(Spread.of(percentile(each.load.delays_ms, percent) for each in own) for percent in PERCENTS),
            max(max(each.load.delays_ms, default=0.0) for each in own),
            Spread.of(_p95(each[way]) / _p95(each[DIAL]) for each in found),
            Spread.of(each.application_ms for each in own) if ours else None,
            Spread.of(each.beside_ms for each in own) if ours else None,
            Spread.of(each.asterisk_ms for each in own),
            Spread.of(each.asterisk_ms + (each.application_ms + each.beside_ms if ours else 0) for each in own),
        )
    if GOAL_RATES[0] <= rate <= GOAL_RATES[1]:
        _judge(section, rate, found)


def _judge(section: Section, rate: float, found: list[dict[str, Measured]]) -> None:
    dial = Spread.of(_p95(each[DIAL]) for each in found)
    ours = Spread.of(_p95(each[APPLICATION]) for each in found)
    cpu = Spread.of(each[APPLICATION].application_ms for each in found)
    most = max(RATIO * dial.median, dial.median + MORE_MS)
    section.goal(
        f"p95 of the answer delay at {rate:g} calls/s",
        f"{RATIO:g} times Dial() or {MORE_MS:g} ms more: {number(most)} ms",
        f"{ours} ms, {number(ours.median / dial.median)} times, {number(ours.median - dial.median)} ms more",
        is_reached=ours.median <= most,
    )
    section.goal(
        f"processor time of the application at {rate:g} calls/s",
        f"{CPU_MS:g} ms a call",
        f"{cpu} ms",
        is_reached=cpu.median <= CPU_MS,
    )


def _p95(each: Measured) -> float:
    return percentile(each.load.delays_ms, 95)
