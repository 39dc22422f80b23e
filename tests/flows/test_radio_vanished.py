"""A gateway that vanishes without a word (SOP VII.d): its line is found dead, and called again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

from ari_app.flows.radio_pulse import DEAD_SECONDS, LOOK_SECONDS, STEADY_SECONDS
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import RULES, Floor, floor
from tests.flows.scenes import press
from tests.flows.test_radio import LONGEST, NET, hang_up, on_net, radio, told, up

pytestmark = pytest.mark.anyio

NOTICED = DEAD_SECONDS + 2 * LOOK_SECONDS
STEADY = LONGEST + STEADY_SECONDS + 2 * LOOK_SECONDS


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


@pytest.mark.parametrize("keyed_for", [0, LONGEST - 5, LONGEST + 5])
async def test_one_that_sends_all_the_time(lags: Lags, keyed_for: float) -> None:
    """An alarm, and calls with growing pauses; not while an operator talks, but as soon as they have ended."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        await anyio.sleep(STEADY)
        old = line(here)
        vanishes(here)
        if keyed_for:
            await press(here, "1001", "5")
            await anyio.sleep(LONGEST - 5)
            assert here.asterisk.on_air("300") == {leg}
            if keyed_for < LONGEST:
                await press(here, "1001", "5")
            else:
                await anyio.sleep(5)
        await anyio.sleep(NOTICED)
        assert old not in here.asterisk.legs
        assert len(told(here)) == (2 if keyed_for else 0)
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


async def sends(here: Floor, *, on: bool) -> None:
    """The gateway begins to send, or sends nothing any more, and answers calls all the same."""
    leg = here.asterisk.gateway_leg("300")
    assert leg is not None
    leg.died_at = None if on else anyio.current_time()


async def a_look(here: Floor) -> float:
    """It has just been looked whether anything comes from the gateway; when."""
    before = here.asterisk.orders["packets_received"]
    await here.until(lambda: here.asterisk.orders["packets_received"] > before)
    return anyio.current_time()


async def pauses_at_every_look(here: Floor) -> None:
    """An officer talks, and pauses for a breath just as it is looked whether anything comes."""
    begin = await a_look(here)
    await sends(here, on=True)
    here.asterisk.officer_talks("300", on=True)
    for number in range(1, 21):
        for on in (False, True):
            await anyio.sleep(begin + number * LOOK_SECONDS + (0.1 if on else -0.1) - anyio.current_time())
            here.asterisk.officer_talks("300", on=on)
    here.asterisk.officer_talks("300", on=False)


async def carries_nothing(here: Floor) -> None:
    """A radio is keyed for 12 s, and nobody says a word."""
    await sends(here, on=True)
    await anyio.sleep(12)


async def is_stuck(here: Floor) -> None:
    """A radio goes on and on, far beyond the longest transmission."""
    await sends(here, on=True)
    here.asterisk.officer_talks("300", on=True)
    await anyio.sleep(LONGEST + 150)
    here.asterisk.officer_talks("300", on=False)


async def is_busy(here: Floor) -> None:
    """One officer after the other, and never 2 s without anything: some looks find nobody who talks."""
    for _ in range(60):
        await sends(here, on=True)
        here.asterisk.officer_talks("300", on=True)
        await anyio.sleep(1.3)
        here.asterisk.officer_talks("300", on=False)
        await anyio.sleep(1.1)
        await sends(here, on=False)
        await anyio.sleep(0.3)


@pytest.mark.parametrize("busy", [pauses_at_every_look, carries_nothing, is_stuck, is_busy])
async def test_one_that_sends_only_while_a_radio_is_keyed(busy: Callable[[Floor], Awaitable[None]]) -> None:
    """However long that is: it is not missed when it falls silent, nor while an operator answers."""
    async with floor("1001", nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        await sends(here, on=False)
        await anyio.sleep(60)
        await busy(here)
        await sends(here, on=False)
        await anyio.sleep(1)
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        await anyio.sleep(LONGEST - 5)
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5")
        await anyio.sleep(30)
        assert here.asterisk.gateways["300"].calls == 1
        await hang_up(here, "1001")
    assert radio(here, "radio.gateway_down") == []


async def test_one_that_sends_in_silence_but_not_while_an_operator_talks(lags: Lags) -> None:
    """It hears nothing while it transmits: nobody is cut off for that."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        await anyio.sleep(STEADY)
        for _ in range(2):
            await press(here, "1001", "5")
            await sends(here, on=False)
            await anyio.sleep(LONGEST - 2)
            assert here.asterisk.on_air("300") == {leg}
            await press(here, "1001", "5")
            await sends(here, on=True)
            await anyio.sleep(10)
        assert here.asterisk.gateways["300"].calls == 1
        await hang_up(here, "1001")
    assert told(here) == ["1001 keyed", "1001 unkeyed"] * 2


async def test_one_that_was_steady_and_whose_officer_talks_on_is_found_dead_too(lags: Lags) -> None:
    async with floor(lags=lags, nets=[NET]) as here:
        await up(here)
        await anyio.sleep(STEADY)
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
