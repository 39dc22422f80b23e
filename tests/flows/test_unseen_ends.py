"""Calls whose end the application has not seen: it was away, the link was broken, or Asterisk itself died."""

from __future__ import annotations

from datetime import timedelta

import anyio
import pytest

from tests.flows.fake_asterisk import Lags
from tests.flows.floor import floor
from tests.flows.scenes import in_talk

pytestmark = pytest.mark.anyio


async def test_asterisk_died_with_a_caller_in_the_fallback(lags: Lags) -> None:
    """Nobody is left to note the end of that call: it is told as lost, once."""
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call()
        await here.until(lambda: "call.queued" in here.told(call))
        here.kill()
        here.asterisk._to_fallback(here.asterisk.legs[call])
        await here.start()
        here.kill()
        here.asterisk.caller_hangs_up(call)
        here.asterisk.notes.clear()
        for _ in range(2):
            await here.start()
            here.kill()
        await here.start()
    assert here.told(call)[-2:] == ["call.fallback", "call.ended"]
    assert here.end_of(call)["outcome"] == "lost"


@pytest.mark.parametrize("is_killed", [False, True])
async def test_asterisk_died(lags: Lags, is_killed: bool) -> None:  # noqa: FBT001 - drawn
    """Talks and waiting callers end as lost, when the link broke or, with us dead as well, when Asterisk was back."""
    async with floor("1001", lags=lags) as here:
        calls = [await in_talk(here), here.asterisk.call("0614567890")]
        await anyio.sleep(5)
        died = here.asterisk.wall_now()
        if is_killed:
            here.kill()
        else:
            here.lose_link()
        await anyio.sleep(2)
        here.asterisk.dies()
        await (here.start() if is_killed else here.restore_link())
        await here.ended(*calls, seconds=2)
        for call in calls:
            (end,) = here.facts(call, "call.ended")
            assert end.data["outcome"] == "lost"
            assert end.at is not None
            assert (end.at - died).total_seconds() == pytest.approx(2 if is_killed else 0, abs=0.1)


async def test_a_call_that_ended_unseen_has_its_own_end(lags: Lags) -> None:
    """The link was broken when the caller hung up: the dialplan noted when, and how."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        here.lose_link()
        await anyio.sleep(1)
        here.asterisk.caller_hangs_up(call)
        ended = here.asterisk.wall_now()
        await anyio.sleep(2)
        await here.restore_link()
        await here.ended(call, seconds=2)
        (end,) = here.facts(call, "call.ended")
        assert (end.data["outcome"], end.data["by"], end.data["cause"]) == ("answered", "caller", 16)
        assert end.at == pytest.approx(ended, abs=timedelta(seconds=0.1))
