"""What the journal's facts say about a call and a desk."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from ari_app.domain.calls import STATES, CallRow, DeskRow, desks_of, fold_call, fold_desk, off_call
from ari_app.domain.facts import Json, Record
from tests.unit.stories import record, records


def _fold(*facts: tuple[str, dict[str, Json]], actor: str = "system") -> CallRow:
    row: CallRow | None = None
    for seq, (action, data) in enumerate(facts, 1):
        row = fold_call(row, record(seq, action, call="c", data=data, actor=actor))
    assert row is not None
    return row


RECEIVED: tuple[str, dict[str, Json]] = ("call.received", {"caller": "+628", "dialled": "110"})
OFFERED: tuple[str, dict[str, Json]] = ("call.offered", {"desk": "1001"})
ANSWERED: tuple[str, dict[str, Json]] = ("call.answered", {"desk": "1001"})


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([RECEIVED], {"state": "waiting", "caller": "+628", "dialled": "110"}),
        ([RECEIVED, ("call.queued", {})], {"state": "waiting"}),
        ([RECEIVED, OFFERED], {"state": "ringing", "desk": "1001"}),
        ([RECEIVED, OFFERED, ("call.not_answered", {"desk": "1001"})], {"state": "waiting", "desk": None}),
        ([RECEIVED, OFFERED, ("call.not_answered", {"desk": "1002"})], {"state": "ringing", "desk": "1001"}),
        ([RECEIVED, OFFERED, ANSWERED], {"state": "talking", "desk": "1001", "answered_at": "at 3"}),
        ([RECEIVED, ANSWERED, ("call.not_answered", {"desk": "1001"})], {"state": "talking", "desk": "1001"}),
        ([RECEIVED, OFFERED, ("call.fallback", {})], {"state": "ringing", "desk": None}),
        ([RECEIVED, ("call.adopted", {"state": "talking", "desk": "1002"})], {"state": "talking", "desk": "1002"}),
        ([RECEIVED, OFFERED, ("call.adopted", {"state": "waiting"})], {"state": "waiting"}),
        ([RECEIVED, OFFERED, ("call.adopted", {"state": "strange"})], {"state": "ringing"}),
        ([RECEIVED, ("call.ended", {"outcome": "abandoned"})], {"outcome": "abandoned", "ended_at": "at 2"}),
        ([RECEIVED, ("call.ended", {})], {"state": "ended", "outcome": "lost"}),
        ([RECEIVED, ("call.ended", {}), OFFERED], {"state": "ended", "desk": None}),
        ([RECEIVED, ("call.of_the_future", {"desk": "1"})], {"state": "waiting", "desk": None}),
    ],
)  # fmt: skip
def test_call(facts: list[tuple[str, dict[str, Json]]], expected: dict[str, object]) -> None:
    row = _fold(*facts)
    assert {name: getattr(row, name) for name in expected} == expected
    assert (row.received_at, row.first_seq) == ("at 1", 1)


def test_the_operator_is_who_answered() -> None:
    assert _fold(RECEIVED, ANSWERED, actor="operator:7001").operator == "7001"
    assert _fold(RECEIVED, ANSWERED, actor="desk:1001").operator is None
    assert _fold(RECEIVED, ("call.answered", {"desk": "1", "operator": "7002"})).operator == "7002"


def test_the_first_answer_counts() -> None:
    assert _fold(RECEIVED, ANSWERED, ("call.answered", {"desk": "1002"})).answered_at == "at 2"


@given(records())
def test_any_story_gives_a_row_that_makes_sense(story: list[Record]) -> None:
    row: CallRow | None = None
    for each in story:
        before, row = row, fold_call(row, replace(each, call="c"))
        assert row is not None
        assert row.state in STATES
        assert (row.state == "ended") == (row.outcome is not None) == (row.ended_at is not None)
        assert row.state != "talking" or row.answered_at or each.action != "call.answered"
        if before is not None:
            assert row.first_seq == before.first_seq
        if before is not None and before.state == "ended":
            assert row == before, "what has ended does not change"


def test_a_record_without_a_call_is_about_none() -> None:
    assert fold_call(None, record(1, "desk.registered", data={"desk": "1001"})) is None


def test_desk() -> None:
    row: DeskRow | None = None
    expected = [
        ("desk.registered", None, DeskRow("1001", registered=True, since="at 1")),
        ("desk.registered", None, DeskRow("1001", registered=True, since="at 1")),
        ("call.offered", "a", DeskRow("1001", registered=True, since="at 1", call="a")),
        ("call.not_answered", "b", DeskRow("1001", registered=True, since="at 1", call="a")),
        ("call.not_answered", "a", DeskRow("1001", registered=True, since="at 1")),
        ("call.answered", "b", DeskRow("1001", registered=True, since="at 1", call="b")),
        ("desk.unregistered", None, DeskRow("1001", since="at 7", call="b")),
    ]
    for seq, (action, call, after) in enumerate(expected, 1):
        each = record(seq, action, call=call, data={"desk": "1001"})
        assert desks_of(each) == "1001"
        row = fold_desk(row, "1001", each)
        assert row == after
    assert row is not None
    assert off_call(row, "a") == row
    assert off_call(row, "b").call is None


@pytest.mark.parametrize("data", [{}, {"desk": ""}, {"desk": None}, {"desk": 1001}])
def test_records_that_are_about_no_desk(data: dict[str, Json]) -> None:
    assert desks_of(record(1, "call.offered", data=data)) is None
