"""SOP section V, row by row, on a real Asterisk with real SIP: who hears whom, judged on the samples."""

from __future__ import annotations

import asyncio

import pytest

from scripts.phones import Handset, Phones, tones
from tests.asterisk.site import Site, actions, assert_complete
from tests.asterisk.talk import (
    CALLER_HZ,
    OTHER_HZ,
    POLDA_HZ,
    POLRES_HZ,
    RINGING_HZ,
    Talk,
    begin_talk,
    first_heard,
    hear_each_other,
    heard_only,
    longest_silence,
    moment,
    press_last,
)

pytestmark = pytest.mark.anyio

SILENCE_SECONDS = 1.0
TAKE_BACK_SECONDS = 0.5
"""The goal is 0.2 s (the issue); a busy machine gets more."""


async def _transfer(site: Site, phones: Phones, now: Talk, answers: float | None) -> Handset:
    """SOP V.4, V.6: the operator presses *5 and *201#, and the first desk of Polres 01 rings."""
    polres = await phones.handset(site.sample.polres[0], hz=POLRES_HZ, answers=answers)
    await now.polda.press("*5")
    await now.polda.press("*201#")
    await polres.rung()
    return polres


async def test_v6_to_v9_the_polres_takes_the_complaint(sop_site: Site, sop_phones: Phones) -> None:
    """The caller hears the sentence and music, the operator tones; then the Polres, which closes."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    polres = await _transfer(site, phones, now, None)
    began = moment()
    await asyncio.sleep(1.2)  # long enough for tones and music to be judged
    tone = now.polda.audio.hears(RINGING_HZ, since=began)
    assert tone > 0.3, "the operator hears the tone of ringing"
    assert now.polda.audio.hears(CALLER_HZ, since=began) == 0, "and not the caller"
    for hz in (POLDA_HZ, POLRES_HZ, RINGING_HZ):
        assert now.caller.audio.hears(hz, since=began) < 0.1, "the caller hears neither operator nor tone"
    at_polres = await polres.rung()
    await at_polres.answer()
    await now.polda.ended()
    await hear_each_other((now.caller, CALLER_HZ), (at_polres, POLRES_HZ))
    assert longest_silence(now.caller.audio, began, moment()) < SILENCE_SECONDS
    await press_last(at_polres, "*0")  # SOP V.9
    await now.caller.ended(seconds=15)
    story = await site.story(now.call)
    assert_complete(story)
    told = [action for action in actions(story) if action not in {"call.recorded", "call.offered"}]
    assert told == [
        "call.received", "call.queued", "call.answered", "complaint.opened", "call.classified", "call.transfer_started",
        "call.transfer_answered", "call.closed", "complaint.closed", "call.ended",
    ]  # fmt: skip
    shown = site.siaga_json("calls", "show", now.call)
    assert (shown["kind"], shown["polres"], shown["desk"]) == ("valid", "01", "2011")
    recorded = next(record for record in story if record.action == "call.recorded")
    assert len(str(recorded.data["sha256"])) == 64


async def test_v10_v11_the_polres_does_not_answer(sop_site: Site, sop_phones: Phones) -> None:
    """Take-back: caller and operator hear each other at once, and the complaint stays open for the Polres."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    polres = await _transfer(site, phones, now, None)
    ringing, began = await polres.rung(), moment()
    await ringing.ended(seconds=5)
    since = moment()
    await now.hear_each_other()
    for audio, hz in ((now.caller.audio, POLDA_HZ), (now.polda.audio, CALLER_HZ)):
        heard = first_heard(audio, hz, began + 0.5)
        assert heard is not None
        assert heard - since < TAKE_BACK_SECONDS
    assert longest_silence(now.caller.audio, began, moment()) < SILENCE_SECONDS
    await press_last(now.polda, "*0")
    await now.caller.ended(seconds=15)
    story = await site.story(now.call)
    assert_complete(story)
    (taken,) = [record for record in story if record.action == "call.taken_back"]
    assert (taken.data["polres"], taken.data["reason"]) == ("01", "no_answer")
    ticket = next(str(record.data["ticket"]) for record in story if record.action == "complaint.opened")
    complaint = site.siaga_json("complaints", "show", ticket)
    assert (complaint["status"], complaint["polres"], complaint["reason"]) == ("open", "01", "no_answer")


