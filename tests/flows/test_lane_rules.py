"""Who goes before whom, and why: emergencies that a caller claims, lost operators, and a mark that closes the call."""

from __future__ import annotations

import anyio
import pytest

from tests.flows.fake_asterisk import Lags
from tests.flows.floor import floor
from tests.flows.prankster import ANNOUNCEMENT, OTHER, PRANKSTER, RAW, claimed, lose_operator
from tests.flows.scenes import goodbye, in_talk, leg_at

pytestmark = pytest.mark.anyio


async def test_who_said_that_it_is_an_emergency_is_not_sent_back_to_the_lane(lags: Lags) -> None:
    """The number is blocked all the same; the operator was lost before they could verify it."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = await claimed(here)
        here.asterisk.register("1001", answers_after=0.2)
        await here.talking(call, "1001")
        other = here.asterisk.call(OTHER)
        await anyio.sleep(5)
        played = len(here.asterisk.played)
        await lose_operator(here, call)
        assert (call, ANNOUNCEMENT) not in here.asterisk.played[played:]
        here.asterisk.register("1001", answers_after=0.2)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"))
        assert "call.answered" not in here.told(other)
        assert here.asterisk.displays[leg_at(here, "1001")].name == f"DARURAT {RAW}"
        assert here.facts(call, "call.queued")[-1].data == {"priority": "take_back"}
        await goodbye(here, call, other)


async def test_a_caller_whose_operator_is_lost_goes_before_who_waits_longer(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        other = here.asterisk.call(OTHER)
        await anyio.sleep(5)
        await lose_operator(here, call)
        here.asterisk.register("1001", answers_after=0.2)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"))
        assert "call.answered" not in here.told(other)
        assert here.facts(call, "call.queued")[-1].data == {"priority": "take_back"}
        await goodbye(here, call, other)


async def test_nine_by_who_is_not_blocked_says_nothing(lags: Lags) -> None:
    """Nobody is told to press it but the blocked; their claim of this hour is not used up by it."""
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call()
        await anyio.sleep(20)
        here.asterisk.caller_presses(call, "9")
        await anyio.sleep(1)
        assert "call.emergency_claimed" not in here.told(call)
        here.asterisk.register("1001", answers_after=0.2)
        await here.talking(call, "1001")
        assert here.asterisk.displays[leg_at(here, "1001")].name == RAW
        await goodbye(here, call)


async def test_nine_again_by_who_has_claimed_is_said_once(lags: Lags) -> None:
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = here.asterisk.call()
        await anyio.sleep(2)
        here.asterisk.caller_presses(call, "999")
        await anyio.sleep(3600)
        here.asterisk.caller_presses(call, "9")
        await anyio.sleep(1)
        assert here.told(call).count("call.emergency_claimed") == 1
        await goodbye(here, call)


async def test_a_supervisors_mark_closes_the_complaint(lags: Lags) -> None:
    """SOP VII.f, as the operator's own: nothing is left open that nobody will follow up."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        assert here.app is not None
        here.app.router.mark_living(call, "supervisor:budi", None)
        await here.ended(call, seconds=10)
        (closed,) = here.facts(call, "complaint.closed")
        assert closed.actor == "supervisor:budi"
