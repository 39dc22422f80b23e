"""Listing calls: the same calls with and without SQLAlchemy, up to the journal's last line, and at the same cost."""

from __future__ import annotations

import sqlite3
from dataclasses import astuple
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.domain.calls import CallRow
from ari_app.domain.facts import Fact
from ari_app.store import call_filter, sqlite_tables
from ari_app.store.call_filter import CallFilter
from ari_app.store.database import open_engine
from ari_app.store.journal import Journal
from ari_app.store.projections import catch_up
from ari_app.store.queries import list_calls
from ari_app.store.report_rows import report_between
from ari_app.store.sqlite_tables import quick_calls
from scripts.measure.year import ZONE, write
from scripts.measure.year_stories import Year
from tests.unit.stories import facts

filters = st.builds(
    CallFilter,
    living=st.sampled_from((None, None, True, False)),
    caller=st.sampled_from((None, None, "+6281234567890")),
    desk=st.sampled_from((None, None, "1001")),
    operator=st.sampled_from((None, None, "7002")),
    polres=st.sampled_from((None, None, "01")),
    kind=st.sampled_from((None, None, "prank")),
    outcome=st.sampled_from((None, None, "answered")),
    emergency=st.sampled_from((None, None, True)),
    since_ms=st.sampled_from((None, None, 0, 4_000_000_000_000)),
    until_ms=st.sampled_from((None, None, 4_000_000_000_000)),
    limit=st.sampled_from((None, 0, 1, 2, 50)),
)


def _fits(row: CallRow, wanted: CallFilter) -> bool:
    equal = all(
        getattr(wanted, name) in {None, getattr(row, name)}
        for name in ("caller", "desk", "polres", "kind", "outcome", "emergency")
    )
    lives = wanted.living is None or wanted.living == (row.state != "ended")
    in_time = wanted.since_ms in {None, 0} and wanted.until_ms in {None, 4_000_000_000_000}
    return equal and lives and in_time and wanted.operator in {None, row.operator, row.answered_by}


@settings(max_examples=40, deadline=None)
@given(st.lists(facts, max_size=25), st.lists(facts, max_size=8), st.lists(filters, min_size=1, max_size=6))
def test_what_is_wanted_is_found(before: list[Fact], since: list[Fact], wanted: list[CallFilter]) -> None:
    """Also by who folds what the tables lack for itself; the tables themselves stay as they were."""
    with TemporaryDirectory() as folder:
        path, url = Path(folder, "journal.sqlite3"), f"sqlite:///{folder}/tables.sqlite3"
        engine = open_engine(url)
        journal = Journal.open(path, timezone=ZONE)
        for part in (before, since):
            for fact in part:
                journal.append(fact)
            assert journal.flush()
            if part is before:
                catch_up(path, engine)
        assert journal.close()
        quick = [quick_calls(path, url, each) for each in wanted]
        catch_up(path, engine)
        all_ = list_calls(engine, CallFilter())
        for each, found in zip(wanted, quick, strict=True):
            expected = [row for row in all_ if _fits(row, each)]
            listed = list_calls(engine, each)
            assert found is None if not before else found is not None
            for rows in (listed, found) if found is not None else (listed,):
                assert set(map(astuple, rows)) <= set(map(astuple, expected))
                assert len(rows) == min(len(expected), len(expected) if each.limit is None else each.limit)
                assert len({row.id for row in rows}) == len(rows)


def test_tables_that_are_too_far_behind_are_folded_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, url = tmp_path / "journal.sqlite3", f"sqlite:///{tmp_path}/tables.sqlite3"
    write(path, Year(datetime(2025, 12, 1, tzinfo=ZoneInfo(ZONE)), days=1, calls=3).facts())
    assert quick_calls(path, url, CallFilter()) is None
    catch_up(path, open_engine(url))
    journal = Journal.open(path, timezone=ZONE)
    for call in range(4):
        journal.append(Fact("caller", "call.received", f"new-{call}", {"caller": None}))
    assert journal.close()
    assert len(quick_calls(path, url, CallFilter()) or ()) == 7
    monkeypatch.setattr(sqlite_tables, "MOST_BEHIND", 3)
    assert quick_calls(path, url, CallFilter()) is None