@pytest.mark.parametrize("why", ["busy", "unreachable", "operator"])
async def test_v10_taken_back_for_another_reason(sop_site: Site, sop_phones: Phones, why: str) -> None:
    """The Polres is busy, its phones are away, or the operator takes the call back by ##: they talk on at once."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    if why == "busy":
        await phones.handset(site.sample.polres[0], refuses=486)
    if why == "operator":
        await _transfer(site, phones, now, None)
        await now.polda.press("##")
    else:
        await now.polda.press("*201#")
    taken = await site.told(now.call, "call.taken_back")
    assert taken.data["reason"] == why
    await now.hear_each_other()
    await now.caller.hang_up()
    assert_complete(await site.story(now.call))


async def test_every_desk_of_the_polres_rings_and_one_has_the_call(sop_site: Site, sop_phones: Phones) -> None:
    """SOP V.7: the first to answer has the caller, the others stop ringing."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    desks = [await phones.handset(account, hz=POLRES_HZ) for account in site.sample.polres]
    await now.polda.press("*201#")
    ringing = [await desk.rung() for desk in desks]
    await ringing[1].answer()
    await ringing[0].ended()
    await hear_each_other((now.caller, CALLER_HZ), (ringing[1], POLRES_HZ))
    await ringing[1].hang_up()
    await now.caller.ended()
    story = await site.story(now.call)
    assert story[-1].data["by"] == "desk"


async def test_the_caller_gives_up_during_the_transfer(sop_site: Site, sop_phones: Phones) -> None:
    """All ringing stops, and the operator is free."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    polres = await _transfer(site, phones, now, None)
    ringing = await polres.rung()
    await now.caller.hang_up()
    await ringing.ended(seconds=2)
    await now.polda.ended(seconds=2)
    assert_complete(await site.story(now.call))


async def test_the_operator_hangs_up_during_the_transfer(sop_site: Site, sop_phones: Phones) -> None:
    """It goes on; when it fails, the caller goes to the head of the queue, and is never in silence."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    polres = await _transfer(site, phones, now, None)
    ringing, began = await polres.rung(), moment()
    other = await phones.handset(site.accounts[1], hz=OTHER_HZ, answers=0.3)
    await now.polda.hang_up()
    await ringing.ended(seconds=5)
    at_other = await other.rung()
    await at_other.answered()
    await hear_each_other((now.caller, CALLER_HZ), (at_other, OTHER_HZ))
    assert longest_silence(now.caller.audio, began, moment()) < SILENCE_SECONDS
    await now.caller.hang_up()
    story = await site.story(now.call)
    assert actions(story).count("call.taken_back") == 1
    assert actions(story).count("call.answered") == 2
    queued = [record for record in story if record.action == "call.queued"]
    assert queued[-1].data["priority"] == "take_back"


async def test_the_recording_runs_through_everything(sop_site: Site, sop_phones: Phones) -> None:
    """One file from first ring to the end: the Polda's operator, the music, and the Polres's operator are in it."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    polres = await _transfer(site, phones, now, 0.8)
    at_polres = await polres.rung()
    await at_polres.answered()
    began = moment()
    await now.caller.audio.wait_to_hear(POLRES_HZ, since=began, for_seconds=1.0)  # longer than what is buffered
    await now.caller.hang_up()
    story = await site.story(now.call)
    recorded = next(record for record in story if record.action == "call.recorded")
    (mixed,) = tones.read_wav(site.state / str(recorded.data["file"]))
    for hz in (CALLER_HZ, POLDA_HZ, POLRES_HZ):
        assert tones.seconds_of(mixed, hz) > 0.15, hz


@pytest.mark.parametrize("who", ["polda", "polres"])
async def test_a_phone_dies_in_the_talk(sop_site: Site, sop_phones: Phones, who: str) -> None:
    """No audio and no BYE: the caller goes to the head of the queue, and the next operator has them."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    dying, hz = now.desk, OTHER_HZ
    if who == "polres":
        dying = await _transfer(site, phones, now, 0.1)
        at_polres = await dying.rung()
        await at_polres.answered()
        await hear_each_other((now.caller, CALLER_HZ), (at_polres, POLRES_HZ))
    await asyncio.sleep(2.5)  # it has been heard for a while: then its silence means something
    if who == "polres":  # the Polda's operator is free again by now
        other, count, hz = now.desk, 2, POLDA_HZ
    else:
        other, count = await phones.handset(site.accounts[1], hz=OTHER_HZ, answers=0.1), 1
    await dying.die()
    at_other = await other.rung(count=count, seconds=20)
    await at_other.answered()
    await hear_each_other((now.caller, CALLER_HZ), (at_other, hz))
    story = site.records(call=now.call)
    requeued = next(record for record in story if record.action == "call.requeued")
    assert requeued.data["reason"] == "phone_lost"
    await now.caller.hang_up()
    assert_complete(await site.story(now.call))


async def test_a_refusing_sentence(sop_site: Site, sop_phones: Phones) -> None:
    """A code that is not known plays the error tone to the operator alone."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    began = moment()
    await now.polda.press("*299#")
    await asyncio.sleep(0.8)
    assert await heard_only(now.caller.audio, POLDA_HZ)
    assert now.caller.audio.keys == []
    assert now.polda.audio.hears(CALLER_HZ, since=began) > 0
    await now.caller.hang_up()
    assert_complete(await site.story(now.call))
