"""What is decided about calls that live in Asterisk and that we do not know of, or the other way round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ari_app.domain import stand_ins
from ari_app.domain.recovery import (
    AdoptColleagues,
    AdoptTalk,
    AdoptWaiting,
    DestroyStray,
    EndStory,
    HandBack,
    HangUpStray,
    InFallback,
    LegAnswered,
    LegLost,
    Story,
    decide,
    died_at,
    elsewhere,
    seconds_since,
)
from ari_app.domain.seen import SeenBridge, SeenChannel, bridge_id, call_of, leg_id

CALLER = SeenChannel("c1", "pstn", held=True, up=True, number="0812", dialled="110")
LEG = SeenChannel(leg_id("c1", "x"), "1001", held=True, up=True)
BRIDGE = SeenBridge(bridge_id("c1", "y"), frozenset({CALLER.id, LEG.id}))


def test_nothing_to_do() -> None:
    assert decide([CALLER, LEG], [BRIDGE], flows={"c1"}, legs={"c1", LEG.id}, living={"c1"}) == []
    assert decide([], [], flows=(), legs=(), living=()) == []


def test_a_talk_without_a_flow() -> None:
    actions = decide([CALLER, LEG], [BRIDGE], flows=(), legs=(), living={"c1"})
    assert actions == [AdoptTalk(CALLER, LEG, BRIDGE.id)]


def test_a_talk_with_a_leg_that_was_made_for_another_call() -> None:
    """By an attended transfer; it is no stray either."""
    leg = replace(LEG, id=leg_id("c0", "x"), endpoint="2011")
    bridge = replace(BRIDGE, channels=frozenset({CALLER.id, leg.id}))
    assert decide([CALLER, leg], [bridge], flows=(), legs=(), living={"c1"}) == [AdoptTalk(CALLER, leg, bridge.id)]


def test_a_caller_without_a_flow() -> None:
    assert decide([CALLER], [], flows=(), legs=(), living={"c1"}) == [AdoptWaiting(CALLER)]


def test_a_caller_alone_in_a_bridge_waits() -> None:
    alone = SeenBridge(BRIDGE.id, frozenset({CALLER.id}))
    assert decide([CALLER], [alone], flows=(), legs=(), living=()) == [DestroyStray(BRIDGE.id), AdoptWaiting(CALLER)]


def test_the_old_leg_of_a_waiting_caller_goes_first() -> None:
    """It rings still. Its phone must be free before it is rung for them again."""
    ringing = replace(LEG, held=False, up=False)
    assert decide([CALLER, ringing], [], flows=(), legs=(), living=()) == [HangUpStray(LEG.id), AdoptWaiting(CALLER)]


def test_an_operator_who_has_the_caller_on_hold_or_has_just_answered() -> None:
    """They are not with each other: who adopts them brings them together."""
    assert decide([CALLER, LEG], [], flows=(), legs=(), living=()) == [AdoptTalk(CALLER, LEG, None, together=False)]
    alone = SeenBridge(BRIDGE.id, frozenset({CALLER.id}))
    aside = SeenBridge(bridge_id("c1", "z"), frozenset({LEG.id}))
    actions = decide([CALLER, LEG], [alone, aside], flows=(), legs=(), living=())
    assert actions == [DestroyStray(aside.id), AdoptTalk(CALLER, LEG, BRIDGE.id, together=False)]


def test_who_has_the_caller_on_hold_and_asks_somebody_else() -> None:
    """Whoever was there first has the caller back; the one asked is let go."""
    asked = replace(LEG, id=leg_id("c1", "a"), endpoint="1002", since="2026-11-24T10:00:07.000+0700")
    operator = replace(LEG, since="2026-11-24T10:00:05.000+0700")
    alone = SeenBridge(BRIDGE.id, frozenset({CALLER.id}))
    aside = SeenBridge(bridge_id("c1", "z"), frozenset({operator.id, asked.id}))
    for legs in ([operator, asked], [asked, operator]):
        actions = decide([CALLER, *legs], [alone, aside], flows=(), legs=(), living=())
        adopt = AdoptTalk(CALLER, operator, BRIDGE.id, together=False)
        assert actions == [HangUpStray(asked.id), DestroyStray(aside.id), adopt]


def test_who_is_with_the_caller_goes_before_who_is_elsewhere() -> None:
    """An operator had asked somebody else, and was with the caller again: the other leg ends."""
    other = replace(LEG, id=leg_id("c1", "a"))
    actions = decide([CALLER, other, LEG], [BRIDGE], flows=(), legs=(), living=())
    assert actions == [HangUpStray(other.id), AdoptTalk(CALLER, LEG, BRIDGE.id)]


LINE = SeenChannel("d1", "1001", held=True, up=True, context="desk-1001")


def test_a_supervisor_at_a_call_is_no_operator_of_it() -> None:
    """Neither when they had joined, nor when they are all that is left with the caller: their legs go."""
    joined, snoop = (replace(LEG, id=leg_id("monitor-ab", name), endpoint="1003") for name in ("1", "2"))
    bridge = replace(BRIDGE, channels=frozenset({CALLER.id, LEG.id, joined.id}))
    aside = SeenBridge(bridge_id("monitor-ab", "3"), frozenset({snoop.id}))
    assert decide([CALLER, LEG, joined, snoop], [bridge, aside], flows=(), legs=(), living={"c1"}) == [
        HangUpStray(joined.id), HangUpStray(snoop.id), DestroyStray(aside.id), AdoptTalk(CALLER, LEG, bridge.id),
    ]  # fmt: skip
    alone = replace(BRIDGE, channels=frozenset({CALLER.id, joined.id}))
    assert AdoptWaiting(CALLER) in decide([CALLER, joined], [alone], flows=(), legs=(), living={"c1"})
    assert decide([joined], [], flows={"monitor-ab"}, legs={joined.id}, living=()) == []


def test_a_desks_own_line_goes_back_to_the_dialplan() -> None:
    """Nobody knows what it was asked for, or whom it was ringing."""
    assert decide([LINE], [], flows=(), legs=(), living=()) == [HandBack("d1", "1001")]
    ringing = SeenChannel(leg_id("d1", "x"), "1002", held=False, up=False)
    actions = decide([LINE, ringing], [], flows=(), legs=(), living=())
    assert actions == [HangUpStray(ringing.id), HandBack("d1", "1001")]


def test_two_desks_that_talk_go_on_talking() -> None:
    leg = SeenChannel(leg_id("d1", "x"), "1002", held=True, up=True)
    bridge = SeenBridge(bridge_id("d1", "y"), frozenset({LINE.id, leg.id}))
    assert decide([LINE, leg], [bridge], flows=(), legs=(), living=()) == [AdoptColleagues(LINE, leg, bridge.id)]
    assert decide([LINE, leg], [bridge], flows={"d1"}, legs=(), living=()) == []


STAND_IN = SeenChannel("s1", "", held=True, up=True, number="0812", context="transfer", is_stand_in=True)
"""A caller of the fallback's is heard through it."""


