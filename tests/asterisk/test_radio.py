"""Radio nets on a real Asterisk, judged by what is heard: a tone of its own for each party (SOP VII.d)."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from ari_app.flows.radio_line import IDLE_SECONDS
from scripts.phones import Phones, RadioGateway, tones
from tests.asterisk.radio import (
    DTMF,
    FIRST_HZ,
    OFFICER_HZ,
    ON_DEMAND,
    SECOND_HZ,
    VOX,
    RadioSite,
    hears_only,
    key,
    on_net,
    silent,
)
from tests.asterisk.site import eventually
from tests.asterisk.talk import first_heard, moment

pytestmark = pytest.mark.anyio

SYLLABLE_SECONDS = 0.4


async def test_the_gateway_hears_who_has_keyed_and_nobody_else(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """Both operators talk all the time. From key to sound, and to silence, it takes 150 ms at most."""
    first = await on_net(radio_site, radio_phones, 0, FIRST_HZ)
    second = await on_net(radio_site, radio_phones, 1, SECOND_HZ)
    after, air = radio_site.head(), gateway.audio_of(VOX)
    assert await silent(air)
    for call, hz in ((first, FIRST_HZ), (second, SECOND_HZ)) * 3:
        assert await key(call, air, hz) < 0.15
        assert await hears_only(air, hz)
        await call.press("5")  # the phone is silent while a key is down, and for 60 ms after it
        assert await silent(air)
    await eventually(lambda: len(radio_site.radio(after)) == 12, seconds=3, what="six transmissions")


async def test_a_lead_in_cuts_no_syllable(radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway) -> None:
    """The operator speaks with the key; the transmitter is up 300 ms after its key, and all of it is heard.

    What is said up to the key that ends it is heard as well; then the transmitter goes off.
    """
    call = await on_net(radio_site, radio_phones, 0, 0.0, DTMF)
    air = gateway.audio_of(DTMF)
    await call.press("5")
    spoken = moment()
    call.audio.play(FIRST_HZ)
    await asyncio.sleep(SYLLABLE_SECONDS)
    call.audio.play(0.0)
    await air.wait_for_keys("A")
    await air.wait_to_hear(FIRST_HZ, for_seconds=SYLLABLE_SECONDS - 0.05, since=spoken)
    heard = first_heard(air, FIRST_HZ, spoken)
    assert heard is not None
    assert heard - air.keys[-1].at >= 0.28, "the transmitter was up"
    assert air.hears(FIRST_HZ, since=spoken) >= SYLLABLE_SECONDS - 0.05

    call.audio.play(SECOND_HZ)
    await asyncio.sleep(SYLLABLE_SECONDS)
    call.audio.play(0.0)
    last_word = moment()
    await call.press("5")
    await air.wait_for_keys("AB")
    assert air.hears(SECOND_HZ, since=spoken) >= SYLLABLE_SECONDS - 0.05
    assert air.keys[-1].at - last_word < 1.0
    assert await silent(air)


async def test_everybody_hears_the_officer_and_nobody_talks_over(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    first = await on_net(radio_site, radio_phones, 0, FIRST_HZ)
    second = await on_net(radio_site, radio_phones, 1, SECOND_HZ)
    after, air = radio_site.head(), gateway.audio_of(VOX)
    air.play(OFFICER_HZ)
    assert await hears_only(first.audio, OFFICER_HZ)
    assert await hears_only(second.audio, OFFICER_HZ)
    await first.press("5")  # refused, with a sound
    assert await silent(air)
    air.play(0.0)
    assert (await radio_site.released(after, "silent")).data["by"] == "officer"
    await key(first, air, FIRST_HZ)
    await first.press("5")


async def test_two_keys_at_once(radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway) -> None:
    """One of them has the floor; who keys while somebody speaks changes nothing."""
    first = await on_net(radio_site, radio_phones, 0, FIRST_HZ)
    second = await on_net(radio_site, radio_phones, 1, SECOND_HZ)
    after, air = radio_site.head(), gateway.audio_of(VOX)
    await asyncio.gather(first.press("5"), second.press("5"))
    since = moment()
    await asyncio.sleep(0.3)
    is_first = air.hears(FIRST_HZ, since=since) > air.hears(SECOND_HZ, since=since)
    assert await hears_only(air, FIRST_HZ if is_first else SECOND_HZ)
    await (first if is_first else second).press("5")
    await radio_site.released(after, "unkeyed")
    assert await silent(air)


async def test_a_transmission_that_is_too_long_ends(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """The operator hears three falling tones; the transmitter gets its key, and the line stays."""
    call = await on_net(radio_site, radio_phones, 0, FIRST_HZ, DTMF)
    after, air = radio_site.head(), gateway.audio_of(DTMF)
    await key(call, air, FIRST_HZ)
    await air.wait_for_keys("AB")
    assert (await radio_site.released(after, "time_out")).data["ms"] == pytest.approx(3000, abs=300)
    assert await silent(air)
    await call.audio.wait_to_hear(440, for_seconds=0.1, seconds=2)
    await asyncio.sleep(3)
    assert gateway.is_up(DTMF)


async def test_the_operators_phone_hangs_up_while_keyed(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    call = await on_net(radio_site, radio_phones, 0, FIRST_HZ, DTMF)
    after, air = radio_site.head(), gateway.audio_of(DTMF)
    await key(call, air, FIRST_HZ)
    gone = moment()
    await call.hang_up()
    await air.wait_for_keys("AB", seconds=1)
    assert air.keys[-1].at - gone < 1
    await radio_site.released(after, "leg_lost")


async def test_the_phones_own_transfer_key_puts_nobody_on_the_air(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """The desk has left the net; the Polres's phone is there, would answer and talk, and is heard by nobody."""
    call = await on_net(radio_site, radio_phones, 0, FIRST_HZ)
    after, air = radio_site.head(), gateway.audio_of(VOX)
    polres = await radio_phones.handset(radio_site.sample.polres[0], hz=SECOND_HZ, answers=0.05)
    await polres.registered()
    await call.blind_transfer("201")
    assert await silent(air, seconds=4)
    await eventually(
        lambda: [each for each in radio_site.records(after=after) if each.action == "radio.left"],
        seconds=1, what="the desk has left the net",
    )  # fmt: skip
    assert not radio_site.radio(after)


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_colleague_is_not_joined_with_the_net(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway, *, is_first: bool
) -> None:
    """Attended, in whichever of its two calls the phone's transfer key is pressed: 0.3 s of the colleague at most."""
    colleague = await radio_phones.handset(radio_site.accounts[1], hz=SECOND_HZ, answers=0.05)
    await colleague.registered()
    handset, air = await radio_phones.handset(radio_site.accounts[0], hz=FIRST_HZ), gateway.audio_of(VOX)
    net = await handset.dial(VOX)
    await net.answered()
    await net.hold()
    other = await handset.dial(radio_site.accounts[1][0])
    await other.answered()
    await (await colleague.rung()).answered()
    since = moment()
    await (net.attended_transfer(other) if is_first else other.attended_transfer(net))
    await asyncio.sleep(3)
    assert air.hears(SECOND_HZ, since=since) < 0.3
    assert await silent(air)


