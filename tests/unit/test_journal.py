"""The journal: written once, in order, without gaps, and never lost."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.domain.facts import Fact, Json, Record
from ari_app.store import journal_file
from ari_app.store.chain import GENESIS, Row, body, encode_data, link, record_line
from ari_app.store.journal import Journal, JournalError, JournalReader, read, verify, verify_export
from ari_app.store.journal_file import Head
from tests.unit.conftest import OpenJournal
from tests.unit.stories import facts, json_objects


def _told(count: int, *, start: int = 0) -> list[Fact]:
    return [Fact("system", "call.queued", f"c{n}", {"n": n}) for n in range(start, start + count)]


def _append(journal: Journal, some: Sequence[Fact]) -> None:
    for fact in some:
        journal.append(fact)
    assert journal.flush()


def test_what_is_appended_can_be_read(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    assert journal.head() == (0, GENESIS)
    _append(journal, [Fact("desk:1001", "call.answered", "c", {"desk": "1001", "waited_ms": 4}), Fact("system", "x.y")])
    first, second = read(path)
    assert (first.seq, first.actor, first.action, first.call) == (1, "desk:1001", "call.answered", "c")
    assert first.data == {"desk": "1001", "waited_ms": 4}
    assert (second.seq, second.call, second.data) == (2, None, {})
    assert journal.head() == (2, second.hash)
    assert verify(path).ok


def test_the_chain_is_as_documented(open_journal: OpenJournal, path: Path) -> None:
    _append(open_journal(), _told(2))
    before = GENESIS
    for record in read(path):
        data = encode_data(record.data)
        before = link(before, body(record.seq, record.at, record.actor, record.action, record.call, data))
        assert record.hash == before


def test_moments(open_journal: OpenJournal, path: Path) -> None:
    """In the site's time with milliseconds; a fact's own moment counts, however strange."""
    utc = datetime(2026, 1, 2, 20, 0, 0, 123_456, tzinfo=UTC)
    began = datetime.now(UTC) - timedelta(milliseconds=1)
    elsewhere = utc.astimezone(timezone(timedelta(hours=-5)))
    own = [utc, elsewhere, utc.replace(tzinfo=None), datetime.max.replace(tzinfo=UTC), None]
    _append(open_journal(), [Fact("system", "x.y", at=at) for at in own])
    at = [record.at for record in read(path)]
    assert at[0] == at[1] == "2026-01-03T03:00:00.123+07:00"
    assert at[2] == "2026-01-02T20:00:00.123+07:00"
    for stamped in at[3:]:
        assert began <= datetime.fromisoformat(stamped) <= datetime.now(UTC)
        assert stamped.endswith("+07:00")


@settings(max_examples=30, deadline=None)
@given(st.lists(facts, max_size=40), st.integers(0, 10))
def test_any_facts_in_any_order(some: list[Fact], reopen_at: int) -> None:
    """Gapless, in order, with their data; closed and opened again in between."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "journal.sqlite3")
        told: list[Record] = []
        for part in (some[:reopen_at], some[reopen_at:]):
            journal = Journal.open(path, timezone="Asia/Jakarta", on_commit=told.extend)
            _append(journal, part)
            assert journal.close()
        records = list(read(path))
        assert [record.seq for record in records] == list(range(1, len(some) + 1))
        for record, fact in zip(records, some, strict=True):
            assert (record.actor, record.action, record.call) == (fact.actor, fact.action, fact.call)
            assert record.data == fact.data
        assert told == records, "each exactly once and in order"
        assert verify(path).ok
        exported = verify_export([record_line(record) for record in records], until=len(some))
        assert exported.ok
        assert exported.records == len(some)


@settings(max_examples=100, deadline=None)
@given(json_objects)
def test_data_comes_back_as_it_was(data: dict[str, Json]) -> None:
    encoded = encode_data(data)
    assert encode_data(msgspec.json.decode(encoded)) == encoded, "an export can be verified"
    assert encode_data(dict(reversed(data.items()))) == encoded


ODD: list[dict[Any, object]] = [
    {"a": "\ud800"}, {"\udfff": 1}, {"a": 2**70}, {"a": float("nan")}, {"a": {1, 2}}, {"a": b"\xff"}, {"a": object},
    {1: "x", "1": 2, None: 3}, {"a": "\x00"}, {"a": Path("/x")},
]  # fmt: skip


