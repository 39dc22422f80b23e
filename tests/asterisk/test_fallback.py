"""The application dead, frozen or half-way: a 110 call is answered all the same (DESIGN.md, principle 1)."""

from __future__ import annotations

import itertools
import os
import signal
import time
import urllib.parse
import urllib.request

import pytest

from ari_app.flows.recovery import EVERY_SECONDS
from scripts.phones import Behaviour, Dialling, HandsetCall, Phones
from scripts.phones.audio import Packet
from scripts.stack.sample import HOST
from tests.asterisk.site import Site, actions, alone, assert_complete, eventually
from tests.asterisk.talk import CALLER_HZ, OTHER_HZ, POLDA_HZ, hear_each_other, join_two_calls

pytestmark = [pytest.mark.anyio, pytest.mark.quiet]

ANSWERED_WITHIN_MS = 1_200


async def _serving(site: Site) -> int:
    """The application's process id, once it is connected."""
    await eventually(lambda: site.application() and site.connected(), seconds=10, what="the application is connected")
    pid = site.application()
    assert pid is not None
    return pid


async def test_killed_the_next_caller_is_answered(fragile_site: Site, fragile_phones: Phones) -> None:
    """SIGKILL, and a caller in the same moment; it comes back by itself within 2 s and takes the next call."""
    site, after = fragile_site, fragile_site.head()
    await fragile_phones.desk(site.accounts[0])
    pid = await _serving(site)
    killed = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    caller = await fragile_phones.call(Dialling(hang_up_ms=300))
    result = await caller.result()
    assert result.answered_ms is not None
    assert result.answered_ms < ANSWERED_WITHIN_MS
    await site.replaced(pid, seconds=max(0.1, killed + 2 - time.monotonic()))
    caller = await fragile_phones.call(Dialling(hang_up_ms=100))
    assert (await caller.result()).is_answered
    story = await site.story(await site.new_call(after, number=2))
    assert "call.answered" in actions(story)
    assert_complete(await site.story(await site.new_call(after)))


async def test_frozen_the_next_caller_is_answered(fragile_site: Site, fragile_phones: Phones) -> None:
    """SIGSTOP: the next application takes over, or the dialplan has gone on alone by then."""
    site, after = fragile_site, fragile_site.head()
    await fragile_phones.desk(site.accounts[0])
    pid = await _serving(site)
    frozen = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    caller = await fragile_phones.call(Dialling(hang_up_ms=1500))
    result = await caller.result()
    assert result.answered_ms is not None
    assert result.answered_ms < ANSWERED_WITHIN_MS
    await site.replaced(pid, seconds=max(0.1, frozen + 2 - time.monotonic()))
    story = await site.story(await site.new_call(after))
    assert_complete(story)
    assert story[-1].data["outcome"] == ("fallback" if "call.fallback" in actions(story) else "answered")


async def test_with_no_application_asterisk_answers(fragile_site: Site, fragile_phones: Phones) -> None:
    """The dialplan goes on alone; the call is in the journal of the application that comes."""
    site, after = fragile_site, fragile_site.head()
    desk = await fragile_phones.desk(site.accounts[0])
    await _serving(site)
    async with alone(site):
        caller = await fragile_phones.call(Dialling(hang_up_ms=1500))
        result = await caller.result()
        assert result.answered_ms is not None
        assert result.answered_ms < ANSWERED_WITHIN_MS
        await desk.ended()
    story = await site.story(await site.new_call(after))
    assert_complete(story)
    assert "call.fallback" in actions(story)
    assert story[-1].data["outcome"] == "fallback"


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_between_claim_and_ring(fragile_site: Site, fragile_phones: Phones, sent: signal.Signals) -> None:
    """Struck at any moment from the INVITE on: that caller is answered by a desk, in time."""
    site = fragile_site
    await fragile_phones.desk(site.accounts[0])
    delays: list[float] = []
    for wait_ms in (0, 1, 2, 3, 4, 6, 8):
        after = site.head()
        pid = await _serving(site)
        caller = await fragile_phones.call()
        await caller.sent()
        strike = time.monotonic() + wait_ms / 1000
        while time.monotonic() < strike:  # a sleep is coarser than what is tried here
            pass
        os.kill(pid, sent)
        await caller.answered()
        await caller.hang_up()
        result = await caller.result()
        assert result.answered_ms is not None
        delays.append(round(result.answered_ms))
        await site.replaced(pid, seconds=5)
        assert_complete(await site.story(await site.new_call(after)))
        await site.quiet()
    assert max(delays) < ANSWERED_WITHIN_MS, delays


