"""Marks, the block, and the callers whose number is blocked (SOP VII.f, VIII)."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from ari_app.ari.commands import Mark
from tests.flows.fake_asterisk import Lags, Trouble
from tests.flows.floor import RING_SECONDS, RULES, Floor, floor
from tests.flows.prankster import (
    ANNOUNCEMENT,
    LATER,
    OTHER,
    PRANKSTER,
    RAW,
    claimed,
    lose_operator,
    prank,
    restart,
)
from tests.flows.scenes import OK, WRONG, goodbye, heard, in_talk, is_idle, leg_at, press, rings

pytestmark = pytest.mark.anyio


def actions_about(here: Floor, *actions: str) -> list[str]:
    return [fact.action for fact in here.journal if fact.action in actions]


# ---- the mark and the block ------------------------------------------------------------------------


async def test_the_fifth_mark_blocks_at_once_and_the_operator_hears_it(lags: Lags) -> None:
    """SOP VIII: "Apabila 5 (lima) kali ... maka nomor akan otomatis terblokir"."""
    async with floor("1001", lags=lags) as here:
        calls = [await prank(here) for _ in range(4)]
        assert "number.blocked" not in {fact.action for fact in here.journal}
        call = await in_talk(here)
        leg = leg_at(here, "1001")
        assert here.asterisk.displays[leg].name == f"{RAW} P4"
        here.asterisk.press("1001", "*7")
        await here.until(lambda: "nomor-diblokir" in heard(here, leg), seconds=0.3)
        await here.until(lambda: here.asterisk.hears(call) == {"salam-penutup"}, seconds=0.1)
        await here.ended(call)
        assert is_idle(here, "1001")
        (blocked,) = here.facts(call, "number.blocked")
        assert blocked.data == {"number": PRANKSTER, "reason": "pranks", "marks": 5}
        assert actions_about(here, "prank.marked") == ["prank.marked"] * 5
        assert all(here.told(each).count("prank.marked") == 1 for each in [*calls, call])


async def test_callers_without_a_number_are_marked_and_never_blocked() -> None:
    async with floor("1001") as here:
        here.asterisk.register("1001", answers_after=0.1)
        for _ in range(7):
            call = here.asterisk.call("")
            await here.talking(call, "1001")
            here.asterisk.press("1001", "*7")
            await here.ended(call)
        assert actions_about(here, "prank.marked", "number.blocked") == ["prank.marked"] * 7
        call = here.asterisk.call("")
        await here.talking(call, "1001")
        await goodbye(here, call)


async def test_two_operators_mark_the_same_number_at_the_same_moment(lags: Lags) -> None:
    """Whatever the order: five marks, one block."""
    for step in range(-3, 4):
        async with floor("1001", "1002", lags=lags) as here:
            for _ in range(3):
                await prank(here)
            here.asterisk.register("1002", answers_after=0.1)
            first, second = here.asterisk.call(), here.asterisk.call()
            calls = (first, second)
            await here.until(lambda: all("call.answered" in here.told(call) for call in calls))  # noqa: B023 - now
            await anyio.sleep(0.5)
            desks = ("1001", "1002") if step >= 0 else ("1002", "1001")
            here.asterisk.press(desks[0], "*7")
            await anyio.sleep(abs(step) / 1000)
            here.asterisk.press(desks[1], "*7")
            await here.ended(first, second)
            assert actions_about(here, "prank.marked", "number.blocked") == ["prank.marked"] * 5 + ["number.blocked"]


async def test_a_mark_and_the_callers_hang_up(lags: Lags) -> None:
    """Swept in steps of a millisecond: a mark that was confirmed counts, and there is at most one."""
    for step in range(60):
        async with floor("1001", lags=lags) as here:
            call = await in_talk(here)
            here.asterisk.press("1001", "*7")
            await anyio.sleep(step / 1000)
            here.asterisk.caller_hangs_up(call)
            await here.ended(call)
            assert here.told(call).count("prank.marked") <= 1
            if step >= 56:
                assert "prank.marked" in here.told(call)


# ---- the blocked caller ----------------------------------------------------------------------------


async def test_a_blocked_caller_hears_why_and_is_verified(lags: Lags) -> None:
    """SOP VIII: never hung up on; an operator verifies and unblocks; the next call is like any other."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await here.until(lambda: rings(here, "1001"), seconds=1)
        assert here.asterisk.hears(call) == {ANNOUNCEMENT}
        leg = leg_at(here, "1001")
        assert here.asterisk.displays[leg].name == f"BLOKIR {RAW}"
        here.asterisk.desk_answers("1001")
        await here.talking(call, "1001", seconds=1)
        await press(here, "1001", "*8")
        assert heard(here, leg) == [OK]
        assert here.asterisk.displays[leg].name == RAW
        (unblocked,) = here.facts(call, "number.unblocked")
        assert (unblocked.actor, unblocked.data) == ("desk:1001", {"number": PRANKSTER, "reason": "verified"})
        await press(here, "1001", "*8")
        assert heard(here, leg) == [OK, WRONG]
        await goodbye(here, call)
        assert here.told(call)[:4] == ["call.received", "call.blocked", "call.queued", "call.offered"]
        assert here.facts(call, "call.queued")[0].data == {"priority": "verification"}
        here.asterisk.register("1001", answers_after=0.1)
        again = await in_talk(here)
        assert "call.blocked" not in here.told(again)
        await goodbye(here, again)


