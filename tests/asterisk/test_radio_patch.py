"""``*3NNN#`` in a 110 call on a real Asterisk: what caller, operator and officer hear (SOP VII.d)."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from scripts.phones import Phones, RadioGateway
from tests.asterisk.radio import DTMF, OFFICER_HZ, SECOND_HZ, VOX, RadioSite, hears_only, key, on_net, silent
from tests.asterisk.site import actions, assert_complete
from tests.asterisk.talk import CALLER_HZ, POLDA_HZ, begin_talk, longest_silence, moment

pytestmark = pytest.mark.anyio

SENTENCE_SECONDS = 5.0
"""Within so many seconds "Mohon ditunggu sebentar ..." is over, and there is music."""


@pytest.mark.quiet
async def test_the_caller_is_on_hold_listens_and_talks(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """The caller hears the net only after 1, and is heard there only after 2 and with the operator's key.

    Until then they hear sentence and music, and never silence.
    """
    talk = await begin_talk(radio_site, radio_phones)
    air, held = gateway.audio_of(VOX), moment()
    await talk.polda.press("*3300#")
    await radio_site.told(talk.call, "radio.patched")
    air.play(OFFICER_HZ)
    assert await hears_only(talk.polda.audio, OFFICER_HZ)
    assert talk.caller.audio.hears(OFFICER_HZ) == 0, "sentence and music"
    air.play(0.0)  # the music has a note like it
    await asyncio.sleep(SENTENCE_SECONDS)
    assert await silent(air)
    assert await key(talk.polda, air, POLDA_HZ) < 0.15
    assert await hears_only(air, POLDA_HZ)
    await talk.polda.press("5")
    assert longest_silence(talk.caller.audio, held, moment()) < 1.0

    await talk.polda.press("1")
    await radio_site.told(talk.call, "radio.caller_listens")
    air.play(OFFICER_HZ)
    assert await hears_only(talk.caller.audio, OFFICER_HZ)
    air.play(0.0)
    await asyncio.sleep(1)
    assert await silent(air), "the caller listens, and is not heard"
    assert await key(talk.polda, air, POLDA_HZ) < 0.15
    assert await hears_only(air, POLDA_HZ)
    await talk.polda.press("2")
    assert await hears_only(air, POLDA_HZ, CALLER_HZ)
    await talk.polda.press("5")
    assert await silent(air)

    await talk.polda.press("#")
    await talk.hear_each_other()
    assert await silent(air)
    await talk.caller.hang_up()
    story = await radio_site.story(talk.call)
    assert_complete(story)
    told = actions(story)
    assert told.count("radio.keyed") == told.count("radio.released") == 2
    assert told.count("radio.patched") == told.count("radio.unpatched") == 1


@pytest.mark.parametrize("keys", ["", "25"])
async def test_the_caller_hangs_up_while_patched(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway, *, keys: str
) -> None:
    """Floor and transmitter are free within a second, and the call's story is complete."""
    talk = await begin_talk(radio_site, radio_phones)
    air = gateway.audio_of(DTMF)
    await talk.polda.press("*3301#")
    await radio_site.told(talk.call, "radio.patched")
    for each in keys:
        await talk.polda.press(each)
        await asyncio.sleep(0.6)
    assert keys == "" or await hears_only(air, POLDA_HZ, CALLER_HZ)
    gone = moment()
    await talk.caller.hang_up()
    if keys:
        await air.wait_for_keys("AB", seconds=2)
        assert air.keys[-1].at - gone < 1
    assert await silent(air)
    assert_complete(await radio_site.story(talk.call))


async def test_the_application_is_killed_while_the_caller_talks_on_the_net(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """The transmitter is off within a second; caller and operator hear each other, and go on with the next one."""
    talk = await begin_talk(radio_site, radio_phones)
    await talk.polda.press("*3301#")
    await radio_site.told(talk.call, "radio.patched")
    line = next(each for each in gateway.talking if each.dialog.local.user == DTMF)
    await talk.polda.press("2")
    await asyncio.sleep(0.6)
    await key(talk.polda, gateway.audio_of(DTMF), POLDA_HZ)
    application = radio_site.application()
    assert application is not None
    died = moment()
    os.kill(application, signal.SIGKILL)
    await line.ended(seconds=5)
    assert moment() - died < 1
    await talk.hear_each_other()
    await radio_site.replaced(application, seconds=10)
    await talk.hear_each_other()
    await gateway.line_up(DTMF, count=2)
    await talk.polda.press("*0")
    await talk.caller.ended(seconds=15)
    assert_complete(await radio_site.story(talk.call))


async def test_an_emergency_begins_with_the_attention_tone_and_takes_the_floor(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """``*9``, then ``*3NNN#``: whoever had the floor is not heard any more."""
    other = await on_net(radio_site, radio_phones, 1, SECOND_HZ)
    air = gateway.audio_of(VOX)
    talk = await begin_talk(radio_site, radio_phones)
    await key(other, air, SECOND_HZ)
    await talk.polda.press("*9")
    since = moment()
    await talk.polda.press("*3300#")
    await air.wait_to_hear(1000, for_seconds=0.3, since=since)
    await air.wait_to_hear(750, for_seconds=0.3, since=since)
    await asyncio.sleep(0.5)
    assert await silent(air)
    await key(other, air, SECOND_HZ)
    taken = moment()
    assert await key(talk.polda, air, POLDA_HZ) < 0.15
    assert await hears_only(air, POLDA_HZ)
    assert moment() - taken < 2
    await talk.polda.press("5")
    await talk.polda.press("#")
    await talk.hear_each_other()
    await talk.caller.hang_up()
    await radio_site.story(talk.call)
