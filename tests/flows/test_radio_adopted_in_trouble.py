"""An operator was on a radio net when the application died, and an order of the next one gets no answer (SOP VII.d)."""

from __future__ import annotations

import anyio
import pytest

from tests.flows.fake_asterisk import Trouble
from tests.flows.floor import floor
from tests.flows.scenes import hear_each_other, press
from tests.flows.test_radio import NET
from tests.flows.test_radio_patch import patched

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("key", ["", "1"])
@pytest.mark.parametrize("order", ["unmute", "add_to_bridge", "stop_playing", "ring", "mute"])
@pytest.mark.parametrize("trouble", ["before", "after"])
async def test_an_order_gets_no_answer(key: str, order: str, trouble: Trouble) -> None:
    """The call is taken up once more, and nobody stays muted: neither the operator nor a caller who listened."""
    async with floor("1001", nets=[NET]) as here:
        call, leg = await patched(here)
        if key:
            await press(here, "1001", key, settled=0.6)
        here.kill()
        await anyio.sleep(0.3)
        here.asterisk.trouble[order] = [trouble]
        await here.start()
        await anyio.sleep(8)
        assert hear_each_other(here, call, leg)
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
