"""A gateway's line that is there on demand: ``connect = "on_demand"`` (SOP VII.d)."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from ari_app.flows.radio_line import IDLE_SECONDS
from ari_app.flows.radio_pulse import LOOK_SECONDS, STEADY_SECONDS
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.scenes import leg_at, press
from tests.flows.test_radio import LONGEST, ON_DEMAND, hang_up, on_net, radio
from tests.flows.test_radio_bell import CODE, officer_calls
from tests.flows.test_radio_bell import told as told_of_calls
from tests.flows.test_radio_bridge import bridge_lost

pytestmark = pytest.mark.anyio

GATEWAYS_OWN = "1700000000.300"


def line(here: Floor) -> str | None:
    """The line that is up."""
    leg = here.asterisk.gateway_leg("300")
    return None if leg is None else leg.id


def told_of_line(here: Floor) -> list[str]:
    """How the line stood, one after the other."""
    facts = radio(here, "radio.gateway_up", "radio.gateway_down", "radio.gateway_idle")
    return [fact.action.removeprefix("radio.gateway_") for fact in facts]


async def gateway_calls(here: Floor) -> None:
    here.asterisk.gateway_calls("300", GATEWAYS_OWN)
    await here.until(lambda: here.asterisk.legs[GATEWAYS_OWN].bridge)


async def test_it_is_there_while_somebody_is_on_the_net(lags: Lags) -> None:
    async with floor("1001", lags=lags, nets=[ON_DEMAND]) as here:
        await anyio.sleep(10)
        assert here.asterisk.gateways["300"].calls == 0
        await on_net(here, "1001")
        await anyio.sleep(60)
        assert here.asterisk.gateways["300"].calls == 1
        await hang_up(here, "1001")
        await anyio.sleep(IDLE_SECONDS + 0.1)
        assert not here.asterisk.legs
        assert not here.asterisk.open_bridges
        assert told_of_line(here) == ["up", "idle"]
        await anyio.sleep(60)
        await on_net(here, "1001")
        await hang_up(here, "1001")
        await anyio.sleep(IDLE_SECONDS + 0.1)
    assert told_of_line(here) == ["up", "idle"] * 2


async def test_a_gateway_that_is_away_when_it_is_needed_stays_so_until_it_is_reached(lags: Lags) -> None:
    """That nobody needs it any more makes it no better."""
    async with floor("1001", lags=lags, nets=[ON_DEMAND]) as here:
        gateway = here.asterisk.gateways["300"]
        gateway.answers_after = None
        here.asterisk.register("1001")
        here.asterisk.dial("1001", "net", "300")
        await anyio.sleep(20)
        await hang_up(here, "1001")
        await anyio.sleep(60)
        assert told_of_line(here) == ["down"]
        gateway.answers_after = 0.05
        await on_net(here, "1001")
        await hang_up(here, "1001")
        await anyio.sleep(IDLE_SECONDS + 0.1)
    assert told_of_line(here) == ["down", "up", "idle"]


async def test_the_gateways_own_call_is_there_until_the_gateway_ends_it(lags: Lags) -> None:
    """Whoever comes is on it, and it stays when they leave. It is not called back."""
    async with floor("1001", lags=lags, nets=[ON_DEMAND]) as here:
        await gateway_calls(here)
        await anyio.sleep(60)
        assert line(here) == GATEWAYS_OWN
        (leg,) = await on_net(here, "1001")
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        await hang_up(here, "1001")
        await anyio.sleep(60)
        assert line(here) == GATEWAYS_OWN
        assert told_of_line(here) == ["up"]
        here.asterisk.gateway_hangs_up("300")
        await anyio.sleep(60)
        assert told_of_line(here) == ["up", "idle"]
        assert here.asterisk.gateways["300"].calls == 0
        assert not here.asterisk.open_bridges


async def test_the_gateways_own_call_ends_while_somebody_is_on_the_net(lags: Lags) -> None:
    """Then it is called, and that line is there on demand."""
    async with floor("1001", lags=lags, nets=[ON_DEMAND]) as here:
        await gateway_calls(here)
        (leg,) = await on_net(here, "1001")
        here.asterisk.gateway_hangs_up("300")
        await anyio.sleep(2)
        assert here.asterisk.hears(leg) == {line(here)}
        await hang_up(here, "1001")
        await anyio.sleep(IDLE_SECONDS + 0.1)
        assert line(here) is None
    assert told_of_line(here) == ["up", "down", "up", "idle"]


@pytest.mark.parametrize("fails", [False, True])
async def test_the_gateways_own_call_ends_by_a_fault_of_ours(*, fails: bool) -> None:
    """Its bridge is lost, or an order gets no answer: it is hung up, and is not said to be there any more."""
    async with floor(nets=[ON_DEMAND]) as here:
        await gateway_calls(here)
        if fails:
            here.asterisk.trouble["packets_received"] = ["before"]
            await anyio.sleep(LOOK_SECONDS + 1)
        else:
            await bridge_lost(here)
            await anyio.sleep(1)
        assert line(here) is None
        await anyio.sleep(10)
        assert here.asterisk.gateways["300"].calls == 0
    assert told_of_line(here) == ["up", "idle"]


async def test_a_gateway_that_vanishes_in_its_own_call(lags: Lags) -> None:
    """It is known to be away, though nobody needs it."""
    async with floor(lags=lags, nets=[ON_DEMAND]) as here:
        await gateway_calls(here)
        await anyio.sleep(LONGEST + STEADY_SECONDS + 2 * LOOK_SECONDS)
        here.asterisk.legs[GATEWAYS_OWN].died_at = anyio.current_time()
        await anyio.sleep(60)
        assert here.asterisk.gateways["300"].calls == 0
    assert told_of_line(here) == ["up", "down"]


@pytest.mark.parametrize("own", [False, True])
async def test_it_is_there_while_an_operator_is_rung_for_an_officer(lags: Lags, *, own: bool) -> None:
    """Whoever called: the officer who waits for an operator is not hung up on."""
    async with floor("1001", "1002", lags=lags, nets=[replace(ON_DEMAND, call_code=CODE)]) as here:
        if own:
            await gateway_calls(here)
        else:
            await on_net(here, "1002")
            await hang_up(here, "1002")
            here.asterisk.unregister("1002")
        before = line(here)
        here.asterisk.register("1001", answers_after=8)
        await officer_calls(here)
        await anyio.sleep(8.5)
        assert line(here) == before
        assert here.asterisk.hears(leg_at(here, "1001")) == {before}
        await hang_up(here, "1001")
        await anyio.sleep(IDLE_SECONDS + 0.1)
        assert line(here) == (before if own else None)
    assert told_of_calls(here) == [("called", None), ("call_offered", "1001"), ("call_answered", "1001")]


async def test_it_is_there_no_longer_than_an_officer_waits(lags: Lags) -> None:
    """When nobody has answered the net hears that, and the line ends."""
    async with floor("1001", "1002", lags=lags, nets=[replace(ON_DEMAND, call_code=CODE)]) as here:
        await on_net(here, "1002")
        await hang_up(here, "1002")
        here.asterisk.unregister("1002")
        await officer_calls(here)
        await anyio.sleep(29)
        assert line(here) is not None
        await anyio.sleep(4 + IDLE_SECONDS)
        assert line(here) is None
        assert here.asterisk.gateways["300"].calls == 1
    assert told_of_calls(here) == [("called", None), ("call_given_up", "no_answer")]
