"""A supervisor listens, whispers and joins on a real Asterisk: who hears whom is judged on the samples."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from scripts.phones import HandsetCall, Phones, tones
from tests.asterisk.ordering import ACTOR, give, refused
from tests.asterisk.site import Site, actions, assert_complete, eventually
from tests.asterisk.talk import (
    CALLER_HZ,
    OTHER_HZ,
    POLDA_HZ,
    POLRES_HZ,
    Talk,
    begin_talk,
    hear_each_other,
    moment,
    press_last,
)

pytestmark = pytest.mark.anyio

SETTLED = 0.4
"""Seconds until what an order or a key changes is heard everywhere."""


async def monitored(site: Site, phones: Phones, now: Talk, mode: str) -> HandsetCall:
    """The supervisor's phone rings at the second desk, and is answered."""
    phone = await phones.handset(site.accounts[1], hz=OTHER_HZ)
    await phone.registered()
    await eventually(
        lambda: site.records()[-1].action == "desk.registered", seconds=5, what="the phone is known to be there"
    )
    done = await give(site, f"monitor.{mode}", now.call, desk=site.accounts[1][0])
    assert done == {"call": now.call, "desk": site.accounts[1][0], "mode": mode, "with": site.accounts[0][0]}
    ringing = await phone.rung()
    await ringing.display(lambda name, _: name == f"PANTAU {site.accounts[0][0]}")
    await ringing.answer()
    await site.told(now.call, "monitor.started")
    return ringing


async def who_hears(now: Talk, pantau: HandsetCall, mode: str) -> None:
    """In this mode: the caller, the operator and the supervisor hear whom they should, and nobody else."""
    await asyncio.sleep(SETTLED)
    since = moment()
    await asyncio.sleep(0.8)
    heard = {
        name: {hz for hz in (CALLER_HZ, POLDA_HZ, OTHER_HZ) if leg.audio.hears(hz, since=since) > 0.3}
        for name, leg in (("caller", now.caller), ("operator", now.polda), ("supervisor", pantau))
    }
    joined, spoken = mode == "barge", mode != "listen"
    assert heard == {
        "caller": {POLDA_HZ, OTHER_HZ} if joined else {POLDA_HZ},
        "operator": {CALLER_HZ, OTHER_HZ} if spoken else {CALLER_HZ},
        "supervisor": {CALLER_HZ, POLDA_HZ},
    }, mode


def recorded(site: Site, call: str, hz: int) -> float:
    """For how many seconds a tone is on the recording of a call."""
    (samples,) = tones.read_wav(site.state / "recordings" / f"{call}.wav")
    return tones.seconds_of(samples, hz)


async def test_listen_whisper_and_join_by_key(sop_site: Site, sop_phones: Phones) -> None:
    """Each mode, and each use is told; the recording has the supervisor while they had joined, and never else."""
    site = sop_site
    now = await begin_talk(site, sop_phones)
    pantau = await monitored(site, sop_phones, now, "listen")
    await who_hears(now, pantau, "listen")
    await pantau.press("2")
    await who_hears(now, pantau, "whisper")
    since = moment()
    await pantau.press("3")
    await who_hears(now, pantau, "barge")
    await pantau.press("1")
    joined = moment() - since
    await who_hears(now, pantau, "listen")
    assert "cannot be rung: it is busy" in await refused(site, "monitor.barge", now.call, desk=site.accounts[1][0])
    await pantau.hang_up()
    since = moment()
    await now.hear_each_other()
    assert now.caller.audio.hears(OTHER_HZ, since=since) == 0
    await press_last(now.polda, "*0")
    await now.caller.ended(seconds=15)
    story = await site.story(now.call)
    assert_complete(story)
    uses = [(record.action, record.data["mode"]) for record in story if record.action.startswith("monitor.")]
    assert uses == [
        ("monitor.offered", "listen"), ("monitor.started", "listen"), ("monitor.ended", "listen"),
        ("monitor.started", "whisper"), ("monitor.ended", "whisper"), ("monitor.started", "barge"),
        ("monitor.ended", "barge"), ("monitor.started", "listen"), ("monitor.ended", "listen"),
    ]  # fmt: skip
    assert {record.actor for record in story if record.action.startswith("monitor.")} == {ACTOR}
    assert 0.8 < recorded(site, now.call, OTHER_HZ) < joined + SETTLED
    assert recorded(site, now.call, CALLER_HZ) > 4
    assert recorded(site, now.call, POLDA_HZ) > 4


