"""A flow lets go of its call while the application lives: an order got no answer, or there is a mistake in it.

Whoever takes the call up again knows of it what was told.
"""

from __future__ import annotations

import anyio
import pytest

from ari_app.flows.call import Call
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.scenes import goodbye, in_talk, press, rings, transferring

pytestmark = pytest.mark.anyio


async def _lets_go(here: Floor, call: str, keys: str = "*5", desk: str = "1001") -> Call:
    """What is played to the operator for these keys fails; the call with its next flow."""
    before = len(here.facts(call, "call.adopted"))
    here.asterisk.trouble["play"] = ["before"]
    here.asterisk.press(desk, keys)
    await here.until(lambda: len(here.facts(call, "call.adopted")) > before, seconds=2)
    await anyio.sleep(0.5)
    assert here.app is not None
    return here.app.router.calls[call]


async def test_an_emergency_is_still_one(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", "*9")
        again = await _lets_go(here, call)
        assert again.is_emergency
        await press(here, "1001", "*4")
        here.asterisk.register("1001", answers_after=0.5)
        here.asterisk.desk_hangs_up("1001")
        await here.until(lambda: "call.requeued" in here.told(call), seconds=2)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=2)
        assert here.facts(call, "call.queued")[-1].data == {"priority": "emergency"}
        await goodbye(here, call)


async def test_a_transfer_is_taken_back(lags: Lags) -> None:
    """SOP V.10, V.11: the complaint stays open for that Polres, and is not closed with the call."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        await _lets_go(here, call)
        assert [fact.data["polres"] for fact in here.facts(call, "call.taken_back")] == ["01"]
        assert here.asterisk.is_talking(call, "1001")
        await press(here, "1001", "*0")
        await here.ended(call)
    assert "complaint.closed" not in here.told(call)


async def test_a_transfer_of_an_application_before_is_taken_back_once(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        here.kill()
        await here.start()
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=2)
        for _ in range(2):
            await _lets_go(here, call)
        assert here.told(call).count("call.taken_back") == 1
        await goodbye(here, call)


async def test_the_polres_answers_once(lags: Lags) -> None:
    """It has the call after a second attempt, and keeps it."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        here.kill()
        await here.start()
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=2)
        here.asterisk.press("1001", "*201#")
        await here.until(lambda: rings(here, "2011"), seconds=2)
        here.asterisk.desk_answers("2011")
        await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=3)
        await _lets_go(here, call, desk="2011")
        assert here.told(call).count("call.transfer_answered") == 1
        assert here.told(call).count("call.taken_back") == 1
        await goodbye(here, call)
