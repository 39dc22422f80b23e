"""What the way over ARI costs by itself: the least that an application could do, and ours, each beside ``Dial()``.

Two instances, one after the other, for only one application can serve. ``Dial()`` is in both, so that the ratios to it
can be compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scripts.measure.delay import TALKS
from scripts.measure.figures import Section, Spread, Table
from scripts.measure.options import Options
from scripts.measure.rig import APPLICATION, DIAL, Measured, Rig, rig
from scripts.phones import percentile

RATES: Final = (20, 50, 100)
BARE: Final = "least"
CLIENT: Final = ("-m", "scripts.measure.bare_client")


async def measure(options: Options) -> Section:
    """Both at every rate."""
    section = Section("bare")
    table = section.table(
        "INVITE to 200 in ms, beside Dial() in the same instance; processor time in ms a call",
        "calls/s", "application", "failed", "p50", "p95", "p99", "Dial() p95", "p95 / Dial()", "application",
        "beside it", "Asterisk", "Asterisk for Dial()",
    )  # fmt: skip
    for name, client in ((BARE, CLIENT), (APPLICATION, None)):
        with tempfile.TemporaryDirectory(prefix="siaga-bare-") as home:
            async with rig(Path(home), numbers=options.numbers, application=client) as running:
                for rate in RATES if not options.is_quick else options.rates:
                    await _row(running, options, table, name, rate)
    return section


async def _row(running: Rig, options: Options, table: Table, name: str, rate: float) -> None:
    ours: list[Measured] = []
    dial: list[Measured] = []
    for count in range(options.rounds):
        options.say(f"{name}, {rate:g} calls/s, round {count + 1} of {options.rounds}")
        for way, found in ((DIAL, dial), (APPLICATION, ours)):
            found.append(await running.measure(way, rate=rate, seconds=options.seconds, talks=TALKS))
    table.add(
        f"{rate:g}",
        name,
        sum(each.load.failed for each in ours),
        *(_spread(ours, percent) for percent in (50, 95, 99)),
        _spread(dial, 95),
        Spread.of(
            percentile(one.load.delays_ms, 95) / percentile(other.load.delays_ms, 95)
            for one, other in zip(ours, dial, strict=True)
        ),
        Spread.of(each.application_ms for each in ours),
        Spread.of(each.beside_ms for each in ours),
        Spread.of(each.asterisk_ms for each in ours),
        Spread.of(each.asterisk_ms for each in dial),
    )


def _spread(measured: Sequence[Measured], percent: float) -> Spread:
    return Spread.of(percentile(each.load.delays_ms, percent) for each in measured)
