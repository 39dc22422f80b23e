"""Nets on which an operator's voice keys: ``operator_ptt = "vox"`` (SOP VII.d)."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from ari_app.domain.radio import NetRules
from ari_app.flows.radio_pulse import DOUBT_SECONDS, QUIET_SECONDS
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import floor
from tests.flows.guarding import the_guard_acts
from tests.flows.scenes import goodbye, hear_each_other, heard, press
from tests.flows.test_radio import DTMF, LONGEST, NET, hang_up, on_net, told, up
from tests.flows.test_radio_link import blip
from tests.flows.test_radio_patch import patched

pytestmark = pytest.mark.anyio

VOX = replace(NET, by_voice=True)


async def test_a_voice_keys_and_silence_unkeys(lags: Lags) -> None:
    """The gateway hears who talks, and only them; nobody has pressed anything."""
    async with floor("1001", "1002", lags=lags, nets=[VOX]) as here:
        first, second = await on_net(here, "1001", "1002")
        assert here.asterisk.on_air("300") == set()
        for leg in (first, second, first):
            here.asterisk.operator_talks(leg, on=True)
            await anyio.sleep(0.1)
            assert here.asterisk.on_air("300") == {leg}
            here.asterisk.operator_talks(leg, on=False)
            await anyio.sleep(0.1)
            assert here.asterisk.on_air("300") == set()
        await hang_up(here, "1001", "1002")
    assert told(here) == ["1001 keyed", "1001 unkeyed", "1002 keyed", "1002 unkeyed", "1001 keyed", "1001 unkeyed"]


async def test_five_still_keys_and_a_pause_does_not_take_that_back(lags: Lags) -> None:
    """Who has keyed by hand unkeys by hand; and by hand a voice's key is taken back, too."""
    async with floor("1001", lags=lags, nets=[VOX]) as here:
        (leg,) = await on_net(here, "1001")
        await press(here, "1001", "5")
        for on in (True, False):
            here.asterisk.operator_talks(leg, on=on)
            await anyio.sleep(0.2)
            assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == set()
        here.asterisk.operator_talks(leg, on=True)
        await anyio.sleep(0.2)
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == set()
        here.asterisk.operator_talks(leg, on=False)
        await hang_up(here, "1001")
    assert told(here) == ["1001 keyed", "1001 unkeyed"] * 2


async def test_a_voice_never_talks_over_anybody(lags: Lags) -> None:
    """Refused with the buzz, and who goes on talking is not on the air in the middle of a sentence."""
    async with floor("1001", "1002", lags=lags, nets=[VOX]) as here:
        first, second = await on_net(here, "1001", "1002")
        here.asterisk.officer_talks("300", on=True)
        await anyio.sleep(0.3)
        here.asterisk.operator_talks(first, on=True)
        await anyio.sleep(0.3)
        assert here.asterisk.on_air("300") == set()
        assert heard(here, first) == ["nada-salah"]
        here.asterisk.officer_talks("300", on=False)
        await anyio.sleep(1)
        assert here.asterisk.on_air("300") == set()
        here.asterisk.operator_talks(second, on=True)
        await anyio.sleep(0.1)
        here.asterisk.operator_talks(first, on=False)
        await anyio.sleep(0.1)
        assert here.asterisk.on_air("300") == {second}
        here.asterisk.operator_talks(second, on=False)
        await hang_up(here, "1001", "1002")
    assert told(here) == ["officer keyed", "officer silent", "1002 keyed", "1002 unkeyed"]


async def test_an_emergencys_voice_takes_no_floor_over() -> None:
    """A cough must not cut an officer off: that takes the key."""
    async with floor("1001", "1002", nets=[VOX]) as here:
        (other,) = await on_net(here, "1002")
        call, leg = await patched(here)
        await press(here, "1001", "*9", settled=2)
        await press(here, "1002", "5")
        here.asterisk.operator_talks(leg, on=True)
        await anyio.sleep(0.2)
        assert here.asterisk.on_air("300") == {other}
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5")
        await goodbye(here, call)
        await hang_up(here, "1002")


async def test_who_talks_for_too_long_is_cut_off_until_they_pause(lags: Lags) -> None:
    async with floor("1001", lags=lags, nets=[replace(DTMF, by_voice=True)]) as here:
        (leg,) = await on_net(here, "1001")
        here.asterisk.operator_talks(leg, on=True)
        await anyio.sleep(1)
        assert here.asterisk.on_air("300") == {leg}
        await anyio.sleep(LONGEST)
        assert here.asterisk.on_air("300") == set()
        assert heard(here, leg) == ["nada-bicara", "nada-habis"]
        here.asterisk.operator_talks(leg, on=False)
        here.asterisk.operator_talks(leg, on=True)
        await anyio.sleep(1)
        assert here.asterisk.on_air("300") == {leg}
        here.asterisk.operator_talks(leg, on=False)
        await anyio.sleep(1)
        assert here.asterisk.gateways["300"].keys == ["*9", "#"] * 2
        await hang_up(here, "1001")
    assert told(here) == ["1001 keyed", "1001 time_out", "1001 keyed", "1001 unkeyed"]


async def test_a_phone_that_sends_nothing_in_silence_unkeys_all_the_same() -> None:
    """Asterisk hears no silence where nothing comes."""
    async with floor("1001", nets=[VOX]) as here:
        (leg,) = await on_net(here, "1001")
        here.asterisk.operator_talks(leg, on=True)
        await anyio.sleep(3 * QUIET_SECONDS)
        assert here.asterisk.on_air("300") == {leg}
        here.asterisk.legs[leg].died_at = 5.0
        await anyio.sleep(2 * QUIET_SECONDS + 0.5)
        assert here.asterisk.on_air("300") == set()
        await hang_up(here, "1001")
    assert told(here) == ["1001 keyed", "1001 unkeyed"]


