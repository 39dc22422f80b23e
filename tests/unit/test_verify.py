"""Whoever changes, removes, adds or moves a line is found out, in the journal and in an exported file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain.facts import Fact, Record
from ari_app.store.chain import GENESIS, body, encode_data, link, record_line
from ari_app.store.journal import JournalError, verify, verify_export
from tests.unit.conftest import OpenJournal

LINES = 10


def _chain(count: int) -> list[bytes]:
    """An exported file of so many lines."""
    before, lines = GENESIS, []
    for seq in range(1, count + 1):
        data = {"n": seq}
        before = link(before, body(seq, "at", "system", "call.queued", "c", encode_data(data)))
        lines.append(record_line(Record(seq, "at", "system", "call.queued", "c", data, before)))
    return lines


@pytest.fixture
def journal(open_journal: OpenJournal, path: Path) -> sqlite3.Connection:
    """A journal of ten lines, closed, in the hands of somebody who takes its triggers away."""
    written = open_journal()
    for n in range(LINES):
        written.append(Fact("system", "call.queued", "c", {"n": n}))
    assert written.close()
    connection = sqlite3.connect(path, isolation_level=None)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    return connection


def _swap(connection: sqlite3.Connection, one: int, other: int) -> None:
    for was, becomes in ((one, -1), (other, one), (-1, other)):
        connection.execute("UPDATE journal SET seq = ? WHERE seq = ?", (becomes, was))


@pytest.mark.parametrize("column", ["at", "actor", "action", "call", "data", "hash"])
@pytest.mark.parametrize("seq", [1, 5, LINES])
def test_a_changed_line(journal: sqlite3.Connection, path: Path, column: str, seq: int) -> None:
    value = '{"n":77}' if column == "data" else "f" * 64
    journal.execute(f"UPDATE journal SET {column} = ? WHERE seq = ?", (value, seq))
    journal.close()
    found = verify(path)
    assert not found.ok
    assert {problem.seq for problem in found.problems} <= {seq, seq + 1}


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ("DELETE FROM journal WHERE seq = 4", {4: "missing"}),
        ("DELETE FROM journal WHERE seq IN (4, 5, 6)", {4: "missing, and all up to 6"}),
        ("DELETE FROM journal WHERE seq = 1", {1: "missing"}),
        ("DELETE FROM journal WHERE seq > 7", {8: "missing, and all up to 10"}),
        ("DELETE FROM journal", {1: "missing, and all up to 10"}),
        ("INSERT INTO journal VALUES (11, 'at', 'a', 'b', NULL, '{}', 'x')", {11: "changed"}),
        ("UPDATE head SET hash = 'x'", {10: "the hash that the head names"}),
        ("UPDATE head SET seq = 12", {11: "missing, and all up to 12"}),
    ],
)
def test_what_is_missing_or_too_much(
    journal: sqlite3.Connection, path: Path, change: str, problems: dict[int, str]
) -> None:
    journal.execute(change)
    journal.close()
    found = verify(path)
    assert {problem.seq for problem in found.problems} == set(problems)
    for problem in found.problems:
        assert problems[problem.seq] in problem.what


def test_neighbours_that_changed_places(journal: sqlite3.Connection, path: Path) -> None:
    _swap(journal, 3, 4)
    journal.close()
    assert {(problem.seq, problem.what) for problem in verify(path).problems} == {
        (3, "out of order: this is line 4"),
        (4, "out of order: this is line 3"),
    }


def test_distant_lines_that_changed_places(journal: sqlite3.Connection, path: Path) -> None:
    _swap(journal, 3, 7)
    journal.close()
    assert {problem.seq for problem in verify(path).problems} == {3, 4, 7, 8}


def test_only_the_end(journal: sqlite3.Connection, path: Path) -> None:
    """The last lines by themselves; what is wrong before them is not their fault."""
    journal.execute("UPDATE journal SET actor = 'x' WHERE seq = 2")
    journal.close()
    assert verify(path, last=3).ok
    assert verify(path, last=3).records == 3
    assert not verify(path, last=9).ok
    assert not verify(path, last=1000).ok


def test_a_writer_finds_a_cut_off_tail(journal: sqlite3.Connection, open_journal: OpenJournal) -> None:
    """A chain goes on only where it ended."""
    journal.execute("DELETE FROM journal WHERE seq = 10")
    journal.close()
    with pytest.raises(JournalError, match="was changed"):
        open_journal()


def test_many_problems_are_counted_not_all_described(open_journal: OpenJournal, path: Path) -> None:
    written = open_journal()
    for n in range(500):
        written.append(Fact("system", "x.y", None, {"n": n}))
    assert written.close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DROP TRIGGER journal_is_append_only_update")
    connection.execute("UPDATE journal SET actor = 'x'")
    connection.close()
    found = verify(path)
    assert len(found.problems) == 100
    assert found.more == 400


def test_an_empty_journal_and_none(open_journal: OpenJournal, path: Path) -> None:
    with pytest.raises(JournalError, match="no journal"):
        verify(path)
    open_journal().close()
    found = verify(path)
    assert found.ok
    assert (found.records, found.last) == (0, 0)


# ---- exported files -----------------------------------------------------------------------------


def test_an_untouched_export() -> None:
    lines = _chain(LINES)
    assert verify_export(lines).ok
    assert verify_export(lines, until=LINES).ok
    assert verify_export([line + b"\n" for line in lines] + [b"\n"]).ok
    assert verify_export(lines[4:], since=5).ok
    assert verify_export(lines[4:], since=5).first == 5
    assert verify_export([]).ok


def test_a_cut_off_tail() -> None:
    found = verify_export(_chain(LINES)[:7], until=LINES)
    assert [(problem.seq, problem.what) for problem in found.problems] == [(8, "missing, and all up to 10")]
    assert not verify_export([], until=1).ok


_line = st.integers(0, LINES - 1)


@given(_line, _line)
def test_moved_lines(one: int, other: int) -> None:
    lines = _chain(LINES)
    lines.insert(other, lines.pop(one))
    found = verify_export(lines, until=LINES)
    assert found.ok == (one == other)
    assert all("out of order" in problem.what for problem in found.problems)


@given(st.sets(_line))
def test_missing_lines(gone: set[int]) -> None:
    lines = [line for number, line in enumerate(_chain(LINES)) if number not in gone]
    found = verify_export(lines, until=LINES)
    assert found.ok == (not gone)
    assert all("missing" in problem.what for problem in found.problems)
    assert {problem.seq - 1 for problem in found.problems} <= gone


@given(_line, st.integers(0, 200), st.integers(1, 255))
def test_a_changed_byte(number: int, position: int, change: int) -> None:
    lines = _chain(LINES)
    line = bytearray(lines[number])
    line[position % len(line)] ^= change
    lines[number] = bytes(line)
    try:
        found = verify_export(lines, until=LINES)
    except JournalError:
        return  # not even a line any more
    assert not found.ok


@given(_line)
def test_a_line_there_twice(number: int) -> None:
    lines = _chain(LINES)
    found = verify_export([*lines, lines[number]], until=LINES)
    assert [(problem.seq, problem.what) for problem in found.problems] == [(number + 1, "there twice")]


@pytest.mark.parametrize("spoil", [lambda line: line[:20], lambda _: b"[]", lambda _: b"\xff"])
def test_what_is_no_line_at_all(spoil: Callable[[bytes], bytes]) -> None:
    lines = _chain(3)
    lines[1] = spoil(lines[1])
    with pytest.raises(JournalError, match="line 2"):
        verify_export(lines)
