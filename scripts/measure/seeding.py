"""Journals and tables that are full already: a million blocked numbers, a million calls.

Writing them as they come about would take an hour, so the journal's lines are made here, chained as the journal chains
them, and the tables are folded from them as always. What was made once is kept and copied from then on.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import chain, islice
from pathlib import Path
from typing import Final

from ari_app.bus.stream import Place
from ari_app.domain.blocklist import BLOCKED, Reason
from ari_app.domain.calls import FOLD_VERSION
from ari_app.domain.complaints import ticket
from ari_app.domain.facts import Fact, Json, call_received
from ari_app.publish import KeptPlace
from ari_app.site.state import StateDir
from ari_app.store.chain import Content, behind, encode_data
from ari_app.store.database import open_engine
from ari_app.store.journal_file import FORMAT, Head, JournalFile
from ari_app.store.projections import catch_up
from ari_app.store.reader import JournalReader
from ari_app.store.tables import REVISION

KEPT: Final = Path(__file__).parents[2] / "var" / "bench"
LATEST: Final = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=7)))
"""When the last of the calls that were made up has ended."""

CALL_SECONDS: Final = 30
"""From one of those calls to the next: a million of them are a year."""

_BATCH: Final = 20_000


def fill(state: StateDir, *, numbers: int = 0, calls: int = 0) -> None:
    """Have so many blocked numbers and so many calls that are over in an instance that was never started."""
    if not numbers and not calls:
        return
    seed = KEPT / f"numbers-{numbers}-calls-{calls}-format-{FORMAT}-{REVISION}-{FOLD_VERSION}"
    if not seed.exists():
        _make(seed, numbers, calls)
    for name in (state.journal.name, state.database.name):
        shutil.copyfile(seed / name, state.root / name)
    with JournalReader(state.journal) as reader:  # the broker is told of what comes, and not of a year
        KeptPlace(state.published).write(Place(*reader.head()))


def _make(seed: Path, numbers: int, calls: int) -> None:
    unfinished = seed.with_name(f"{seed.name}-{os.getpid()}")
    unfinished.mkdir(parents=True)
    try:
        _write_seed(StateDir(unfinished), numbers, calls)
        unfinished.rename(seed)
    finally:  # some gigabytes, should it be broken off
        shutil.rmtree(unfinished, ignore_errors=True)


def _write_seed(state: StateDir, numbers: int, calls: int) -> None:
    file = JournalFile(state.journal)
    try:
        write(file, chain(_blocks(numbers), chain.from_iterable(stories(range(calls), latest=calls))))
    finally:
        file.close()
    catch_up(state.journal, open_engine(f"sqlite:///{state.database}"))


def write(file: JournalFile, facts: Iterable[Fact]) -> None:
    """Put facts into a journal as its lines."""
    told = iter(facts)
    while some := list(islice(told, _BATCH)):
        head, rows = file.head(), []
        for fact in some:
            rows.append(behind(head, _content(fact)))
            head = Head(rows[-1][0], rows[-1][6])
        file.write(rows, file.head())


def _content(fact: Fact) -> Content:
    at = (fact.at or LATEST).isoformat(timespec="milliseconds")
    return at, fact.actor, fact.action, fact.call, encode_data(fact.data).decode()


def _blocks(count: int) -> Iterator[Fact]:
    """Blocked numbers that no simulated caller has."""
    for number in random.Random(110).sample(range(10**8), count):  # noqa: S311 - figures, no secrets
        yield Fact(
            "supervisor:bench",
            BLOCKED,
            data={"number": f"+62822{number:08d}", "reason": Reason.IMPORT.value},
            at=LATEST,
        )


def stories(calls: Iterable[int], *, latest: int) -> Iterator[Iterator[Fact]]:
    """The story of each of these calls; the ``latest`` begins at ``LATEST``."""
    numbers: dict[str, int] = {}
    for index in calls:
        began = LATEST - timedelta(seconds=CALL_SECONDS * (latest - index))
        day = f"{began:%Y%m%d}"
        numbers[day] = numbers.get(day, 0) + 1
        yield _story(index, began, ticket(began.date(), numbers[day]))


def _story(index: int, began: datetime, of_complaint: str) -> Iterator[Fact]:
    """A plain call, as the flow tells it."""
    call, caller, desk = f"{began.timestamp():.0f}.{index}", f"+62813{index:08d}", str(1001 + index % 60)
    by = f"desk:{desk}"

    def then(seconds: float, actor: str, action: str, **data: Json) -> Fact:
        return Fact(actor, action, call, data, began + timedelta(seconds=seconds))

    yield call_received(call, caller=caller, number=f"0813{index:08d}", dialled="110", at=began)
    yield then(0.001, "system", "call.queued", priority="normal")
    yield then(0.002, "system", "call.offered", desk=desk)
    yield then(3, by, "call.answered", desk=desk, operator=None, waited_ms=3000)
    yield then(3, by, "complaint.opened", desk=desk, number=caller, ticket=of_complaint)
    yield then(20, by, "call.classified", kind="not_valid")
    yield then(25, by, "call.closed", desk=desk)
    yield then(25, by, "complaint.closed", ticket=of_complaint)
    yield then(28, by, "call.ended", by="desk", outcome="answered", cause=16)