async def test_talks_go_on(fragile_site: Site, fragile_phones: Phones) -> None:
    """The application's death is not heard: no gap in the audio, and the restarted one ends the call's story."""
    site, after = fragile_site, fragile_site.head()
    at_desk, at_caller = await fragile_phones.audio(660), await fragile_phones.audio(440, host=site.trunk)
    await fragile_phones.desk(site.accounts[0], Behaviour.answers(), audio=at_desk)
    pid = await _serving(site)
    caller = await fragile_phones.call(audio=at_caller)
    await at_desk.wait_to_hear(440)
    await at_caller.wait_to_hear(660)
    heard = len(at_caller.packets), len(at_desk.packets)
    os.kill(pid, signal.SIGKILL)
    await site.replaced(pid, seconds=5)
    call = await site.new_call(after)
    await site.told(call, "call.adopted")
    await eventually(lambda: len(at_caller.packets) > heard[0] + 50, seconds=5, what="another second of audio")
    await caller.hang_up()
    await caller.result()
    for audio, first in ((at_caller, heard[0]), (at_desk, heard[1])):
        assert _longest_gap(audio.packets[first - 1 :]) < 0.25
    assert at_caller.hears(660, since=at_caller.packets[heard[0]].at) > 0.8
    story = await site.story(call)
    assert_complete(story)
    assert story[-1].data["outcome"] == "answered"


async def _given_to_a_colleague(site: Site, phones: Phones, *, is_first: bool) -> tuple[HandsetCall, HandsetCall]:
    """A caller whom the fallback has given to a desk, and the colleague with whom its phone has joined them."""
    desk = await phones.handset(site.accounts[0], hz=POLDA_HZ, answers=0.05)
    await _serving(site)
    async with alone(site):
        caller = await phones.citizen(hz=CALLER_HZ)
        first = await desk.rung()
        await hear_each_other((caller, CALLER_HZ), (first, POLDA_HZ))
    await _serving(site)
    before, account = site.head(), site.accounts[1]
    other = await phones.handset(account, hz=OTHER_HZ, answers=0.2)
    await eventually(
        lambda: [
            record
            for record in site.records(after=before)
            if record.action == "desk.registered" and record.data["desk"] == account[0]
        ],
        seconds=10, what="the application knows of the colleague's phone",
    )  # fmt: skip
    at_other = await join_two_calls(first, desk, other, account[0], is_first=is_first)
    await hear_each_other((caller, CALLER_HZ), (at_other, OTHER_HZ))
    return caller, at_other


def _make_bridge(site: Site, bridge: str) -> None:
    query = urllib.parse.urlencode({"type": "mixing", "bridgeId": bridge})
    request = urllib.request.Request(f"http://{HOST}:{site.http}/ari/bridges?{query}", method="POST")
    site.authorize(request)
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200


async def _rounds(site: Site, count: int) -> None:
    """Return when the application has reconciled so often: each time it clears away a bridge that is nobody's."""
    for number in range(count):
        _make_bridge(site, f"nobody-bridge-{number}")
        await eventually(
            lambda: not [each for each in site.ari("bridges") if each["id"].startswith("nobody-")],
            seconds=2 * EVERY_SECONDS, what="a round of reconciling",
        )  # fmt: skip


