"""Desks on a radio net: who is heard, who is refused, and that the transmitter always goes off (SOP VII.d)."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from ari_app.domain.facts import Fact
from ari_app.domain.radio import FloorRules, NetRules, Ptt
from ari_app.flows.radio_air import MARGIN_SECONDS
from ari_app.flows.radio_pulse import QUIET_SECONDS
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.scenes import heard, press

pytestmark = pytest.mark.anyio

LONGEST = 20.0
NET = NetRules("300", "Komando", "PJSIP/radio-300/sip:300@gateway", floor=FloorRules(longest=LONGEST))
DTMF = replace(NET, ptt=Ptt("*9", "#"), floor=replace(NET.floor, lead=0.4))
ON_DEMAND = replace(NET, is_always_up=False)


def radio(here: Floor, *actions: str) -> list[Fact]:
    """The facts of these actions."""
    return [fact for fact in here.journal if fact.action in (actions or ("radio.keyed", "radio.released"))]


def told(here: Floor) -> list[str]:
    """How the transmissions began and ended, in order."""
    return [f"{fact.data.get('desk', fact.data['by'])} {fact.data.get('reason', 'keyed')}" for fact in radio(here)]


async def up(here: Floor) -> None:
    """The gateway's line is up."""
    await here.until(lambda: here.app and here.app.nets.certain_legs())


async def on_net(here: Floor, *desks: str) -> list[str]:
    """These desks have dialled the net; their legs."""
    legs = []
    for desk in desks:
        here.asterisk.register(desk)
        legs.append(here.asterisk.dial(desk, "net", "300"))
    await here.until(lambda: all(here.asterisk.legs[leg].bridge for leg in legs))
    await up(here)
    await anyio.sleep(0.05)
    return legs


async def hang_up(here: Floor, *desks: str) -> None:
    for desk in desks:
        here.asterisk.desk_hangs_up(desk)
    await anyio.sleep(0.1)


async def test_everybody_hears_the_net_and_nobody_is_heard(lags: Lags) -> None:
    async with floor("1001", "1002", lags=lags, nets=[NET]) as here:
        first, second = await on_net(here, "1001", "1002")
        assert here.asterisk.on_air("300") == set()
        gateway = here.asterisk.gateways["300"].leg
        assert here.asterisk.hears(first) == here.asterisk.hears(second) == {gateway}
        await hang_up(here, "1001", "1002")
    assert [fact.data["desk"] for fact in radio(here, "radio.joined", "radio.left")] == ["1001", "1002", "1001", "1002"]


async def test_five_keys_and_five_again_unkeys(lags: Lags) -> None:
    """The gateway and everybody else on the net hear the operator who has keyed."""
    async with floor("1001", "1002", lags=lags, nets=[NET]) as here:
        first, second = await on_net(here, "1001", "1002")
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {first}
        assert first in here.asterisk.hears(second)
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == set()
        await hang_up(here, "1001", "1002")
    assert told(here) == ["1001 keyed", "1001 unkeyed"]
    began, ended = radio(here)
    assert began.data["transmission"] == ended.data["transmission"]
    assert began.actor == ended.actor == "desk:1001"


async def test_a_busy_floor_refuses_the_key() -> None:
    async with floor("1001", "1002", nets=[NET]) as here:
        first, second = await on_net(here, "1001", "1002")
        here.asterisk.press("1001", "5")
        here.asterisk.press("1002", "5")
        await anyio.sleep(0.3)
        assert here.asterisk.on_air("300") == {first}
        assert heard(here, second) == ["nada-salah"]
        await press(here, "1002", "5")
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == set()
        await hang_up(here, "1001", "1002")
    assert told(here) == ["1001 keyed", "1001 unkeyed"]


