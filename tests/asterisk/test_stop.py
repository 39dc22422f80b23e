"""SIGTERM to the application, and SIGHUP to the launcher: an upgrade with calls going on."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path

import pytest

from scripts.phones import Dialling, Phones
from tests.asterisk.site import Site, actions, assert_complete, eventually, in_fallback

pytestmark = pytest.mark.anyio

ANSWERED_WITHIN_MS = 1_200


async def test_stopped_with_calls_going_on(fragile_site: Site, fragile_phones: Phones) -> None:
    """Who talks notices nothing, who waits rings every desk at once, who calls meanwhile is answered."""
    site, phones, after = fragile_site, fragile_phones, fragile_site.head()
    await eventually(site.connected, seconds=10, what="the application serves")
    desk = await phones.handset(site.accounts[0], hz=660)
    talker = await phones.citizen(hz=440)
    at_desk = await desk.rung()
    await at_desk.answer()
    await talker.audio.wait_to_hear(660)
    talk = await site.new_call(after)
    waiter = await phones.call()
    waiting = await site.new_call(after, number=2)
    await site.told(waiting, "call.queued")
    heard = len(talker.audio.packets)

    pid = site.application()
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    await eventually(lambda: in_fallback(site, waiting), seconds=1, what="the waiting caller is handed over")
    await phones.desk(site.accounts[1])
    newcomer = await phones.call(Dialling(hang_up_ms=100))
    result = await newcomer.result()
    assert result.answered_ms is not None
    assert result.answered_ms < ANSWERED_WITHIN_MS
    await site.replaced(pid, seconds=5)
    await site.told(talk, "call.adopted")
    fallback = await site.told(waiting, "call.fallback")
    assert fallback.data == {"reason": "stopping"}

    await eventually(lambda: len(talker.audio.packets) > heard + 50, seconds=5, what="another second of audio")
    times = [packet.at for packet in talker.audio.packets[heard - 1 :]]
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) < 0.25
    await talker.hang_up()
    await waiter.hang_up()
    await waiter.result()
    story = await site.story(talk)
    assert_complete(story)
    assert actions(story).count("call.adopted") == 1
    assert story[-1].data["outcome"] == "answered"
    assert_complete(await site.story(waiting))


async def test_sighup(fragile_site: Site, fragile_phones: Phones, tmp_path: Path) -> None:
    """A configuration that is wrong, or that Asterisk would have to follow, changes nothing; another is in force."""
    site, launcher = fragile_site, fragile_site.launcher
    assert launcher is not None
    await eventually(site.connected, seconds=10, what="the application serves")
    await fragile_phones.desk(site.accounts[0])
    after = site.head()
    caller = await fragile_phones.call()
    await caller.answered()
    call = await site.new_call(after)
    pid = site.application()
    assert pid is not None
    kept = (site.state / "siaga.toml").read_text()
    number, trunk = '[[trunk]]\nname = "pstn"', '[[trunk]]\nname = "other"'
    for text, why in ((site.text + "\n[nonsense]\n", "nonsense"), (site.text.replace(number, trunk, 1), "trunk")):
        assert text != site.text
        site.output.clear()
        site.config.write_text(text)
        launcher.send_signal(signal.SIGHUP)
        await eventually(lambda: any("SIGHUP" in line for line in site.output), seconds=5, what="it is refused")
        assert why in site.output[-1]
        assert (site.state / "siaga.toml").read_text() == kept
        assert site.application() == pid

    (site.state / "siaga.toml").write_text("[damaged")  # it is not read by who renews, only written
    site.config.write_text(site.text.replace("wrapup_seconds = 0", "wrapup_seconds = 1"))
    launcher.send_signal(signal.SIGHUP)
    await site.replaced(pid, seconds=10)
    assert "wrapup_seconds = 1" in (site.state / "siaga.toml").read_text()
    await site.told(call, "call.adopted")
    await caller.hang_up()
    await caller.result()
    assert_complete(await site.story(call))
