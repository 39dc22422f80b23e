"""What a radio net does without a key of an operator's, on a real Asterisk (SOP VII.d).

Voices key it, officers call through it, emergencies are announced on it, and a gateway that vanished is called again.
"""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from ari_app.flows.radio_pulse import LOOK_SECONDS, STEADY_SECONDS
from scripts.phones import PhoneEndedError, Phones, RadioGateway, tones
from tests.asterisk.radio import (
    ANNOUNCED,
    BY_VOICE,
    DTMF,
    FIRST_HZ,
    LONGEST,
    OFFICER_HZ,
    SECOND_HZ,
    RadioSite,
    hears_only,
    on_net,
    silent,
)
from tests.asterisk.site import eventually
from tests.asterisk.talk import POLDA_HZ, begin_talk, first_heard, moment

pytestmark = pytest.mark.anyio

WORD_SECONDS = 0.6
CODE, RINGING_HZ = "*110", 425


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


async def test_back_from_such_a_net_the_two_hear_each_other(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """Though Asterisk goes on listening to the operator's leg."""
    air = gateway.audio_of(BY_VOICE)
    for number in ("081234567890", "081234567891"):
        talk = await begin_talk(radio_site, radio_phones, number)
        await talk.polda.press("*3302#")
        await radio_site.told(talk.call, "radio.patched")
        await hears_only(air, POLDA_HZ, seconds=0.1)
        await talk.polda.press("#")
        await radio_site.told(talk.call, "radio.unpatched")
        await talk.hear_each_other()
        await talk.caller.hang_up()
        await radio_site.story(talk.call)


async def test_an_officer_calls_and_an_operator_answers(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """The display shows the radio net, the net hears that it rings, and who answers is on it."""
    phone = await radio_phones.handset(radio_site.accounts[0], hz=FIRST_HZ)
    await phone.registered()
    after, air, since = radio_site.head(), gateway.audio_of(BY_VOICE), moment()
    await air.press(CODE)
    ringing = await phone.rung()
    assert (ringing.caller_name, ringing.caller_number) == ("HT 302 Sabhara", "302")
    await air.press(CODE)  # nothing new
    await air.wait_to_hear(RINGING_HZ, for_seconds=0.5, since=since)
    await ringing.answer()
    await eventually(
        lambda: [each for each in radio_site.records(after=after) if each.action == "radio.joined"],
        seconds=3, what="the desk is on the net",
    )  # fmt: skip
    air.play(OFFICER_HZ)
    assert await hears_only(ringing.audio, OFFICER_HZ)
    air.play(0.0)
    await asyncio.sleep(1)
    await ringing.press("5")
    assert await hears_only(air, FIRST_HZ)
    await ringing.press("5")
    with contextlib.suppress(PhoneEndedError):  # the call may end before the key is let go
        await ringing.press("#")
    await ringing.ended()
    told = [each.action for each in radio_site.records(after=after) if each.action.startswith("radio.call")]
    assert told == ["radio.called", "radio.call_offered", "radio.call_answered"]
    assert len(phone.calls) == 1


async def test_a_citizen_goes_before_an_officer(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """The only desk rings for an officer: a caller gets it at once, and the officer's call goes on when it is free."""
    phone = await radio_phones.handset(radio_site.accounts[0], hz=FIRST_HZ)
    await phone.registered()
    await gateway.audio_of(BY_VOICE).press(CODE)
    for_officer = await phone.rung()
    caller = await radio_phones.citizen(hz=POLDA_HZ)
    for_citizen = await phone.rung(count=2, seconds=1)
    await for_officer.ended(seconds=1)
    await for_citizen.answer()
    await caller.answered()
    await caller.hang_up()
    again = await phone.rung(count=3)
    assert again.caller_number == BY_VOICE
    after = radio_site.head()
    await again.answer()
    await eventually(
        lambda: [each for each in radio_site.records(after=after) if each.action == "radio.call_answered"],
        seconds=5, what="the officer has an operator",
    )  # fmt: skip
    await again.hang_up()


async def test_an_emergency_is_announced_and_a_vanished_gateway_found(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """Once category and place are entered, and once only.

    Then another net's line, which had sent in silence all the while, sends nothing any more: it is called again.
    """
    silent_since = moment()
    talk = await begin_talk(radio_site, radio_phones)
    await gateway.line_up(ANNOUNCED, seconds=40)
    air, after, since = gateway.audio_of(ANNOUNCED), radio_site.head(), moment()
    await talk.polda.press("*9")
    desk = radio_site.accounts[0][0]
    place = "Jl. Sisingamangaraja; $(reboot) & `date`"
    for fields in (("--category", "kebakaran"), ("--place", place), ("--name", "Reza")):
        done = await asyncio.to_thread(radio_site.siaga, "complaints", "edit", "--desk", desk, *fields)
        assert done.returncode == 0, done.stderr
    await eventually(
        lambda: [each for each in radio_site.records(after=after) if each.action == "radio.announced"],
        seconds=25, what="the announcement",
    )  # fmt: skip
    (told,) = [each for each in radio_site.records(after=after) if each.action == "radio.announced"]
    assert (told.data["category"], told.data["place"], told.data["said"]) == ("kebakaran", place, True)
    loud = [packet for packet in air.packets if packet.at >= since and tones.is_loud(packet.payload)]
    assert len(loud) * 0.02 > 4.0, "a sentence of some seconds"
    assert await silent(air)
    await asyncio.sleep(silent_since + LONGEST + STEADY_SECONDS + 2 * LOOK_SECONDS - moment())
    after = radio_site.head()
    gateway.audio_of(DTMF).hush()
    await talk.caller.hang_up()
    await radio_site.story(talk.call)
    await eventually(
        lambda: [each.data["net"] for each in radio_site.records(after=after) if each.action == "radio.gateway_down"],
        seconds=12, what="the alarm",
    )  # fmt: skip
    await gateway.line_up(DTMF, count=2)