async def test_while_waiting_it_is_said_again_and_there_is_music() -> None:
    async with floor("1001", blocked=[PRANKSTER]) as here:
        call = here.asterisk.call()
        await anyio.sleep(600)
        assert here.asterisk.hears(call) & {"musik", ANNOUNCEMENT}
        assert heard(here, call)[:4] == [ANNOUNCEMENT, "musik", ANNOUNCEMENT, "musik"]
        await goodbye(here, call)
    assert here.end_of(call)["outcome"] == "abandoned"


async def test_others_go_first(lags: Lags) -> None:
    """Whoever came later and is not blocked is served before."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        blocked = here.asterisk.call()
        await anyio.sleep(20)
        normal = here.asterisk.call(OTHER)
        await anyio.sleep(1)
        here.asterisk.register("1001", answers_after=0.5)
        await here.talking(normal, "1001")
        assert "call.offered" not in here.told(blocked)
        here.asterisk.caller_hangs_up(normal)
        await here.talking(blocked, "1001")
        await goodbye(here, blocked)


async def test_most_desks_stay_free_for_everybody_else(lags: Lags) -> None:
    """A flood of blocked callers has one desk in four, and one in any case."""
    desks = [str(1000 + number) for number in range(1, 9)]
    async with floor(*desks, lags=lags, blocked=[PRANKSTER], rules=replace(RULES, verification_max=1000)) as here:
        for desk in desks:
            here.asterisk.register(desk, answers_after=0.5)
        flood = [here.asterisk.call() for _ in range(40)]
        await anyio.sleep(5)
        assert sum(not is_idle(here, desk) for desk in desks) == 2
        normal = here.asterisk.call(OTHER)
        await here.until(lambda: "call.answered" in here.told(normal), seconds=1)
        await goodbye(here, normal, *flood)


async def test_a_flood_holds_nobody_up_for_longer_than_one_ring(lags: Lags) -> None:
    """One desk, which rings for a blocked caller: who is not blocked has the next ring."""
    async with floor("1001", "1002", lags=lags, blocked=[PRANKSTER]) as here:
        here.asterisk.register("1001")
        flood = [here.asterisk.call() for _ in range(5)]
        await anyio.sleep(1)
        assert rings(here, "1001")
        normal = here.asterisk.call(OTHER)
        await here.until(lambda: "call.offered" in here.told(normal), seconds=RING_SECONDS + 0.5)
        await goodbye(here, normal, *flood)


# ---- emergencies -----------------------------------------------------------------------------------


async def test_nine_says_that_it_is_an_emergency(lags: Lags) -> None:
    """The normal queue, flagged and journalled; who came first goes first."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = here.asterisk.call()
        await anyio.sleep(2)
        later = here.asterisk.call(OTHER)
        await anyio.sleep(2)
        here.asterisk.caller_presses(call, "9")
        await anyio.sleep(0.5)
        (claimed,) = here.facts(call, "call.emergency_claimed")
        assert (claimed.actor, claimed.data) == ("caller", {"number": PRANKSTER})
        assert here.asterisk.hears(call) == {"antrean-pembuka"}
        here.asterisk.register("1001", answers_after=0.2)
        await here.talking(call, "1001")
        assert here.asterisk.displays[leg_at(here, "1001")].name == f"DARURAT {RAW}"
        await goodbye(here, call, later)


