"""Who is served next, and by whom (SOP V.2)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ari_app.domain.desks import Desk, DeskEvent, DeskState, Pause, move
from ari_app.domain.queue import Priority, Waiting, assign, in_order, next_overflow, to_give_up

NOW, OVERFLOW = 100.0, 30.0

_moments = st.sampled_from([float(second) for second in range(50, 101, 5)])
_desks = st.lists(
    st.builds(
        Desk,
        st.integers(1001, 1006).map(str),
        state=st.sampled_from((DeskState.FREE, DeskState.FREE, DeskState.FREE, DeskState.RINGING, DeskState.TALKING)),
        registered=st.sampled_from((True, True, True, False)),
        staffed=st.sampled_from((True, True, False)),
        ready=st.sampled_from((True, True, False)),
        idle_since=_moments,
        pause=st.sampled_from(Pause),
        pause_until=st.sampled_from((0.0, 0.0, NOW, NOW + 1)),
        verifies=st.booleans(),
    ).map(lambda desk: replace(desk, verifies=desk.verifies and desk.state is not DeskState.FREE)),
    unique_by=lambda desk: desk.extension,
)
_calls = st.lists(
    st.builds(
        Waiting,
        st.sampled_from("abcdefgh"),
        _moments,
        st.integers(0, 1000),
        st.sampled_from(Priority),
        st.sampled_from((0, 0, 0, 1)),
    ),
    unique_by=(lambda each: each.call, lambda each: each.number),
)


def given_out(calls: Sequence[Waiting], desks: Sequence[Desk]) -> dict[str, list[str]]:
    """The desks that each call gets now; a desk that is given twice fails."""
    pairs = assign(calls, desks, now=NOW, overflow=OVERFLOW)
    assert len({extension for _, extension in pairs}) == len(pairs), "each desk at most once"
    found: dict[str, list[str]] = {}
    for call, extension in pairs:
        found.setdefault(call, []).append(extension)
    return found


def rings_all(each: Waiting, desks: Sequence[Desk]) -> bool:
    """Whether every desk is for this call: by its wait, or because nobody is ready."""
    if each.priority in {Priority.RADIO, Priority.VERIFICATION}:
        return False
    return NOW - each.since >= OVERFLOW or not any(desk.is_at_work for desk in desks)


def share(desks: Sequence[Desk]) -> int:
    """How many desks may have blocked numbers: one in four of those at work, and one in any case."""
    return max(1, sum(desk.is_at_work for desk in desks) // 4)


def citizens(calls: Sequence[Waiting]) -> int:
    """How many wait, or have desks ring, who call 110 from a number that is not blocked."""
    return sum(each.priority not in {Priority.RADIO, Priority.VERIFICATION} for each in calls)


@given(_calls, _desks)
def test_an_officer_gets_no_desk_that_a_citizen_may_need(calls: list[Waiting], desks: list[Desk]) -> None:
    """There is one more for each of them, even where it rings for them already."""
    found = given_out(calls, desks)
    officers = [each for each in calls if each.priority is Priority.RADIO and found.get(each.call)]
    taken = {extension for each in officers for extension in found[each.call]}
    others = {extension for call, got in found.items() for extension in got if call not in {o.call for o in officers}}
    left = [desk for desk in desks if desk.can_take(NOW) and desk.extension not in taken | others]
    if officers:
        assert len(left) >= citizens(calls)


@given(_calls)
def test_an_officer_gives_up_a_desk_for_each_citizen_who_has_none(calls: list[Waiting]) -> None:
    """And all of them for one who has waited too long: every desk rings for them."""
    given_up = to_give_up(calls, now=NOW, overflow=OVERFLOW)
    ringing = [each.call for each in calls if each.priority is Priority.RADIO and each.offers]
    them = [each for each in calls if each.priority < Priority.RADIO]
    has_waited_too_long = any(NOW - each.since >= OVERFLOW for each in them)
    without = len(ringing) if has_waited_too_long else sum(not each.offers for each in them)
    assert len(given_up) == min(len(ringing), without)
    assert set(given_up) <= set(ringing)


@given(_calls, _desks)
def test_blocked_numbers_have_their_share_and_no_more(calls: list[Waiting], desks: list[Desk]) -> None:
    """SOP VIII: and only desks that nobody else waits for."""
    found = given_out(calls, desks)
    blocked = {each.call for each in calls if each.priority is Priority.VERIFICATION}
    given_to_them = [extension for call in blocked for extension in found.get(call, [])]
    if given_to_them:
        assert len(given_to_them) + sum(desk.verifies for desk in desks) <= share(desks)
        assert all(each.offers or found.get(each.call) for each in calls if each.call not in blocked)


@given(_calls, _desks)
def test_only_desks_that_may_be_rung(calls: list[Waiting], desks: list[Desk]) -> None:
    """One that is registered and free and has not just refused; and in need only one that is not ready."""
    by_extension = {desk.extension: desk for desk in desks}
    by_call = {each.call: each for each in calls}
    for call, extensions in given_out(calls, desks).items():
        for desk in (by_extension[extension] for extension in extensions):
            assert desk.registered
            assert desk.state is DeskState.FREE
            assert not (desk.pause is Pause.REFUSED and desk.is_pausing(NOW))
            assert desk.can_take(NOW) or rings_all(by_call[call], desks)


@given(_calls, _desks)
def test_one_desk_each_unless_all_ring(calls: list[Waiting], desks: list[Desk]) -> None:
    """A call that rings is not moved, and gets more desks only when every one is for it."""
    found = given_out(calls, desks)
    for each in calls:
        if not rings_all(each, desks):
            assert len(found.get(each.call, [])) <= (0 if each.offers else 1)


@given(_calls, _desks)
def test_no_call_gets_a_desk_that_one_before_it_could_have_used(calls: list[Waiting], desks: list[Desk]) -> None:
    found = given_out(calls, desks)
    by_extension = {desk.extension: desk for desk in desks}
    order = in_order(calls)
    for place, each in enumerate(order):
        for later in order[place + 1 :]:
            for desk in (by_extension[extension] for extension in found.get(later.call, [])):
                if rings_all(each, desks):
                    assert not desk.can_ring(NOW), "every desk was for the first"
                elif not each.offers and desk.can_take(NOW):
                    assert found.get(each.call), "the first got none at all"


@given(_calls, _desks)
def test_the_desk_that_has_been_idle_the_longest(calls: list[Waiting], desks: list[Desk]) -> None:
    """Of those that nobody before it was given."""
    found = given_out(calls, desks)
    verifiers = share(desks) - sum(desk.verifies for desk in desks)
    left = [desk for desk in desks if desk.can_ring(NOW)]
    for each in in_order(calls):
        got = found.get(each.call, [])
        able = [desk for desk in left if desk.can_take(NOW)]
        if rings_all(each, desks):
            assert set(got) == {desk.extension for desk in left}
        elif got:
            (extension,) = got
            chosen = next(desk for desk in able if desk.extension == extension)
            assert chosen.idle_since == min(desk.idle_since for desk in able)
        else:
            is_over = each.priority is Priority.VERIFICATION and verifiers < 1
            if each.priority is Priority.RADIO and not each.offers and able:
                assert len(able) <= citizens(calls), "an officer leaves as many as citizens may need"
                return
            assert each.offers or not able or is_over, "nobody waits beside a desk that is free for them"
        verifiers -= len(got) if each.priority is Priority.VERIFICATION else 0
        left = [desk for desk in left if desk.extension not in got]


@given(_calls, _desks, st.integers(0, 1000))
def test_the_order_in_which_they_are_listed_does_not_matter(calls: list[Waiting], desks: list[Desk], seed: int) -> None:
    mixed, others = list(calls), list(desks)
    Random(seed).shuffle(mixed)
    Random(seed + 1).shuffle(others)
    assert given_out(calls, desks) == given_out(mixed, others)


@given(_calls)
def test_priority_and_then_the_longest_waiting(calls: list[Waiting]) -> None:
    order = in_order(calls)
    for first, second in itertools.pairwise(order):
        assert (first.priority, first.since, first.number) < (second.priority, second.since, second.number)


def test_emergency_take_back_normal_radio_verification() -> None:
    calls = [Waiting(priority.name, 50.0 + priority, 1, priority) for priority in reversed(Priority)]
    assert [each.call for each in in_order(calls)] == ["EMERGENCY", "TAKE_BACK", "NORMAL", "RADIO", "VERIFICATION"]


def test_who_waits_to_be_verified_never_rings_everywhere() -> None:
    """Not when the wait is long, and not when nobody is ready."""
    desks = [Desk(str(number), registered=True, ready=number == 1, idle_since=0.0) for number in range(1, 4)]
    call = Waiting("blocked", 0.0, 1, Priority.VERIFICATION)
    assert given_out([call], desks) == {"blocked": ["1"]}
    assert given_out([call], [replace(desk, ready=False) for desk in desks]) == {}


@given(_calls, st.floats(0, 200), st.floats(0.1, 60))
def test_the_next_overflow(calls: list[Waiting], now: float, overflow: float) -> None:
    """At that moment a call that rang at one desk only rings everywhere; none does between now and then."""
    moment = next_overflow(calls, now, overflow)
    ahead = [each.since + overflow for each in calls if each.may_ring_all and each.since + overflow > now]
    assert moment == min(ahead, default=None)


@settings(max_examples=50)
@given(_calls, _desks)
def test_who_is_given_desks_again_and_again_comes_to_an_end(calls: list[Waiting], desks: list[Desk]) -> None:
    """As the switchboard does it: what is given is taken, until there is nothing more to give."""
    floor = {desk.extension: desk for desk in desks}
    for _ in range(3):
        pairs = assign(calls, list(floor.values()), now=NOW, overflow=OVERFLOW)
        if not pairs:
            break
        for call, extension in pairs:
            verifies = next(each.priority is Priority.VERIFICATION for each in calls if each.call == call)
            floor[extension] = move(floor[extension], DeskEvent.OFFER, now=NOW, call=call, verifies=verifies)
        count = {each.call: sum(desk.call == each.call for desk in floor.values()) for each in calls}
        calls = [replace(each, offers=each.offers + count[each.call]) for each in calls]
    assert assign(calls, list(floor.values()), now=NOW, overflow=OVERFLOW) == []