# ---- what it costs -----------------------------------------------------------------------------------

FEW, MANY = 300, 3_000
"""Calls, over 10 and over 100 days."""

LISTINGS: list[dict[str, Any]] = [
    {},
    {"living": True},
    {"living": False},
    {"caller": "+6281200000331"},
    {"desk": "1001"},
    {"operator": "87020003"},
    {"polres": "07"},
    {"kind": "prank"},
    {"outcome": "abandoned"},
    {"outcome": "lost"},
    {"emergency": True},
    {"since_ms": 1_765_000_000_000, "until_ms": 1_765_100_000_000},
    {"since_ms": 1_765_000_000_000, "until_ms": 1_765_100_000_000, "desk": "1002", "kind": "prank"},
    {"desk": "1001", "kind": "valid"},
]


class Counter:
    """Counts the steps that SQLite takes, whatever the machine."""

    def __init__(self) -> None:
        self.steps = 0

    def watch(self, connection: sqlite3.Connection, _: object = None) -> None:
        connection.set_progress_handler(self._count, 10)

    def _count(self) -> int:
        self.steps += 10
        return 0


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two state directories of the same calls a day, one ten times as long as the other."""
    made: list[Path] = []
    for calls in (FEW, MANY):
        folder = tmp_path_factory.mktemp("year")
        begins = datetime(2025, 12, 1, tzinfo=ZoneInfo(ZONE))
        write(folder / "journal.sqlite3", Year(begins, days=calls / 30, calls=calls).facts())
        engine = open_engine(f"sqlite:///{folder}/tables.sqlite3")
        catch_up(folder / "journal.sqlite3", engine)
        made.append(folder)
    return made[0], made[1]


def cost(folder: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]) -> int:
    """How many of SQLite's steps the first two calls of a listing take."""
    connect, counter = sqlite3.connect, Counter()

    def watched(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **kwargs)
        counter.watch(connection)
        return connection

    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", watched)
        wanted = CallFilter(**given, limit=2)
        assert quick_calls(folder / "journal.sqlite3", f"sqlite:///{folder}/tables.sqlite3", wanted) is not None
    return counter.steps


@pytest.mark.parametrize("given", LISTINGS, ids=repr)
def test_a_listing_costs_the_same_with_ten_times_the_calls(
    years: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    for module in (call_filter, sqlite_tables):
        monkeypatch.setattr(module, "FEW", 20)  # in keeping with so few calls
    few, many = (cost(folder, monkeypatch, given) for folder in years)
    assert many <= 1.5 * few + 500, (few, many)


def test_conditions_that_no_call_meets_together_cost_what_the_rarest_has(
    years: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what the whole year has, as for two that many calls meet."""
    folder, given = years[1], {"polres": "07", "kind": "prank"}
    calls = quick_calls(folder / "journal.sqlite3", f"sqlite:///{folder}/tables.sqlite3", CallFilter(polres="07"))
    assert calls
    assert not [call for call in calls if call.kind == "prank"]
    with monkeypatch.context() as patched:
        patched.setattr(sqlite_tables, "FEW", -1)
        whole = cost(folder, monkeypatch, given)
    assert cost(folder, monkeypatch, given) < whole / 2


def test_a_report_costs_what_its_own_time_has(years: tuple[Path, Path]) -> None:
    since, until = 1_764_522_000_000, 1_764_522_000_000 + 5 * 24 * 3_600_000
    costs: list[int] = []
    offered: list[float | None] = []
    for folder in years:
        engine, counter = open_engine(f"sqlite:///{folder}/tables.sqlite3", read_only=True), Counter()
        sa.event.listen(engine, "connect", counter.watch)
        report = report_between(engine, since, until, ZoneInfo(ZONE))
        costs.append(counter.steps)
        offered.append(report.summary["offered"].value)
    assert offered[0] == offered[1] == 150
    assert costs[1] <= 1.5 * costs[0] + 500, costs