@pytest.mark.parametrize("trouble", [None, "before", "after", "refused"])
async def test_the_fallback_knows_of_the_emergency(lags: Lags, trouble: Trouble | None) -> None:
    """Should it get the caller; should Asterisk not take the note, they wait with everybody else all the same."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = here.asterisk.call()
        await anyio.sleep(2)
        assert not here.asterisk.legs[call].marks
        here.asterisk.trouble["mark"] = [trouble]
        here.asterisk.caller_presses(call, "9")
        await anyio.sleep(1)
        assert (Mark.EMERGENCY in here.asterisk.legs[call].marks) is (trouble in {None, "after"})
        assert here.asterisk.hears(call) == {"antrean-pembuka"}
        here.asterisk.register("1001", answers_after=0.2)
        await here.talking(call, "1001")
        await goodbye(here, call)


@pytest.mark.parametrize("on_hold", [False, True])
async def test_the_fallback_knows_what_the_operator_said(lags: Lags, on_hold: bool) -> None:  # noqa: FBT001 - drawn
    """A caller on hold goes on hearing music; the other one goes on hearing the operator."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = await in_talk(here)
        if on_hold:
            await press(here, "1001", "*4")
            await anyio.sleep(3)
        await press(here, "1001", "*9")
        assert Mark.EMERGENCY in here.asterisk.legs[call].marks
        assert here.asterisk.hears(call) == {"musik"} if on_hold else here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)


@pytest.mark.parametrize("on_hold", [False, True])
async def test_the_fallback_knows_what_a_supervisor_said(lags: Lags, on_hold: bool) -> None:  # noqa: FBT001 - drawn
    """As after the operator's key; and that it is none after all."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = await in_talk(here)
        if on_hold:
            await press(here, "1001", "*4", settled=3)
        assert here.app is not None
        for is_one in (True, False):
            here.app.router.classified(call, is_one, None)
            await anyio.sleep(0.1)
            assert (Mark.EMERGENCY in here.asterisk.legs[call].marks) is is_one
            assert here.asterisk.displays[leg_at(here, "1001")].name.startswith("DARURAT") is is_one
            assert here.asterisk.hears(call) == {"musik"} if on_hold else here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)


async def test_a_caller_who_said_so_themselves_stays_an_emergency_for_the_fallback(lags: Lags) -> None:
    """A supervisor enters that it is none: that takes nothing from who has pressed nine (SOP VIII)."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = await claimed(here)
        here.asterisk.register("1001", answers_after=0.2)
        await here.talking(call, "1001")
        assert here.app is not None
        here.app.router.classified(call, False, None)
        await anyio.sleep(0.1)
        assert Mark.EMERGENCY in here.asterisk.legs[call].marks
        await goodbye(here, call)


