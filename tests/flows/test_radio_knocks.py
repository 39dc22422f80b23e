"""A citizen waits while an operator is on the air: the two knocks cut nobody off (SOP V.2, VII.d)."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from ari_app.domain.radio import NetRules
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.scenes import goodbye, heard, press
from tests.flows.test_radio import DTMF, LONGEST, NET, hang_up, on_net

pytestmark = pytest.mark.anyio

KNOCKS, OVER = "nada-ada-antrean", "nada-habis"


async def stays_on_air(here: Floor, leg: str, *, seconds: float = 1.0) -> None:
    for _ in range(round(seconds / 0.005)):
        await anyio.sleep(0.005)
        assert here.asterisk.on_air("300") == {leg}


async def test_the_knocks_come_when_the_operator_has_unkeyed(lags: Lags) -> None:
    async with floor("1001", lags=lags, nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        await press(here, "1001", "5")
        call = here.asterisk.call()
        await stays_on_air(here, leg)
        assert heard(here, leg) == []
        await press(here, "1001", "5")
        assert heard(here, leg) == [KNOCKS]
        assert here.asterisk.on_air("300") == set()
        await press(here, "1001", "5", settled=0.1)
        await stays_on_air(here, leg)
        await press(here, "1001", "5", settled=1)
        assert heard(here, leg) == [KNOCKS], "once for each who waits"
        await hang_up(here, "1001")
        await goodbye(here, call)


async def test_not_before_the_last_word_is_out(lags: Lags) -> None:
    """What was said during the lead-in is still on its way."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        (leg,) = await on_net(here, "1001")
        await press(here, "1001", "5", settled=1)
        call = here.asterisk.call()
        await stays_on_air(here, leg)
        await press(here, "1001", "5", settled=0)
        await stays_on_air(here, leg, seconds=0.3)
        await anyio.sleep(0.3)
        assert here.asterisk.on_air("300") == set()
        assert heard(here, leg) == ["nada-bicara", KNOCKS]
        await hang_up(here, "1001")
        await goodbye(here, call)


@pytest.mark.parametrize("rules", [NET, replace(NET, by_voice=True)])
async def test_key_and_caller_come_at_once(lags: Lags, rules: NetRules) -> None:
    """The application stood still, and hears of both in the same moment."""
    async with floor("1001", lags=lags, nets=[rules]) as here:
        (leg,) = await on_net(here, "1001")
        here.asterisk.stands_still_until = anyio.current_time() + 0.4
        if rules.by_voice:
            here.asterisk.operator_talks(leg, on=True)
        else:
            here.asterisk.press("1001", "5")
        await anyio.sleep(0.1)
        call = here.asterisk.call()
        await anyio.sleep(0.35)
        await stays_on_air(here, leg)
        before = len(heard(here, leg))
        if rules.by_voice:
            here.asterisk.operator_talks(leg, on=False)
        else:
            here.asterisk.press("1001", "5")
        await anyio.sleep(0.3)
        assert heard(here, leg)[before:] == [KNOCKS], "they had been cut off, if they had begun"
        await hang_up(here, "1001")
        await goodbye(here, call)


async def test_after_what_else_there_is_to_hear(lags: Lags) -> None:
    """The transmission was too long."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        await press(here, "1001", "5")
        call = here.asterisk.call()
        await anyio.sleep(LONGEST + 1)
        assert heard(here, leg) == [OVER, KNOCKS]
        await hang_up(here, "1001")
        await goodbye(here, call)


async def test_nobody_waits_any_more(lags: Lags) -> None:
    async with floor("1001", lags=lags, nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        await press(here, "1001", "5")
        call = here.asterisk.call()
        await stays_on_air(here, leg)
        await goodbye(here, call)
        await press(here, "1001", "5")
        assert heard(here, leg) == []
        await hang_up(here, "1001")
