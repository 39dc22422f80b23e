"""How many calls a second each way holds for a minute: none fails, and p99 of the answer delay stays below 100 ms."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from scripts.measure.delay import TALKS
from scripts.measure.figures import Section, number
from scripts.measure.options import Options
from scripts.measure.rig import APPLICATION, DIAL, QUEUE, WAYS, Measured, Rig, rig
from scripts.phones import PhoneError, percentile

P99_MS: Final = 100.0
TRY_SECONDS: Final = 8.0
FIRST, STEP, LAST = 60.0, 1.15, 400.0
"""The rates that are tried in turn, each so many times the one before; then one after the other is held, downwards."""

BACK: Final = 0.93
QUEUE_TIMES, DIAL_TIMES = 1.3, 0.85

DESKS: Final = 250
"""So many that no caller has to wait for one."""


async def measure(options: Options) -> Section:
    """Find each way's highest rate: all go up together, and each is then held at what it reached."""
    section = Section("rate")
    with tempfile.TemporaryDirectory(prefix="siaga-rate-") as home:
        async with rig(Path(home), desks=DESKS, numbers=options.numbers) as running:
            tops = await _climb(running, options)
            held = {way: await _hold(running, options, way, top) for way, top in tops.items()}
    table = section.table(
        f"Highest rate held for {options.hold_seconds:g} s without a failed call, p99 below {P99_MS:g} ms",
        "way", "calls/s", "calls", "p50 ms", "p99 ms", "application ms a call", "Asterisk ms a call", "above it",
    )  # fmt: skip
    for way, (rate, last, why) in held.items():
        figures = [percentile(last.load.delays_ms, percent) for percent in (50, 99)] if last else [None, None]
        cpu = (last.application_ms if way == APPLICATION else None, last.asterisk_ms) if last else (None, None)
        table.add(way, rate, len(last.load.calls) if last else 0, *figures, *cpu, why)
    rates = {way: rate for way, (rate, _, _) in held.items()}
    for rival, times in ((QUEUE, QUEUE_TIMES), (DIAL, DIAL_TIMES)):
        share = rates[APPLICATION] / rates[rival] if rates[rival] else float("inf")
        section.goal(
            f"highest rate beside {rival}",
            f"{times:g} times",
            f"{number(share)} times ({number(rates[APPLICATION])} / {number(rates[rival])})",
            is_reached=share >= times,
        )
    return section


async def _climb(running: Rig, options: Options) -> dict[str, float]:
    """The highest rate that each way takes for a moment."""
    tops = dict.fromkeys(WAYS, 0.0)
    climbing, rate = list(WAYS), FIRST
    seconds = TRY_SECONDS / 2 if options.is_quick else TRY_SECONDS
    while climbing and rate <= LAST:
        for way in list(climbing):
            _, why = await _try(running, way, rate, seconds)
            options.say(f"{rate:.0f} calls/s for {seconds:g} s: {way} {why or 'holds'}")
            if why:
                climbing.remove(way)
            else:
                tops[way] = rate
        rate *= STEP
    return tops


async def _hold(running: Rig, options: Options, way: str, top: float) -> tuple[float, Measured | None, str]:
    """The highest rate held for long, its figures, and what happened at the next higher one that was tried."""
    rate, above = top or FIRST * BACK, ""
    while rate >= 1:
        measured, why = await _try(running, way, rate, options.hold_seconds)
        options.say(f"{rate:.0f} calls/s for {options.hold_seconds:g} s: {way} {why or 'holds'}")
        if not why:
            return round(rate), measured, above
        rate, above = rate * BACK, f"{rate:.0f}: {why}"
    return 0.0, None, above


async def _try(running: Rig, way: str, rate: float, seconds: float) -> tuple[Measured | None, str]:
    """One stretch, and what is wrong with it; empty: it was held."""
    try:
        measured = await running.measure(way, rate=rate, seconds=seconds, talks=TALKS)
    except PhoneError:
        return None, "did not come to an end"
    p99 = percentile(measured.load.delays_ms, 99)
    if measured.failed:
        return measured, f"{measured.failed} calls failed"
    return measured, "" if p99 < P99_MS else f"p99 {p99:.0f} ms"
