"""Who is logged in where: the fold of the facts, and any order of logins, logouts and removals."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ari_app.domain.facts import Fact, Json, Record
from ari_app.domain.operators import (
    PEOPLE,
    SEATS,
    NotReady,
    Operator,
    RosterState,
    Seat,
    fold,
    is_name,
    is_nrp,
    is_pin,
)
from ari_app.flows.roster import RosterRefused
from tests.unit.roster_site import ACTOR, DESKS, UNITS, Floor


def told(*facts: tuple[str, dict[str, Json]]) -> RosterState:
    state = RosterState()
    for action, data in facts:
        state = fold(state, Fact("system", action, data=data))
    return state


ANI: tuple[str, dict[str, Json]] = ("operator.added", {"operator": "11111", "name": "Ani", "unit": "polda"})
BUDI: tuple[str, dict[str, Json]] = ("operator.added", {"operator": "22222", "name": "Budi", "unit": "polda"})


@pytest.mark.parametrize(
    ("text", "nrp", "pin"),
    [
        ("1234", True, True),
        ("123", False, False),
        ("12345678", True, True),
        ("123456789", True, False),
        ("1" * 18, True, False),
        ("1" * 19, False, False),
        ("1234\n", False, False),
        ("١٢٣٤", False, False),
        ("12a4", False, False),
        ("", False, False),
    ],
)
def test_what_can_be_an_nrp_or_a_pin(text: str, nrp: bool, pin: bool) -> None:  # noqa: FBT001 - what is expected
    assert (is_nrp(text), is_pin(text)) == (nrp, pin)


@pytest.mark.parametrize("name", ["Bripda Ani", "A", "Sri-Wahyuni, S.H.", "é" * 80])
def test_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", " ", " Ani", "Ani ", "A\nB", "\x1b[31m", "x" * 81, "\ud800"])
def test_what_is_no_name(name: str) -> None:
    assert not is_name(name)


def test_logging_in_makes_ready() -> None:
    state = told(ANI, ("operator.not_ready", {"operator": None, "desk": "1001", "reason": "no_answer"}))
    assert state.seat("1001") == Seat(None, ready=False, reason="no_answer")
    state = fold(state, Fact("system", "operator.logged_in", data={"operator": "11111", "desk": "1001"}))
    assert state.seat("1001") == Seat("11111")
    assert state.desk_of("11111") == "1001"
    assert state.operators["11111"] == Operator("11111", "Ani", "polda")


def test_even_without_a_logout_one_desk_and_one_operator() -> None:
    login = "operator.logged_in"
    state = told(ANI, BUDI, (login, {"operator": "11111", "desk": "1001"}), (login, {"operator": "11111", "desk": "2"}))
    assert state.seats == {"2": Seat("11111")}
    state = fold(state, Fact("system", login, data={"operator": "22222", "desk": "2"}))
    assert state.seats == {"2": Seat("22222")}


def test_who_is_ready_at_a_desk_is_there() -> None:
    """A journal of many years is not read from its beginning: the login may lie before."""
    state = told(ANI, ("operator.not_ready", {"operator": "11111", "desk": "1001", "reason": "rest"}))
    assert state.seats == {"1001": Seat("11111", ready=False, reason="rest")}
    state = fold(state, Fact("system", "operator.ready", data={"operator": "99999", "desk": "1001"}))
    assert state.seats == {"1001": Seat("11111")}, "nobody knows this one"


def test_removed_is_logged_out() -> None:
    state = told(
        ANI, ("operator.logged_in", {"operator": "11111", "desk": "1001"}), ("operator.removed", {"operator": "11111"})
    )
    assert state == RosterState()


def test_a_late_logout_leaves_the_next_one_where_they_are() -> None:
    state = told(
        ANI,
        BUDI,
        ("operator.logged_in", {"operator": "22222", "desk": "1001"}),
        ("operator.logged_out", {"operator": "11111", "desk": "1001", "reason": "own"}),
    )
    assert state.seat("1001") == Seat("22222")


def test_since() -> None:
    def record(seq: int, action: str, **data: Json) -> Record:
        return Record(seq, f"2025-01-31T08:00:0{seq}.000+07:00", "system", action, None, data, "")

    state = fold(RosterState(), record(1, "operator.added", operator="11111", name="Ani", unit="polda"))
    state = fold(state, record(2, "operator.added", operator="22222", name="Budi", unit="polda"))
    state = fold(state, record(3, "operator.logged_in", operator="11111", desk="1001"))
    assert state.since == {"11111": "2025-01-31T08:00:03.000+07:00", "22222": "2025-01-31T08:00:02.000+07:00"}
    assert fold(state, record(4, "operator.removed", operator="11111")).since.keys() == {"22222"}


_texts = st.sampled_from(["11111", "22222", "1001", "1002", "rest", "", "Ani"])
_values = st.none() | st.booleans() | st.integers() | _texts | st.lists(_texts, max_size=2)
_data = st.dictionaries(st.sampled_from(["operator", "desk", "reason", "name", "unit"]), _values)
_actions = st.sampled_from([*PEOPLE, *SEATS, "operator.refused", "desk.locked", "call.received", ""])


@given(st.lists(st.tuples(_actions, _data), max_size=30))
def test_no_fact_breaks_it(facts: list[tuple[str, dict[str, Json]]]) -> None:
    """A journal of another program, or a damaged one, must not keep the application from starting."""
    state = told(*facts)
    at_work = [seat.operator for seat in state.seats.values() if seat.operator is not None]
    assert len(at_work) == len(set(at_work))
    assert set(at_work) <= state.operators.keys()


_nrps = st.sampled_from(["11111", "22222", "33333", "44444"])
_desks = st.sampled_from([*DESKS, "9999"])


class Shift(RuleBasedStateMachine):
    """Anything that supervisors and phones can do, in any order, beside what is known of it."""

    def __init__(self) -> None:
        super().__init__()
        self.floor = Floor()
        self.roster = self.floor.roster
        self.units: dict[str, str] = {}
        self.at: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self.pins: dict[str, str] = {}

    def _staffed(self, desk: str) -> bool:
        return desk in DESKS and (not DESKS[desk].login or desk in self.at)

    def _left(self, nrp: str) -> None:
        for desk in [desk for desk, who in self.at.items() if who == nrp]:
            del self.at[desk]
            self.reasons.pop(desk, None)

    @rule(nrp=_nrps, unit=st.sampled_from([*UNITS, "99"]))
    def add(self, nrp: str, unit: str) -> None:
        if nrp in self.units or unit not in UNITS:
            with pytest.raises(RosterRefused):
                asyncio.run(self.roster.add(nrp, "Nama", unit, "1234", ACTOR))
            return
        asyncio.run(self.roster.add(nrp, "Nama", unit, "1234", ACTOR))
        self.units[nrp] = unit

    @rule(nrp=_nrps)
    def remove(self, nrp: str) -> None:
        if nrp not in self.units:
            with pytest.raises(RosterRefused):
                asyncio.run(self.roster.remove(nrp, ACTOR))
            return
        asyncio.run(self.roster.remove(nrp, ACTOR))
        self._left(nrp)
        del self.units[nrp]

    @rule(nrp=_nrps, desk=_desks)
    def login(self, nrp: str, desk: str) -> None:
        if desk not in DESKS or self.units.get(nrp) != DESKS[desk].unit:
            with pytest.raises(RosterRefused):
                self.roster.login(nrp, desk, ACTOR)
            return
        self.roster.login(nrp, desk, ACTOR)
        self._left(nrp)
        self.at[desk] = nrp
        self.reasons.pop(desk, None)

    @rule(desk=_desks, reason=st.sampled_from(["own", "supervisor"]))
    def logout(self, desk: str, reason: str) -> None:
        if desk not in self.at:
            with pytest.raises(RosterRefused):
                self.roster.logout(desk, ACTOR, reason)
            return
        self.roster.logout(desk, ACTOR, reason)
        self._left(self.at[desk])

    @rule(desk=_desks)
    def ready(self, desk: str) -> None:
        if not self._staffed(desk):
            with pytest.raises(RosterRefused):
                self.roster.ready(desk, ACTOR)
            return
        self.roster.ready(desk, ACTOR)
        self.reasons.pop(desk, None)

    @rule(desk=_desks, reason=st.sampled_from([each for each in NotReady if each != NotReady.NO_ANSWER]))
    def not_ready(self, desk: str, reason: str) -> None:
        if not self._staffed(desk):
            with pytest.raises(RosterRefused):
                self.roster.not_ready(desk, reason, ACTOR)
            return
        self.roster.not_ready(desk, reason, ACTOR)
        self.reasons[desk] = reason

    @rule(desk=_desks)
    def let_ring(self, desk: str) -> None:
        self.roster.not_ready(desk, "no_answer", "system")
        if self._staffed(desk):
            self.reasons.setdefault(desk, "no_answer")

    @rule(desk=_desks)
    def phone_came(self, desk: str) -> None:
        self.roster.phone_came(desk)
        if desk in DESKS and not DESKS[desk].login and self.reasons.get(desk) == "no_answer":
            del self.reasons[desk]

    @rule()
    def restart(self) -> None:
        before = self.floor
        self.floor = Floor(before.roster.state)
        self.floor.pins.pins.update(before.pins.pins)
        assert self.floor.told == [], "nothing has changed"
        self.floor.told.extend(before.told)
        self.roster = self.floor.roster

    @invariant()
    def it_is_as_it_was_done(self) -> None:
        assert {operator.nrp: operator.unit for operator in self.roster.operators()} == self.units
        for desk in [*DESKS, "9999"]:
            assert self.roster.operator_at(desk) == self.at.get(desk)
            assert self.roster.is_staffed(desk) == self._staffed(desk)
            assert self.roster.reason(desk) == self.reasons.get(desk)
            assert self.roster.is_ready(desk) == (self._staffed(desk) and desk not in self.reasons)
        for nrp in self.units:
            assert self.roster.desk_of(nrp) == next((desk for desk, who in self.at.items() if who == nrp), None)

    @invariant()
    def one_desk_for_one_operator(self) -> None:
        everybody = [seat.operator for seat in self.roster.state.seats.values() if seat.operator is not None]
        assert len(everybody) == len(set(everybody))

    @invariant()
    def whoever_reads_the_facts_comes_to_the_same(self) -> None:
        state = RosterState()
        for fact in self.floor.told:
            state = fold(state, fact)
        assert state == self.roster.state

    @invariant()
    def each_login_has_its_logout(self) -> None:
        """Whoever counts hours needs no other rule than these two facts."""
        at: dict[str, str] = {}
        for fact in self.floor.told:
            nrp, desk = str(fact.data.get("operator")), str(fact.data.get("desk"))
            if fact.action == "operator.logged_in":
                assert desk not in at
                assert nrp not in at.values()
                at[desk] = nrp
            elif fact.action == "operator.logged_out":
                assert at.pop(desk) == nrp
        assert at == self.at


TestShift = Shift.TestCase


def test_a_desk_that_is_gone_logs_its_operator_out() -> None:
    state = told(
        ANI,
        BUDI,
        ("operator.logged_in", {"operator": "11111", "desk": "1001"}),
        ("operator.logged_in", {"operator": "22222", "desk": "1002"}),
    )
    floor = Floor(state, {"1002": replace(DESKS["1002"], unit="01")})
    assert [(fact.action, fact.data["operator"], fact.data["reason"]) for fact in floor.told] == [
        ("operator.logged_out", "11111", "removed"),
        ("operator.logged_out", "22222", "removed"),
    ]
    assert floor.roster.desk_of("11111") is floor.roster.desk_of("22222") is None