async def test_a_pause_that_is_lost_with_the_link_does_not_keep_the_transmitter_on(lags: Lags) -> None:
    """And the next word keys again."""
    async with floor("1001", lags=lags, nets=[replace(DTMF, by_voice=True)]) as here:
        (leg,) = await on_net(here, "1001")
        for _ in range(2):
            here.asterisk.operator_talks(leg, on=True)
            await anyio.sleep(1)
            assert here.asterisk.on_air("300") == {leg}
            await blip(here, lambda: here.asterisk.operator_talks(leg, on=False))
            await anyio.sleep(DOUBT_SECONDS + 2)
            assert here.asterisk.on_air("300") == set()
            assert here.asterisk.gateways["300"].keys[-1] == "#"
        await hang_up(here, "1001")
    assert told(here) == ["1001 keyed", "1001 unkeyed"] * 2


@pytest.mark.parametrize("pauses", [False, True])
async def test_who_talks_on_when_the_link_is_back_is_heard_on(lags: Lags, *, pauses: bool) -> None:
    """Until their next pause, or after a pause in between: not a word is lost for that."""
    async with floor("1001", lags=lags, nets=[replace(DTMF, by_voice=True)]) as here:
        (leg,) = await on_net(here, "1001")
        here.asterisk.operator_talks(leg, on=True)
        await anyio.sleep(1)
        await blip(here, lambda: here.asterisk.operator_talks(leg, on=not pauses))
        here.asterisk.operator_talks(leg, on=True)
        await anyio.sleep(DOUBT_SECONDS + 2 if pauses else DOUBT_SECONDS - 1)
        assert here.asterisk.on_air("300") == {leg}
        here.asterisk.operator_talks(leg, on=False)
        await anyio.sleep(1)
        assert here.asterisk.on_air("300") == set()
        await hang_up(here, "1001")
    assert told(here) == ["1001 keyed", "1001 unkeyed"]


async def test_a_key_is_no_voice_and_stays_when_the_link_is_lost(lags: Lags) -> None:
    async with floor("1001", lags=lags, nets=[replace(DTMF, by_voice=True)]) as here:
        (leg,) = await on_net(here, "1001")
        await press(here, "1001", "5", settled=1)
        await blip(here, lambda: here.asterisk.operator_talks(leg, on=False))
        await anyio.sleep(DOUBT_SECONDS + 1)
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5", settled=1)
        await hang_up(here, "1001")


async def test_others_who_talk_do_not_stand_for_who_has_keyed() -> None:
    """A dead phone is found though somebody else talks, and is refused, all the time."""
    async with floor("1001", "1002", nets=[VOX]) as here:
        first, second = await on_net(here, "1001", "1002")
        here.asterisk.operator_talks(first, on=True)
        await anyio.sleep(0.2)
        here.asterisk.legs[first].died_at = anyio.current_time()
        for _ in range(10):
            for on in (True, False):
                here.asterisk.operator_talks(second, on=on)
                await anyio.sleep(QUIET_SECONDS / 5)
        assert told(here)[:2] == ["1001 keyed", "1001 unkeyed"]
        await hang_up(here, "1001", "1002")


@pytest.mark.parametrize("dies", [False, True])
async def test_back_from_the_net_the_two_hear_each_other(lags: Lags, *, dies: bool) -> None:
    """Also by the next application, and on the net again a voice keys."""
    async with floor("1001", lags=lags, nets=[VOX]) as here:
        call, leg = await patched(here)
        here.asterisk.operator_talks(leg, on=True)
        await anyio.sleep(0.2)
        assert here.asterisk.on_air("300") == {leg}
        if dies:
            here.kill()
            await the_guard_acts(here.asterisk)
            await here.start()
        else:
            await press(here, "1001", "#")
        await anyio.sleep(3)
        assert hear_each_other(here, call, leg)
        assert here.asterisk.legs[call].bridge in here.asterisk.mixing, "Asterisk listens to the operator's leg"
        await press(here, "1001", "*3300#", settled=1)
        here.asterisk.operator_talks(leg, on=False)
        here.asterisk.operator_talks(leg, on=True)
        await anyio.sleep(0.2)
        assert here.asterisk.on_air("300") == {leg}
        await goodbye(here, call)


@pytest.mark.parametrize("rules", [DTMF, replace(DTMF, by_voice=True)])
async def test_the_application_is_stopped_while_keyed(lags: Lags, rules: NetRules) -> None:
    """``kill -HUP``: the transmitter is off, and the facts are complete, before the next application begins."""
    async with floor("1001", lags=lags, nets=[rules]) as here:
        (leg,) = await on_net(here, "1001")
        await press(here, "1001", "5", settled=1)
        assert here.asterisk.on_air("300") == {leg}
        assert here.app is not None
        with anyio.fail_after(1.5):
            await here.app.router.hand_over()
        assert here.asterisk.on_air("300") == set()
        assert here.asterisk.gateways["300"].keys == ["*9", "#"]
        here.kill()
        await the_guard_acts(here.asterisk)
        await here.start()
        await up(here)
        assert here.asterisk.on_air("300") == set()
        await hang_up(here, "1001")
    assert told(here) == ["1001 keyed", "1001 leg_lost"]
