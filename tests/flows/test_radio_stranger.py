"""A radio net ordered into a call at an awkward moment, and other things that a stranger would try (SOP VII.d)."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from ari_app.domain.commands import CommandRefused
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.guarding import the_guard_acts
from tests.flows.office import give
from tests.flows.scenes import goodbye, hear_each_other, in_talk, leg_at, press, transferring
from tests.flows.test_radio import DTMF, NET, told, up

pytestmark = pytest.mark.anyio


async def order(here: Floor, call: str, net: str) -> bool:
    """A supervisor brings a net in, with none out of it; whether that was done."""
    try:
        await (give(here, "radio.patch", call, net=net) if net else give(here, "radio.unpatch", call))
    except CommandRefused:
        return False
    return True


async def test_a_net_is_ordered_while_the_caller_is_on_hold(lags: Lags) -> None:
    """They talk afterwards, and the journal says so."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        await up(here)
        call = await in_talk(here)
        leg = leg_at(here, "1001")
        await press(here, "1001", "*4", settled=1)
        assert await order(here, call, "300")
        await anyio.sleep(0.5)
        assert here.asterisk.hears(leg) == {here.asterisk.gateways["300"].leg}
        assert await order(here, call, "")
        await anyio.sleep(3)
        assert hear_each_other(here, call, leg)
        story = here.told(call)
        assert story.count("call.held") == story.count("call.resumed") == 1
        await goodbye(here, call)


async def test_a_net_is_ordered_while_a_polres_rings(lags: Lags) -> None:
    """Refused to the operator; the transfer goes on, and is taken back as ever."""
    async with floor("1001", "2011", lags=lags, nets=[NET]) as here:
        await up(here)
        call = await transferring(here, "2011")
        leg = leg_at(here, "1001")
        assert not await order(here, call, "300")
        await anyio.sleep(0.5)
        assert "radio.patched" not in here.told(call)
        await here.until(lambda: "call.taken_back" in here.told(call), seconds=10)
        await anyio.sleep(3)
        assert hear_each_other(here, call, leg)
        await goodbye(here, call)


async def test_a_net_is_ordered_while_somebody_is_asked(lags: Lags) -> None:
    async with floor("1001", "1002", lags=lags, nets=[NET]) as here:
        await up(here)
        call = await in_talk(here)
        leg = leg_at(here, "1001")
        here.asterisk.register("1002", answers_after=0.1)
        await press(here, "1001", "*11002#", settled=1)
        assert not await order(here, call, "300")
        await anyio.sleep(1)
        assert "radio.patched" not in here.told(call)
        await press(here, "1001", "*1#", settled=3)
        assert hear_each_other(here, call, leg)
        await goodbye(here, call)


async def test_a_net_is_ordered_twice(lags: Lags) -> None:
    """The second one is refused, while the operator transmits on the first."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        await up(here)
        call = await in_talk(here)
        leg = leg_at(here, "1001")
        assert await order(here, call, "300")
        await anyio.sleep(0.5)
        await press(here, "1001", "5", settled=1)
        assert not await order(here, call, "300")
        await anyio.sleep(1)
        assert here.asterisk.on_air("300") == {leg}
        assert await order(here, call, "")
        await anyio.sleep(3)
        assert hear_each_other(here, call, leg)
        assert here.asterisk.gateways["300"].keys == ["*9", "#"]
        await goodbye(here, call)
    assert told(here) == ["1001 keyed", "1001 leg_lost"]


async def test_a_sentence_is_waited_with_while_an_operator_has_keyed_and_the_line_is_lost(lags: Lags) -> None:
    """It is said by the next line, once."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        await up(here)
        call = await in_talk(here)
        await press(here, "1001", "*3300#", settled=0.5)
        await press(here, "1001", "5", settled=1)
        said: list[bool] = []
        net = here.app.nets.get("300") if here.app else None
        assert net is not None
        net.say(["sound:/x/kalimat"], said.append)
        here.asterisk.gateway_hangs_up("300")
        await anyio.sleep(5)
        assert here.asterisk.said == ["kalimat"]
        assert said == [True]
        await goodbye(here, call)


@pytest.mark.parametrize("keys", ["", "5", "25"])
async def test_the_application_is_killed_at_a_site_with_another_net_on_which_voices_key(lags: Lags, keys: str) -> None:
    """Nobody knows on which of the two the operator was: caller and operator hear each other."""
    other = replace(NET, net="302", dial="PJSIP/radio-302/sip:302@gateway", by_voice=True)
    async with floor("1001", lags=lags, nets=[DTMF, other]) as here:
        await up(here)
        call = await in_talk(here)
        leg = leg_at(here, "1001")
        await press(here, "1001", "*3300#", settled=0.5)
        for each in keys:
            await press(here, "1001", each, settled=0.7)
        here.kill()
        await the_guard_acts(here.asterisk)
        await anyio.sleep(0.3)
        await here.start()
        await anyio.sleep(3)
        assert hear_each_other(here, call, leg)
        await goodbye(here, call)
