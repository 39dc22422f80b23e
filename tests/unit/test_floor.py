"""The floor is the journal, folded: as the tables are, and the same from the beginning and from a part of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.domain.calls import CallRow, fold_call
from ari_app.domain.desk_rows import DeskRow, desk_state, fold_desks
from ari_app.domain.facts import Fact, Record
from ari_app.domain.floor import Floor, Tally
from ari_app.domain.operators import DeskPlace
from ari_app.store import tail
from ari_app.store.errors import JournalError
from ari_app.store.journal import Journal
from ari_app.store.reader import map_records
from ari_app.store.tail import JournalTail
from tests.unit.conftest import OpenJournal
from tests.unit.stories import facts

PLACES: Final = {"1001": DeskPlace(), "1002": DeskPlace(login=False), "2001": DeskPlace("01", login=False)}
BEGIN: Final = datetime(2025, 1, 31, 23, 0, tzinfo=ZoneInfo("Asia/Jakarta"))


def records(told: Iterable[Fact], *, every: float = 1.0) -> list[Record]:
    """As they would be in the journal, so many seconds after each other."""
    return [
        Record(seq, at(seq * every), fact.actor, fact.action, fact.call, fact.data, f"{seq:064x}")
        for seq, fact in enumerate(told, 1)
    ]


def at(seconds: float) -> str:
    return (BEGIN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def folded(some: Iterable[Record]) -> Floor:
    floor = Floor(PLACES)
    for record in some:
        floor.fold(record)
    return floor


def fact(action: str, call: str | None = None, /, actor: str = "system", **data: Any) -> Fact:
    return Fact(actor, action, call, data)


# ---- any records at all


def once_lived(told: Iterable[Fact]) -> list[Fact]:
    """The facts of calls from their beginning to their end, and of no call."""
    living, over, found = set[str](), set[str](), list[Fact]()
    for each in told:
        if each.call is not None:
            if each.action == "call.received" and each.call not in over:
                living.add(each.call)
            if each.call not in living:
                continue
            if each.action == "call.ended":
                living.discard(each.call)
                over.add(each.call)
        found.append(each)
    return found


@given(st.lists(facts, max_size=40))
def test_it_says_what_the_tables_say(told: list[Fact]) -> None:
    rows: dict[str, CallRow] = {}
    desks: dict[str, DeskRow] = {}
    floor = Floor(PLACES)
    for record in records(once_lived(told)):
        floor.fold(record)
        row = fold_call(rows.get(record.call) if record.call is not None else None, record)
        if record.call is not None and row is not None:
            rows[record.call] = row
        desks |= fold_desks(desks, record)
        floor.pass_time(record.at)
        living = {id_: row for id_, row in rows.items() if row.state != "ended"}
        assert {id_: call.row for id_, call in floor.calls.items()} == living
        for name, desk in floor.desks.items():
            expected = desks.get(name) or DeskRow(name)
            assert desk.row == expected
            call = living.get(expected.call) if expected.call is not None else None
            now = datetime.fromisoformat(record.at)
            assert desk.state == desk_state(expected, call, login=PLACES[name].login, now=now)


@given(st.lists(facts, max_size=40))
def test_whatever_was_told_it_goes_on(told: list[Fact]) -> None:
    floor = folded(records(told))
    assert floor.seq == len(told)
    waiting = floor.waiting()
    assert {call.row.state for call in waiting} <= {"waiting", "ringing"}
    assert all(call.waiting_since is None for call in floor.calls.values() if call not in waiting)


@given(st.lists(facts, max_size=30), st.lists(facts, max_size=10))
def test_what_is_not_said_to_have_changed_has_not(before: list[Fact], after: list[Fact]) -> None:
    """A screen that is told of the changes only shows the floor."""
    everything = records([*before, *after])
    floor = folded(everything[: len(before)])
    calls, desks = dict(floor.calls), dict(floor.desks)
    floor.changed_calls.clear()
    floor.changed_desks.clear()
    for record in everything[len(before) :]:
        floor.fold(record)
    for id_ in floor.changed_calls:
        calls.pop(id_, None)
        if id_ in floor.calls:
            calls[id_] = floor.calls[id_]
    desks |= {name: floor.desks[name] for name in floor.changed_desks}
    assert calls == floor.calls
    assert desks == floor.desks


# ---- times and figures


def test_how_long_a_caller_waits() -> None:
    """From the first ring, whoever rings meanwhile; anew when the operator was lost."""
    floor = folded(
        records(
            [
                fact("call.received", "c"),
                fact("call.queued", "c", priority="normal"),
                fact("call.offered", "c", desk="1001"),
                fact("call.not_answered", "c", desk="1001", reason="no_answer"),
            ]
        )
    )
    waiting = floor.calls["c"]
    assert (waiting.waiting_since, waiting.since) == (at(1), at(4))
    assert floor.calls["c"].priority == "normal"
    more = [fact("call.answered", "c", desk="1001"), fact("call.requeued", "c", reason="phone_lost")]
    for record in records([fact("x")] * 4 + more)[4:]:
        floor.fold(record)
    assert floor.calls["c"].waiting_since == at(6)


def test_a_supervisors_desk_listens_until_told_otherwise() -> None:
    """It goes with the call to the next desk, and is free when it is over, whatever was told last."""
    here, more = {"desk": "1002"}, {"desk": "1001", "polres": "01"}
    told = [
        fact("desk.registered", desk="1002"), fact("call.received", "c"), fact("call.answered", "c", desk="1001"),
        fact("monitor.offered", "c", **here), fact("monitor.started", "c", mode="listen", **here),
        fact("call.requeued", "c", reason="phone_lost"),
        fact("call.transfer_answered", "c", **more), fact("monitor.ended", "c", mode="listen", **here),
        fact("monitor.started", "c", mode="barge", **here), fact("call.ended", "c", outcome="answered"),
    ]  # fmt: skip
    floor, states = Floor(PLACES), []
    for record in records(told):
        floor.fold(record)
        states.append(floor.desks["1002"].state)
    assert states == [
        "ready", "ready", "ready", "ringing", "monitoring", "monitoring", "monitoring", "ready", "monitoring", "ready",
    ]  # fmt: skip


def test_how_long_a_desk_does_what_it_does() -> None:
    floor = Floor(PLACES)
    assert floor.desks["1002"].since is None
    told = [
        fact("desk.registered", desk="1002"),
        fact("call.received", "c"),
        fact("call.offered", "c", desk="1002"),
        fact("call.answered", "c", desk="1002"),
        fact("call.classified", "c", kind="valid"),
        fact("call.held", "c", desk="1002"),
        fact("call.ended", "c", outcome="answered"),
        fact("desk.registered", desk="1002"),
    ]
    states: list[tuple[str, str | None]] = []
    for record in records(told):
        floor.fold(record)
        states.append((floor.desks["1002"].state, floor.desks["1002"].since))
    assert states == [
        ("ready", at(1)),
        ("ready", at(1)),
        ("ringing", at(3)),
        ("talking", at(4)),
        ("talking", at(4)),
        ("held", at(6)),
        ("ready", at(7)),
        ("ready", at(7)),
    ]
    assert floor.ready_desks() == 1


@pytest.mark.parametrize(("seconds", "quickly"), [(10.0, 1), (10.001, 0)])
def test_answered_quickly(seconds: float, quickly: int) -> None:
    told = [fact("call.received", "c"), fact("call.answered", "c", desk="1001")]
    floor = folded(records(told, every=seconds))
    day = floor.calls["c"].row.received_at[:10]
    assert floor.tally(day) == Tally(received=1, answered=1, answered_quickly=quickly)


def test_a_call_is_answered_once_and_counts_for_the_day_on_which_it_came() -> None:
    told = [
        fact("call.received", "c"),
        fact("call.answered", "c", desk="1001"),
        fact("call.requeued", "c", reason="phone_lost"),
        fact("call.answered", "c", desk="1002"),
        fact("call.ended", "c", outcome="answered"),
        fact("call.received", "d"),
        fact("call.ended", "d", outcome="abandoned"),
    ]
    floor = folded(records(told, every=1000))
    assert floor.tally("2025-01-31") == Tally(1, 1)
    assert floor.tally("2025-02-01") == Tally(1, 0, 0, 1), "d came after midnight"
    assert at(2000)[:10] == "2025-01-31"


def test_only_two_days_are_kept() -> None:
    told = [fact("call.received", f"c{number}") for number in range(5)]
    floor = folded(records(told, every=86_400))
    assert [floor.tally(at(86_400 * day)[:10]).received for day in range(1, 6)] == [0, 0, 0, 1, 1]


def test_a_complaint_that_is_edited_afterwards_makes_no_call() -> None:
    floor = folded(records([fact("complaint.edited", "gone", ticket="110-20250131-0001", name="Budi")]))
    assert floor.calls == {}


# ---- from a part of the journal

_OF_CALLS: Final = {
    "come": "call.received",
    "offer": "call.offered",
    "answer": "call.answered",
    "hold": "call.held",
    "end": "call.ended",
}
_MOVES: Final[dict[tuple[str | None, str], str]] = {
    (None, "come"): "waiting",
    ("waiting", "offer"): "waiting",
    ("waiting", "answer"): "talking",
    ("waiting", "end"): "ended",
    ("talking", "hold"): "talking",
    ("talking", "end"): "ended",
}
_STEPS: Final = (*_OF_CALLS, "operator.logged_in", "operator.logged_out", "desk.registered", "operator.refused")


def day_of_work(choices: Iterable[tuple[int, str]]) -> list[Fact]:
    """What happens at a centre, in an order that can be."""
    told: list[Fact] = []
    states: dict[str, str | None] = {}
    names = list(PLACES)
    for number, step in choices:
        call, desk = f"c{number}", names[number % len(names)]
        if step in _OF_CALLS:
            if (states.get(call), step) in _MOVES:
                outcome = "abandoned" if states.get(call) == "waiting" else "answered"
                states[call] = _MOVES[states.get(call), step]
                told.append(fact(_OF_CALLS[step], call, desk=desk, outcome=outcome, priority="normal"))
        else:
            told.append(fact(step, None, operator=f"700{number}", desk=desk))
    return told


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(_STEPS)), min_size=10, max_size=120), st.integers(1, 20))
@settings(max_examples=50, deadline=None)
def test_from_its_last_lines_it_is_the_same(choices: list[tuple[int, str]], window: int) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "WINDOW", window)
        path = Path(folder) / "journal.sqlite3"
        journal = Journal.open(path, timezone="Asia/Jakarta")
        for each in day_of_work(choices):
            journal.append(each)
        assert journal.close()
        reader = JournalTail(path)
        try:
            whole = folded(map_records(reader.rows(0)))
            part = folded(reader.history(datetime.now(ZoneInfo("Asia/Jakarta")).date().isoformat()))
        finally:
            reader.close()
    assert part.calls == whole.calls
    assert {name: (desk.row, desk.state) for name, desk in part.desks.items()} == {
        name: (desk.row, desk.state) for name, desk in whole.desks.items()
    }
    for day in {call.row.received_at[:10] for call in whole.calls.values()}:
        assert part.tally(day) == whole.tally(day)


def test_todays_calls_are_found_in_a_long_journal(
    path: Path, open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "WINDOW", 10)
    monkeypatch.setattr(tail, "_LATE", 2)
    journal = open_journal()
    for number in range(600):
        moment = BEGIN + timedelta(minutes=number)
        journal.append(Fact("caller", "call.received", f"c{number}", {}, moment))
        journal.append(Fact("caller", "call.ended", f"c{number}", {"outcome": "abandoned"}, moment))
    assert journal.flush()
    reader = JournalTail(path)
    history = list(reader.history("2025-02-01"))
    reader.close()
    assert folded(history).tally("2025-02-01") == Tally(received=540, abandoned=540)
    assert len(history) < 1090, "yesterday's are passed over"


def test_a_damaged_line_is_passed_over(path: Path, open_journal: OpenJournal) -> None:
    journal = open_journal()
    journal.append(fact("call.received", "c"))
    assert journal.flush()
    reader = JournalTail(path)
    (row,) = reader.rows(0)
    damaged = (*row[:5], "{", row[6])
    reader.close()
    assert [record.seq for record in map_records([damaged, row])] == [1]


def test_another_journal_in_its_place_is_noticed(path: Path, open_journal: OpenJournal) -> None:
    open_journal().close()
    reader = JournalTail(path)
    path.rename(path.with_name("aside"))
    open_journal()
    with pytest.raises(JournalError, match="another journal"):
        reader.rows(0)
    reader.close()