async def test_the_gateway_is_lost_while_keyed(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """The floor is free within a second; the line is called again, and the operator is still on the net."""
    call = await on_net(radio_site, radio_phones, 0, FIRST_HZ)
    after = radio_site.head()
    await key(call, gateway.audio_of(VOX), FIRST_HZ)
    lost = moment()
    await next(each for each in gateway.talking if each.dialog.local.user == VOX).hang_up()
    await radio_site.released(after, "gateway_lost")
    assert moment() - lost < 1
    air = await gateway.line_up(VOX, count=2)
    assert await silent(air)
    await key(call, air, FIRST_HZ)
    await call.press("5")


@pytest.mark.quiet
@pytest.mark.parametrize("frozen", [False, True])
async def test_the_application_dies_while_keyed(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway, *, frozen: bool
) -> None:
    """The transmitter is released within a second; the desk is on the net again without doing anything."""
    call = await on_net(radio_site, radio_phones, 0, FIRST_HZ, DTMF)
    air = gateway.audio_of(DTMF)
    line = next(each for each in gateway.talking if each.dialog.local.user == DTMF)
    before = radio_site.head()
    await key(call, air, FIRST_HZ)
    after, application = radio_site.head(), radio_site.application()
    assert application is not None
    died = moment()
    os.kill(application, signal.SIGSTOP if frozen else signal.SIGKILL)
    await line.ended(seconds=5)
    assert moment() - died < 1
    await radio_site.replaced(application, seconds=10)
    await gateway.line_up(VOX, count=2)
    again = await gateway.line_up(DTMF, count=2)
    await eventually(
        lambda: [each for each in radio_site.records(after=after) if each.action == "radio.joined"],
        seconds=5, what="the desk is on the net again",
    )  # fmt: skip
    assert await silent(again)
    assert (await radio_site.released(before, "application_lost")).data["net"] == DTMF
    await key(call, again, FIRST_HZ)
    await call.press("5")


async def test_the_application_is_cut_off_while_keyed(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """Neither application nor launcher can act: Asterisk itself ends the transmission, two seconds late."""
    call = await on_net(radio_site, radio_phones, 0, FIRST_HZ, DTMF)
    line = next(each for each in gateway.talking if each.dialog.local.user == DTMF)
    keyed, application, launcher = moment(), radio_site.application(), radio_site.launcher
    await key(call, gateway.audio_of(DTMF), FIRST_HZ)
    assert application is not None
    assert launcher is not None
    os.kill(launcher.pid, signal.SIGSTOP)
    try:
        os.kill(application, signal.SIGSTOP)
        await line.ended(seconds=8)
        assert 3 < moment() - keyed < 7
    finally:
        os.kill(launcher.pid, signal.SIGCONT)
    await radio_site.replaced(application, seconds=10)


async def test_a_gateway_that_calls_us_is_known_by_its_address(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """Its call is the line from then on, whatever number it shows. It reaches its nets, and nothing else."""
    call = await on_net(radio_site, radio_phones, 0, FIRST_HZ)
    own = await gateway.dial(VOX)
    await own.answered()
    assert await key(call, own.audio, FIRST_HZ) < 0.15
    await call.press("5")
    for number in ("110", "1001", "*11"):
        assert await (await gateway.dial(number)).refused() == 404
    stranger = await radio_phones.citizen(VOX, number="gateway")
    assert await stranger.refused() == 404


async def test_a_line_on_demand(radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway) -> None:
    """It is called when somebody comes, and ended when they have left; the gateway's own call stays."""
    assert not gateway.is_up(ON_DEMAND)
    call = await on_net(radio_site, radio_phones, 0, FIRST_HZ, ON_DEMAND)
    air = await gateway.line_up(ON_DEMAND)
    await key(call, air, FIRST_HZ)
    await call.press("5")
    await call.hang_up()
    await eventually(lambda: not gateway.is_up(ON_DEMAND), seconds=5, what="the line's end")
    own = await gateway.dial(ON_DEMAND)
    await own.answered()
    await asyncio.sleep(IDLE_SECONDS + 1)
    again = await on_net(radio_site, radio_phones, 1, SECOND_HZ, ON_DEMAND)
    await key(again, own.audio, SECOND_HZ)
    await again.press("5")
    await again.hang_up()
    await asyncio.sleep(IDLE_SECONDS + 1)
    assert gateway.is_up(ON_DEMAND)


async def test_each_transmission_has_its_own_recording(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """Of an officer and of an operator, each with nothing of the other; and of a click there is none."""
    call = await on_net(radio_site, radio_phones, 0, FIRST_HZ)
    after, air = radio_site.head(), gateway.audio_of(VOX)
    air.play(OFFICER_HZ)
    await asyncio.sleep(1)
    air.play(0.0)
    officer = await radio_site.released(after, "silent")
    after = radio_site.head()
    await key(call, air, FIRST_HZ)
    await asyncio.sleep(1)
    await call.press("5")
    operator = await radio_site.released(after, "unkeyed")
    for record, hz, other in ((officer, OFFICER_HZ, FIRST_HZ), (operator, FIRST_HZ, OFFICER_HZ)):
        path = radio_site.state / "asterisk" / "spool" / "recording" / f"{record.data['transmission']}.wav"
        await eventually(path.exists, seconds=3, what=str(path))
        (samples,) = tones.read_wav(path)
        assert tones.seconds_of(samples, hz) == pytest.approx(1.0, abs=0.3)
        assert tones.seconds_of(samples, other) == 0


async def test_a_supervisor_has_a_sentence_said(
    radio_site: RadioSite, radio_phones: Phones, gateway: RadioGateway
) -> None:
    """It waits until the operator has unkeyed, and the gateway hears it."""
    call = await on_net(radio_site, radio_phones, 0, FIRST_HZ)
    air = gateway.audio_of(VOX)
    await key(call, air, FIRST_HZ)
    after = radio_site.head()
    done = await asyncio.to_thread(radio_site.siaga, "radio", "say", VOX, "Semua unit, kebakaran di Medan Kota")
    assert done.returncode == 0, done.stderr
    assert await hears_only(air, FIRST_HZ, seconds=0.3)
    await call.press("5")
    since = moment()
    await eventually(
        lambda: [each for each in radio_site.records(after=after) if each.action == "radio.said"],
        seconds=10, what="the sentence was said",
    )  # fmt: skip
    loud = [packet for packet in air.packets if packet.at >= since and tones.is_loud(packet.payload)]
    assert len(loud) * 0.02 > 1.0, "a sentence of some seconds"
    assert await silent(air)