@pytest.mark.parametrize("context", ["transfer", "desk-refer", "radio-300"])
@pytest.mark.parametrize("is_up", [True, False])
def test_a_stand_in_is_no_caller(context: str, *, is_up: bool) -> None:
    """Nobody answers it, and the dialplan does not get it back; somebody may be heard through it."""
    there = replace(STAND_IN, context=context, up=is_up)
    assert decide([there], [], flows=(), legs=(), living=()) == []
    assert decide([there], [SeenBridge("another", frozenset({there.id}))], flows=(), legs=(), living=()) == []


def test_a_colleague_with_whom_asterisk_has_joined_a_caller_of_the_fallbacks() -> None:
    """They talk on, whatever call the leg was made for, and the desk is not free."""
    leg = replace(LEG, endpoint="1002")
    talk = replace(BRIDGE, channels=frozenset({leg.id, STAND_IN.id}))
    for flows in [(), {"c1"}]:
        assert decide([STAND_IN, leg], [talk], flows=flows, legs=flows, living=()) == [LegLost(call) for call in flows]
    assert elsewhere([STAND_IN, leg], [talk]) == {leg.id: "1002"}


def test_the_colleague_has_passed_them_on() -> None:
    """Two of them talk through stand-ins, and no leg of ours is there."""
    talk = replace(BRIDGE, channels=frozenset({"s2", STAND_IN.id}))
    there = [STAND_IN, replace(STAND_IN, id="s2")]
    assert decide(there, [talk], flows=(), legs=(), living=()) == []
    assert stand_ins.loose(there, [talk]) == set()
    assert stand_ins.loose([*there, replace(STAND_IN, id="s3", held=False)], []) == {"s1", "s2"}


