"""The key of a radio net, pressed again before the net has heard of the first time (SOP VII.d)."""

from __future__ import annotations

import anyio
import pytest

from ari_app.domain.radio import NetRules
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.scenes import goodbye, press
from tests.flows.test_radio import DTMF, NET, hang_up, on_net, told
from tests.flows.test_radio_patch import patched

pytestmark = pytest.mark.anyio

PRESSED = [("55", False), ("555", True), ("5555", False)]


async def press_at_once(here: Floor, keys: str) -> None:
    """All of them are read in one turn: the application stands still meanwhile."""
    here.asterisk.stands_still_until = anyio.current_time() + 0.4
    here.asterisk.press("1001", keys)
    await anyio.sleep(2)


@pytest.mark.parametrize(("keys", "is_on"), PRESSED)
@pytest.mark.parametrize("rules", [NET, DTMF])
async def test_on_a_net_that_was_dialled(lags: Lags, rules: NetRules, keys: str, *, is_on: bool) -> None:
    """Each time is the other way round."""
    async with floor("1001", lags=lags, nets=[rules]) as here:
        (leg,) = await on_net(here, "1001")
        await press_at_once(here, keys)
        assert here.asterisk.on_air("300") == ({leg} if is_on else set())
        if is_on:
            await press(here, "1001", "5", settled=1)
        await hang_up(here, "1001")
    assert told(here)[-2:] == ["1001 keyed", "1001 unkeyed"]


@pytest.mark.parametrize(("keys", "is_on"), PRESSED)
@pytest.mark.parametrize("is_emergency", [False, True])
async def test_in_a_call(lags: Lags, keys: str, *, is_on: bool, is_emergency: bool) -> None:
    """Also where the key takes a busy floor over."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        call, leg = await patched(here)
        if is_emergency:
            await press(here, "1001", "*9", settled=2)
        await press_at_once(here, keys)
        assert here.asterisk.on_air("300") == ({leg} if is_on else set())
        await goodbye(here, call)
