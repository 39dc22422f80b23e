"""What we say on a net ourselves always has an end, and the floor is free afterwards (SOP VII.d)."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from ari_app.domain.radio import NetRules
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.scenes import goodbye, in_talk, leg_at, press
from tests.flows.test_radio import DTMF, NET, hang_up, on_net, told, up

pytestmark = pytest.mark.anyio


def say(here: Floor, *media: str, urgent: bool = False) -> list[bool]:
    """Have these said; whether they were, in order."""
    said: list[bool] = []
    net = here.app.nets.get("300") if here.app else None
    assert net is not None
    for each in media:
        net.say([f"sound:/x/{each}"], said.append, urgent=urgent)
    return said


def is_off(here: Floor) -> bool:
    """Whether the transmitter is."""
    return here.asterisk.gateways["300"].keys[-1] == "#" and here.asterisk.on_air("300") == set()


@pytest.mark.parametrize("urgent", [False, True])
async def test_the_end_is_lost_with_the_link(lags: Lags, *, urgent: bool) -> None:
    """It was said; nobody has the floor any more, and an operator gets it."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        (leg,) = await on_net(here, "1001")
        said = say(here, "kalimat", urgent=urgent)
        await anyio.sleep(1)
        here.lose_link()
        await anyio.sleep(1)
        await here.restore_link()
        await anyio.sleep(1.5)
        assert said == [True]
        assert here.asterisk.said == ["kalimat"]
        assert is_off(here)
        await press(here, "1001", "5", settled=1)
        assert here.asterisk.on_air("300") == {leg}
        await hang_up(here, "1001")


@pytest.mark.parametrize("urgent", [False, True])
async def test_the_link_is_lost_in_the_middle(lags: Lags, *, urgent: bool) -> None:
    """It is said once more, to its end."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        await up(here)
        said = say(here, "kalimat", urgent=urgent)
        await anyio.sleep(0.6)
        here.lose_link()
        await anyio.sleep(0.1)
        await here.restore_link()
        await anyio.sleep(3)
        assert said == [True]
        assert here.asterisk.said == ["kalimat", "kalimat"]
        assert is_off(here)


@pytest.mark.parametrize("urgent", [False, True])
async def test_longer_than_a_transmission_may_be(lags: Lags, *, urgent: bool) -> None:
    """It is cut off, and not said again; the floor is free and stays free."""
    short = replace(DTMF, floor=replace(DTMF.floor, longest=1.2))
    async with floor("1001", lags=lags, nets=[short]) as here:
        await up(here)
        said = say(here, "panjang", urgent=urgent)
        await anyio.sleep(10)
        assert said == [False]
        assert here.asterisk.speaking == {}
        assert is_off(here)
    assert told(here) == ["system keyed", "system time_out"]


async def test_what_is_urgent_goes_before_what_waits(lags: Lags) -> None:
    """Behind the sentence that is being said, and in the same transmission."""
    async with floor(lags=lags, nets=[DTMF]) as here:
        await up(here)
        said = say(here, "satu", "dua")
        await anyio.sleep(0.7)
        assert say(here, "perhatian", "perhatian-2", urgent=True) == []
        await anyio.sleep(6)
        assert here.asterisk.said == ["satu", "perhatian", "perhatian-2", "dua"]
        assert said == [True, True]
        assert is_off(here)
    assert told(here) == ["system keyed", "system unkeyed"]


@pytest.mark.parametrize("urgent", [False, True])
async def test_what_comes_while_the_transmitter_is_about_to_go_off(lags: Lags, *, urgent: bool) -> None:
    """It stays on, and it is said once."""
    async with floor(lags=lags, nets=[DTMF]) as here:
        await up(here)
        say(here, "satu")
        await anyio.sleep(0.4 + 1.0 + 0.2)
        assert here.asterisk.gateways["300"].keys == ["*9"]
        said = say(here, "dua", urgent=urgent)
        await anyio.sleep(3)
        assert said == [True]
        assert here.asterisk.said == ["satu", "dua"]
        assert here.asterisk.gateways["300"].keys == ["*9", "#"]
        assert is_off(here)
    assert told(here) == ["system keyed", "system unkeyed"]


async def test_two_of_which_each_fits_into_a_transmission(lags: Lags) -> None:
    """The second one is said in the next transmission."""
    short = replace(DTMF, floor=replace(DTMF.floor, longest=1.8))
    async with floor("1001", lags=lags, nets=[short]) as here:
        await up(here)
        said = say(here, "satu", "dua")
        await anyio.sleep(10)
        assert said == [True, True]
        assert is_off(here)


@pytest.mark.parametrize("net", [NET, DTMF])
async def test_the_operator_speaks_at_once_after_the_attention_tone_began(lags: Lags, *, net: NetRules) -> None:
    """They have the floor, and keep it: the tone is not said again."""
    async with floor("1001", lags=lags, nets=[net]) as here:
        await up(here)
        call = await in_talk(here)
        leg = leg_at(here, "1001")
        await press(here, "1001", "*9", settled=0.6)
        await press(here, "1001", "*3300#", settled=0.7)
        assert here.asterisk.said == ["perhatian"]
        await press(here, "1001", "5", settled=1)
        assert here.asterisk.on_air("300") == {leg}
        assert here.asterisk.speaking == {}
        await press(here, "1001", "5", settled=2)
        assert here.asterisk.said == ["perhatian"]
        await goodbye(here, call)
    assert told(here) == ["system keyed", "system taken_over", "1001 keyed", "1001 unkeyed"]


async def test_a_broken_file_was_not_said(lags: Lags) -> None:
    """And is not said again; the floor is free."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        await up(here)
        said = say(here, "kalimat", "dua")
        await anyio.sleep(0.7)
        here.asterisk.nothing_to_say()
        await anyio.sleep(3)
        assert said == [False, True]
        assert here.asterisk.said == ["kalimat", "dua"]
        assert is_off(here)


@pytest.mark.parametrize("settled", [0.25, 0.7])
async def test_the_operator_goes_back_while_the_attention_tone_is_said(lags: Lags, settled: float) -> None:
    """It is for nobody any more."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        await up(here)
        call = await in_talk(here)
        await press(here, "1001", "*9", settled=0.6)
        await press(here, "1001", "*3300#", settled=settled)
        await press(here, "1001", "#", settled=0.8)
        assert here.asterisk.speaking == {}
        assert is_off(here)
        await goodbye(here, call)
