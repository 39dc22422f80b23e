"""Who the operators are, as the journal tells."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from ari_app.domain.facts import Fact
from ari_app.domain.guesses import GUESSES
from ari_app.domain.operators import PEOPLE, SEATS, Operator, RosterState, Seat
from ari_app.store import staff as module
from ari_app.store.journal import Journal, JournalError, verify
from ari_app.store.staff import GUESSES_QUERY, PEOPLE_QUERY, SEATS_QUERY, staff
from tests.unit.conftest import OpenJournal

SHIFT = [
    Fact("supervisor:budi", "operator.added", data={"operator": "11111", "name": "Ani", "unit": "polda"}),
    Fact("caller", "call.received", "17.1", {"caller": None}),
    Fact("operator:11111", "operator.logged_in", data={"operator": "11111", "desk": "1001"}),
    Fact("asterisk", "desk.registered", data={"desk": "1001"}),
    Fact("operator:11111", "operator.not_ready", data={"operator": "11111", "desk": "1001", "reason": "rest"}),
]


def _write(path: Path, facts: Sequence[Fact]) -> None:
    journal = Journal.open(path, timezone="Asia/Jakarta")
    for fact in facts:
        journal.append(fact)
    assert journal.close()


def _indexes(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    connection.close()
    return names


def _without_index(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DROP INDEX journal_without_call")
    connection.close()


def test_no_journal_and_an_empty_one(path: Path) -> None:
    assert staff(path) == RosterState()
    path.touch()
    assert staff(path) == RosterState()
    path.unlink()
    _write(path, [])
    assert staff(path) == RosterState()


def test_a_file_that_is_no_journal(path: Path) -> None:
    path.write_bytes(b"x" * 4096)
    with pytest.raises(JournalError):
        staff(path)


def test_as_it_was_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(path, SHIFT)
    expected = RosterState(
        {"11111": Operator("11111", "Ani", "polda")}, {"1001": Seat("11111", ready=False, reason="rest")}
    )
    assert staff(path) == expected
    assert staff(path).since["11111"] is not None
    monkeypatch.setattr(module, "LOOK_BACK", 1)
    assert staff(path) == expected, "whoever is not ready is there"


def test_a_damaged_line_is_passed_over(path: Path) -> None:
    """Nobody could log in, and no call be led, before somebody had mended it."""
    _write(path, SHIFT)
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER journal_is_append_only_update")
    connection.execute("UPDATE journal SET data = '{' WHERE seq = 5")
    connection.commit()
    connection.close()
    assert staff(path).seat("1001") == Seat("11111")


def test_an_older_journal_gets_the_index_when_its_writer_comes(path: Path, open_journal: OpenJournal) -> None:
    _write(path, SHIFT)
    _without_index(path)
    assert staff(path).desk_of("11111") == "1001", "whoever reads does without"
    assert "journal_without_call" not in _indexes(path)
    open_journal().close()
    assert "journal_without_call" in _indexes(path)
    assert verify(path).ok


def test_a_disk_without_room_for_the_index_is_no_reason_to_stop(
    path: Path, monkeypatch: pytest.MonkeyPatch, open_journal: OpenJournal
) -> None:
    _write(path, SHIFT)
    _without_index(path)
    monkeypatch.setattr("ari_app.store.journal_file._INDEX", "CREATE INDEX journal_without_call ON nothing (x)")
    journal = open_journal()
    journal.append(SHIFT[3])
    assert journal.close()


def _big(path: Path) -> None:
    """Three hundred thousand lines of calls around the shift."""
    _write(path, SHIFT)
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER journal_is_gapless")
    connection.execute(
        """
        INSERT INTO journal WITH RECURSIVE n (i) AS (SELECT 6 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
        SELECT i, 'at', 'system', 'call.offered', 'call-' || (i / 5), '{}', 'x' FROM n
        """
    )
    connection.commit()
    connection.close()


def test_a_big_journal_is_no_burden(path: Path) -> None:
    _big(path)
    began = time.process_time()
    assert staff(path).desk_of("11111") == "1001"
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize(
    ("query", "values"),
    [(PEOPLE_QUERY, PEOPLE), (SEATS_QUERY, (*SEATS, *SEATS, 1000)), (GUESSES_QUERY, (GUESSES[0], 1000))],
    ids=["people", "seats", "guesses"],
)
def test_the_index_is_used(path: Path, query: str, values: tuple[str | int, ...]) -> None:
    _big(path)
    connection = sqlite3.connect(path)
    plan = connection.execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall()
    connection.close()
    steps = [step for *_, step in plan]
    read_steps = [step for step in steps if step.startswith(("SEARCH", "SCAN"))]
    assert read_steps
    assert all("INDEX journal_without_call (action=?" in step for step in read_steps), steps


def test_years_of_logins_are_no_burden(path: Path) -> None:
    """Two hundred operators at a hundred desks, two hundred thousand lines: a restart waits for them."""
    _write(path, [])
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER journal_is_gapless")
    actions = ("operator.logged_in", "operator.not_ready", "operator.ready", "operator.logged_out")
    rows = [
        ("operator.added", json.dumps({"operator": str(10000 + n), "name": "x", "unit": "polda"})) for n in range(200)
    ]
    for n in range(200_000):
        turn = n // 4
        data = {"operator": str(10000 + turn % 200), "desk": str(1000 + turn % 100), "reason": "rest"}
        rows.append((actions[n % 4], json.dumps(data)))
    connection.executemany(
        "INSERT INTO journal VALUES (?, 'at', 'system', ?, NULL, ?, 'x')",
        [(seq, *row) for seq, row in enumerate(rows, 1)],
    )
    connection.commit()
    connection.close()
    began = time.process_time()
    assert len(staff(path).operators) == 200
    assert time.process_time() - began < 2.0
