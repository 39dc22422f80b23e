"""What is decided about calls that live in Asterisk and that we do not know of, or the other way round."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain.recovery import (
    AdoptTalk,
    AdoptWaiting,
    DestroyStray,
    EndStory,
    HangUpStray,
    InFallback,
    LegLost,
    SeenBridge,
    SeenChannel,
    bridge_id,
    call_of,
    decide,
    leg_id,
)

CALLER = SeenChannel("c1", "pstn", held=True, up=True, number="0812", dialled="110")
LEG = SeenChannel(leg_id("c1", "x"), "1001", held=True, up=True)
BRIDGE = SeenBridge(bridge_id("c1", "y"), frozenset({CALLER.id, LEG.id}))


def test_nothing_to_do() -> None:
    assert decide([CALLER, LEG], [BRIDGE], flows={"c1"}, legs={"c1", LEG.id}, living={"c1"}) == []
    assert decide([], [], flows=(), legs=(), living=()) == []


def test_a_talk_without_a_flow() -> None:
    actions = decide([CALLER, LEG], [BRIDGE], flows=(), legs=(), living={"c1"})
    assert actions == [AdoptTalk(CALLER, LEG, BRIDGE.id)]


def test_a_caller_without_a_flow() -> None:
    assert decide([CALLER], [], flows=(), legs=(), living={"c1"}) == [AdoptWaiting(CALLER)]


def test_a_caller_alone_in_a_bridge_waits() -> None:
    alone = SeenBridge(BRIDGE.id, frozenset({CALLER.id}))
    assert decide([CALLER], [alone], flows=(), legs=(), living=()) == [DestroyStray(BRIDGE.id), AdoptWaiting(CALLER)]


def test_the_old_leg_of_a_waiting_caller_goes_first() -> None:
    """Its phone must be free before it is rung for them again."""
    assert decide([CALLER, LEG], [], flows=(), legs=(), living=()) == [HangUpStray(LEG.id), AdoptWaiting(CALLER)]


def test_a_lost_leg() -> None:
    assert decide([CALLER], [], flows={"c1"}, legs={"c1", LEG.id}, living={"c1"}) == [LegLost(LEG.id)]


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
_ids = [*_calls, *(leg_id(call, mark) for call in _calls for mark in "xy"), "another"]
_channels = st.lists(
    st.builds(SeenChannel, st.sampled_from(_ids), st.just("1001"), st.booleans(), st.booleans()),
    unique_by=lambda channel: channel.id,
)
_bridges = st.lists(
    st.builds(
        SeenBridge,
        st.sampled_from([bridge_id(call, mark) for call in _calls for mark in "pq"] + ["another"]),
        st.frozensets(st.sampled_from(_ids), max_size=3),
    ),
    unique_by=lambda bridge: bridge.id,
)
_some_calls = st.frozensets(st.sampled_from(_calls))


@given(_channels, _bridges, _some_calls, st.frozensets(st.sampled_from(_ids)), _some_calls)
def test_any_state(
    channels: list[SeenChannel],
    bridges: list[SeenBridge],
    flows: frozenset[str],
    legs: frozenset[str],
    living: frozenset[str],
) -> None:
    actions = decide(channels, bridges, flows=flows, legs=legs, living=living)
    there = {channel.id: channel for channel in channels}
    adopted = {action.caller.id for action in actions if isinstance(action, AdoptTalk | AdoptWaiting)}
    kept = {action.leg.id for action in actions if isinstance(action, AdoptTalk)}
    kept |= {action.bridge for action in actions if isinstance(action, AdoptTalk)}
    assert len(actions) == len(set(actions)), "nothing twice"
    assert adopted == {c.id for c in channels if c.held and call_of(c.id) is None and c.id not in flows}
    for action in actions:
        match action:
            case HangUpStray(leg=made) | DestroyStray(bridge=made):
                assert call_of(made) is not None, "only what is ours"
                assert call_of(made) not in flows
                assert made not in kept
            case LegLost(leg=leg):
                assert leg in legs
                assert leg not in there
            case EndStory(call=call):
                assert call in living - flows
                assert call not in there
            case InFallback(call=call):
                assert call in living - flows
                assert not there[call].held
            case AdoptTalk(caller=caller, leg=other):
                assert call_of(other.id) == caller.id
            case AdoptWaiting():
                pass
    for made in [*there, *(bridge.id for bridge in bridges)]:
        whose = call_of(made)
        if whose is not None and whose not in flows and made not in kept:
            assert HangUpStray(made) in actions or DestroyStray(made) in actions, "nothing of ours is left"
