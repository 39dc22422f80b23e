"""The guard's decision: who is given back, who is hung up, and that a talk is never touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.guard import Asterisk, decide

CALLS = ("1.0", "1.1", "1.10")
"""One id is the beginning of another one."""


def channel(name: str, *, held: bool = True, up: bool = True, is_stand_in: bool = False) -> dict[str, Any]:
    return {
        "id": name,
        "name": "Local/_attended@transfer-00000000;1" if is_stand_in else "PJSIP/1001-00000000",
        "state": "Up" if up else "Ring",
        "dialplan": {"app_name": "StasisBroadcast" if held else "Dial", "context": "emergency"},
    }


def bridge(*names: str) -> dict[str, Any]:
    return {"id": f"{names[0]}-bridge-1", "channels": list(names)}


@pytest.mark.parametrize("for_good", [False, True])
def test_a_talk_is_left_alone(*, for_good: bool) -> None:
    plan = decide([channel("1.0"), channel("1.0-leg-a")], [bridge("1.0", "1.0-leg-a")], for_good=for_good)
    assert plan.give_back == plan.hang_up == []
    assert plan.silence == (["1.0", "1.0-leg-a"] if for_good else [])


def test_a_waiting_caller_is_given_back_and_the_phone_that_rings_is_free() -> None:
    plan = decide([channel("1.0", up=False), channel("1.0-leg-a", held=False, up=False)], [], for_good=False)
    assert plan.give_back == ["1.0"]
    assert plan.hang_up == ["1.0-leg-a"]
    assert plan.silence == []


def test_a_caller_with_music() -> None:
    plan = decide([channel("1.0")], [], for_good=False)
    assert plan.give_back == plan.silence == ["1.0"]


def test_the_operator_has_just_lifted_the_receiver() -> None:
    plan = decide([channel("1.0", up=False), channel("1.0-leg-a")], [], for_good=False)
    assert plan.give_back == ["1.0"]
    assert plan.hang_up == ["1.0-leg-a"]


def test_a_polres_that_rings_for_nobody() -> None:
    legs = [channel("1.0-leg-a"), channel("1.0-leg-b", held=False, up=False)]
    plan = decide([channel("1.0"), *legs], [bridge("1.0", "1.0-leg-a")], for_good=False)
    assert plan.give_back == []
    assert plan.hang_up == ["1.0-leg-b"]


def test_three_in_one_bridge_and_a_leg_of_another_call() -> None:
    """A phone joined its two calls: the leg's name is the other call's, and it talks to this caller."""
    names = ["1.0", "1.0-leg-a", "1.1-leg-b"]
    plan = decide([channel(name) for name in names], [bridge(*names)], for_good=False)
    assert plan.give_back == plan.hang_up == []


@pytest.mark.parametrize("for_good", [False, True])
def test_a_caller_alone_while_a_colleague_is_asked(*, for_good: bool) -> None:
    channels = [channel(name) for name in ("1.0", "1.0-leg-a", "1.0-leg-b")]
    plan = decide(channels, [bridge("1.0"), bridge("1.0-leg-a", "1.0-leg-b")], for_good=for_good)
    assert plan.give_back == (["1.0"] if for_good else [])
    assert plan.hang_up == (["1.0-leg-a", "1.0-leg-b"] if for_good else [])


@pytest.mark.parametrize("for_good", [False, True])
def test_a_supervisor_who_listens_is_hung_up_and_one_who_has_joined_talks_on(*, for_good: bool) -> None:
    """Neither is a caller: nobody gives them to the desks. The talk is left alone."""
    talk, monitor = ["1.0", "1.0-leg-a"], ["monitor-ab-leg-1", "monitor-ab-leg-2"]
    channels = [channel(name) for name in (*talk, *monitor)]
    plan = decide(channels, [bridge(*talk), bridge(*monitor)], for_good=for_good)
    assert (plan.give_back, plan.hang_up) == ([], monitor)
    plan = decide(channels[:3], [bridge(*talk, monitor[0])], for_good=for_good)
    assert (plan.give_back, plan.hang_up) == ([], [])


@pytest.mark.parametrize("for_good", [False, True])
def test_a_colleague_with_whom_asterisk_has_joined_a_caller_of_the_fallbacks(*, for_good: bool) -> None:
    """They talk on. Should one of them be gone, the other one is let go: a stand-in is nobody who calls 110."""
    leg, stand_in = channel("1.0-leg-a"), channel("2.0", is_stand_in=True)
    plan = decide([leg, stand_in], [bridge("1.0-leg-a", "2.0")], for_good=for_good)
    assert (plan.give_back, plan.hang_up, plan.let_go) == ([], [], [])
    for left in (leg, stand_in):
        plan = decide([left], [bridge(left["id"])], for_good=for_good)
        assert (plan.give_back, plan.hang_up, plan.let_go) == ([], [left["id"]], [])


def test_whoever_is_in_the_dialplan_is_none_of_its_business() -> None:
    channels = [channel("1.0", held=False), channel("1.2", held=False)]
    plan = decide(channels, [bridge("1.0", "1.2")], for_good=True)
    assert plan.give_back == plan.hang_up == plan.silence == []


legs = st.sampled_from([f"{call}-leg-{letter}" for call in CALLS for letter in "abc"])
everyone = st.sets(st.sampled_from(CALLS) | legs)


@given(everyone.flatmap(lambda names: st.tuples(
    st.fixed_dictionaries({name: st.tuples(st.booleans(), st.booleans()) for name in sorted(names)}),
    st.lists(st.sampled_from(sorted(names) or [""]), unique=True),
)), st.integers(1, 4), st.booleans())  # fmt: skip
def test_whatever_there_is(there: Any, size: int, for_good: bool) -> None:  # noqa: FBT001 - as hypothesis gives it
    """Every held caller is either with somebody and untouched, or given back, or left alone on hold for a moment."""
    states, in_bridges = there
    channels = [channel(name, held=held, up=up) for name, (held, up) in states.items()]
    bridges = [bridge(*in_bridges[n : n + size]) for n in range(0, len(in_bridges), size) if in_bridges[n]]
    plan = decide(channels, bridges, for_good=for_good)
    held_callers = {name for name, (held, _) in states.items() if held and name in CALLS}
    together = {name for each in bridges if len(each["channels"]) > 1 for name in each["channels"]}
    with_callers = {
        name for each in bridges if held_callers & set(each["channels"]) for name in each["channels"]
    } & together
    assert set(plan.give_back) <= held_callers - together
    assert not set(plan.hang_up) & (with_callers | set(CALLS))
    assert not for_good or set(plan.give_back) == held_callers - together
    assert len(plan.give_back) == len(set(plan.give_back))


# ---- radio nets (SOP VII.d) ------------------------------------------------------------------------------


def net(*names: str) -> dict[str, Any]:
    return {"id": "radio-300-bridge-1", "channels": list(names)}


def line(name: str, context: str) -> dict[str, Any]:
    return {**channel(name), "dialplan": {"app_name": "Stasis", "context": context}}


@pytest.mark.parametrize("for_good", [False, True])
def test_a_gateways_line_ends_first_of_all(*, for_good: bool) -> None:
    """Whoever called whom; and a desk that dialled the net goes back to the dialplan."""
    desk, ours, theirs = line("1.0", "desk-net"), channel("radio-300-leg-1"), line("2.0", "radio-gateway")
    inside = net("1.0", "radio-300-leg-1", "2.0")
    plan = decide([channel("1.1-leg-a"), desk, ours, theirs], [inside], for_good=for_good)
    assert plan.hang_up == ["radio-300-leg-1", "2.0", "1.1-leg-a"]
    assert (plan.give_back, plan.let_go) == ([], ["1.0"])


@pytest.mark.parametrize("for_good", [False, True])
def test_caller_and_operator_on_a_net(*, for_good: bool) -> None:
    """The next application has them talk with each other; where none comes, the caller rings every desk."""
    legs = [channel("1.0"), channel("1.0-leg-a"), channel("radio-300-leg-1"), line("1.1", "desk-net")]
    plan = decide(legs, [net(*(each["id"] for each in legs))], for_good=for_good)
    assert plan.hang_up == ["radio-300-leg-1", *(["1.0-leg-a"] if for_good else [])]
    assert plan.give_back == (["1.0"] if for_good else [])
    assert plan.let_go == ["1.1"]


def test_the_operator_is_on_a_net_and_the_caller_on_hold() -> None:
    """The next application brings the two together."""
    legs = [channel("1.0"), channel("1.0-leg-a"), channel("radio-300-leg-1")]
    plan = decide(legs, [bridge("1.0"), net("1.0-leg-a", "radio-300-leg-1")], for_good=False)
    assert (plan.give_back, plan.hang_up) == ([], ["radio-300-leg-1"])


@pytest.mark.parametrize("for_good", [False, True])
def test_a_desk_that_rings_for_an_officer(*, for_good: bool) -> None:
    """Citizens need its phone; one that has answered is on the net as who dialled it."""
    rings = channel("ht-300-a", held=False, up=False)
    assert decide([rings], [], for_good=for_good).hang_up == ["ht-300-a"]
    assert decide([line("ht-300-b", "desk-net")], [], for_good=for_good).hang_up == []


# ---- where Asterisk is


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_it_reads_the_configuration_as_everybody_does(tmp_path: Path, encoding: str) -> None:
    """Some editors begin a file with a mark that TOML does not know."""
    (tmp_path / "siaga.toml").write_text('[asterisk]\nhttp = "127.0.0.1:18088"\n', encoding=encoding)
    (tmp_path / "secrets.json").write_text('{"ari": {"guard": "G1"}}')
    connection = Asterisk(tmp_path)._connection
    assert (connection.host, connection.port) == ("127.0.0.1", 18088)