def test_one_of_the_two_is_gone() -> None:
    """The other one is let go, and hears no silence."""
    for left in (LEG, STAND_IN):
        rest = replace(BRIDGE, channels=frozenset({left.id}))
        assert decide([left], [rest], flows=(), legs=(), living=()) == [HangUpStray(left.id), DestroyStray(BRIDGE.id)]
        assert elsewhere([left], [rest]) == {}


@pytest.mark.parametrize("leg", [replace(LEG, up=False), replace(LEG, id=leg_id("monitor-ab", "1"))])
def test_nobody_talks_through_the_stand_in(leg: SeenChannel) -> None:
    """Neither a phone that rings still, nor a supervisor who has listened."""
    rest = SeenBridge(bridge_id("monitor-ab", "1"), frozenset({leg.id, STAND_IN.id}))
    actions = decide([STAND_IN, leg], [rest], flows=(), legs=(), living=())
    assert actions == [HangUpStray(leg.id), HangUpStray(STAND_IN.id), DestroyStray(rest.id)]
    assert elsewhere([STAND_IN, leg], [rest]) == {}


def test_a_caller_with_nobody_but_a_stand_in_waits() -> None:
    """Their operator has transferred, and died who was to see to it. With an operator they talk on."""
    place = replace(BRIDGE, channels=frozenset({CALLER.id, STAND_IN.id}))
    actions = decide([CALLER, STAND_IN], [place], flows=(), legs=(), living={"c1"})
    assert actions == [HangUpStray(STAND_IN.id), DestroyStray(BRIDGE.id), AdoptWaiting(CALLER)]
    three = replace(place, channels=place.channels | {LEG.id})
    actions = decide([CALLER, STAND_IN, LEG], [three], flows=(), legs=(), living={"c1"})
    assert actions == [AdoptTalk(CALLER, LEG, BRIDGE.id)]
    assert elsewhere([CALLER, STAND_IN, LEG], [three]) == {}, "who adopts them takes the desk"


def test_a_lost_leg() -> None:
    assert decide([CALLER], [], flows={"c1"}, legs={"c1", LEG.id}, living={"c1"}) == [LegLost(LEG.id)]


def test_an_answer_that_nobody_heard() -> None:
    """Not of a leg that only rings, or is on its way to us."""
    leg = replace(LEG, id=leg_id("c1", "a"))
    for there, told in [(leg, [LegAnswered(leg.id)]), (replace(leg, held=False), []), (replace(leg, up=False), [])]:
        found = decide([CALLER, there], [], flows={"c1"}, legs={"c1", leg.id}, awaited={leg.id}, living={"c1"})
        assert found == told
    assert decide([CALLER, leg], [], flows={"c1"}, legs={"c1", leg.id}, living={"c1"}) == []


def test_stories_without_a_flow() -> None:
    in_dialplan = SeenChannel("c2", "pstn", held=False, up=False)
    actions = decide([in_dialplan], [], flows={"c3"}, legs=(), living={"c1", "c2", "c3"})
    assert sorted(actions, key=str) == [EndStory("c1"), InFallback("c2")]


@given(st.text(), st.from_regex(r"[0-9a-f]{8}", fullmatch=True))
def test_what_we_made_says_whose_it_is(call: str, unique: str) -> None:
    if "-leg-" not in call and "-bridge-" not in call:
        assert call_of(leg_id(call, unique)) == call_of(bridge_id(call, unique)) == call
        assert call_of(call) is None


_calls = ("c1", "c2", "c3")
_stand_ins = ("s1", "s2")
_ids = [*_calls, *(leg_id(call, mark) for call in _calls for mark in "xy"), "another", *_stand_ins]
_channels = st.lists(
    st.builds(
        SeenChannel,
        st.sampled_from(_ids),
        st.just("1001"),
        st.booleans(),
        st.booleans(),
        context=st.sampled_from(("pstn", "pstn", "desk-1001")),
    ).map(lambda channel: replace(channel, is_stand_in=channel.id in _stand_ins)),
    unique_by=lambda channel: channel.id,
)


def _each_in_one(bridges: list[SeenBridge]) -> list[SeenBridge]:
    """Asterisk has a channel in one bridge at most."""
    seen: set[str] = set()
    kept = []
    for bridge in bridges:
        kept.append(replace(bridge, channels=bridge.channels - seen))
        seen |= bridge.channels
    return kept


