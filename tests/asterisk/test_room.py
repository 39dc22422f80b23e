"""The disk is nearly full: calls are served as always, none is recorded, and it is told so (SOP VII.g)."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ari_app.domain.facts import Record
from ari_app.domain.tapes import RESUMED, SUSPENDED
from ari_app.site.room import BELIEVED_SECONDS
from ari_app.site.state import StateDir
from scripts.phones import Dialling, Phones
from tests.asterisk.site import Site, actions, alone, assert_complete, eventually

pytestmark = pytest.mark.anyio

AN_AGE = 60.0
"""The keeper gives way to everybody else, and may just be beginning."""


@contextmanager
def no_room(site: Site) -> Iterator[Path]:
    """The mark stands, though there is room: whoever would take it away is frozen meanwhile."""
    keeper, mark = site.process("ari_app.tables"), StateDir(site.state).calls_unrecorded
    assert keeper is not None
    os.kill(keeper, signal.SIGSTOP)
    try:
        mark.touch()
        yield mark
    finally:
        os.kill(keeper, signal.SIGCONT)


async def answered_call(site: Site, phones: Phones) -> list[Record]:
    """A citizen dials 110, is answered and hangs up; the call's story."""
    after = site.head()
    result = await (await phones.call(Dialling(hang_up_ms=300))).result()
    assert result.is_answered
    story = await site.story(await site.new_call(after))
    assert_complete(story)
    return story


def recorded(site: Site, story: list[Record]) -> bool:
    """Whether there is a recording; journal and disk must agree on it."""
    is_told = "call.recorded" in actions(story)
    assert (site.state / "recordings" / f"{story[0].call}.wav").exists() == is_told, actions(story)
    return is_told


async def told(site: Site, after: int, action: str) -> Record:
    found: list[Record] = []

    def is_there() -> bool:
        found[:] = [each for each in site.records(after=after) if each.action == action]
        return bool(found)

    await eventually(is_there, seconds=5, what=action)
    return found[0]


def alarms(site: Site) -> list[str]:
    return [each["name"] for each in site.siaga_json("watch")["alarms"]]


def doctor(site: Site) -> tuple[str, str]:
    (found,) = (each for each in json.loads(site.siaga("doctor", "--json").stdout) if each["check"] == "recordings")
    return found["result"], found["text"]


async def test_no_call_is_recorded_while_the_mark_stands(fragile_site: Site, fragile_phones: Phones) -> None:
    """They are answered. It is in the journal, among the alarms and in what the doctor says; then all is as before."""
    site, after = fragile_site, fragile_site.head()
    await fragile_phones.desk(site.accounts[0])
    assert recorded(site, await answered_call(site, fragile_phones))
    with no_room(site) as mark:
        assert (await told(site, after, SUSPENDED)).data["what"] == "calls"
        assert not recorded(site, await answered_call(site, fragile_phones))
        await eventually(lambda: alarms(site) == ["recordings"], seconds=10, what="the alarm", every=0.5)
        result, text = doctor(site)
        assert (result, "new calls are not recorded" in text) == ("failed", True)
    await eventually(lambda: not mark.exists(), seconds=AN_AGE, what="its keeper takes the mark away", every=0.2)
    assert doctor(site)[0] == "ok"
    assert (await told(site, after, RESUMED)).data["what"] == "calls"
    assert recorded(site, await answered_call(site, fragile_phones))
    await eventually(lambda: alarms(site) == [], seconds=10, what="the alarm is over", every=0.5)


async def test_a_mark_whose_keeper_is_dead_does_not_count(fragile_site: Site, fragile_phones: Phones) -> None:
    site = fragile_site
    await fragile_phones.desk(site.accounts[0])
    with no_room(site) as mark:
        long_ago = time.time() - BELIEVED_SECONDS - 1
        os.utime(mark, (long_ago, long_ago))
        assert recorded(site, await answered_call(site, fragile_phones))


@pytest.mark.quiet
async def test_with_no_application_either(fragile_site: Site, fragile_phones: Phones) -> None:
    """The dialplan looks at the mark itself, and the fallback answers."""
    site, after = fragile_site, fragile_site.head()
    await fragile_phones.desk(site.accounts[0])
    await eventually(site.connected, seconds=10, what="the application is connected")
    with no_room(site):
        async with alone(site):
            result = await (await fragile_phones.call(Dialling(hang_up_ms=1500))).result()
            assert result.is_answered
        story = await site.story(await site.new_call(after))
        assert "call.fallback" in actions(story)
        assert not recorded(site, story)
