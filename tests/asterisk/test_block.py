"""Pranks, the block, the verification lane and the fallback, with real SIP (SOP VII.f, VIII)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from scripts.phones import Phones
from tests.asterisk.site import Site, actions, alone, assert_complete, eventually, phones_of, running
from tests.asterisk.talk import CALLER_HZ, OTHER_HZ, POLDA_HZ, begin_talk, hear_each_other, longest_silence, moment

pytestmark = pytest.mark.anyio

ANNOUNCED_SECONDS = 0.9
OPERATOR_HZ = 1100


@pytest.fixture(scope="module")
def block_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance of its own: numbers get blocked, and its application is killed."""
    changes = {"[[trunk]]": "[block]\nverification_max = 1\n\n[[trunk]]"}
    site = Site(tmp_path_factory.mktemp("block"), changes=changes)
    site.shorten("nomor-blokir-pengumuman", "salam-penutup", "musik")
    yield from running(site)


@pytest.fixture
async def phones(block_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    assert anyio_backend
    async for made in phones_of(block_site, tmp_path / "phones"):
        yield made


def blocked(site: Site, number: str) -> bool:
    """Whether the command says so."""
    found: bool = site.siaga_json("block", "check", number)["blocked"]
    return found


async def test_five_pranks_block_and_an_operator_verifies(block_site: Site, phones: Phones) -> None:
    """SOP VIII from the first mark to the unblocking, with what each of them hears and sees."""
    site, number = block_site, "081111111111"
    now = None
    for count in range(5):
        now = await begin_talk(site, phones, number)
        name, _ = await now.polda.display(lambda _, digits: digits != "")
        assert name == (f"{number} P{count}" if count else number)
        await now.polda.press("*7")
        await now.caller.ended(seconds=15)
        story = await site.story(now.call)
        assert_complete(story)
        assert actions(story).count("prank.marked") == 1
        assert ("number.blocked" in actions(story)) == (count == 4)
    assert now is not None
    desk = now.desk
    after, began = site.head(), moment()
    caller = await phones.citizen(number=number, hz=CALLER_HZ)
    await caller.answered()
    polda = await desk.rung(count=2)
    name, _ = await polda.display(lambda name, _: bool(name))
    assert name == f"BLOKIR {number} P5"
    await polda.answered()
    await hear_each_other((caller, CALLER_HZ), (polda, POLDA_HZ))
    assert longest_silence(caller.audio, began + 0.5, moment()) < 1.0
    await polda.press("*8")
    call = await site.new_call(after)
    unblocked = await site.told(call, "number.unblocked")
    assert unblocked.data == {"number": "+6281111111111", "reason": "verified"}
    await polda.display(lambda name, _: name == number)
    await caller.hang_up()
    story = await site.story(call)
    assert actions(story)[:2] == ["call.received", "call.blocked"]
    assert_complete(story)
    now = await begin_talk(site, phones, number)
    assert "call.blocked" not in actions(site.records(call=now.call))
    await now.caller.hang_up()
    await site.story(now.call)


async def test_nobody_there_the_lane_is_full_and_nine_helps(block_site: Site, phones: Phones) -> None:
    """The one who waits is kept; the next is asked to call later, and ended; who presses 9 is not."""
    site, number = block_site, "082222222222"
    assert site.siaga("block", "add", number).returncode == 0
    after = site.head()
    waiting = await phones.citizen(number=number, hz=CALLER_HZ)
    await waiting.answered()
    turned_away = await phones.citizen(number=number, hz=CALLER_HZ)
    await turned_away.answered()
    await turned_away.ended(seconds=30)
    assert turned_away.audio.samples
    second = await site.new_call(after, number=2)
    assert (await site.story(second))[-1].data["outcome"] == "turned_away"
    urgent = await phones.citizen(number=number, hz=OTHER_HZ)
    await urgent.answered()
    await urgent.press("9")
    third = await site.new_call(after, number=3)
    await site.told(third, "call.emergency_claimed")
    desk = await phones.handset(site.accounts[0], hz=POLDA_HZ, answers=0.1)
    polda = await desk.rung()
    await polda.answered()
    await hear_each_other((urgent, OTHER_HZ), (polda, POLDA_HZ))
    await urgent.hang_up()
    await waiting.hang_up()
    for call in (await site.new_call(after), third):
        assert_complete(await site.story(call))
    assert site.siaga("block", "remove", number).returncode == 0


async def test_in_the_fallback_too(block_site: Site, phones: Phones) -> None:
    """The application is dead: the announcement first, then the desks; somebody else's call goes straight on."""
    site, number = block_site, "083333333333"
    assert site.siaga("block", "add", number).returncode == 0
    await eventually(lambda: blocked(site, number), seconds=5, what="blocked", every=0.2)
    desk = await phones.handset(site.accounts[0], hz=POLDA_HZ, answers=0.1)
    after = site.head()
    async with alone(site):
        caller, began = await phones.citizen(number=number, hz=CALLER_HZ), moment()
        await caller.answered(seconds=2)
        polda = await desk.rung(seconds=60)
        assert moment() - began > ANNOUNCED_SECONDS, "the announcement comes before the ringing"
        await polda.answered()
        await hear_each_other((caller, CALLER_HZ), (polda, POLDA_HZ))
        await caller.hang_up()
    story = await site.story(await site.new_call(after))
    assert_complete(story)
    assert story[-1].data["outcome"] == "fallback"
