"""Nobody on a net, nor a caller who listens to it, is ever left in no bridge at all (SOP VII.d)."""

from __future__ import annotations

import anyio
import pytest

from ari_app.flows.radio_line import IDLE_SECONDS
from tests.flows.fake_asterisk import Lags, Trouble
from tests.flows.floor import Floor, floor
from tests.flows.scenes import goodbye, hear_each_other, press
from tests.flows.test_radio import DTMF, NET, ON_DEMAND, hang_up, on_net, radio, told, up
from tests.flows.test_radio_patch import patched

pytestmark = pytest.mark.anyio


async def bridge_lost(here: Floor) -> None:
    """While the link is."""
    (gateway,) = [leg for leg in here.asterisk.legs.values() if leg.id == here.asterisk.gateways["300"].leg]
    assert gateway.bridge is not None
    here.lose_link()
    await here.asterisk.destroy_bridge(gateway.bridge)
    await here.restore_link()


@pytest.mark.parametrize("trouble", [[], ["before"], [None, "before"]])
async def test_the_bridge_is_lost_while_the_caller_listens(lags: Lags, trouble: list[Trouble | None]) -> None:
    """Operator and caller are in the next one, with the gateway; also when Asterisk gives no answer for a moment."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        call, leg = await patched(here)
        await press(here, "1001", "1", settled=0.6)
        here.asterisk.trouble["add_to_bridge"] = list(trouble)
        await bridge_lost(here)
        await anyio.sleep(2)
        gateway = here.asterisk.gateways["300"].leg
        assert here.asterisk.hears(leg) == here.asterisk.hears(call) == {gateway}
        await press(here, "1001", "#", settled=2)
        assert hear_each_other(here, call, leg)
        await goodbye(here, call)


async def test_the_bridge_is_lost_when_the_caller_listens_no_more(lags: Lags) -> None:
    """They stay on hold: nobody brings them back onto the net."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        call, leg = await patched(here)
        for _ in range(2):
            await press(here, "1001", "1", settled=0.6)
        await bridge_lost(here)
        await anyio.sleep(2)
        assert here.asterisk.hears(leg) == {here.asterisk.gateways["300"].leg}
        assert here.asterisk.hears(call) <= {"izin-menunggu", "musik"}
        await press(here, "1001", "#", settled=2)
        assert hear_each_other(here, call, leg)
        await goodbye(here, call)


@pytest.mark.parametrize("before", range(36, 52, 2))
async def test_somebody_comes_as_the_net_is_closed(lags: Lags, before: int) -> None:
    """They are on it, whatever came first."""
    async with floor("1001", "1002", lags=lags, nets=[ON_DEMAND]) as here:
        spans: list[float] = []
        for _ in range(2):
            await on_net(here, "1001")
            here.asterisk.desk_hangs_up("1001")
            began = anyio.current_time()
            if spans:
                await anyio.sleep(spans[0] - before / 1000)
            else:
                await here.until(lambda: not here.asterisk.open_bridges)
                spans.append(anyio.current_time() - began)
        here.asterisk.register("1002")
        leg = here.asterisk.dial("1002", "net", "300")
        await anyio.sleep(2)
        gateway = here.asterisk.gateway_leg("300")
        assert gateway is not None
        assert here.asterisk.hears(leg) == {gateway.id}
        await hang_up(here, "1002")
        await anyio.sleep(IDLE_SECONDS + 1)
        assert here.asterisk.gateway_leg("300") is None
        assert here.asterisk.open_bridges == {}


async def test_the_line_dies_before_it_is_used(lags: Lags) -> None:
    """The bridge is whole: it stays what it was, and that the gateway is away is told."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        bridge = here.asterisk.legs[leg].bridge
        here.asterisk.trouble["detect_talk"] = ["refused"]
        here.asterisk.gateway_hangs_up("300")
        await up(here)
        await anyio.sleep(5)
        assert here.asterisk.legs[leg].bridge == bridge
        assert here.asterisk.hears(leg) == {here.asterisk.gateways["300"].leg}
        assert len(radio(here, "radio.gateway_down")) == 1
        assert len(radio(here, "radio.gateway_up")) == 2
        await hang_up(here, "1001")


async def test_a_caller_who_cannot_be_let_talk_takes_no_word_from_the_operator(lags: Lags) -> None:
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        call, leg = await patched(here)
        await press(here, "1001", "2", settled=0.6)
        assert min(leg, call) == call, "they are let talk in this order"
        here.asterisk.trouble["unmute"] = ["refused"]
        await press(here, "1001", "5", settled=0.6)
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5", settled=0.6)
        await goodbye(here, call)


async def test_talk_on_a_line_that_was_replaced_is_none(lags: Lags) -> None:
    """The gateway has called us, and an officer began to talk on the line before."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        await up(here)
        gateway = here.asterisk.gateways["300"]
        old = gateway.leg
        here.asterisk.gateway_calls("300", "1700000000.300")
        gateway.leg = old
        here.asterisk.officer_talks("300", on=True)
        gateway.leg = "1700000000.300"
        await anyio.sleep(3)
        assert here.asterisk.gateway_leg("300") is not None
    assert told(here) == []
