"""What the way over ARI costs by itself: the least that an application could do beside ours, and beside ``Dial()``.

Each application has an instance of its own, as only one can serve; both run, and take turns. Then the highest rate of
the least one is sought, as ``rate`` does it, in turns with ``Dial()``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from scripts.measure import rate
from scripts.measure.delay import failures, in_turn, sound
from scripts.measure.figures import Section, Spread, spread
from scripts.measure.options import Options
from scripts.measure.rig import APPLICATION, DIAL, Measured, Rig, rig
from scripts.phones import percentile

RATES: Final = (20, 50, 100)
LEAST: Final = "least"
CLIENT: Final = ("-m", "scripts.measure.bare_client")
WAYS: Final = (DIAL, LEAST, APPLICATION)


async def measure(section: Section, options: Options) -> None:
    """All three at every rate, and what the least one holds."""
    await _delays(section, options)
    with tempfile.TemporaryDirectory(prefix="siaga-bare-") as home:
        numbers = options.numbers  # of no use to it; for what is beside it, the journal is there
        async with rig(
            Path(home), desks=rate.DESKS, numbers=numbers, application=CLIENT, brings_in_notes=False
        ) as running:
            await running.warm([DIAL, APPLICATION])
            await rate.seek(section, running, options, [rate.Way(DIAL, DIAL), rate.Way(LEAST, APPLICATION)])


async def _delays(section: Section, options: Options) -> None:
    table = section.table(
        "INVITE to 200 in ms; processor time in ms a call",
        "calls/s", "way", "failed", "p50", "p95", "p99", "Python", "beside it", "Asterisk",
    )  # fmt: skip
    async with AsyncExitStack() as ending:
        instances: dict[str, Rig] = {}
        for way, client in ((LEAST, CLIENT), (APPLICATION, None)):
            home = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="siaga-bare-")))
            instances[way] = await ending.enter_async_context(
                rig(home, numbers=options.numbers, application=client, brings_in_notes=client is None)
            )
            await instances[way].warm([APPLICATION])
        instances[DIAL] = instances[APPLICATION]
        for calls in RATES if not options.is_quick else options.rates:
            for way, own in (await _rounds(instances, options, calls)).items():
                table.add(f"{calls:g}", way, failures(own), *_figures(way, sound(own)))


async def _rounds(instances: dict[str, Rig], options: Options, calls: float) -> dict[str, list[Measured]]:
    found: dict[str, list[Measured]] = {way: [] for way in WAYS}
    for count in range(options.rounds):
        for way in in_turn(WAYS, count):
            options.say(f"{calls:g} calls/s, round {count + 1} of {options.rounds}: {way}")
            number = DIAL if way == DIAL else APPLICATION
            found[way].append(await instances[way].measure(number, rate=calls, seconds=options.seconds))
    return found


def _figures(way: str, own: Sequence[Measured]) -> list[Spread | None]:
    return [
        *(spread(percentile(each.load.delays_ms, percent) for each in own) for percent in (50, 95, 99)),
        spread(each.application_ms for each in own) if way != DIAL else None,
        spread(each.beside_ms for each in own) if way == APPLICATION else None,
        spread(each.asterisk_ms for each in own),
    ]