@pytest.mark.parametrize("data", ODD, ids=range(len(ODD)))
def test_a_fact_is_never_lost_over_its_form(open_journal: OpenJournal, path: Path, data: dict[str, Json]) -> None:
    nested: dict[str, Json] = {}
    nested["again"] = nested
    journal = open_journal()
    odd = Fact("a\ud800", "x.\udfff", "c\ud800", data)
    _append(journal, [odd, Fact("system", "x.y", None, nested), Fact("system", "last")])
    assert [record.action for record in read(path)][1:] == ["x.y", "last"]
    assert verify(path).ok
    assert verify_export([record_line(record) for record in read(path)]).ok


def test_what_comes_together_is_written_together(open_journal: OpenJournal) -> None:
    """Group commit: a burst of a thousand facts takes few transactions, none of them empty."""
    batches: list[int] = []
    journal = open_journal(lambda records: batches.append(len(records)))
    _append(journal, _told(1000))
    assert sum(batches) == 1000
    assert len(batches) < 100
    assert min(batches) > 0


def test_many_threads(open_journal: OpenJournal, path: Path) -> None:
    """Nothing lost, and each thread's facts in its own order."""
    journal = open_journal()

    def work(name: str) -> None:
        for n in range(200):
            journal.append(Fact(name, "x.y", None, {"n": n}))

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.flush()
    for number in range(5):
        assert [r.data["n"] for r in read(path) if r.actor == str(number)] == list(range(200))
    assert verify(path).records == 1000


def test_who_is_told_may_fail(open_journal: OpenJournal, path: Path) -> None:
    def fail(_: Sequence[Record]) -> None:
        raise ZeroDivisionError

    journal = open_journal(fail)
    _append(journal, _told(1))
    _append(journal, _told(1, start=1))
    assert len(list(read(path))) == 2


def test_told_only_when_it_is_on_disk(open_journal: OpenJournal, path: Path) -> None:
    seen: list[bool] = []
    journal = open_journal(lambda records: seen.append(records[-1] in list(read(path))))
    _append(journal, _told(3))
    assert seen
    assert all(seen)


def test_one_writer(open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_file, "LOCK_SECONDS", 0.1)
    first = open_journal()
    with pytest.raises(JournalError, match="in use"):
        open_journal()
    _append(first, _told(1))
    assert first.close()
    second = open_journal()
    assert second.head()[0] == 1


def test_after_closing(open_journal: OpenJournal) -> None:
    journal = open_journal()
    journal.append(Fact("system", "x.y"))
    assert journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.append(Fact("system", "x.z"))
    assert journal.head()[0] == 1
    assert journal.flush()


