"""A desk's line is where the newest look at Asterisk shows it, whichever looks there are beside each other."""

from __future__ import annotations

import anyio
import pytest

from ari_app.ari.model import Bridge
from ari_app.flows.colleague import end
from ari_app.flows.recovery import EVERY_SECONDS, SOON_SECONDS
from tests.flows.fake_asterisk import Lags
from tests.flows.fake_radio import ROUND_SECONDS
from tests.flows.floor import floor
from tests.flows.guarding import the_guard_acts
from tests.flows.scenes import goodbye
from tests.flows.test_radio import NET, hang_up, on_net

pytestmark = pytest.mark.anyio


async def test_a_look_takes_so_long_that_another_one_begins(lags: Lags, monkeypatch: pytest.MonkeyPatch) -> None:
    """The link was lost meanwhile, and a desk has dialled another one, which the dialplan rings."""
    async with floor("1001", "1002", lags=lags) as here:
        here.asterisk.register("1001")
        bridges, late = here.asterisk.bridges, [1.0]

        async def come_late() -> list[Bridge]:
            found = await bridges()
            await anyio.sleep(late.pop() if late else 0)
            return found

        monkeypatch.setattr(here.asterisk, "bridges", come_late)
        await here.until(lambda: not late, seconds=EVERY_SECONDS + 1)
        here.lose_link()
        line = here.asterisk.legs[here.asterisk.dial("1001", "colleague", "1002")]
        line.stasis, line.app = False, "Dial"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.restore_link)
            await anyio.sleep(0.2)
            call = here.asterisk.call()
        await anyio.sleep(2)
        assert here.facts(call, "call.offered") == []
        await hang_up(here, "1001")
        await here.until(lambda: here.facts(call, "call.offered"), seconds=0.5)
        await goodbye(here, call)


async def test_a_line_has_come_back_and_nobody_has_been_told() -> None:
    """The dialplan has put a desk onto its net again; who waits for a desk does not get this one for a moment."""
    async with floor("1001", lags=Lags(event=lambda: 0.02), nets=[NET]) as here:
        (line,) = await on_net(here, "1001")
        here.kill()
        await the_guard_acts(here.asterisk)
        comes_back = anyio.current_time() + ROUND_SECONDS
        app = await here.start()
        call = here.asterisk.call()
        await anyio.sleep_until(comes_back - SOON_SECONDS)
        app.router.something_is_amiss.set()
        await anyio.sleep_until(comes_back + 0.01)
        assert here.asterisk.legs[line].stasis
        await anyio.sleep(1)
        assert here.asterisk.legs[line].bridge is not None, "on the net again"
        assert here.facts(call, "call.offered") == []
        await hang_up(here, "1001")
        await here.until(lambda: here.facts(call, "call.offered"), seconds=0.5)
        await goodbye(here, call)


async def test_a_line_that_is_taken_up_is_its_flows() -> None:
    """Or its desk would be elsewhere until the look behind its end."""
    async with floor("1001") as here:
        here.asterisk.register("1001")
        await here.until(lambda: here.board.desks["1001"].registered, seconds=1)
        assert here.app is not None
        router, now = here.app.router, anyio.current_time()
        router.elsewhere.seen({"line": "1001"}, living={"line"})
        assert not here.board.desks["1001"].can_ring(now)
        call = router.found("line", "1001", "1002")
        assert call is not None
        assert here.board.desks["1001"].can_ring(now)
        await router.adopt(call, end)
