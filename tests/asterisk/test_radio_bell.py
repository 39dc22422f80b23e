"""What a radio net does by itself, on a real Asterisk: officers' calls, announcements, a lost gateway (SOP VII.d)."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from scripts.phones import PhoneEndedError, Phones, RadioGateway, tones
from tests.asterisk.radio import BY_VOICE, DTMF, FIRST_HZ, OFFICER_HZ, VOX, RadioSite, hears_only, silent
from tests.asterisk.site import eventually
from tests.asterisk.talk import POLDA_HZ, begin_talk, moment

pytestmark = pytest.mark.anyio

CODE, RINGING_HZ, UNANSWERED_HZ = "*110", 425, 350


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
    await again.answer()
    await again.hang_up()


async def test_an_emergency_is_announced_and_a_vanished_gateway_found(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """Once category and place are entered, and once only.

    Then another net's line, which had sent in silence all the while, sends nothing any more: it is called again.
    """
    talk = await begin_talk(radio_site, radio_phones)
    air, after, since = gateway.audio_of(VOX), radio_site.head(), moment()
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
    after = radio_site.head()
    gateway.audio_of(DTMF).hush()
    await talk.caller.hang_up()
    await radio_site.story(talk.call)
    await eventually(
        lambda: [each.data["net"] for each in radio_site.records(after=after) if each.action == "radio.gateway_down"],
        seconds=12, what="the alarm",
    )  # fmt: skip
    await gateway.line_up(DTMF, count=2)
