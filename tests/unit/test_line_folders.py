"""Transfers, orders and what was done with recordings: their rows are what the journal's records come to."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.domain.facts import Fact, Record
from ari_app.domain.instructions import instruction_of
from ari_app.domain.tapes import tape_event
from ari_app.domain.transfers import TransferRow, fold_transfers
from ari_app.store import projections
from ari_app.store.database import open_engine
from ari_app.store.journal import Journal, read
from ari_app.store.projections import catch_up
from tests.unit.stories import facts, record

START = ("call.transfer_started", {"polres": "01"})


@pytest.mark.parametrize(
    ("action", "data", "result", "reason"),
    [
        ("call.transfer_answered", {"polres": "01"}, "answered", None),
        ("call.taken_back", {"reason": "no_answer"}, "taken_back", "no_answer"),
        ("call.transfer_ended", {"reason": "caller_left"}, "caller_left", "caller_left"),
        ("call.transfer_ended", {"reason": "dismissed"}, "dismissed", "dismissed"),
        ("call.requeued", {"reason": "phone_lost"}, "lost", "phone_lost"),
        ("call.adopted", {"state": "talking"}, "lost", None),
        ("call.ended", {"outcome": "answered"}, "lost", None),
    ],
)
def test_how_a_transfer_ends(action: str, data: dict[str, str], result: str, reason: str | None) -> None:
    (begun,) = fold_transfers(None, record(5, START[0], call="c", data=START[1]))
    assert (begun.seq, begun.polres, begun.result) == (5, "01", None)
    assert fold_transfers(begun, record(6, "call.held", call="c")) == []
    (ended,) = fold_transfers(begun, record(7, action, call="c", data=data))
    assert (ended.seq, ended.result, ended.reason, ended.ended_at) == (5, result, reason, "at 7")


def test_a_second_transfer_leaves_none_under_way() -> None:
    (first,) = fold_transfers(None, record(1, START[0], call="c", data=START[1]))
    ended, second = fold_transfers(first, record(2, START[0], call="c", data={"polres": "02"}))
    assert (ended.seq, ended.result) == (1, "lost")
    assert (second.seq, second.polres, second.result) == (2, "02", None)


def _orders() -> st.SearchStrategy[Fact]:
    data = st.fixed_dictionaries(
        {}, optional={"text": st.sampled_from(("Kirim unit", "", None, 7)), "officer": st.just("AKP Harahap"),
                      "transmission": st.sampled_from(("300-1", None))},
    )  # fmt: skip
    actions = st.sampled_from(("instruction.added", "recording.opened", "recording.deleted"))
    return st.builds(Fact, st.just("supervisor:x"), actions, st.sampled_from((None, "a", "b")), data)


@settings(max_examples=40, deadline=None)
@given(st.lists(facts | _orders(), max_size=30), st.integers(1, 9))
def test_the_rows_are_the_fold_of_all_records(told: list[Fact], batch: int) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(projections, "BATCH", batch)
        path, engine = Path(folder, "journal.sqlite3"), open_engine(f"sqlite:///{folder}/tables.sqlite3")
        journal = Journal.open(path, timezone="Asia/Jakarta")
        for fact in told:
            journal.append(fact)
        assert journal.close()
        catch_up(path, engine)
        records = list(read(path))
        assert _rows(engine, "transfers", TransferRow) == [astuple(row) for row in _transfers(records)]
        for table, of in (("instructions", instruction_of), ("recording_events", tape_event)):
            found = [each for line in records if (each := of(line)) is not None]
            assert _rows(engine, table, type(found[0]) if found else None) == [astuple(each) for each in found]


def _transfers(records: list[Record]) -> list[TransferRow]:
    rows: dict[int, TransferRow] = {}
    for line in records:
        if line.call is not None:
            under_way = next((row for row in rows.values() if row.call == line.call and row.result is None), None)
            rows |= {row.seq: row for row in fold_transfers(under_way, line)}
    return [rows[seq] for seq in sorted(rows)]


def _rows(engine: sa.Engine, table: str, row: type[Any] | None) -> list[tuple[Any, ...]]:
    names = ", ".join(row.__dataclass_fields__) if row is not None else "seq"
    with engine.connect() as connection:
        return [tuple(each) for each in connection.execute(sa.text(f"SELECT {names} FROM {table} ORDER BY seq"))]
