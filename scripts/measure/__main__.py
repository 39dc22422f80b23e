"""``scripts/bench``: the application beside ``Dial()`` and ``Queue()``, in turns, on one Asterisk in one run."""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

import anyio
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from scripts.measure.rig import WAYS, Measured, rig
from scripts.phones import PhoneError, percentile
from scripts.stack import StackError


def main() -> int:
    """Measure and print a table; 1 when something could not be started."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Answer delay and CPU, beside Dial() and Queue()."
    )
    parser.add_argument("--rates", type=float, nargs="+", default=[20, 50], help="calls a second (default: 20 50)")
    parser.add_argument("--seconds", type=float, default=5, help="length of one stretch (default: 5)")
    parser.add_argument("--rounds", type=int, default=3, help="how often the ways take turns (default: 3)")
    options = parser.parse_args()
    try:
        anyio.run(partial(_bench, options.rates, seconds=options.seconds, rounds=options.rounds))
    except (StackError, PhoneError) as error:
        print(f"siaga110: {error}", file=sys.stderr)
        return 1
    return 0


async def _bench(rates: list[float], *, seconds: float, rounds: int) -> None:
    console = Console()
    with tempfile.TemporaryDirectory(prefix="siaga-bench-") as home:
        async with rig(Path(home)) as running:
            for rate in rates:
                measured: list[Measured] = []
                for number in range(rounds):
                    for way in WAYS:
                        console.print(f"  {rate:g} calls/s, round {number + 1} of {rounds}: {way}", style="dim")
                        measured.append(await running.measure(way, rate=rate, seconds=seconds))
                console.print(_table(rate, measured))


def _table(rate: float, measured: list[Measured]) -> Table:
    table = Table(
        title=f"{rate:g} calls a second: INVITE to 200 in ms, ratio of p95; CPU in ms a call", box=SIMPLE_HEAD
    )
    for name in ("way", "calls", "failed", "p50", "p95", "p99", "ratio", "CPU", "Asterisk"):
        table.add_column(name, justify="left" if name == "way" else "right", no_wrap=True)
    delays = {way: [d for each in measured if each.way == way for d in each.load.delays_ms] for way in WAYS}
    yardstick = percentile(delays["Dial()"], 95)
    for way in WAYS:
        own = [each for each in measured if each.way == way]
        table.add_row(
            way,
            str(sum(len(each.load.calls) for each in own)),
            str(sum(each.load.failed for each in own)),
            *(f"{percentile(delays[way], percent):.1f}" for percent in (50, 95, 99)),
            f"{percentile(delays[way], 95) / yardstick:.2f}",
            f"{sum(each.application_ms for each in own) / len(own):.2f}",
            f"{sum(each.asterisk_ms for each in own) / len(own):.2f}",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