@pytest.mark.parametrize(("is_first", "who"), [(True, "caller"), (False, "colleague")])
@pytest.mark.parametrize("dies", [False, True], ids=["lives", "dies"])
async def test_a_talk_of_the_fallbacks_is_given_to_a_colleague(
    fragile_site: Site, fragile_phones: Phones, who: str, *, is_first: bool, dies: bool
) -> None:
    """By the phone's own key, as its codes do nothing there: whatever application is back leaves the two alone.

    What Asterisk has put between them is in Stasis, and no caller. Who is left hears no silence.
    """
    site, after = fragile_site, fragile_site.head()
    caller, at_other = await _given_to_a_colleague(site, fragile_phones, is_first=is_first)
    pid = await _serving(site)
    if dies:
        os.kill(pid, signal.SIGKILL)
        await site.replaced(pid, seconds=10)
    await _rounds(site, 2)
    await hear_each_other((caller, CALLER_HZ), (at_other, OTHER_HZ))
    one, other = (caller, at_other) if who == "caller" else (at_other, caller)
    await one.hang_up()
    await other.ended()
    assert_complete(await site.story(await site.new_call(after)))
    await site.quiet()
    received = [each.call for each in site.records(after=after) if each.action == "call.received"]
    assert len(received) == 1, "a stand-in is no caller"


async def test_the_colleague_hangs_up_while_no_application_is_there(fragile_site: Site, fragile_phones: Phones) -> None:
    """The guard lets the caller go, who would hear silence for ever; it does not say that anybody rings every desk."""
    site, after = fragile_site, fragile_site.head()
    guard_log = site.state / "log" / "guard.log"
    caller, at_other = await _given_to_a_colleague(site, fragile_phones, is_first=True)
    said = guard_log.read_text()
    async with alone(site):
        await at_other.hang_up()
        await caller.ended()
    assert guard_log.read_text() == said
    assert_complete(await site.story(await site.new_call(after)))


def _longest_gap(packets: list[Packet]) -> float:
    """The longest silence between two packets, in seconds."""
    return max(later.at - earlier.at for earlier, later in itertools.pairwise(packets))


async def test_dies_while_the_desk_rings(fragile_site: Site, fragile_phones: Phones) -> None:
    """A desk that rings when the application dies can be answered, and the caller gets it."""
    site, after = fragile_site, fragile_site.head()
    desk = await fragile_phones.desk(site.accounts[0], Behaviour.answers(1500))
    pid = await _serving(site)
    caller = await fragile_phones.call()
    await desk.ringing()
    os.kill(pid, signal.SIGKILL)
    await caller.answered(seconds=10)
    await caller.hang_up()
    await caller.result()
    assert_complete(await site.story(await site.new_call(after)))


async def test_nobody_answers_in_the_fallback_the_caller_is_kept(fragile_site: Site, fragile_phones: Phones) -> None:
    """The fallback never hangs up: with no desk registered the caller waits, and a desk that comes is rung."""
    site, after = fragile_site, fragile_site.head()
    await _serving(site)
    async with alone(site):
        caller = await fragile_phones.call()
        await eventually(
            lambda: "fallback" in [each["dialplan"]["context"] for each in site.ari("channels")],
            seconds=5, what="the caller is in the fallback",
        )  # fmt: skip
    desk = await fragile_phones.desk(site.accounts[1])
    await caller.answered(seconds=20)
    await desk.answered(seconds=10)  # the sentence, two seconds of ringing tone, and the next round
    await caller.hang_up()
    await caller.result()
    assert_complete(await site.story(await site.new_call(after)))


async def test_dies_again_and_again(fragile_site: Site) -> None:
    """However often it dies, it is back within two seconds."""
    site = fragile_site
    for _ in range(6):
        pid = await _serving(site)
        killed = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        await site.replaced(pid, seconds=max(0.1, killed + 2 - time.monotonic()))


async def test_frozen_while_it_starts(fragile_site: Site, fragile_phones: Phones) -> None:
    """The new application freezes before its first word: the caller is answered all the same, and it is replaced."""
    site = fragile_site
    await fragile_phones.desk(site.accounts[0])
    pid = await _serving(site)
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: site.application() not in {None, pid}, seconds=2, what="a new process")
    second = site.application()
    assert second is not None
    os.kill(second, signal.SIGSTOP)
    caller = await fragile_phones.call(Dialling(hang_up_ms=100))
    result = await caller.result()
    assert result.answered_ms is not None
    assert result.answered_ms < ANSWERED_WITHIN_MS
    await site.replaced(second, seconds=6)
