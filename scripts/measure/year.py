"""A million calls over a year: ``python -m scripts.measure.year DIR``. Each figure is one run on this machine.

``DIR`` becomes a state directory; where it has a journal, it is measured as it is. The calls are told by
``year_stories`` and written as the journal's own writer writes them (``store.chain``, ``store.journal_file``); the
tables are folded from them by the tables' own keeper (``store.projections``). Nothing is put into a table directly.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

from ari_app.domain.facts import Fact
from ari_app.site.secrets import load_or_create
from ari_app.site.settings import load_settings
from ari_app.site.state import StateDir
from ari_app.store.chain import behind, encode_data, moment
from ari_app.store.database import open_engine
from ari_app.store.journal_file import Head, JournalFile
from ari_app.store.projections import catch_up
from scripts.measure.year_stories import POLDA, POLRES, Year

REPO: Final = Path(__file__).parents[2]
ZONE: Final = "Asia/Jakarta"
BATCH: Final = 20_000

_SITE: Final = """\
[site]
name = "Polda Contoh"
[[trunk]]
name = "pstn"
match = ["127.0.0.2"]
contact = "sip:127.0.0.2:5060"
"""


LISTINGS: Final = (
    "", "--json", "--living", "--number 081200000331", "--desk 1001", "--operator 87020003", "--polres 07",
    "--kind prank", "--outcome abandoned", "--outcome lost", "--emergency", "--from 2026-03-05 --to 2026-03-05",
    "--from 2026-03-01 --to 2026-03-31 --desk 1001 --kind prank", "--kind valid --outcome lost",
)  # fmt: skip
"""The last one finds nothing in the whole year, and no index of its own helps."""

REPORTS: Final = (
    "day 2026-03-05",
    "shift 2026-03-05 malam",
    "month 2026-03",
    "month 2026-03 --pdf {folder}/report.pdf",
)


def main() -> int:
    """Make the year where there is none, then measure."""
    parser = argparse.ArgumentParser(prog="python -m scripts.measure.year", description=__doc__)
    parser.add_argument("state", type=Path, metavar="DIR")
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--days", type=float, default=365)
    parser.add_argument("--times", type=int, default=5, help="how often each command is run (default: 5)")
    options = parser.parse_args()
    state = StateDir(options.state)
    if not state.journal.exists():
        began = time.perf_counter()
        lines = make(state, days=options.days, calls=options.calls)
        print(f"{options.calls} calls, {lines} lines, written in {time.perf_counter() - began:.0f} s", flush=True)
    began = time.perf_counter()
    lines = catch_up(state.journal, open_engine(f"sqlite:///{state.database}"))
    print(f"{lines} lines folded in {time.perf_counter() - began:.0f} s", flush=True)
    with tempfile.TemporaryDirectory(prefix="siaga-year-") as folder:
        for command in (*(f"calls list {each}" for each in LISTINGS), *(f"report {each}" for each in REPORTS)):
            taken = [_run(command.format(folder=folder), state) for _ in range(options.times)]
            print(f"{median(taken) * 1000:6.0f} ms  siaga {command}", flush=True)
    return 0


def _run(command: str, state: StateDir) -> float:
    """Seconds that a whole command takes, Python's start and all."""
    began = time.perf_counter()
    arguments = [sys.executable, "-m", "cli", *command.split(), "--state", str(state.root)]
    subprocess.run(arguments, cwd=REPO, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def make(state: StateDir, *, days: float, calls: int) -> int:
    """Fill a state directory with so many calls, the first on 1 December 2025; returns the number of lines."""
    state.create()
    desks = [(extension, "polda") for extension in POLDA] + [(f"2{code}1", code) for code in POLRES]
    text = _SITE + "".join(f'[[polres]]\ncode = "{code}"\nname = "Polres {code}"\n' for code in POLRES)
    text += "".join(f'[[desk]]\nextension = "{extension}"\nunit = "{unit}"\n' for extension, unit in desks)
    state.config.write_text(text, encoding="utf-8")
    load_or_create(state, load_settings(state.config))
    begins = datetime(2025, 12, 1, tzinfo=ZoneInfo(ZONE))
    return write(state.journal, Year(begins, days=days, calls=calls).facts())


def write(journal: Path, facts: Iterable[Fact]) -> int:
    """Write facts that have their moments into a journal; returns the number of its last line."""
    zone, file, told = ZoneInfo(ZONE), JournalFile(journal), iter(facts)
    try:
        head = file.head()
        while some := list(islice(told, BATCH)):
            rows = []
            before = head
            for fact in some:
                at, data = moment(fact.at, 0.0, zone), encode_data(fact.data).decode()
                rows.append(behind(head, (at, fact.actor, fact.action, fact.call, data)))
                head = Head(rows[-1][0], rows[-1][6])
            file.write(rows, before)
        return head.seq
    finally:
        file.close()


if __name__ == "__main__":
    sys.exit(main())
