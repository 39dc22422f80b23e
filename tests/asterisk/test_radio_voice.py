"""A net on which the operators' voices key, on a real Asterisk: ``operator_ptt = "vox"`` (SOP VII.d)."""

from __future__ import annotations

import asyncio

import pytest

from scripts.phones import Phones, RadioGateway
from tests.asterisk.radio import BY_VOICE, FIRST_HZ, OFFICER_HZ, SECOND_HZ, RadioSite, hears_only, on_net, silent
from tests.asterisk.talk import first_heard, moment

pytestmark = pytest.mark.anyio

WORD_SECONDS = 0.6


async def test_a_voice_keys_and_is_heard_from_its_first_syllable_on(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """From the first sound to the gateway it takes 150 ms at most, and no more than 100 ms are lost."""
    first = await on_net(radio_site, radio_phones, 0, 0.0, BY_VOICE)
    second = await on_net(radio_site, radio_phones, 1, 0.0, BY_VOICE)
    after, air = radio_site.head(), gateway.audio_of(BY_VOICE)
    assert await silent(air)
    for call, hz in ((first, FIRST_HZ), (second, SECOND_HZ)) * 2:
        spoken = moment()
        call.audio.play(hz)
        await asyncio.sleep(WORD_SECONDS)
        call.audio.play(0.0)
        await asyncio.sleep(1)
        heard = first_heard(air, hz, spoken)
        assert heard is not None
        assert heard - spoken < 0.15
        assert air.hears(hz, since=spoken) >= WORD_SECONDS - 0.1
    assert await silent(air)
    released = [record for record in radio_site.radio(after) if record.action == "radio.released"]
    assert [record.data["desk"] for record in released] == [radio_site.accounts[0][0], radio_site.accounts[1][0]] * 2
    assert {record.data["reason"] for record in released} == {"unkeyed"}


async def test_a_voice_talks_over_nobody(radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway) -> None:
    """The officer is heard alone. ``5`` still keys, and a pause does not take that back."""
    call = await on_net(radio_site, radio_phones, 0, 0.0, BY_VOICE)
    air = gateway.audio_of(BY_VOICE)
    air.play(OFFICER_HZ)
    await call.audio.wait_to_hear(OFFICER_HZ, for_seconds=0.2)
    call.audio.play(FIRST_HZ)
    assert await silent(air)
    air.play(0.0)
    await asyncio.sleep(1)
    assert await silent(air), "not in the middle of a sentence"
    call.audio.play(0.0)
    await asyncio.sleep(0.7)
    await call.press("5")
    await asyncio.sleep(0.7)
    call.audio.play(FIRST_HZ)
    assert await hears_only(air, FIRST_HZ)
    call.audio.play(0.0)
    await asyncio.sleep(0.7)
    call.audio.play(SECOND_HZ)
    assert await hears_only(air, SECOND_HZ)
    await call.press("5")
    assert await silent(air)
