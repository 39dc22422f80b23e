"""What the facts say about a complaint, what can be entered, and its ticket number."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec import structs

from ari_app.domain.complaint_fields import LONGEST, FieldRules, changes_to, cleaned, reason_text
from ari_app.domain.complaints import (
    CATEGORIES,
    EDITABLE,
    HISTORY,
    STATUSES,
    VALIDITIES,
    ComplaintRefused,
    ComplaintRow,
    fold_complaint,
    missing,
    next_ticket,
    ticket,
    ticket_key,
)
from ari_app.domain.facts import Json, Record
from ari_app.flows.complaints import Tickets
from tests.unit.stories import json_values, record, records

TICKET = "110-20250131-0001"
RULES = FieldRules("ID", {"01", "02"})
OPENED: tuple[str, str, dict[str, Json]] = (
    "operator:7001", "complaint.opened", {"ticket": TICKET, "number": "+628", "desk": "1001"},
)  # fmt: skip
Step = tuple[str, str, dict[str, Json]]


def fold(*steps: Step) -> ComplaintRow:
    row: ComplaintRow | None = None
    for seq, (actor, action, data) in enumerate(steps, 1):
        row = fold_complaint(row, record(seq, action, call="c", data=data, actor=actor))
    assert row is not None
    return row


def told(action: str, /, **data: Json) -> Step:
    return "operator:7002", action, data


CLOSED = told("complaint.closed", ticket=TICKET, reason="selesai")
STARTED = told("call.transfer_started", polres="01", desk="1001", desks=["2001"])
TAKEN_BACK = told("call.taken_back", polres="01", desk="1001", reason="busy", waited_ms=5000)

# ---- the fold


def test_opened() -> None:
    row = fold(OPENED)
    assert row == ComplaintRow("c", TICKET, 1, "at 1", "operator:7001", number="+628")
    assert (row.status, row.changed_at) == ("open", None)
    assert fold(OPENED, told("complaint.opened", ticket="110-20250131-0002")) == row, "a call has one complaint"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([told("call.classified", kind="valid")], {"validity": "valid", "emergency": False}),
        ([told("call.classified", emergency=True)], {"validity": None, "emergency": True}),
        ([STARTED], {"status": "forwarded", "polres": "01"}),
        ([STARTED, told("call.transfer_answered", polres="01")], {"status": "handling", "polres": "01"}),
        ([STARTED, TAKEN_BACK], {"status": "open", "polres": "01", "reason": "busy"}),
        ([STARTED, TAKEN_BACK, STARTED], {"status": "forwarded", "reason": None}),
        ([STARTED, told("call.requeued", reason="phone_lost")], {"status": "open", "reason": "phone_lost"}),
        ([told("call.closed", desk="1001")], {"status": "open", "closed_at": None}),
        ([CLOSED], {"status": "closed", "closed_at": "at 2", "closed_by": "operator:7002", "reason": "selesai"}),
        ([CLOSED, STARTED, told("complaint.edited", name="X")], {"status": "closed", "name": None, "polres": None}),
        ([CLOSED, told("complaint.reopened")], {"status": "open", "closed_at": None, "closed_by": None}),
        ([told("complaint.reopened")], {"status": "open", "changed_at": None}),
        ([told("complaint.edited", name="Budi", plate="-")], {"name": "Budi", "plate": "-", "changed_at": "at 2"}),
        ([STARTED, TAKEN_BACK, told("complaint.edited", polres="02")], {"polres": "02", "reason": None}),
        ([told("complaint.edited", status="closed", validity="?", emergency=1, x="y")], {"changed_at": None}),
        ([told("complaint.edited", ticket="110-20250131-0002", name="X")], {"name": None}),
    ],
)  # fmt: skip
def test_what_the_facts_change(steps: list[Step], expected: dict[str, object]) -> None:
    row = fold(OPENED, *steps)
    assert {name: getattr(row, name) for name in expected} == expected


def test_other_calls_and_what_was_before() -> None:
    assert fold_complaint(None, record(1, "call.classified", call="c", data={"kind": "valid"})) is None
    assert fold_complaint(None, record(1, "complaint.opened", data={"ticket": TICKET})) is None
    assert fold_complaint(None, record(1, "complaint.opened", call="c", data={"ticket": 7})) is None
    row = fold(OPENED)
    assert fold_complaint(row, record(2, "call.classified", call="d", data={"kind": "valid"})) == row


@given(records(max_size=40))
def test_any_story_gives_a_row_that_makes_sense(story: list[Record]) -> None:
    row: ComplaintRow | None = None
    for each in story:
        each = structs.replace(each, call="c")  # noqa: PLW2901 - all of one call
        before, row = row, fold_complaint(row, each)
        if row is None:
            continue
        assert row.status in STATUSES
        assert row.validity in {None, *VALIDITIES}
        assert (row.status == "closed") == (row.closed_at is not None) == (row.closed_by is not None)
        if before is not None and before != row:
            assert each.action in HISTORY
            assert (row.changed_at, row.changed_by) == (each.at, each.actor)
            assert (row.ticket, row.opened_at, row.first_seq) == (before.ticket, before.opened_at, before.first_seq)
            assert before.status != "closed" or each.action == "complaint.reopened"


def test_missing() -> None:
    row = ComplaintRow("c", TICKET, 1, "", "")
    assert missing(row) == ["name", "number", "place", "plate"]
    assert missing(replace(row, name="Budi", number="+628", plate="-")) == ["place"]
    assert missing(replace(row, name="Budi", number="+628", plate="-", place="Jalan")) == []


# ---- what a person enters


@pytest.mark.parametrize(
    ("name", "entered", "kept"),
    [
        ("name", "  Budi \t Santoso\n", "Budi Santoso"),
        ("name", "", None),
        ("name", None, None),
        ("name", "-", "-"),
        ("number", "0812-3456-7890", "+6281234567890"),
        ("number", "-", "-"),
        ("plate", "bk 1234 xy", "BK 1234 XY"),
        ("category", "KEBAKARAN", "kebakaran"),
        ("category", " ", None),
        ("validity", "prank", "prank"),
        ("emergency", True, True),
        ("polres", "01", "01"),
        ("polres", "", None),
        ("status", "handling", "handling"),
        ("description", "x" * LONGEST["description"], "x" * LONGEST["description"]),
    ],
)
def test_kept(name: str, entered: Json, kept: Json) -> None:
    assert cleaned(name, entered, RULES) == kept


@pytest.mark.parametrize(
    ("name", "entered", "why"),
    [
        ("colour", "red", "no field"),
        ("ticket", "1", "no field"),
        ("name", "x" * 81, "longer than 80"),
        ("name", "a\x1b[31m", "cannot be shown"),
        ("name", "\udcff", "cannot be shown"),
        ("name", 7, "not a text"),
        ("name", ["a"], "not a text"),
        ("number", "tidak tahu", "no digit"),
        ("category", "kucing", "kecelakaan"),
        ("validity", "maybe", "not_valid"),
        ("emergency", "yes", "true or false"),
        ("emergency", None, "true or false"),
        ("polres", "99", "no Polres"),
        ("status", "closed", "complaints close"),
        ("status", "", "one of open"),
        ("status", "lost", "forwarded"),
    ],
)  # fmt: skip
def test_refused(name: str, entered: Json, why: str) -> None:
    with pytest.raises(ComplaintRefused, match=why):
        cleaned(name, entered, RULES)


@given(st.sampled_from(EDITABLE) | st.text(max_size=5), json_values | st.sampled_from([*CATEGORIES, "-", "01", "0812"]))
def test_whatever_is_entered_is_refused_or_kept_as_the_fold_takes_it(name: str, entered: Json) -> None:
    try:
        kept = cleaned(name, entered, RULES)
    except ComplaintRefused:
        return
    assert cleaned(name, kept, RULES) == kept, "entered again it stays the same"
    row = fold(OPENED, told("complaint.edited", **{name: kept}))
    assert getattr(row, name) == kept


def test_only_what_differs_is_a_change() -> None:
    row = replace(fold(OPENED), name="Budi")
    assert changes_to(row, {"name": " Budi ", "place": "Medan", "plate": ""}, RULES) == {"place": "Medan"}
    with pytest.raises(ComplaintRefused, match="closed"):
        changes_to(replace(row, status="closed"), {"name": "X"}, RULES)
    with pytest.raises(ComplaintRefused, match="nothing"):
        changes_to(row, {}, RULES)
    with pytest.raises(ComplaintRefused, match="no Polres yet"):
        changes_to(row, {"status": "handling"}, RULES)
    with pytest.raises(ComplaintRefused, match="no Polres yet"):
        changes_to(replace(row, polres="01", status="handling"), {"polres": ""}, RULES)
    assert changes_to(row, {"status": "handling", "polres": "02"}, RULES) == {"status": "handling", "polres": "02"}


def test_reasons() -> None:
    assert reason_text(None) is None
    assert reason_text("  sudah \n selesai ") == "sudah selesai"
    for bad in ("x" * 201, "\x1b"):
        with pytest.raises(ComplaintRefused):
            reason_text(bad)


# ---- tickets


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("110-20250131-0007", (date(2025, 1, 31), 7)),
        ("110-20250131-9999", (date(2025, 1, 31), 9999)),
        ("110-20250131-10000", (date(2025, 1, 31), 10_000)),
        ("110-20250131-00001", None),
        ("110-20250131-007", None),
        ("110-20250231-0001", None),
        ("110-20250131-0001\n", None),
        ("110-20250131-\u0660\u0660\u0660\u0661", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_ticket_texts(text: object, key: object) -> None:
    assert ticket_key(text) == key
    assert key is None or ticket(*ticket_key(text) or (date.min, 0)) == text


def test_the_next_ticket() -> None:
    friday, saturday = date(2025, 1, 31), date(2025, 2, 1)
    assert next_ticket(None, friday) == (friday, 1)
    assert next_ticket((friday, 9999), friday) == (friday, 10_000)
    assert next_ticket((friday, 7), saturday) == (saturday, 1)
    assert next_ticket((saturday, 3), friday) == (saturday, 4), "it does not go back with the clock"


def test_tickets_in_many_threads() -> None:
    """The dialplan's notes are told in another thread than the flows' facts."""
    today = date(2025, 1, 31)

    def slow_today() -> date:
        time.sleep(0)  # another thread has its turn, as it may at any time
        return today

    tickets = Tickets(None, slow_today)
    with ThreadPoolExecutor(8) as pool:
        given = [each.result() for each in [pool.submit(tickets.next) for _ in range(2000)]]
    assert sorted(given) == [ticket(today, number) for number in range(1, 2001)]


class TicketsMachine(RuleBasedStateMachine):
    """Tickets while days pass, the clock is set, and the application starts anew."""

    def __init__(self) -> None:
        super().__init__()
        self.day = date(2025, 1, 31)
        self.given: list[str] = []
        self.begin()

    def begin(self) -> None:
        last = ticket_key(self.given[-1]) if self.given else None
        self.tickets = Tickets(last, lambda: self.day)

    @rule(times=st.integers(1, 5))
    def hand_out(self, times: int) -> None:
        self.given += [self.tickets.next() for _ in range(times)]

    @rule(days=st.integers(-3, 3))
    def clock(self, days: int) -> None:
        self.day += timedelta(days=days)

    @rule()
    def restart(self) -> None:
        self.begin()

    @invariant()
    def gapless_and_growing(self) -> None:
        keys = [key for each in self.given if (key := ticket_key(each))]
        assert len(keys) == len(self.given)
        assert keys == sorted(set(keys))
        for day in {day for day, _ in keys}:
            numbers = [number for of, number in keys if of == day]
            assert numbers == list(range(1, len(numbers) + 1))


TestTickets = TicketsMachine.TestCase
