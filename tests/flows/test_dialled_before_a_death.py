"""A desk that had dialled something when the application died is not free before that is over."""

from __future__ import annotations

import anyio
import pytest

from tests.flows.fake_asterisk import Lags
from tests.flows.floor import floor
from tests.flows.guarding import the_guard_acts
from tests.flows.scenes import goodbye, is_idle, leg_at
from tests.flows.test_radio import NET, hang_up, on_net

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "unguarded"])
@pytest.mark.parametrize("waits", [True, False], ids=["waits", "comes"])
async def test_who_was_on_a_net_is_rung_for_nobody(lags: Lags, *, guarded: bool, waits: bool) -> None:
    """The dialplan has the desk on the net again a moment later; who called gets another one."""
    async with floor("1001", "1002", lags=lags, nets=[NET]) as here:
        (line,) = await on_net(here, "1001")
        call = here.asterisk.call() if waits else ""
        await anyio.sleep(0.5)
        here.kill()
        if guarded:
            await the_guard_acts(here.asterisk)
            await anyio.sleep(0.05)
        here.asterisk.register("1002")
        await here.start()
        call = call if waits and not guarded else here.asterisk.call()
        await anyio.sleep(0.2)
        assert [fact.data["desk"] for fact in here.facts(call, "call.offered")] == ["1002"]
        await anyio.sleep(1)
        assert here.asterisk.legs[line].bridge is not None, "on the net again"
        assert leg_at(here, "1001") == line
        here.asterisk.desk_answers("1002")
        await here.talking(call, "1002")
        await goodbye(here, *{leg.id for leg in here.asterisk.legs.values() if leg.is_caller})
        await hang_up(here, "1001")


async def test_who_hangs_up_before_that_is_free(lags: Lags) -> None:
    async with floor("1001", lags=lags, nets=[NET]) as here:
        await on_net(here, "1001")
        here.kill()
        await the_guard_acts(here.asterisk)
        await here.start()
        call = here.asterisk.call()
        await anyio.sleep(0.1)
        assert here.facts(call, "call.offered") == []
        here.asterisk.desk_hangs_up("1001")
        await here.until(lambda: not is_idle(here, "1001"), seconds=0.1)
        here.asterisk.desk_answers("1001")
        await here.talking(call, "1001")
        await goodbye(here, call)


async def test_who_talks_by_the_dialplan_alone(lags: Lags) -> None:
    """A colleague was dialled while no application ran."""
    async with floor("1001", "1002", lags=lags) as here:
        here.kill()
        here.asterisk.register("1001")
        line = here.asterisk.dial("1001", "colleague", "1002")
        here.asterisk.legs[line].stasis = False
        await here.start()
        here.asterisk.register("1002", answers_after=0.1)
        for _ in range(2):
            call = here.asterisk.call()
            await here.talking(call, "1002")
            await goodbye(here, call)
        await hang_up(here, "1001")
        call = here.asterisk.call()
        await here.until(lambda: not is_idle(here, "1001"), seconds=0.5)
        await goodbye(here, call)
