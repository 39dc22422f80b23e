"""The tables are the journal, folded: once, all the time, and again from the start."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel

from ari_app.domain.calls import CallRow, fold_call
from ari_app.domain.complaints import ComplaintRow, fold_complaint
from ari_app.domain.desk_rows import DeskRow, fold_desks
from ari_app.domain.facts import Fact, Record
from ari_app.domain.number_rows import NumberEvent, NumberRow, event_of, fold_number, number_of
from ari_app.store import database, projections, queries
from ari_app.store.call_filter import CallFilter
from ari_app.store.database import ensure_schema, open_engine, stored_revision
from ari_app.store.errors import DatabaseError, JournalError
from ari_app.store.journal import Journal, JournalReader, read
from ari_app.store.projections import Folder, catch_up
from ari_app.store.projector import Projector
from ari_app.store.tables import REVISION
from tests.unit.conftest import OpenJournal
from tests.unit.stories import facts

TALK = [
    Fact("asterisk", "desk.registered", None, {"desk": "1001"}),
    Fact("caller", "call.received", "c", {"caller": "+6281234567890", "dialled": "110"}),
    Fact("system", "call.offered", "c", {"desk": "1001"}),
    Fact("desk:1001", "call.answered", "c", {"desk": "1001"}),
    Fact("caller", "call.ended", "c", {"outcome": "answered"}),
]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    """An engine for a database that is not there yet."""
    engine = open_engine(f"sqlite:///{tmp_path}/siaga.sqlite3")
    yield engine
    engine.dispose()


def _write(journal: Journal, some: list[Fact]) -> None:
    for fact in some:
        journal.append(fact)
    assert journal.flush()


Tables = tuple[
    dict[str, CallRow], dict[str, DeskRow], dict[str, ComplaintRow], dict[str, NumberRow], dict[int, NumberEvent]
]


def _fold(records: list[Record]) -> Tables:
    """The tables as they should be, from the definition."""
    calls: dict[str, CallRow] = {}
    desks: dict[str, DeskRow] = {}
    complaints: dict[str, ComplaintRow] = {}
    numbers: dict[str, NumberRow] = {}
    events: dict[int, NumberEvent] = {}
    for record in records:
        if (number := number_of(record)) is not None and (
            found := fold_number(numbers.get(number), record)
        ) is not None:
            numbers[number] = found
        if (event := event_of(record)) is not None:
            events[event.seq] = event
        if record.call is not None:
            row = fold_call(calls.get(record.call), record)
            if row is not None:
                calls[record.call] = row
            complaint = fold_complaint(complaints.get(record.call), record)
            if complaint is not None:
                complaints[record.call] = complaint
        desks |= fold_desks(desks, record)
    return calls, desks, complaints, numbers, events


def _tables(engine: sa.Engine) -> Tables:
    def rows(table: str, row: type[Any]) -> dict[Any, Any]:
        names = ", ".join(f'"{name}"' for name in row.__dataclass_fields__)
        with engine.connect() as connection:
            found = connection.execute(sa.text(f"SELECT {names} FROM {table}")).all()
        return {each[0]: row(*each) for each in found}

    return (
        rows("calls", CallRow),
        rows("desks", DeskRow),
        rows("complaints", ComplaintRow),
        {row.number: row for row in queries.list_numbers(engine)},
        rows("number_history", NumberEvent),
    )


def _cursor(engine: sa.Engine) -> tuple[int, str]:
    with engine.connect() as connection:
        seq, hash_ = connection.execute(sa.text("SELECT seq, hash FROM cursor")).one()
    return seq, hash_


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(facts, max_size=12), max_size=4), st.integers(1, 9))
def test_the_tables_are_the_fold_of_all_records(parts: list[list[Fact]], batch: int) -> None:
    """However the stories go, and however they are cut into batches and runs."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(projections, "BATCH", batch)
        path = Path(folder, "journal.sqlite3")
        engine = open_engine(f"sqlite:///{folder}/tables.sqlite3")
        journal = Journal.open(path, timezone="Asia/Jakarta")
        for part in parts:
            _write(journal, part)
            assert catch_up(path, engine) == len(part)
            assert catch_up(path, engine) == 0, "done twice it is folded once"
        assert journal.close()
        catch_up(path, engine)
        assert _tables(engine) == _fold(list(read(path)))


def test_rows(open_journal: OpenJournal, path: Path, engine: sa.Engine) -> None:
    journal = open_journal()
    _write(journal, TALK)
    assert catch_up(path, engine) == 5
    calls, desks, *_ = _tables(engine)
    assert (calls["c"].state, calls["c"].outcome, calls["c"].desk) == ("ended", "answered", "1001")
    assert desks["1001"].call is None
    assert _cursor(engine) == journal.head()
    with engine.connect() as connection:
        (received_ms,) = connection.execute(sa.text("SELECT received_ms FROM calls")).one()
    assert received_ms > 1_700_000_000_000