def _newer(path: Path) -> None:
    Journal.open(path, timezone="UTC").close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def _another_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE x (y)")
    connection.close()


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (lambda path: path.write_bytes(b"no database, but long enough to look at" * 100), "cannot be opened"),
        (_another_database, "not a journal"),
        (lambda path: path.mkdir(), "cannot be"),
        (_newer, "newer program"),
    ],
    ids=["rubbish", "another database", "a folder", "newer"],
)  # fmt: skip
def test_files_that_are_no_journal_are_left_alone(
    open_journal: OpenJournal, path: Path, prepare: Callable[[Path], object], why: str
) -> None:
    prepare(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(JournalError, match=why):
        open_journal()
    with pytest.raises(JournalError):
        list(read(path))
    assert not path.is_file() or path.read_bytes() == before


def test_unknown_time_zone(path: Path) -> None:
    with pytest.raises(JournalError, match="Mars"):
        Journal.open(path, timezone="Mars/Olympus")
    Journal.open(path, timezone="UTC").close()


# ---- trouble with the disk ----------------------------------------------------------------------


def _wait_for_alarm(journal: Journal, *, on: bool) -> None:
    patience = threading.Event()
    for _ in range(500):
        if (journal.alarm is not None) == on:
            return
        patience.wait(0.01)
    pytest.fail(f"alarm is {journal.alarm!r}")


def test_trouble_with_the_disk_loses_nothing(open_journal: OpenJournal, path: Path) -> None:
    """Somebody holds the file: facts wait, in order, the alarm says so, and nobody is told too early."""
    told: list[int] = []
    journal = open_journal(lambda records: told.extend(record.seq for record in records))
    _append(journal, _told(2))
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    for fact in _told(5, start=2):
        journal.append(fact)
    _wait_for_alarm(journal, on=True)
    assert told == [1, 2]
    assert not journal.flush(timeout=0.01)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert journal.flush()
    _wait_for_alarm(journal, on=False)
    assert told == list(range(1, 8))
    assert [record.data["n"] for record in read(path)] == list(range(7))


def test_a_file_that_was_moved_away_for_a_while(open_journal: OpenJournal, path: Path) -> None:
    """No new journal is begun in its place; when it is back, the chain goes on."""
    journal = open_journal()
    _append(journal, _told(2))
    moved = path.with_name("moved")
    path.rename(moved)
    journal.append(_told(3)[2])
    _wait_for_alarm(journal, on=True)
    assert not path.exists()
    moved.rename(path)
    assert journal.flush()
    assert [record.data["n"] for record in read(path)] == [0, 1, 2]
    assert verify(path).ok


def test_a_commit_that_was_reported_as_failed_but_held(
    open_journal: OpenJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same lines are written again, and are there once."""
    journal = open_journal()
    _append(journal, _told(1))
    write = journal_file.JournalFile.write
    failures = iter([True])

    def write_and_fail(self: journal_file.JournalFile, rows: Sequence[Row], before: Head) -> Sequence[Row]:
        written = write(self, rows, before)
        if next(failures, False):
            raise sqlite3.OperationalError("disk I/O error")
        return written

    monkeypatch.setattr(journal_file.JournalFile, "write", write_and_fail)
    _append(journal, _told(3, start=1))
    assert [record.data["n"] for record in read(path)] == [0, 1, 2, 3]
    assert verify(path).ok


def test_somebody_else_has_written(open_journal: OpenJournal, path: Path) -> None:
    """Nothing is written over it: the facts wait and the alarm says why. A new start goes on behind it."""
    journal = open_journal()
    _append(journal, _told(1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("INSERT INTO journal VALUES (2, 'at', 'a', 'b', NULL, '{}', 'x')")
    other.execute("UPDATE head SET seq = 2, hash = 'x'")
    journal.append(_told(1)[0])
    _wait_for_alarm(journal, on=True)
    assert journal.alarm is not None
    assert "something else has written" in journal.alarm
    assert journal.close(timeout=0.05), "it is in the reserve"
    assert other.execute("SELECT count(*) FROM journal").fetchone() == (2,)
    other.close()
    assert open_journal().flush()
    assert [record.data.get("n") for record in read(path)] == [0, None, 0]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE journal SET data = '{}' WHERE seq = 2",
        "DELETE FROM journal WHERE seq = 3",
        "INSERT INTO journal VALUES (9, 'at', 'a', 'b', NULL, '{}', 'x')",
        "DELETE FROM head",
    ],
)
def test_the_file_refuses_changes(open_journal: OpenJournal, path: Path, change: str) -> None:
    _append(open_journal(), _told(3))
    connection = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(change)
    connection.close()
    assert verify(path).ok


def test_reading(open_journal: OpenJournal, path: Path) -> None:
    """Beside the writer; by call, by action, from a line on, so many."""
    with pytest.raises(JournalError, match="no journal"):
        list(read(path))
    journal = open_journal()
    assert list(read(path)) == []
    _append(journal, [Fact("s", f"x.{n % 3}", f"c{n % 2}") for n in range(12)])

    def found(**wanted: object) -> list[int]:
        return [record.seq for record in read(path, **wanted)]  # type: ignore[arg-type]  # as given below

    assert found(after=9) == [10, 11, 12]
    assert found(call="c1") == [2, 4, 6, 8, 10, 12]
    assert found(actions=["x.0", "x.1"], limit=4) == [1, 2, 4, 5]
    assert found(call="c0", actions=["x.2"], after=3) == [9]
    assert found(limit=0) == []
    with JournalReader(path) as reader:
        assert reader.head() == journal.head()
