"""A gateway that vanishes without a word (SOP VII.d): its line is found dead, and called again."""

from __future__ import annotations

import anyio
import pytest

from ari_app.flows.radio_pulse import DEAD_SECONDS, LOOK_SECONDS, STEADY_SECONDS
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import RULES, Floor, floor
from tests.flows.scenes import press
from tests.flows.test_radio import NET, hang_up, on_net, radio, told, up

pytestmark = pytest.mark.anyio

NOTICED = DEAD_SECONDS + 2 * LOOK_SECONDS


def line(here: Floor) -> str:
    leg = here.asterisk.gateway_leg("300")
    assert leg is not None
    return leg.id


def vanishes(here: Floor) -> None:
    """Nothing comes from the gateway any more, and it answers no call."""
    leg = here.asterisk.gateway_leg("300")
    assert leg is not None
    leg.died_at = anyio.current_time()
    here.asterisk.gateways["300"].answers_after = None


async def test_one_that_sends_all_the_time(lags: Lags) -> None:
    """An alarm, and calls with growing pauses; whoever has keyed hears of it, and the floor is free."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        await on_net(here, "1001")
        await anyio.sleep(STEADY_SECONDS + LOOK_SECONDS)
        old = line(here)
        vanishes(here)
        await press(here, "1001", "5")
        await anyio.sleep(NOTICED)
        assert old not in here.asterisk.legs
        assert told(here) == ["1001 keyed", "1001 gateway_lost"]
        assert len(radio(here, "radio.gateway_down")) == 1
        here.asterisk.gateways["300"].answers_after = 0.05
        await anyio.sleep(60)
        assert len(radio(here, "radio.gateway_up")) == 2
        assert line(here) != old
        await hang_up(here, "1001")


async def test_one_that_sends_what_officers_say_only(lags: Lags) -> None:
    """It is not taken for dead because it is silent: not before an officer has talked, and not afterwards."""
    async with floor(lags=lags, nets=[NET]) as here:
        await up(here)
        leg = here.asterisk.gateway_leg("300")
        assert leg is not None
        leg.died_at = 5.0
        await anyio.sleep(60)
        leg.died_at = None
        here.asterisk.officer_talks("300", on=True)
        await anyio.sleep(STEADY_SECONDS)
        here.asterisk.officer_talks("300", on=False)
        await anyio.sleep(1)
        leg.died_at = anyio.current_time()
        await anyio.sleep(60)
        assert line(here) == leg.id
        assert here.asterisk.gateways["300"].calls == 1
    assert radio(here, "radio.gateway_down") == []


async def test_one_that_was_steady_and_whose_officer_talks_on_is_found_dead_too(lags: Lags) -> None:
    async with floor(lags=lags, nets=[NET]) as here:
        await up(here)
        await anyio.sleep(STEADY_SECONDS + LOOK_SECONDS)
        here.asterisk.officer_talks("300", on=True)
        await anyio.sleep(1)
        vanishes(here)
        await anyio.sleep(NOTICED + 2)
        assert told(here) == ["officer keyed", "officer silent"]
        assert len(radio(here, "radio.gateway_down")) == 1
        here.asterisk.gateways["300"].answers_after = 0.05
        await anyio.sleep(60)


async def test_a_desks_phone_that_holds_is_not_taken_for_dead(lags: Lags) -> None:
    """By its own key it may send nothing; it is watched again afterwards."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        await anyio.sleep(5)
        here.asterisk.hold_key("1001", on=True)
        here.asterisk.phone_dies("1001")
        await anyio.sleep(60)
        assert leg in here.asterisk.legs
        here.asterisk.legs[leg].died_at = None
        here.asterisk.hold_key("1001", on=False)
        await anyio.sleep(3)
        here.asterisk.phone_dies("1001")
        await here.until(lambda: leg not in here.asterisk.legs, seconds=2 * RULES.dead_phone)
    assert len(radio(here, "radio.left")) == 1