_bridges = st.lists(
    st.builds(
        SeenBridge,
        st.sampled_from([bridge_id(call, mark) for call in _calls for mark in "pq"] + ["another"]),
        st.frozensets(st.sampled_from(_ids), max_size=3),
    ),
    unique_by=lambda bridge: bridge.id,
).map(_each_in_one)
_some_calls = st.frozensets(st.sampled_from(_calls))


_some_legs = st.frozensets(st.sampled_from(_ids))


@given(_channels, _bridges, _some_calls, _some_legs, _some_legs, _some_calls)
def test_any_state(  # noqa: PLR0917 - as they are drawn
    channels: list[SeenChannel],
    bridges: list[SeenBridge],
    flows: frozenset[str],
    legs: frozenset[str],
    awaited: frozenset[str],
    living: frozenset[str],
) -> None:
    actions = decide(channels, bridges, flows=flows, legs=legs, awaited=awaited, living=living)
    there = {channel.id: channel for channel in channels}
    talks = [action for action in actions if isinstance(action, AdoptTalk | AdoptColleagues)]
    adopted = {action.caller.id for action in actions if isinstance(action, AdoptWaiting | AdoptTalk | AdoptColleagues)}
    handed_back = {action.channel for action in actions if isinstance(action, HandBack)}
    kept = {made for action in talks for made in action.used}
    with_a_stand_in = _with_a_stand_in(there, bridges)
    assert len(actions) == len(set(actions)), "nothing twice"
    assert not adopted & handed_back
    lines = {each.id for each in channels if each.held and call_of(each.id) is None and not each.is_stand_in}
    assert adopted | handed_back == lines - flows
    answered = {action.leg for action in actions if isinstance(action, LegAnswered)}
    assert answered == {leg for leg in awaited & there.keys() if there[leg].up and there[leg].held}
    for action in actions:
        match action:
            case AdoptTalk() | AdoptColleagues() | AdoptWaiting() | HandBack():
                _check_adoption(action, there, {bridge.id: bridge.channels for bridge in bridges})
            case HangUpStray(leg=stand_in) if stand_in in _stand_ins:
                assert any(DestroyStray(each.id) in actions for each in bridges if stand_in in each.channels)
            case HangUpStray(leg=made) | DestroyStray(bridge=made):
                assert call_of(made) is not None, "only what is ours"
                assert call_of(made) not in flows
                assert made not in kept | with_a_stand_in
            case LegLost(leg=leg):
                assert leg in legs
                assert leg not in there
            case EndStory(call=call):
                assert call in living - flows
                assert call not in there
            case InFallback(call=call):
                assert call in living - flows
                assert not there[call].held
    for made in [*there, *(bridge.id for bridge in bridges)]:
        whose = call_of(made)
        if whose is not None and whose not in flows and made not in kept | with_a_stand_in:
            assert HangUpStray(made) in actions or DestroyStray(made) in actions, "nothing of ours is left"


def _with_a_stand_in(there: Mapping[str, SeenChannel], bridges: list[SeenBridge]) -> set[str]:
    """Legs and bridges of ours through which somebody talks whom we do not know."""
    made = set()
    for bridge in bridges:
        legs = {each for each in bridge.channels if call_of(each) is not None and each in there and there[each].up}
        others = {each for each in bridge.channels if call_of(each) is None}
        is_talk = bool(others) and len(legs | others) > 1
        if call_of(bridge.id) is not None and is_talk and not (others & there.keys()) - set(_stand_ins):
            made |= {bridge.id, *legs}
    return made


def _check_adoption(
    action: AdoptTalk | AdoptColleagues | AdoptWaiting | HandBack,
    there: Mapping[str, SeenChannel],
    bridges: Mapping[str, frozenset[str]],
) -> None:
    match action:
        case AdoptTalk(caller=caller, leg=other, bridge=place, together=together):
            assert together or call_of(other.id) == caller.id
            assert other.up
            inside = bridges[place] if place is not None else frozenset()
            assert (caller.id in inside) == (place is not None)
            assert (other.id in inside) == together
            assert not caller.is_desk_line
        case AdoptColleagues(caller=caller, leg=other, bridge=place):
            assert caller.is_desk_line
            assert place is not None
            assert {caller.id, other.id} <= bridges[place]
        case AdoptWaiting(caller=caller):
            assert not caller.is_desk_line
        case HandBack(channel=line):
            assert there[line].is_desk_line


