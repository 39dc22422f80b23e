"""The table of a desk's moves, and who is rung next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ari_app.domain.desks import MOVES, Desk, DeskEvent, DeskState, IllegalMove, move, next_desk, next_rested

_times = st.floats(0, 1e6)
_extensions = st.integers(1000, 1009).map(str)
_desks = st.builds(Desk, _extensions, st.sampled_from(DeskState), st.booleans(), idle_since=_times, rest_until=_times)
_floor = st.lists(_desks, unique_by=lambda desk: desk.extension)


@given(_desks, st.sampled_from(DeskEvent), _times)
def test_only_moves_of_the_table(desk: Desk, event: DeskEvent, now: float) -> None:
    if (desk.state, event) in MOVES:
        after = move(desk, event, now=now, call="c")
        assert after.extension == desk.extension
        assert after.state in {MOVES[desk.state, event], DeskState.AWAY}
    else:
        with pytest.raises(IllegalMove, match=desk.extension):
            move(desk, event, now=now, call="c")


@given(_floor, _times)
def test_the_next_desk_is_free_and_idle_the_longest(desks: list[Desk], now: float) -> None:
    free = [desk for desk in desks if desk.state is DeskState.IDLE and desk.rest_until <= now]
    found = next_desk(desks, now)
    if found is None:
        assert free == []
    else:
        assert found in free
        assert found.idle_since == min(desk.idle_since for desk in free)


@given(_floor, _times)
def test_when_somebody_has_rested_somebody_can_be_rung(desks: list[Desk], now: float) -> None:
    moment = next_rested(desks, now)
    if moment is None:
        assert not [desk for desk in desks if desk.state is DeskState.IDLE and desk.rest_until > now]
    else:
        assert moment > now
        assert next_desk(desks, moment) is not None


@given(st.permutations([Desk(str(n), DeskState.IDLE, registered=True, idle_since=n) for n in range(5)]))
def test_the_order_in_which_desks_are_listed_does_not_matter(desks: list[Desk]) -> None:
    found = next_desk(desks, 10.0)
    assert found is not None
    assert found.extension == "0"


class DeskLife(RuleBasedStateMachine):
    """Anything that can happen to a desk, in any order, beside what is known of it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.desk = Desk("1001")
        self.registered = False
        self.call: str | None = None
        self.released_at: float | None = None

    def _move(self, event: DeskEvent, **more: object) -> None:
        self.desk = move(self.desk, event, now=self.now, **more)  # type: ignore[arg-type]  # as drawn

    @initialize(registered=st.booleans())
    def begin(self, registered: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name
        if registered:
            self.register()

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def register(self) -> None:
        was_away = self.desk.state is DeskState.AWAY
        idle_since = self.desk.idle_since
        self._move(DeskEvent.REGISTERED)
        self.registered = True
        assert self.desk.idle_since == (self.now if was_away else idle_since), "registering again is no place lost"

    @rule()
    def unregister(self) -> None:
        self._move(DeskEvent.UNREGISTERED)
        self.registered = False

    @precondition(lambda self: next_desk([self.desk], self.now) is not None)
    @rule(call=st.uuids().map(str))
    def offer(self, call: str) -> None:
        self._move(DeskEvent.OFFER, call=call)
        self.call = call

    @precondition(lambda self: self.desk.state is DeskState.RINGING)
    @rule()
    def answer(self) -> None:
        self._move(DeskEvent.ANSWER)

    @precondition(lambda self: self.desk.state in {DeskState.AWAY, DeskState.IDLE})
    @rule(call=st.uuids().map(str))
    def adopt(self, call: str) -> None:
        self._move(DeskEvent.ADOPT, call=call)
        self.call = call

    @precondition(lambda self: self.call is not None)
    @rule(rest=st.sampled_from((0.0, 2.0)))
    def release(self, rest: float) -> None:
        self._move(DeskEvent.RELEASE, rest=rest)
        self.call = None
        assert self.desk.idle_since == self.now
        assert self.desk.rest_until == self.now + rest

    @invariant()
    def it_has_a_call_exactly_when_it_rings_or_talks(self) -> None:
        assert self.desk.call == self.call
        assert (self.desk.state in {DeskState.RINGING, DeskState.TALKING}) == (self.call is not None)

    @invariant()
    def only_a_registered_free_desk_is_idle(self) -> None:
        assert self.desk.registered == self.registered
        if self.call is None:
            assert self.desk.state is (DeskState.IDLE if self.registered else DeskState.AWAY)

    @invariant()
    def a_desk_without_a_phone_or_with_a_call_is_never_rung(self) -> None:
        found = next_desk([self.desk], self.now)
        assert found is None or (self.registered and self.call is None and self.desk.rest_until <= self.now)


TestDeskLife = DeskLife.TestCase


def test_a_phone_that_registers_anew_need_not_rest() -> None:
    """It refused a call, was switched off and on again: the caller who waits gets it at once."""
    desk = move(Desk("1001", DeskState.TALKING, registered=True), DeskEvent.RELEASE, now=10.0, rest=2.0)
    assert next_desk([desk], 10.5) is None
    desk = move(desk, DeskEvent.UNREGISTERED, now=10.6)
    desk = move(desk, DeskEvent.REGISTERED, now=10.7)
    assert next_desk([desk], 10.7) == desk
