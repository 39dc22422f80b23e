"""Many talks are taken up, and desks that talk in the fallback meanwhile are left alone until they are free."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from ari_app.flows.call import Call
from ari_app.flows.router import Procedure, Router
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import floor

pytestmark = pytest.mark.anyio

TURNS = 100


async def test_many_talks_are_adopted_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else has to be done, the heartbeat first of all, has its turn in between."""
    desks = [str(1001 + number) for number in range(20)]
    async with floor(*desks) as here:
        for desk in desks:
            here.asterisk.register(desk, answers_after=0.1)
            await here.talking(here.asterisk.call(), desk)
        here.kill()
        loop, adopt = asyncio.get_running_loop(), Router.adopt
        turns, at = 0, list[int]()

        def turn() -> None:
            nonlocal turns
            turns += 1
            if turns < TURNS:
                loop.call_soon(turn)

        async def seen(router: Router, call: Call, procedure: Procedure) -> None:
            if not at:
                turn()
            at.append(turns)
            await adopt(router, call, procedure)

        monkeypatch.setattr(Router, "adopt", seen)
        await here.start()
        await here.until(lambda: len(at) == len(desks))
        assert len(set(at)) == len(desks)
        for leg in [leg.id for leg in here.asterisk.legs.values() if leg.is_caller]:
            here.asterisk.caller_hangs_up(leg)


async def test_a_desk_that_talks_in_the_fallback_is_not_free(lags: Lags) -> None:
    """Nobody rings it while others are free, and it is free again when that talk is over."""
    async with floor("1001", "1002", lags=lags) as here:
        here.kill()
        here.asterisk.register("1001")
        here.asterisk.register("1002", answers_after=0.2)
        here.asterisk.rings_in_fallback("1001")
        await here.start()
        call = here.asterisk.call()
        await here.talking(call, "1002", seconds=2)
        waiting = here.asterisk.call("0614567890")
        await anyio.sleep(3)
        assert "call.offered" not in here.told(waiting)
        here.asterisk.ends_in_fallback("1001")
        await here.until(lambda: "call.offered" in here.told(waiting), seconds=0.2)
        for each in (call, waiting):
            here.asterisk.caller_hangs_up(each)
        await here.ended(call, waiting)


async def test_a_desk_whose_talk_in_the_fallback_ends_as_we_look(lags: Lags) -> None:
    """Its end comes before we have asked for its events: it is free at once all the same."""
    for step in range(0, 60, 2):
        async with floor("1001", lags=lags) as here:
            here.kill()
            here.asterisk.register("1001", answers_after=0.1)
            here.asterisk.rings_in_fallback("1001")
            asyncio.get_running_loop().call_later(step / 1000, here.asterisk.ends_in_fallback, "1001")
            await here.start()
            call = here.asterisk.call()
            await here.talking(call, "1001", seconds=0.5)
            here.asterisk.caller_hangs_up(call)
            await here.ended(call)
