"""The table of a desk's moves, and which desks may be rung (SOP V.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from ari_app.domain.desks import (
    MOVES,
    Desk,
    DeskEvent,
    DeskState,
    IllegalMove,
    Pause,
    is_last_at_work,
    longest_idle_first,
    move,
    next_rested,
    pausing,
    with_phone,
)

_times = st.floats(0, 1e6)
_extensions = st.integers(1000, 1009).map(str)
desks = st.builds(
    Desk,
    _extensions,
    state=st.sampled_from(DeskState),
    registered=st.booleans(),
    staffed=st.booleans(),
    ready=st.booleans(),
    idle_since=_times,
    pause=st.sampled_from(Pause),
    pause_until=_times,
)
floors = st.lists(desks, unique_by=lambda desk: desk.extension)


@given(desks, st.sampled_from(DeskEvent), _times)
def test_only_moves_of_the_table(desk: Desk, event: DeskEvent, now: float) -> None:
    """And a move changes nothing of the phone and the people."""
    if (desk.state, event) not in MOVES:
        with pytest.raises(IllegalMove, match=desk.extension):
            move(desk, event, now=now, call="c")
        return
    after = move(desk, event, now=now, call="c")
    assert after.state is MOVES[desk.state, event]
    kept = replace(after, state=desk.state, call=desk.call, idle_since=desk.idle_since)
    assert kept == desk


def test_every_state_can_be_reached_and_left() -> None:
    assert {state for state, _ in MOVES} == set(MOVES.values()) == set(DeskState)
    assert {event for _, event in MOVES} == set(DeskEvent)


@given(floors)
def test_the_longest_idle_comes_first(some: list[Desk]) -> None:
    found = longest_idle_first(some)
    assert sorted(found, key=str) == sorted(some, key=str)
    assert [desk.idle_since for desk in found] == sorted(desk.idle_since for desk in some)


@given(st.permutations([Desk(str(n), registered=True, idle_since=5.0) for n in range(5)]))
def test_the_order_in_which_desks_are_listed_does_not_matter(some: list[Desk]) -> None:
    assert [desk.extension for desk in longest_idle_first(some)] == ["0", "1", "2", "3", "4"]


@given(floors, _times)
def test_when_somebody_has_rested_somebody_can_be_rung(some: list[Desk], now: float) -> None:
    moment = next_rested(some, now)
    resting = [desk for desk in some if desk.state is DeskState.FREE and desk.is_pausing(now)]
    assert (moment is None) == (not resting)
    if moment is not None:
        assert moment > now
        assert [desk for desk in resting if not desk.is_pausing(moment)]


@given(floors)
def test_the_last_at_work_is_one_without_whom_nobody_would_be(some: list[Desk]) -> None:
    at_work = {desk.extension for desk in some if desk.is_at_work}
    for desk in some:
        assert is_last_at_work(desk.extension, some) == (at_work <= {desk.extension})


@given(desks, _times)
def test_who_can_take_a_call_can_be_rung(desk: Desk, now: float) -> None:
    """In need rings also who is not ready, or wraps up, but no phone that has just refused."""
    if desk.can_take(now):
        assert desk.can_ring(now)
    if desk.can_ring(now):
        assert desk.registered
        assert desk.state is DeskState.FREE
        assert not (desk.pause is Pause.REFUSED and desk.is_pausing(now))


class DeskLife(RuleBasedStateMachine):
    """Anything that can happen to a desk, in any order, beside what is known of it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.desk = Desk("1001")
        self.registered = False
        self.call: str | None = None
        self.verifies = False
        self.idle_since = 0.0
        self.left_alone: tuple[Pause, float] = (Pause.NONE, 0.0)

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(registered=st.booleans())
    def phone(self, registered: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name
        """Who registers anew need not rest: a phone that was switched on again is offered calls at once."""
        if registered and not self.registered:
            self.left_alone = (Pause.NONE, 0.0)
            self.idle_since = self.now if self.call is None else self.idle_since
        self.registered = registered
        self.desk = with_phone(self.desk, registered=registered, now=self.now)

    @rule(staffed=st.booleans(), ready=st.booleans())
    def people(self, staffed: bool, ready: bool) -> None:  # noqa: FBT001 - Hypothesis passes them by name
        self.desk = replace(self.desk, staffed=staffed, ready=ready)

    @precondition(lambda self: self.desk.can_ring(self.now))
    @rule(call=st.uuids().map(str), verifies=st.booleans())
    def offer(self, call: str, verifies: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name
        self.desk = move(self.desk, DeskEvent.OFFER, now=self.now, call=call, verifies=verifies)
        self.call, self.verifies = call, verifies

    @precondition(lambda self: self.desk.state is DeskState.RINGING)
    @rule()
    def answer(self) -> None:
        self.desk = move(self.desk, DeskEvent.ANSWER, now=self.now)

    @precondition(lambda self: self.call is None)
    @rule(call=st.uuids().map(str))
    def take(self, call: str) -> None:
        self.desk = move(self.desk, DeskEvent.TAKE, now=self.now, call=call)
        self.call = call

    @precondition(lambda self: self.call is not None)
    @rule(pause=st.sampled_from([(Pause.NONE, 0.0), (Pause.REFUSED, 2.0), (Pause.WRAP_UP, 15.0)]))
    def release(self, pause: tuple[Pause, float]) -> None:
        self.desk = move(self.desk, DeskEvent.RELEASE, now=self.now)
        self.call, self.idle_since, self.verifies = None, self.now, False
        if pause[0] is not Pause.NONE:
            self.left_alone = (pause[0], self.now + pause[1])
            self.desk = pausing(self.desk, *self.left_alone)

    @rule(event=st.sampled_from(DeskEvent))
    def what_is_not_possible_is_refused(self, event: DeskEvent) -> None:
        """And nothing has changed."""
        if (self.desk.state, event) not in MOVES:
            with pytest.raises(IllegalMove, match="1001"):
                move(self.desk, event, now=self.now, call="other")

    @precondition(lambda self: self.call is None)
    @rule()
    def end_the_pause(self) -> None:
        self.left_alone = (Pause.NONE, self.now)
        self.desk = pausing(self.desk, *self.left_alone)

    @invariant()
    def it_has_a_call_exactly_when_it_rings_or_talks(self) -> None:
        assert self.desk.call == self.call
        assert self.desk.verifies == self.verifies, "a blocked number's, for as long as it is there"
        assert (self.desk.state is DeskState.FREE) == (self.call is None)

    @invariant()
    def it_has_been_idle_since_it_was_last_released_or_came(self) -> None:
        assert self.desk.idle_since == self.idle_since

    @invariant()
    def it_is_rung_only_where_that_makes_sense(self) -> None:
        pause, until = self.left_alone
        is_free = self.registered and self.call is None
        rests = until > self.now
        assert self.desk.registered == self.registered
        assert self.desk.can_ring(self.now) == (is_free and not (rests and pause is Pause.REFUSED))
        assert self.desk.can_take(self.now) == (is_free and not rests and self.desk.staffed and self.desk.ready)


TestDeskLife = DeskLife.TestCase