async def test_a_whisper_goes_with_the_call_to_the_polres(sop_site: Site, sop_phones: Phones) -> None:
    """The Polres's operator hears it, too, and neither the caller nor the recording ever does."""
    site = sop_site
    now = await begin_talk(site, sop_phones)
    pantau = await monitored(site, sop_phones, now, "whisper")
    await who_hears(now, pantau, "whisper")
    polres = await sop_phones.handset(site.sample.polres[0], hz=POLRES_HZ, answers=0.1)
    await now.polda.press("*201#")
    at_polres = await polres.rung()
    await now.polda.ended()
    await hear_each_other((now.caller, CALLER_HZ), (at_polres, POLRES_HZ))
    await asyncio.sleep(SETTLED)
    since = moment()
    await asyncio.sleep(0.8)
    assert at_polres.audio.hears(OTHER_HZ, since=since) > 0.3
    assert min(pantau.audio.hears(hz, since=since) for hz in (CALLER_HZ, POLRES_HZ)) > 0.3
    assert now.caller.audio.hears(POLRES_HZ, since=since) > 0.3
    assert now.caller.audio.hears(OTHER_HZ) == 0, "the whole call long"
    await now.caller.hang_up()
    await pantau.ended(seconds=2)
    story = await site.story(now.call)
    assert_complete(story)
    ended = next(record for record in story if record.action == "monitor.ended")
    assert (ended.data["mode"], ended.data["reason"]) == ("whisper", "call_over")
    assert recorded(site, now.call, OTHER_HZ) == 0
    assert recorded(site, now.call, POLRES_HZ) > 1


async def test_joined_and_the_polres_takes_the_call(sop_site: Site, sop_phones: Phones) -> None:
    """Who has joined is in the talk with the Polres as well."""
    site = sop_site
    now = await begin_talk(site, sop_phones)
    pantau = await monitored(site, sop_phones, now, "barge")
    polres = await sop_phones.handset(site.sample.polres[0], hz=POLRES_HZ, answers=0.1)
    await now.polda.press("*201#")
    at_polres = await polres.rung()
    await now.polda.ended()
    await hear_each_other((now.caller, CALLER_HZ), (at_polres, POLRES_HZ), (pantau, OTHER_HZ))
    await now.caller.hang_up()
    await pantau.ended(seconds=2)
    assert_complete(await site.story(now.call))


@pytest.mark.parametrize("mode", ["whisper", "barge"])
async def test_the_application_is_killed(fragile_site: Site, fragile_phones: Phones, mode: str) -> None:
    """The supervisor's phone is hung up, no leg is left, and caller and operator go on talking."""
    site = fragile_site
    now = await begin_talk(site, fragile_phones)
    pantau = await monitored(site, fragile_phones, now, mode)
    pid = site.application()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await site.replaced(pid, seconds=10)
    await pantau.ended(seconds=5)
    since = moment()
    await now.hear_each_other()
    assert now.caller.audio.hears(OTHER_HZ, since=since) == now.polda.audio.hears(OTHER_HZ, since=since) == 0
    await eventually(
        lambda: not [each for each in site.ari("channels") if "monitor" in each["id"]], seconds=5, what="no leg left"
    )
    await press_last(now.polda, "*0")
    await now.caller.ended(seconds=15)
    story = await site.story(now.call)
    assert actions(story).count("call.adopted") == 1
    (ended,) = [record for record in story if record.action == "monitor.ended"]
    assert (ended.data["mode"], ended.data["reason"]) == (mode, "application_lost")