# ---- what was told of a call, and when it died ------------------------------------------------------

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
before_noon = st.integers(1, 3600).map(lambda seconds: NOON - timedelta(seconds=seconds))


def test_a_story_remembers_what_decides_where_a_caller_waits() -> None:
    story = Story("call.received", since="2026-11-24T10:00:00+00:00")
    for action in ("call.blocked", "call.queued", "call.emergency_claimed", "call.answered", "call.requeued"):
        story = story.after(action)
    assert story == Story("call.requeued", True, True, True, "2026-11-24T10:00:00+00:00")
    assert story.after("number.unblocked") == structs.replace(story, is_blocked=False)
    assert not story.is_to_be_verified
    assert Story("call.queued", is_blocked=True).is_to_be_verified


@given(before_noon, st.none() | before_noon)
def test_a_call_from_before_asterisks_start_died_before_it(since: datetime, link_lost: datetime | None) -> None:
    """At the moment at which the link broke, where that is known; and no later than Asterisk began anew."""
    died = died_at(Story("call.queued", since=since.isoformat()), NOON.isoformat(), link_lost)
    assert died == (link_lost if link_lost is not None and link_lost >= since else NOON)


def test_when_it_is_not_known_when_a_call_died() -> None:
    later = Story("call.queued", since=(NOON + timedelta(seconds=1)).isoformat())
    assert died_at(later, NOON.isoformat(), None) is None
    for story, began in [(None, NOON.isoformat()), (Story("x"), NOON.isoformat()), (later, ""), (later, "2026-11-24")]:
        assert died_at(story, began, None) is None
    early = Story("call.queued", since=(NOON - timedelta(hours=1)).isoformat())
    assert died_at(early, NOON.isoformat(), NOON + timedelta(seconds=5)) == NOON


def test_how_long_ago_something_was() -> None:
    assert seconds_since((NOON - timedelta(seconds=3)).isoformat(), NOON) == 3
    assert seconds_since("2026-11-24T18:59:58.500+0700", NOON) == 1.5
    for moment in ((NOON + timedelta(hours=1)).isoformat(), "", "soon", "2026-11-24T10:00:00"):
        assert seconds_since(moment, NOON) == 0


def test_whom_asterisk_has_put_onto_a_net_by_itself() -> None:
    """In the place of a phone that has transferred. Whatever else is there stays, and so does a stand-in elsewhere."""
    stranger = SeenChannel("c7", "201@from-refer", held=False, up=True, is_stand_in=True)
    desk = SeenChannel("c6", "1001", held=True, up=True, context="desk-net")
    coming = SeenChannel("c5", "1002", held=False, up=True)  # it was not ours yet when the channels were asked for
    line = SeenChannel(leg_id("radio-300", "x"), "radio-300", held=True, up=True)
    seen = [stranger, desk, coming, line, CALLER]
    net = SeenBridge(bridge_id("radio-300", "y"), frozenset({*(each.id for each in seen), "gone"}))
    flows, nets = {desk.id, coming.id, CALLER.id}, {line.id, net.id}
    assert decide(seen, [net], flows=flows, legs=(), living=(), nets=nets) == [HangUpStray(stranger.id)]
    talk = SeenBridge(BRIDGE.id, frozenset({stranger.id, CALLER.id}))
    assert decide([stranger, CALLER], [talk], flows={CALLER.id}, legs=(), living=()) == []


def test_desks_that_the_dialplan_has_are_elsewhere() -> None:
    """It rings them in the fallback, or they have dialled something; not those whose line is with us."""
    theirs = SeenChannel("c9", "1003", held=False, up=True, rung=True)
    own_line = SeenChannel("c8", "1004", held=False, up=True)
    assert elsewhere([CALLER, LEG, theirs, own_line, replace(LEG, rung=True)], [BRIDGE]) == {"c9": "1003"}
    waits = replace(LINE, held=False)
    assert elsewhere([LINE, replace(waits, is_stand_in=True), replace(waits, id="d2")], []) == {"d2": "1001"}


def test_waiting_callers_are_taken_up_in_the_order_in_which_they_came() -> None:
    late = replace(CALLER, id="a", since="2026-11-24T10:00:07.000+0700")
    early = replace(CALLER, id="b", since="2026-11-24T10:00:05.000+0700")
    actions = decide([late, early], [], flows=(), legs=(), living=())
    assert actions == [AdoptWaiting(early), AdoptWaiting(late)]
