"""What the journal's facts say about a call and the desks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from msgspec import structs

from ari_app.domain.calls import STATES, CallRow, fold_call
from ari_app.domain.desk_rows import DeskRow, fold_desks
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
OFFERED_NOT: tuple[str, dict[str, Json]] = ("call.not_answered", {"desk": "1001"})
CONSULTED: tuple[str, dict[str, Json]] = ("call.consulted", {"desk": "1001", "to": "1002"})
STARTED: tuple[str, dict[str, Json]] = (
    "call.transfer_started", {"polres": "01", "desk": "1001", "desks": ["2001", "2002"]},
)  # fmt: skip
TRANSFERRED: tuple[str, dict[str, Json]] = ("call.transfer_answered", {"polres": "01", "desk": "2001"})
TAKEN_BACK: tuple[str, dict[str, Json]] = ("call.taken_back", {"polres": "01", "desk": "1001", "reason": "busy"})
OPENED: tuple[str, dict[str, Json]] = ("complaint.opened", {"ticket": "110-20250131-0001"})
TALK = (RECEIVED, OFFERED, ANSWERED)


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
        ([*TALK, ("call.classified", {"kind": "valid"})], {"kind": "valid", "emergency": False, "state": "talking"}),
        ([*TALK, ("call.classified", {"emergency": True})], {"kind": None, "emergency": True}),
        ([*TALK, ("call.classified", {"kind": "?", "emergency": 1})], {"kind": None, "emergency": False}),
        ([*TALK, ("call.held", {"desk": "1001"})], {"state": "held", "desk": "1001"}),
        ([*TALK, ("call.held", {"desk": "1001"}), ("call.resumed", {"desk": "1001"})], {"state": "talking"}),
        ([*TALK, CONSULTED], {"state": "consulting", "desk": "1001"}),
        ([*TALK, CONSULTED, ("call.consult_answered", {"desk": "1001", "to": "1002"})], {"state": "consulting"}),
        ([*TALK, CONSULTED, ("call.consult_ended", {"desk": "1001", "to": "1002"})], {"state": "talking"}),
        ([*TALK, ("call.held", {}), ("call.consult_ended", {"to": "1002"})], {"state": "held"}),
        ([*TALK, CONSULTED, ("call.conferenced", {"desk": "1001", "to": "1002"})], {"state": "talking"}),
        ([*TALK, STARTED], {"state": "transferring", "polres": "01", "desk": "1001"}),
        ([*TALK, STARTED, TRANSFERRED], {"state": "talking", "polres": "01", "desk": "2001"}),
        ([*TALK, STARTED, TAKEN_BACK], {"state": "talking", "polres": "01", "desk": "1001"}),
        ([*TALK, STARTED, ("call.taken_back", {"polres": "01", "desk": None})], {"state": "waiting", "desk": None}),
        ([*TALK, STARTED, OFFERED_NOT], {"state": "transferring", "desk": "1001"}),
        ([*TALK, ("call.referred", {"desk": "1001"})], {"state": "transferring", "desk": None}),
        ([*TALK, ("call.requeued", {"reason": "phone_lost"})], {"state": "waiting", "desk": None}),
        ([*TALK, ("call.closed", {"desk": "1001"})], {"state": "talking"}),
        ([*TALK, OPENED, ("complaint.opened", {"ticket": "later"})], {"ticket": "110-20250131-0001"}),
        ([*TALK, ("call.recorded", {"sha256": "ab"})], {"recording_sha256": "ab"}),
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


@pytest.mark.parametrize(
    ("told", "contact"),
    [
        (("radio.patched", {"net": "300", "desk": "1001"}), None),
        (("radio.keyed", {"net": "300", "by": "officer"}), None),
        (("radio.keyed", {"net": "300", "by": "desk", "desk": "1001"}), 2),
        (("radio.announced", {"net": "300", "said": False}), None),
        (("radio.announced", {"net": "300", "said": True}), 2),
        (("call.transfer_answered", {"polres": "07", "desk": "2071"}), 2),
    ],
)
def test_somebody_has_heard_of_an_emergency(told: tuple[str, dict[str, Json]], contact: int | None) -> None:
    """A net that was only dialled has heard nothing: its gateway may be away."""
    row = _fold(("call.received", {}), told)
    assert row.contact_at == (None if contact is None else record(contact, "x").at)


def test_an_emergency_is_announced_after_its_call() -> None:
    row = _fold(("call.received", {}), ("call.ended", {"outcome": "answered"}), ("radio.announced", {"said": True}))
    assert row.contact_at == record(3, "x").at


def test_the_first_answer_counts() -> None:
    assert _fold(RECEIVED, ANSWERED, ("call.answered", {"desk": "1002"})).answered_at == "at 2"


@given(records())
def test_any_story_gives_a_row_that_makes_sense(story: list[Record]) -> None:
    row: CallRow | None = None
    for each in story:
        before, row = row, fold_call(row, structs.replace(each, call="c"))
        assert (row is None) == (before is None and not each.action.startswith("call."))
        if row is None:
            continue
        assert row.state in STATES
        assert (row.state == "ended") == (row.outcome is not None) == (row.ended_at is not None)
        assert row.state != "talking" or row.answered_at or each.action != "call.answered"
        if before is not None:
            assert row.first_seq == before.first_seq
        if before is not None and before.state == "ended":
            assert replace(row, marked_at=before.marked_at) == before, "what has ended can only be marked"


def test_a_record_without_a_call_is_about_none() -> None:
    assert fold_call(None, record(1, "desk.registered", data={"desk": "1001"})) is None


def test_what_is_said_about_a_call_begins_none() -> None:
    assert fold_call(None, record(1, "recording.deleted", call="x")) is None


def test_the_operator_changes_with_the_call() -> None:
    """SOP V.7, V.10: whoever has the caller; the Polda operator again after a take-back."""
    row: CallRow | None = None
    steps: list[tuple[str, str, dict[str, Json], str | None]] = [
        ("caller", *RECEIVED, None),
        ("operator:7001", *ANSWERED, "7001"),
        ("operator:7001", *STARTED, "7001"),
        ("operator:7001", *TAKEN_BACK, "7001"),
        ("operator:7001", *STARTED, "7001"),
        ("operator:8001", *TRANSFERRED, "8001"),
        ("system", "call.requeued", {"reason": "phone_lost"}, None),
        ("desk:1002", "call.answered", {"desk": "1002"}, None),
    ]
    for seq, (actor, action, data, operator) in enumerate(steps, 1):
        row = fold_call(row, record(seq, action, call="c", data=data, actor=actor))
        assert row is not None
        assert row.operator == operator, action
    assert row is not None
    assert (row.answered_at, row.polres, row.desk) == ("at 2", "01", "1002")


# ---- desks


class Floor:
    """All desks, as facts come."""

    def __init__(self) -> None:
        self.rows: dict[str, DeskRow] = {}
        self.seq = 0

    def tell(self, action: str, call: str | None = None, /, **data: Json) -> None:
        self.seq += 1
        changed = fold_desks(self.rows, record(self.seq, action, call=call, data=data))
        assert all(row != self.rows.get(extension) for extension, row in changed.items())
        self.rows |= changed

    def busy(self) -> dict[str, tuple[str | None, str | None]]:
        return {name: (row.call, row.activity) for name, row in self.rows.items() if row.call or row.activity}


@pytest.fixture
def floor() -> Floor:
    return Floor()


def test_phone(floor: Floor) -> None:
    floor.tell("desk.registered", desk="1001")
    floor.tell("desk.registered", desk="1001")
    assert floor.rows == {"1001": DeskRow("1001", registered=True, since="at 1")}
    floor.tell("call.answered", "a", desk="1001")
    floor.tell("desk.unregistered", desk="1001")
    assert floor.rows["1001"] == DeskRow("1001", since="at 4", call="a", activity="talking")


def test_call_at_a_desk(floor: Floor) -> None:
    floor.tell("call.offered", "a", desk="1001")
    floor.tell("call.not_answered", "b", desk="1001")
    assert floor.busy() == {"1001": ("a", "ringing")}
    floor.tell("call.not_answered", "a", desk="1001")
    assert floor.busy() == {}
    for desk in ("1001", "1002"):
        floor.tell("call.offered", "a", desk=desk)
    floor.tell("call.answered", "a", desk="1002")
    assert floor.busy() == {"1002": ("a", "talking")}, "when one of several answers, the others are free"
    floor.tell("call.ended", "b")
    assert floor.busy() == {"1002": ("a", "talking")}
    floor.tell("call.ended", "a")
    assert floor.busy() == {}


def test_transfer_and_take_back(floor: Floor) -> None:
    """SOP V.6 to V.10."""
    floor.tell("call.answered", "a", desk="1001")
    floor.tell("call.transfer_started", "a", polres="01", desk="1001", desks=["2001", "2002"])
    ringing = {"1001": ("a", "talking"), "2001": ("a", "ringing"), "2002": ("a", "ringing")}
    assert floor.busy() == ringing
    floor.tell("call.taken_back", "a", polres="01", desk="1001", reason="no_answer")
    assert floor.busy() == {"1001": ("a", "talking")}
    floor.tell("call.transfer_started", "a", polres="01", desk="1001", desks=["2001", "2002"])
    floor.tell("call.transfer_answered", "a", polres="01", desk="2002")
    assert floor.busy() == {"2002": ("a", "talking")}
    floor.tell("call.requeued", "a", reason="phone_lost")
    assert floor.busy() == {}


def test_closed(floor: Floor) -> None:
    """The operator is free while the caller hears the closing salutation."""
    floor.tell("call.answered", "a", desk="1001")
    floor.tell("call.closed", "a", desk="1001")
    assert floor.busy() == {}


def test_transfer_by_the_phone(floor: Floor) -> None:
    floor.tell("call.answered", "a", desk="1001")
    floor.tell("call.referred", "a", desk="1001", to="201")
    floor.tell("call.transfer_started", "a", polres="01", desk=None, desks=["2001"])
    assert floor.busy() == {"2001": ("a", "ringing")}
    floor.tell("call.taken_back", "a", polres="01", desk=None, reason="no_answer")
    assert floor.busy() == {}


def test_a_colleague_is_joined_with_the_caller_by_the_phone(floor: Floor) -> None:
    """Their talk with each other is over, and not the one with the caller."""
    floor.tell("call.answered", "a", desk="1001")
    floor.tell("desk.talking", desk="1001", to="1002")
    floor.tell("call.referred", "a", desk="1001", to="a channel")
    floor.tell("call.resumed", "a", desk="1002")
    floor.tell("desk.free", desk="1001", to="1002")
    assert floor.busy() == {"1002": ("a", "talking")}


def test_consultation(floor: Floor) -> None:
    floor.tell("call.answered", "a", desk="1001")
    floor.tell("call.consulted", "a", desk="1001", to="1002")
    assert floor.busy() == {"1001": ("a", "talking"), "1002": ("a", "ringing")}
    floor.tell("call.consult_answered", "a", desk="1001", to="1002")
    floor.tell("call.conferenced", "a", desk="1001", to="1002")
    assert floor.busy() == {"1001": ("a", "talking"), "1002": ("a", "talking")}
    floor.tell("call.consult_ended", "a", desk="1001", to="1002")
    assert floor.busy() == {"1001": ("a", "talking")}
    floor.tell("call.fallback", "a")
    assert floor.busy() == {}


def test_adopted(floor: Floor) -> None:
    floor.tell("call.offered", "a", desk="1001")
    floor.tell("call.adopted", "a", state="talking", desk="1002")
    assert floor.busy() == {"1002": ("a", "talking")}
    floor.tell("call.adopted", "a", state="waiting")
    assert floor.busy() == {}


def test_people(floor: Floor) -> None:
    floor.tell("operator.logged_in", operator="7001", desk="1001")
    floor.tell("operator.not_ready", operator="7001", desk="1001", reason="prayer")
    assert floor.rows["1001"] == DeskRow("1001", operator="7001", ready=False, reason="prayer")
    floor.tell("operator.ready", operator="7001", desk="1001")
    assert floor.rows["1001"] == DeskRow("1001", operator="7001")
    floor.tell("operator.logged_out", operator="7002", desk="1001")
    assert floor.rows["1001"].operator == "7001"
    floor.tell("operator.not_ready", desk="1001", reason="rest")
    floor.tell("operator.logged_in", operator="7001", desk="1002")
    assert floor.rows == {"1001": DeskRow("1001"), "1002": DeskRow("1002", operator="7001")}, "at one desk only"
    floor.tell("operator.removed", operator="7001")
    assert floor.rows["1002"] == DeskRow("1002")


@given(records(max_size=40))
def test_a_desk_has_an_activity_exactly_when_it_has_a_call(story: list[Record]) -> None:
    rows: dict[str, DeskRow] = {}
    for each in story:
        rows |= fold_desks(rows, each)
        assert all((row.call is None) == (row.activity is None) for row in rows.values())
        assert all(extension == row.extension for extension, row in rows.items())
        people = [row.operator for row in rows.values() if row.operator]
        assert len(people) == len(set(people))
        there = [row for row in rows.values() if each.call is not None and row.call == each.call]
        if each.action == "call.ended":
            assert not there
        elif each.action == "call.requeued":  # who listens goes on, to music
            assert all(row.activity == "monitoring" for row in there)


@pytest.mark.parametrize("data", [{}, {"desk": ""}, {"desk": None}, {"desk": 1001}])
def test_records_that_are_about_no_desk(data: dict[str, Json]) -> None:
    assert fold_desks({}, record(1, "call.offered", call="a", data=data)) == {}
