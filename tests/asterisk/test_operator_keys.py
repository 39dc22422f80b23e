"""What an operator does with a call at the desk phone, by key and by the phone's own keys (SOP V, VI, VII)."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from scripts.phones import Phones
from tests.asterisk.site import Site, actions, assert_complete, eventually
from tests.asterisk.talk import (
    CALLER_HZ,
    OTHER_HZ,
    POLDA_HZ,
    Talk,
    begin_talk,
    hear_each_other,
    longest_silence,
    moment,
    press_last,
)

pytestmark = pytest.mark.anyio

LATE_AFTER = (0.0, 0.03, 0.06, 0.09, 0.12, 0.15, 0.18)


async def _told(site: Site, now: Talk, *wanted: str) -> None:
    await eventually(
        lambda: [action for action in actions(site.records(call=now.call)) if action in wanted] == list(wanted),
        seconds=5, what=f"{wanted} in {actions(site.records(call=now.call))}",
    )  # fmt: skip


async def test_keys_are_absorbed_and_confirmed(sop_site: Site, sop_phones: Phones) -> None:
    """SOP V.4: each key is a fact; the caller hears no key and no beep, the operator a short sound."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    for keys in ("*6", "*5", "*9"):
        await now.polda.press(keys)
    await _told(site, now, "call.classified", "call.classified", "call.classified")
    name, _ = await now.polda.display(lambda name, _: name.startswith("DARURAT"))
    assert name == "DARURAT 081234567890"
    await now.hear_each_other()
    assert now.caller.audio.keys == []
    data = [record.data for record in site.records(call=now.call) if record.action == "call.classified"]
    assert data == [{"kind": "not_valid"}, {"kind": "valid"}, {"emergency": True}]
    await now.caller.hang_up()
    shown = await site.story(now.call)
    assert_complete(shown)
    call = site.siaga_json("calls", "show", now.call)
    assert (call["kind"], call["emergency"]) == ("valid", True)


async def test_keys_that_asterisk_reads_late_count_once(sop_site: Site, sop_phones: Phones) -> None:
    """It stands still for a moment anywhere in a code, and tells twice of some keys afterwards."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    pid = site.process("asterisk")
    assert pid is not None
    for after in LATE_AFTER:
        await asyncio.gather(_stands_still(pid, after), now.polda.press("*6"))
        await now.hear_each_other()  # the operator has heard the short sound to its end
    await now.polda.press("*5")
    await _told(site, now, *["call.classified"] * (len(LATE_AFTER) + 1))
    await now.caller.hang_up()
    assert "operator.key_refused" not in actions(await site.story(now.call))


async def _stands_still(pid: int, after: float) -> None:
    await asyncio.sleep(after)
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(0.25)
    os.kill(pid, signal.SIGCONT)


async def test_the_callers_keys_do_nothing(sop_site: Site, sop_phones: Phones) -> None:
    """Only the operator's leg counts."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    await now.caller.press("*7")
    await now.caller.press("*0")
    await now.hear_each_other()
    await now.caller.hang_up()
    story = await site.story(now.call)
    assert {"prank.marked", "call.closed", "call.classified"}.isdisjoint(actions(story))


async def test_the_display_shows_the_number(sop_site: Site, sop_phones: Phones) -> None:
    """SOP V.3: number and marks as the caller's name."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones, number="081299990001")
    assert now.polda.caller_name == "081299990001"
    await press_last(now.polda, "*7")
    await now.caller.ended(seconds=15)
    await site.story(now.call)
    after = site.head()
    again = await phones.citizen(number="081299990001", hz=CALLER_HZ)
    polda = await now.desk.rung(count=2)
    assert polda.caller_name == "081299990001 P1"
    await again.hang_up()
    await site.story(await site.new_call(after))


@pytest.mark.parametrize("by", ["key", "phone"])
async def test_hold_and_back(sop_site: Site, sop_phones: Phones, by: str) -> None:
    """SOP VI: the sentence and music, never silence; and "terima kasih telah menunggu" before they talk again."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    began = moment()
    await (now.polda.press("*4") if by == "key" else now.polda.hold())
    await _told(site, now, "call.held")
    await asyncio.sleep(1.0)
    since = moment()
    await asyncio.sleep(1.0)
    assert now.caller.audio.hears(POLDA_HZ, since=since) == 0
    await (now.polda.press("*4") if by == "key" else now.polda.unhold())
    await _told(site, now, "call.held", "call.resumed")
    await now.hear_each_other()
    assert longest_silence(now.caller.audio, began, moment()) < 1.0
    await now.caller.hang_up()
    assert_complete(await site.story(now.call))


async def test_hanging_up_on_hold_lets_nobody_down(sop_site: Site, sop_phones: Phones) -> None:
    """The caller on hold goes to the next operator."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    await now.polda.press("*4")
    await _told(site, now, "call.held")
    other = await phones.handset(site.accounts[1], hz=OTHER_HZ, answers=0.1)
    await now.polda.hang_up()
    at_other = await other.rung()
    await at_other.answered()
    await hear_each_other((now.caller, CALLER_HZ), (at_other, OTHER_HZ))
    await now.caller.hang_up()
    assert_complete(await site.story(now.call))


async def test_prank_closes_with_the_salutation(sop_site: Site, sop_phones: Phones) -> None:
    """SOP VII.f: closing salutation to the caller, hang up, one mark; the operator is free at once."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones, number="081299990002")
    await press_last(now.polda, "*7")
    await now.polda.ended(seconds=2)
    since = moment()
    await now.caller.ended(seconds=15)
    assert now.caller.ended_by == "other"
    assert moment() - since > 3, "the salutation takes some five seconds"
    story = await site.story(now.call)
    assert_complete(story)
    (mark,) = [record for record in story if record.action == "prank.marked"]
    assert mark.data["number"] == "+6281299990002"
    assert site.siaga_json("calls", "show", now.call)["kind"] == "prank"


async def test_consult_back_and_three_way(sop_site: Site, sop_phones: Phones) -> None:
    """SOP VII.a: the operator asks another desk; the caller hears music; then all three hear each other."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    began = moment()
    other = await phones.handset(site.accounts[1], hz=OTHER_HZ, answers=0.3)
    await now.polda.press(f"*1{site.accounts[1][0]}#")
    asked = await other.rung()
    await asked.answered()
    await hear_each_other((now.polda, POLDA_HZ), (asked, OTHER_HZ))
    since = moment()
    await asyncio.sleep(0.7)
    assert now.caller.audio.hears(POLDA_HZ, since=since) == now.caller.audio.hears(OTHER_HZ, since=since) == 0
    await now.polda.press("*1#")
    await now.hear_each_other()
    await now.polda.press("*1#")
    await hear_each_other((now.caller, CALLER_HZ), (now.polda, POLDA_HZ), (asked, OTHER_HZ))
    assert longest_silence(now.caller.audio, began, moment()) < 1.0
    await now.polda.press("*1#")
    await asked.ended()
    await now.hear_each_other()
    await now.polda.hang_up()
    await now.caller.ended()
    told = actions(await site.story(now.call))
    for action in ("call.consulted", "call.consult_answered", "call.conferenced", "call.consult_ended"):
        assert action in told