async def test_a_talking_officer_is_not_talked_over(lags: Lags) -> None:
    async with floor("1001", lags=lags, nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        here.asterisk.officer_talks("300", on=True)
        await anyio.sleep(0.05)
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == set()
        assert heard(here, leg) == ["nada-salah"]
        here.asterisk.officer_talks("300", on=False)
        await anyio.sleep(1)
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5")
        await hang_up(here, "1001")
    assert told(here) == ["officer keyed", "officer silent", "1001 keyed", "1001 unkeyed"]
    assert radio(here)[0].actor == "radio:300"


async def test_keys_for_the_transmitter_and_a_lead_in(lags: Lags) -> None:
    """The transmitter is up before the operator is heard, and goes off after the last word is out."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        (leg,) = await on_net(here, "1001")
        keys = here.asterisk.gateways["300"].keys
        assert here.asterisk.legs[leg].delay_ms == 400
        await press(here, "1001", "5", settled=0.1)
        assert keys == ["*9"]
        assert here.asterisk.on_air("300") == set()
        assert heard(here, leg) == ["nada-bicara"]
        await anyio.sleep(0.4)
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5", settled=0.1)
        assert here.asterisk.on_air("300") == {leg}
        assert keys == ["*9"]
        await anyio.sleep(0.4)
        assert here.asterisk.on_air("300") == set()
        assert keys == ["*9", "#"]
        await hang_up(here, "1001")


async def test_a_transmission_ends_when_it_is_too_long(lags: Lags) -> None:
    """With a tone for the operator, and Asterisk does not end the line for it."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        (leg,) = await on_net(here, "1001")
        await press(here, "1001", "5")
        await anyio.sleep(LONGEST)
        assert here.asterisk.on_air("300") == set()
        assert here.asterisk.gateways["300"].keys == ["*9", "#"]
        assert heard(here, leg) == ["nada-bicara", "nada-habis"]
        await anyio.sleep(MARGIN_SECONDS + 1)
        assert here.asterisk.gateway_leg("300") is not None
        await hang_up(here, "1001")
    assert told(here) == ["1001 keyed", "1001 time_out"]


async def test_who_hangs_up_or_leaves_while_keyed_gives_the_floor_back(lags: Lags) -> None:
    for keys in ("", "#"):
        async with floor("1001", lags=lags, nets=[DTMF]) as here:
            await on_net(here, "1001")
            await press(here, "1001", "5", settled=1)
            assert here.asterisk.on_air("300")
            if keys:
                here.asterisk.press("1001", keys)
            else:
                here.asterisk.desk_hangs_up("1001")
            await here.until(lambda: here.asterisk.gateways["300"].keys == ["*9", "#"], seconds=1)
            assert here.asterisk.on_air("300") == set()
        assert told(here) == ["1001 keyed", "1001 leg_lost"]


async def test_the_gateway_is_lost_while_keyed(lags: Lags) -> None:
    """The floor is free at once, the operator hears why, and the line is called again."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        await press(here, "1001", "5")
        here.asterisk.gateway_hangs_up("300")
        await anyio.sleep(0.1)
        assert told(here) == ["1001 keyed", "1001 gateway_lost"]
        assert here.asterisk.legs[leg].muted
        assert heard(here, leg) == ["radio-terputus"]
        await press(here, "1001", "5", settled=0.2)
        assert told(here) == ["1001 keyed", "1001 gateway_lost"]
        await up(here)
        await anyio.sleep(2)
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5")
        await hang_up(here, "1001")
    assert [fact.action for fact in radio(here, "radio.gateway_up", "radio.gateway_down")] == [
        "radio.gateway_up", "radio.gateway_down", "radio.gateway_up",
    ]  # fmt: skip


async def test_a_gateway_that_is_away_is_called_with_growing_pauses() -> None:
    """And it is told once."""
    async with floor(nets=[NET]) as here:
        here.asterisk.gateways["300"].answers_after = None
        await anyio.sleep(300)
        assert 5 <= here.asterisk.gateways["300"].calls <= 14
        assert [fact.action for fact in radio(here, "radio.gateway_up", "radio.gateway_down")] == [
            "radio.gateway_down",
        ]  # fmt: skip
        here.asterisk.gateways["300"].answers_after = 0.05
        await up(here)


async def test_a_gateway_that_calls_us_replaces_the_line(lags: Lags) -> None:
    async with floor("1001", lags=lags, nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        await press(here, "1001", "5")
        old = here.asterisk.gateways["300"].leg
        here.asterisk.gateway_calls("300", "gateway-1")
        await here.until(lambda: here.asterisk.legs["gateway-1"].bridge)
        await anyio.sleep(0.1)
        assert old not in here.asterisk.legs
        assert told(here) == ["1001 keyed", "1001 gateway_lost"]
        await anyio.sleep(10)  # reconciling leaves it alone
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5")
        await hang_up(here, "1001")


async def test_a_gateway_that_falls_silent_without_a_word_frees_the_floor() -> None:
    """No packets, so nothing tells of the talk's end. The next officer is not talked over for that."""
    async with floor("1001", nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        here.asterisk.officer_talks("300", on=True)
        await anyio.sleep(5)
        assert told(here) == ["officer keyed"]
        gateway = here.asterisk.gateway_leg("300")
        assert gateway is not None
        gateway.died_at = 5.0
        await anyio.sleep(2 * QUIET_SECONDS + 1)
        assert told(here) == ["officer keyed", "officer silent"]
        here.asterisk.officer_talks("300", on=False)
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5")
        gateway.died_at = None
        here.asterisk.officer_talks("300", on=True)
        await anyio.sleep(1)
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == set()
        here.asterisk.officer_talks("300", on=False)
        await anyio.sleep(1)
        await hang_up(here, "1001")
    assert told(here)[4:] == ["officer keyed", "officer silent"]


@pytest.mark.parametrize("trouble", ["before", "after", "refused"])
@pytest.mark.parametrize("order", ["mute", "unmute", "end_after", "press_keys"])
async def test_no_order_that_fails_leaves_the_transmitter_on(order: str, trouble: str) -> None:
    """Whatever becomes of one order: two seconds later the net is free, and can be used again."""
    async with floor("1001", nets=[DTMF]) as here:
        await on_net(here, "1001")
        await press(here, "1001", "5", settled=1)
        here.asterisk.trouble[order] = [trouble]  # type: ignore[list-item]
        await press(here, "1001", "5", settled=2)
        keys = here.asterisk.gateways["300"].keys
        assert here.asterisk.on_air("300") == set()
        assert keys[-1:] == ["#"] or here.asterisk.gateways["300"].calls > 1
        await here.until(lambda: here.app and here.app.nets.certain_legs(), seconds=30)
        here.asterisk.register("1001")
        if not here.app or "1001" not in [fact.data.get("desk") for fact in radio(here, "radio.left")]:
            await hang_up(here, "1001")
    ends = told(here)
    assert len(ends) == 2, ends


async def test_each_transmission_has_its_recording_and_a_click_has_none(lags: Lags) -> None:
    """It begins with the first sound, before that is long enough to be an officer's talk."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        await on_net(here, "1001")
        here.asterisk.officer_talks("300", on=True)
        await anyio.sleep(0.08)
        here.asterisk.officer_talks("300", on=False)
        await anyio.sleep(0.2)
        assert list(here.asterisk.recordings.values()) == ["discarded"]
        here.asterisk.officer_talks("300", on=True)
        await anyio.sleep(1)
        here.asterisk.officer_talks("300", on=False)
        await anyio.sleep(1)
        await press(here, "1001", "5")
        await press(here, "1001", "5")
        assert list(here.asterisk.recordings.values()) == ["discarded", "kept", "kept"]
        await hang_up(here, "1001")
    names = list(here.asterisk.recordings)[1:]
    assert [fact.data["transmission"] for fact in radio(here)] == [names[0], names[0], names[1], names[1]]


async def test_what_the_disk_has_no_room_for_is_transmitted_all_the_same(lags: Lags) -> None:
    """A recording that has begun is finished; the next one begins when there is room again."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        await on_net(here, "1001")
        assert here.app is not None
        await press(here, "1001", "5")
        here.app.has_room = False
        await press(here, "1001", "5")
        assert list(here.asterisk.recordings.values()) == ["kept"]
        await press(here, "1001", "5")
        await press(here, "1001", "5")
        assert list(here.asterisk.recordings.values()) == ["kept"]
        here.app.has_room = True
        await press(here, "1001", "5")
        await press(here, "1001", "5")
        assert list(here.asterisk.recordings.values()) == ["kept", "kept"]
        await hang_up(here, "1001")
    assert told(here) == ["1001 keyed", "1001 unkeyed"] * 3


async def test_a_sentence_waits_for_the_floor(lags: Lags) -> None:
    """And is said again when it was cut off by somebody who may."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        await on_net(here, "1001")
        await press(here, "1001", "5", settled=1)
        said: list[bool] = []
        assert here.app is not None
        net = here.app.nets.get("300")
        assert net is not None
        net.say(["sound:/x/kalimat"], said.append)
        await anyio.sleep(2)
        assert here.asterisk.said == []
        await press(here, "1001", "5", settled=1)
        assert here.asterisk.said == ["kalimat"]
        await anyio.sleep(1)
        assert said == [True]
        assert here.asterisk.gateways["300"].keys == ["*9", "#", "*9"]
        await anyio.sleep(1)
        assert here.asterisk.gateways["300"].keys == ["*9", "#", "*9", "#"]
        await hang_up(here, "1001")
    assert told(here) == ["1001 keyed", "1001 unkeyed", "system keyed", "system unkeyed"]


async def test_the_application_is_killed_while_keyed(lags: Lags) -> None:
    """Asterisk itself ends the line; the next application calls it anew."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        await on_net(here, "1001")
        await press(here, "1001", "5", settled=1)
        line = here.asterisk.gateways["300"].leg
        here.kill()
        await anyio.sleep(LONGEST + MARGIN_SECONDS + 1)
        assert line not in here.asterisk.legs
        here.asterisk.desk_hangs_up("1001")
        await here.start()
        await up(here)