async def test_an_emergency_that_a_supervisor_entered_waits_before_the_others(lags: Lags) -> None:
    """Two callers lose their operators: the emergency has the next desk, entered before that or after."""
    for is_waiting in (False, True):
        async with floor("1001", "1002", lags=lags) as here:
            other = await in_talk(here, "1001")
            call = await in_talk(here, "1002")
            assert here.app is not None
            if not is_waiting:
                here.app.router.classified(call, True, None)
            await lose_operator(here, other, "1001")
            await lose_operator(here, call, "1002")
            if is_waiting:
                here.app.router.classified(call, True, None)
                await anyio.sleep(0.1)
            here.asterisk.register("1001", answers_after=0.2)
            await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=2)  # noqa: B023 - now
            await goodbye(here, call, other)


@pytest.mark.parametrize("said", ["caller", "operator"])
async def test_the_next_application_notes_an_emergency_on_the_line(lags: Lags, said: str) -> None:
    """The one before was lost between telling it and the note."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        here.asterisk.trouble["mark"] = ["before"]
        if said == "caller":
            call = await claimed(here)
        else:
            call = await in_talk(here)
            await press(here, "1001", "*9")
        assert not here.asterisk.legs[call].marks
        await restart(here)
        assert here.asterisk.legs[call].marks == {Mark.EMERGENCY}
        await goodbye(here, call)


async def test_once_an_hour_a_number(lags: Lags) -> None:
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        first = here.asterisk.call()
        await anyio.sleep(2)
        here.asterisk.caller_presses(first, "9")
        await anyio.sleep(1)
        second = here.asterisk.call()
        await anyio.sleep(2)
        here.asterisk.caller_presses(second, "99")
        await anyio.sleep(1)
        assert "call.emergency_claimed" in here.told(first)
        assert "call.emergency_claimed" not in here.told(second)
        assert here.asterisk.hears(second) & {"musik", ANNOUNCEMENT}
        await goodbye(here, first, second)
        await anyio.sleep(3600)
        third = here.asterisk.call()
        await anyio.sleep(2)
        here.asterisk.caller_presses(third, "9")
        await anyio.sleep(1)
        assert "call.emergency_claimed" in here.told(third)
        await goodbye(here, third)


# ---- the lane is full ------------------------------------------------------------------------------


@pytest.mark.parametrize("says_so", [False, True])
async def test_the_lane_is_bounded(lags: Lags, says_so: bool) -> None:  # noqa: FBT001 - drawn
    """Too many wait: the announcement, the request to call later, and the end; unless it is an emergency."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER], rules=replace(RULES, verification_max=2)) as here:
        waiting = [here.asterisk.call(), here.asterisk.call()]
        await anyio.sleep(1)
        call = here.asterisk.call()
        await anyio.sleep(1)
        assert here.asterisk.hears(call) == {ANNOUNCEMENT}
        if says_so:
            here.asterisk.caller_presses(call, "9")
            await anyio.sleep(60)
            assert here.asterisk.hears(call) & {"antrean-pembuka", "musik", "antrean-mohon-tunggu"}
        else:
            await here.ended(call, seconds=5)
            assert heard(here, call) == [ANNOUNCEMENT, LATER]
            assert here.end_of(call) == {"by": "system", "outcome": "turned_away", "cause": 16}
        await goodbye(here, *waiting, *([call] if says_so else []))


# ---- death -----------------------------------------------------------------------------------------


async def test_killed_between_calls_the_marks_are_known(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        for _ in range(4):
            await prank(here)
        here.kill()
        await here.start()
        call = await prank(here)
        assert len(here.facts(call, "number.blocked")) == 1


async def test_a_blocked_caller_who_waits_is_adopted(lags: Lags) -> None:
    """Still behind everybody else, and never in silence."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = here.asterisk.call()
        await anyio.sleep(5)
        here.kill()
        await anyio.sleep(0.3)
        await here.start()
        await anyio.sleep(1)
        assert here.asterisk.hears(call) & {"musik", ANNOUNCEMENT}
        normal = here.asterisk.call(OTHER)
        here.asterisk.register("1001", answers_after=0.2)
        await here.talking(normal, "1001")
        await goodbye(here, normal)
        await here.talking(call, "1001")
        await goodbye(here, call)
