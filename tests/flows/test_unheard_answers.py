"""A receiver is lifted in a gap of the link: no event tells of it, and the two talk all the same when it is back."""

from __future__ import annotations

import anyio
import pytest

from ari_app.domain.desks import DeskState
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import floor
from tests.flows.scenes import hear_each_other, leg_at, rings, transferring

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("after", [0.0, 0.0005, 0.001, 0.0015, 0.002, 0.005])
async def test_an_answer_was_not_heard(lags: Lags, after: float) -> None:
    """Nothing of it, or only that the leg is ours: the two talk when the link is back."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await here.until(lambda: here.asterisk.rung)
        await anyio.sleep(1)
        here.lose_link()
        here.asterisk.desk_enters_after = 0.003
        here.asterisk.desk_answers("1001")
        await anyio.sleep(after)
        await here.restore_link()
        await here.talking(call, "1001", seconds=2)
        here.asterisk.caller_hangs_up(call)
    assert here.told(call).count("call.answered") == 1
    assert "call.not_answered" not in here.told(call)


async def test_a_link_that_is_lost_as_the_desk_answers(lags: Lags) -> None:
    """At every half millisecond, so that anything may be missing."""
    for step in range(20):
        async with floor("1001", lags=lags) as here:
            here.asterisk.register("1001")
            call = here.asterisk.call()
            await here.until(lambda: here.asterisk.rung)
            await anyio.sleep(1)
            here.asterisk.desk_enters_after = 0.003
            here.asterisk.desk_answers("1001")
            await anyio.sleep(step / 2000)
            here.lose_link()
            await anyio.sleep(0.3)
            await here.restore_link()
            await here.talking(call, "1001", seconds=2)
            here.asterisk.caller_hangs_up(call)
            await here.ended(call)
            assert here.told(call).count("call.answered") == 1


async def test_the_answers_of_others_were_not_heard(lags: Lags) -> None:
    """Of a Polres, and of a colleague."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        here.lose_link()
        here.asterisk.desk_answers("2011")
        await here.restore_link()
        await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=3)
        here.asterisk.register("1002")
        await here.until(lambda: here.board.desks["1001"].state is DeskState.FREE, seconds=2)
        line = here.asterisk.dial("1001", "colleague", "1002")
        await here.until(lambda: rings(here, "1002"), seconds=2)
        here.lose_link()
        here.asterisk.desk_answers("1002")
        await here.restore_link()
        await here.until(lambda: hear_each_other(here, line, leg_at(here, "1002")), seconds=2)
        here.asterisk.desk_hangs_up("1002")
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
