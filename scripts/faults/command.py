"""``scripts/chaos``: run the cases, print a table, exit 0 when all held and 1 when something did not."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ari_app import logs
from scripts.faults.cases import CASES
from scripts.faults.experiment import Case, Experiment, Round
from scripts.faults.instance import ChaosError
from scripts.faults.oracle import Flaw

_WIDTH: Final = 132


def main() -> int:
    """Run what was asked for; the exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/chaos", description="Real calls in every state, one fault at a time: what becomes of the callers?"
    )
    parser.add_argument("--list", action="store_true", help="name the cases, and what this machine lacks for them")
    parser.add_argument("--case", action="append", metavar="NAME", help="only this case (may be given several times)")
    parser.add_argument("--seed", type=int, default=110, help="what chance is begun with (default: 110)")
    parser.add_argument(
        "--rounds", type=int, metavar="K", help="so many rounds of each case, in place of its own number"
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where the state of failed instances is left")
    options = parser.parse_args()
    if options.list:
        _list()
        return 0
    unknown = sorted(set(options.case or ()) - {case.name for case in CASES})
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)} (see --list)")
    chosen = [case for case in CASES if not options.case or case.name in options.case]
    logs.set_up("critical")
    home = options.keep or Path(tempfile.mkdtemp(prefix="siaga-chaos-"))
    home.mkdir(parents=True, exist_ok=True)
    try:
        results = [(case, anyio.run(_run, case, home, options.seed, options.rounds)) for case in chosen]
    finally:
        if options.keep is None:
            shutil.rmtree(home, ignore_errors=True)
    if options.json:
        print(json.dumps([_as_json(case, rounds, options.seed) for case, rounds in results], indent=2))
    else:
        Console(width=_WIDTH if not sys.stdout.isatty() else None).print(_table(results))
    return 0 if all(each.is_good for _, rounds in results for each in rounds or ()) else 1


async def _run(case: Case, home: Path, seed: int, rounds: int | None) -> list[Round] | None:
    """The case's rounds; None: this machine lacks something for it."""
    lacks = case.lacks()
    _say(f"{case.name}: {case.row}" + (f" -- not run: {lacks}" if lacks else ""))
    if lacks:
        return None
    # Of its own, whatever ran before: a case alone does what it does among others.
    rng = random.Random(f"{seed}-{case.name}")  # noqa: S311 - it must be repeatable
    experiment = Experiment(home / case.name, rng, rounds or case.rounds, lambda text: _say(f"  {text}"))
    try:
        await case.run(experiment)
    except ChaosError as error:
        experiment.results.append(Round(case.name, broken=str(error)))
        _say(f"  proves nothing: {error}")
    return experiment.results


def _list() -> None:
    table = Table(box=SIMPLE_HEAD)
    for name in ("case", "fault", "rounds", "not on this machine"):
        table.add_column(name)
    for case in CASES:
        table.add_row(case.name, case.row, str(case.rounds), case.lacks())
    Console().print(table)


def _table(results: Sequence[tuple[Case, list[Round] | None]]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for name in ("case", "rounds", "calls", *Flaw, "longest (s)", ""):
        table.add_column(name, justify="left" if name in {"case", ""} else "right")
    for case, rounds in results:
        if rounds is None:
            table.add_row(case.name, *[""] * (len(Flaw) + 3), "not run")
            continue
        broken = sum(bool(each.broken) for each in rounds)
        verdict = "held" if all(each.is_good for each in rounds) else f"{broken} broken" if broken else "FAILED"
        counts = [sum(each.count(flaw) for each in rounds) for flaw in Flaw]
        table.add_row(
            case.name, str(len(rounds)), str(sum(each.calls for each in rounds)),
            *(str(count or "-") for count in counts),
            "\n".join(f"{what} {seconds:.2f}" for what, seconds in _worst(rounds).items()), verdict,
        )  # fmt: skip
    return table


def _worst(rounds: Sequence[Round]) -> dict[str, float]:
    worst: dict[str, float] = {}
    for each in rounds:
        for what, seconds in each.worst.items():
            worst[what] = max(worst.get(what, 0.0), seconds)
    return worst


def _as_json(case: Case, rounds: list[Round] | None, seed: int) -> dict[str, object]:
    return {
        "case": case.name,
        "row": case.row,
        "seed": seed,
        "run": rounds is not None,
        "held": rounds is not None and all(each.is_good for each in rounds),
        "rounds": [
            {
                "title": each.title,
                "calls": each.calls,
                "broken": each.broken,
                "findings": [{"flaw": finding.flaw, "what": finding.what} for finding in each.findings],
                "longest": each.worst,
            }
            for each in rounds or ()
        ],
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
