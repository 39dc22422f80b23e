"""A net's floor: its table, and what must be true of it whatever happens in whatever order (SOP VII.d)."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ari_app.domain.radio import (
    MOVES,
    NEVER,
    OFFICER,
    Began,
    Ended,
    Floor,
    FloorEvent,
    FloorRules,
    FloorState,
    Happened,
    Reason,
    Refused,
    step,
    tick,
)

RULES: Final = FloorRules(attack=0.1, hang=0.5, lead=0.3, longest=60.0)
AT_ONCE: Final = FloorRules(attack=0.1, hang=0.5, lead=0.0, longest=60.0)
A, B = "leg-a", "leg-b"


class Net:
    """A floor with a clock."""

    def __init__(self, rules: FloorRules = RULES) -> None:
        self.rules, self.now, self.floor = rules, 100.0, Floor()
        self.happened: list[Happened] = []

    def do(self, event: FloorEvent, who: str = "", *, after: float = 0.0) -> list[Happened]:
        self.now += after
        self.floor, happened = step(self.floor, event, now=self.now, rules=self.rules, who=who)
        self.happened += happened
        return happened

    def wait(self, seconds: float) -> list[Happened]:
        self.now += seconds
        self.floor, happened = tick(self.floor, now=self.now, rules=self.rules)
        self.happened += happened
        return happened


def test_an_operator_keys_and_unkeys_at_once() -> None:
    """Without a lead-in the operator is on the net with the key, and off it with the next."""
    net = Net(AT_ONCE)
    assert net.do(FloorEvent.KEY, A) == [Began(A, 100.0)]
    assert (net.floor.state, net.floor.voice, net.floor.transmits) == (FloorState.KEYED, A, True)
    assert net.do(FloorEvent.UNKEY, A, after=2.0) == [Ended(A, 100.0, 102.0, Reason.UNKEYED)]
    assert net.floor == Floor()


def test_the_lead_in_and_the_tail_are_as_long_as_the_delay() -> None:
    """The transmitter is up before the first word, and until after the last one."""
    net = Net()
    net.do(FloorEvent.KEY, A)
    assert (net.floor.voice, net.floor.transmits) == ("", True)
    net.wait(0.31)
    assert net.floor.voice == A
    net.do(FloorEvent.UNKEY, A)
    assert (net.floor.voice, net.floor.transmits) == (A, True)
    net.wait(0.29)
    assert net.floor.transmits
    assert [each.reason for each in net.wait(0.02) if isinstance(each, Ended)] == [Reason.UNKEYED]
    assert not net.floor.transmits


def test_who_keys_again_in_the_tail_goes_on_with_the_same_transmission() -> None:
    net = Net()
    net.do(FloorEvent.KEY, A)
    net.do(FloorEvent.UNKEY, A, after=1.0)
    assert net.do(FloorEvent.KEY, A, after=0.1) == []
    assert (net.floor.state, net.floor.since) == (FloorState.KEYED, 100.0)


def test_an_officer_is_on_the_air_when_the_talk_is_long_enough() -> None:
    """It began when the talk did; pauses shorter than the hang time belong to it."""
    net = Net()
    assert net.do(FloorEvent.TALK_BEGAN) == []
    assert net.wait(0.1) == [Began(OFFICER, 100.0)]
    net.do(FloorEvent.TALK_ENDED, after=2.0)
    net.do(FloorEvent.TALK_BEGAN, after=0.4)
    net.do(FloorEvent.TALK_ENDED, after=1.0)
    (ended,) = net.wait(0.6)
    assert isinstance(ended, Ended)
    assert (ended.talker, ended.since, ended.reason) == (OFFICER, 100.0, Reason.SILENT)
    assert ended.at == pytest.approx(104.0)


def test_a_click_is_no_talk_but_nobody_keys_over_it() -> None:
    net = Net()
    net.do(FloorEvent.TALK_BEGAN)
    assert net.do(FloorEvent.KEY, A, after=0.02) == [Refused(A)]
    assert net.do(FloorEvent.TALK_ENDED, after=0.06) == []
    assert net.floor == Floor()


def test_a_busy_floor_refuses_the_key() -> None:
    net = Net(AT_ONCE)
    net.do(FloorEvent.KEY, A)
    assert net.do(FloorEvent.KEY, B) == [Refused(B)]
    assert net.do(FloorEvent.UNKEY, B) == []
    assert net.floor.voice == A
    net.do(FloorEvent.UNKEY, A)
    net.do(FloorEvent.TALK_BEGAN)
    net.wait(1.0)
    assert net.do(FloorEvent.KEY, A) == [Refused(A)]


def test_an_emergency_takes_over() -> None:
    """From another operator with the transmitter up; from an officer with a lead-in."""
    net = Net()
    net.do(FloorEvent.KEY, A)
    net.wait(1.0)
    assert net.do(FloorEvent.TAKE_OVER, B) == [Ended(A, 100.0, 101.0, Reason.TAKEN_OVER), Began(B, 101.0)]
    assert (net.floor.state, net.floor.voice, net.floor.ends) == (FloorState.KEYED, B, 161.0)
    net.do(FloorEvent.UNKEY, B)
    net.wait(1.0)
    net.do(FloorEvent.TALK_BEGAN)
    net.wait(1.0)
    assert [type(each) for each in net.do(FloorEvent.TAKE_OVER, A)] == [Ended, Began]
    assert (net.floor.state, net.floor.talker) == (FloorState.LEADING, A)


def test_an_officer_who_talks_when_the_operator_unkeys_has_the_floor() -> None:
    net = Net(AT_ONCE)
    net.do(FloorEvent.KEY, A)
    net.do(FloorEvent.TALK_BEGAN, after=1.0)
    net.do(FloorEvent.UNKEY, A, after=1.0)
    assert net.floor.state is FloorState.OPENING
    assert net.wait(0.1) == [Began(OFFICER, 102.0)]


@pytest.mark.parametrize("seconds", [59.9, 60.1])
def test_no_transmission_is_longer_than_allowed(seconds: float) -> None:
    net = Net()
    net.do(FloorEvent.KEY, A)
    ended = net.wait(seconds)
    assert net.floor.transmits == (seconds < 60)
    assert [each.reason for each in ended if isinstance(each, Ended)] == ([] if seconds < 60 else [Reason.TIME_OUT])


def test_a_radio_that_is_stuck_on_the_air_loses_the_floor_until_it_pauses() -> None:
    net = Net(AT_ONCE)
    net.do(FloorEvent.TALK_BEGAN)
    ended = [each for each in net.wait(61) if isinstance(each, Ended)]
    assert [each.reason for each in ended] == [Reason.TIME_OUT]
    assert net.floor == Floor(talks=True, has_stuck=True)
    assert net.do(FloorEvent.KEY, A) == [Began(A, net.now)]
    net.do(FloorEvent.UNKEY, A)
    assert net.floor == Floor(talks=True, has_stuck=True)
    net.do(FloorEvent.TALK_ENDED)
    assert net.floor == Floor()
    net.do(FloorEvent.TALK_BEGAN)
    talking_since = net.now
    assert net.wait(0.2) == [Began(OFFICER, talking_since)]


def test_every_state_can_be_reached_and_left() -> None:
    assert {state for state, _ in MOVES} == set(MOVES.values()) == set(FloorState)
    assert {event for _, event in MOVES} == set(FloorEvent)


# ---- in any order ---------------------------------------------------------------------------------------

_who = st.sampled_from(("leg-a", "leg-b", "leg-c", "system"))


class AnyOrder(RuleBasedStateMachine):
    """Officers and operators talk, key, are lost; time goes on, and nobody calls ``tick`` when it is due."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.times, self.floor = 100.0, RULES, Floor()
        self.on_air: Began | None = None
        self.transmits_since: float | None = None

    @initialize(
        attack=st.sampled_from((0.0, 0.1)), hang=st.sampled_from((0.0, 0.5)), lead=st.sampled_from((0.0, 0.3)),
        longest=st.sampled_from((1.0, 60.0)),
    )  # fmt: skip
    def begin(self, attack: float, hang: float, lead: float, longest: float) -> None:
        self.times = FloorRules(attack, hang, lead, longest)

    def take(self, after: Floor, happened: list[Happened]) -> None:
        for each in happened:
            if isinstance(each, Began):
                assert self.on_air is None, "one talker at a time"
                self.on_air = each
            elif isinstance(each, Ended):
                assert self.on_air is not None, "each end has its beginning"
                assert (each.talker, each.since) == (self.on_air.talker, self.on_air.at)
                assert each.since <= each.at <= self.now
                assert each.at - each.since <= self.times.longest + 1e-6
                self.on_air = None
        self.floor = after

    def do(self, event: FloorEvent, who: str = "") -> list[Happened]:
        after, happened = step(self.floor, event, now=self.now, rules=self.times, who=who)
        self.take(after, happened)
        return happened

    @rule(who=_who)
    def key(self, who: str) -> None:
        happened = self.do(FloorEvent.KEY, who)
        assert (Refused(who) in happened) != (self.floor.talker == who)

    @rule(who=_who)
    def unkey(self, who: str) -> None:
        self.do(FloorEvent.UNKEY, who)
        assert self.floor.talker != who or self.floor.state is FloorState.TAILING

    @rule(who=_who)
    def take_over(self, who: str) -> None:
        self.do(FloorEvent.TAKE_OVER, who)
        assert self.floor.talker == who
        assert self.floor.transmits

    @rule(who=_who)
    def leg_lost(self, who: str) -> None:
        self.do(FloorEvent.LEG_LOST, who)
        assert self.floor.talker != who

    @rule()
    def gateway_lost(self) -> None:
        self.do(FloorEvent.GATEWAY_LOST)
        assert self.floor == Floor()
        assert self.on_air is None

    @rule(began=st.booleans())
    def talk(self, *, began: bool) -> None:
        self.do(FloorEvent.TALK_BEGAN if began else FloorEvent.TALK_ENDED)

    @rule(seconds=st.sampled_from((0.0, 0.05, 0.1, 0.3, 0.5, 2.0, 61.0)))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def tick(self) -> None:
        self.take(*tick(self.floor, now=self.now, rules=self.times))
        assert self.floor.deadline > self.now

    @precondition(lambda self: self.floor.deadline < NEVER)
    @rule()
    def tick_when_due(self) -> None:
        self.now = max(self.now, self.floor.deadline)
        self.take(*tick(self.floor, now=self.now, rules=self.times))

    @invariant()
    def who_is_heard_has_the_transmitter(self) -> None:
        assert not self.floor.voice or (self.floor.transmits and self.floor.voice == self.floor.talker)
        assert self.floor.voice != OFFICER

    @invariant()
    def a_transmitter_that_is_on_has_an_end(self) -> None:
        if self.floor.on_air:
            assert self.floor.ends <= self.floor.since + self.times.longest
        assert (self.floor.state is FloorState.IDLE) == (self.floor.deadline == NEVER)

    @invariant()
    def what_was_told_is_what_is(self) -> None:
        told = None if self.on_air is None else (self.on_air.talker, self.on_air.at)
        assert told == ((self.floor.talker, self.floor.since) if self.floor.on_air else None)


AnyOrder.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
