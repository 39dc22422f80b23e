"""A flow lets go of its call while the application lives: an order got no answer, or there is a mistake in it.

Whoever takes the call up again knows of it what was told, and nobody else has had its desk meanwhile.
"""

from __future__ import annotations

import anyio
import pytest

from ari_app.domain.desks import DeskState
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


@pytest.mark.parametrize("keys", ["*5", "*4", "*9"])
async def test_the_desk_in_the_talk_is_nobody_elses(lags: Lags, keys: str) -> None:
    """Somebody waits for it; they have it when the talk is over."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        waiting = here.asterisk.call("0614567890")
        await anyio.sleep(1)
        await _lets_go(here, call, keys)
        await anyio.sleep(10)
        assert "call.offered" not in here.told(waiting)
        assert here.board.desks["1001"].state is DeskState.TALKING
        assert here.board.desks["1001"].call == call
        await goodbye(here, call)
        await here.talking(waiting, "1001", seconds=2)
        await goodbye(here, waiting)


async def test_a_desk_whose_talk_was_not_taken_up_again_is_free(lags: Lags) -> None:
    """The caller hangs up before anybody looks."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        waiting = here.asterisk.call("0614567890")
        await anyio.sleep(1)
        here.asterisk.trouble["play"] = ["before"]
        here.asterisk.press("1001", "*5")
        assert here.app is not None
        await here.until(lambda: here.app is not None and call not in here.app.router.calls, seconds=1)
        here.asterisk.caller_hangs_up(call)
        here.asterisk.desk_hangs_up("1001")
        await here.talking(waiting, "1001", seconds=2)
        await goodbye(here, waiting)
        await here.ended(call)