def test_another_journal(open_journal: OpenJournal, path: Path, engine: sa.Engine, tmp_path: Path) -> None:
    """The tables are folded anew: nothing of the other journal's calls stays."""
    _write(open_journal(), TALK)
    catch_up(path, engine)
    other = tmp_path / "other.sqlite3"
    _write(open_journal(at=other), [Fact("caller", "call.received", "d", {}) for _ in range(7)])
    assert catch_up(other, engine) == 7
    assert list(_tables(engine)[0]) == ["d"]
    assert catch_up(path, engine) == 5
    assert list(_tables(engine)[0]) == ["c"]


def test_two_who_fold_the_same_tables(open_journal: OpenJournal, path: Path, engine: sa.Engine) -> None:
    """What one of them remembers does not count when the other has folded since."""
    journal = open_journal()
    ensure_schema(engine)
    with JournalReader(path) as reader, JournalReader(path) as another:
        folders = [Folder(reader, engine), Folder(another, engine)]
        for number, fact in enumerate(TALK):
            _write(journal, [fact])
            assert folders[number % 2].fold_all() == 1
    assert _tables(engine) == _fold(list(read(path)))


def test_changed_folds(
    open_journal: OpenJournal, path: Path, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(open_journal(), TALK)
    assert catch_up(path, engine) == 5
    monkeypatch.setattr(projections, "FOLD_VERSION", 1_000)
    assert catch_up(path, engine) == 5


def test_no_journal(path: Path, engine: sa.Engine) -> None:
    with pytest.raises(JournalError):
        catch_up(path, engine)


QUERIES: list[tuple[str, str, dict[str, Any]]] = [
    ("list_calls", "SCAN calls USING INDEX ix_calls_first_seq", {}),
    ("list_calls", "SEARCH calls USING INDEX ix_calls_state", {"living": True}),
    ("list_calls", "SEARCH calls USING INDEX ix_calls_state", {"living": False}),
    ("list_calls", "SEARCH calls USING INDEX ix_calls_caller", {"caller": "+628"}),
    ("list_calls", "SEARCH calls USING INDEX ix_calls_desk", {"desk": "1001"}),
    *(("list_calls", f"SEARCH calls USING INDEX ix_calls_{name}", {name: value}) for name, value in (
        ("polres", "01"), ("kind", "prank"), ("outcome", "lost"), ("emergency", True))),
    ("list_calls", "SEARCH calls USING INDEX ix_calls_conditions", {"since_ms": 5}),
    ("list_calls", "SEARCH calls USING INDEX ix_calls_conditions", {"since_ms": 5, "until_ms": 9, "desk": "1001"}),
    ("list_calls", "SCAN calls USING INDEX ix_calls_conditions", {"kind": "prank", "desk": "1001"}),
    ("list_calls", "SEARCH calls USING INDEX ix_calls_caller_received", {"caller": "+628", "since_ms": 5}),
    ("calls_between", "SEARCH calls USING INDEX ix_calls_caller_received",
        {"caller": "+628", "since_ms": 0, "until_ms": 9}),
    ("list_numbers", "SCAN numbers USING INDEX ix_numbers_last_seq", {}),
    ("list_numbers", "SEARCH numbers USING INDEX ix_numbers_blocked", {"blocked_since_ms": -1}),
    ("list_numbers", "SEARCH numbers USING INDEX sqlite_autoindex_numbers_1", {"prefix": "+6281"}),
    ("list_complaints", "SCAN complaints USING INDEX ix_complaints_opened_ms", {}),
    ("list_complaints", "SEARCH complaints USING INDEX ix_complaints_opened_ms", {"since_ms": 5}),
    ("list_complaints", "SEARCH complaints USING INDEX ix_complaints_status", {"status": "open"}),
    ("list_complaints", "SEARCH complaints USING INDEX ix_complaints_polres", {"polres": "01", "since_ms": 5}),
    ("list_complaints", "SEARCH complaints USING INDEX ix_complaints_number", {"number": "+628"}),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected", "given"), QUERIES)
def test_no_listing_looks_at_every_row(engine: sa.Engine, query: str, expected: str, given: dict[str, Any]) -> None:
    """Each is as quick with a million calls: rows are found, and come in order, by an index."""
    ensure_schema(engine)
    plans: list[str] = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def _explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        plans.extend(row[3] for row in cursor.fetchall())

    if query == "list_calls":
        queries.list_calls(engine, CallFilter(**given, limit=50))
    else:
        list(getattr(queries, query)(engine, **given, limit=50))
    assert expected in plans[0]
    is_sorted = any("USE TEMP B-TREE FOR ORDER BY" in plan for plan in plans)
    assert is_sorted == bool(given.get("living")), "the living calls are few: they may be sorted"


# ---- schema -------------------------------------------------------------------------------------


def test_migrations_make_what_the_models_say(engine: sa.Engine) -> None:
    ensure_schema(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_revision_is_the_newest_migration(engine: sa.Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(database._MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]
    assert stored_revision(engine) is None
    ensure_schema(engine)
    ensure_schema(engine)
    assert stored_revision(engine) == REVISION


def test_up_and_down_again(engine: sa.Engine) -> None:
    """Each migration can be taken back, and an older schema with rows in it is brought up."""
    config = Config()
    config.set_main_option("script_location", str(database._MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            sa.text(
                "INSERT INTO calls (id, first_seq, received_ms, received_at, state, emergency) "
                "VALUES ('c', 1, 0, '', 'ended', 0)"
            )
        )
        connection.execute(sa.text("INSERT INTO desks (extension, registered) VALUES ('1001', 1)"))
    ensure_schema(engine)
    assert stored_revision(engine) == REVISION
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        command.upgrade(config, "head")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, SQLModel.metadata) == []


def test_a_newer_schema_is_left_alone(engine: sa.Engine) -> None:
    ensure_schema(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match="newer program"):
        ensure_schema(engine)


@pytest.mark.parametrize("url", ["nonsense", "nosuch://u:secret@h/d", "sqlite:////nowhere/at/all.sqlite3"])
def test_databases_that_cannot_be_used(url: str) -> None:
    with pytest.raises(DatabaseError) as error:
        ensure_schema(open_engine(url))
    assert "secret" not in str(error.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"no database" * 500)
    with pytest.raises(DatabaseError, match="cannot be used"):
        ensure_schema(open_engine(f"sqlite:///{file}"))


def test_the_file_is_for_nobody_else(engine: sa.Engine, tmp_path: Path) -> None:
    ensure_schema(engine)
    assert (tmp_path / "siaga.sqlite3").stat().st_mode & 0o077 == 0


# ---- the thread ---------------------------------------------------------------------------------


def _until(condition: object, *, tries: int = 1000) -> None:
    patience = threading.Event()
    assert callable(condition)
    for _ in range(tries):
        if condition():
            return
        patience.wait(0.01)
    pytest.fail("it did not happen")


def test_projector_follows_the_journal(path: Path, engine: sa.Engine, open_journal: OpenJournal) -> None:
    projectors: list[Projector] = []

    def told(records: object) -> None:
        for each in projectors:
            each.notify(records)

    journal = open_journal(told)
    _write(journal, TALK[:3])
    projectors.append(Projector(path, engine.url.render_as_string(hide_password=False)))
    _until(lambda: stored_revision(engine) == REVISION and _tables(engine)[0].get("c"))
    assert _tables(engine)[0]["c"].state == "ringing"
    _write(journal, TALK[3:4])
    _until(lambda: _tables(engine)[0]["c"].state == "talking")
    _write(journal, TALK[4:])
    assert projectors[0].close(), "it catches up before it ends"
    assert _cursor(engine) == journal.head()


def test_projector_waits_for_a_database_that_is_out_of_reach(
    path: Path, tmp_path: Path, open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alarm says so; when it is back, everything is folded and the alarm is over."""
    monkeypatch.setattr("ari_app.store.projector.RETRY_SECONDS", 0.02)
    _write(open_journal(), TALK)
    projector = Projector(path, f"sqlite:///{tmp_path}/later/siaga.sqlite3")
    _until(lambda: projector.alarm)
    (tmp_path / "later").mkdir()
    _until(lambda: projector.alarm is None)
    assert projector.close()
    engine = open_engine(f"sqlite:///{tmp_path}/later/siaga.sqlite3", read_only=True)
    assert _tables(engine)[0]["c"].state == "ended"
    engine.dispose()


def test_projector_cannot_catch_up(path: Path, tmp_path: Path, open_journal: OpenJournal) -> None:
    open_journal()
    projector = Projector(path, f"sqlite:///{tmp_path}/nowhere/siaga.sqlite3")
    _until(lambda: projector.alarm)
    assert not projector.close(timeout=5.0)


def test_a_locked_database_is_tried_again(
    path: Path, engine: sa.Engine, open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else writes for longer than is waited: the folding begins anew and loses nothing."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr("ari_app.store.projector.RETRY_SECONDS", 0.02)
    ensure_schema(engine)
    _write(open_journal(), TALK)
    blocker = sqlite3.connect(str(engine.url.database), isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    projector = Projector(path, engine.url.render_as_string(hide_password=False))
    _until(lambda: projector.alarm)
    assert projector.alarm is not None
    assert "locked" in projector.alarm
    blocker.execute("ROLLBACK")
    blocker.close()
    _until(lambda: projector.alarm is None)
    assert projector.close()
    assert _tables(engine)[0]["c"].state == "ended"
