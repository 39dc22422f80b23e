"""Operators at their phones (SOP II, V.2): logging in and out, ready and not, and who is rung."""

from __future__ import annotations

import asyncio

import pytest

from scripts.phones import Handset, Phones, tones
from tests.asterisk.site import Site, actions, assert_complete, eventually
from tests.asterisk.talk import CALLER_HZ, OTHER_HZ, POLDA_HZ, begin_talk, hear_each_other, longest_silence, moment

pytestmark = pytest.mark.anyio

NRP = "87010001"
PIN = "47110815"  # longer than a thread's number, as it is looked for in logs that have these


@pytest.fixture
def operator(sop_site: Site) -> str:
    """An operator who may log in at the Polda."""
    listed = {each["nrp"] for each in sop_site.siaga_json("operators", "list")}
    if NRP not in listed:
        done = sop_site.siaga("operators", "add", NRP, "--name", "Reza Siregar", "--pin", PIN)
        assert done.returncode == 0, done.stderr
    return NRP


async def dial_service(desk: Handset, code: str) -> None:
    """Dial a code and listen to the end."""
    call = await desk.dial(code)
    await call.answered()
    await call.ended(seconds=20)
    assert call.ended_by == "other"
    assert tones.loudness(call.audio.samples) > 100, "something was said"


def state_of(site: Site, desk: str) -> dict[str, object]:
    found: dict[str, object] = next(each for each in site.siaga_json("desks", "list") if each["extension"] == desk)
    return found


async def test_log_in_take_a_call_and_log_out(sop_site: Site, sop_phones: Phones, operator: str) -> None:
    """*10*NRP*PIN; the call is the operator's; *11 and the desk is nobody's."""
    site, phones = sop_site, sop_phones
    account = site.sample.login[0]
    desk = await phones.handset(account, hz=OTHER_HZ, answers=0.1)
    assert state_of(site, account[0])["state"] == "no_operator"
    await dial_service(desk, f"*10*{operator}*{PIN}")
    assert state_of(site, account[0])["state"] == "ready"
    after = site.head()
    caller = await phones.citizen(hz=CALLER_HZ)
    at_desk = await desk.rung()
    await at_desk.answered()
    await hear_each_other((caller, CALLER_HZ), (at_desk, OTHER_HZ))
    await at_desk.hang_up()
    await caller.ended()
    story = await site.story(await site.new_call(after))
    assert_complete(story)
    answered = next(record for record in story if record.action == "call.answered")
    assert answered.actor == f"operator:{operator}"
    assert site.siaga_json("calls", "show", str(story[0].call))["operator"] == operator
    await dial_service(desk, "*11")
    assert state_of(site, account[0])["state"] == "no_operator"
    told = [record.action for record in site.records(after=after) if record.action.startswith("operator.")]
    assert told[-1] == "operator.logged_out"


async def test_a_second_login_moves_the_operator(sop_site: Site, sop_phones: Phones, operator: str) -> None:
    site, phones = sop_site, sop_phones
    first, second = [await phones.handset(account) for account in site.sample.login]
    await dial_service(first, f"*10*{operator}*{PIN}")
    await dial_service(second, f"*10*{operator}*{PIN}")
    assert [state_of(site, account[0])["operator"] for account in site.sample.login] == [None, operator]
    await dial_service(second, "*11")


async def test_prompts_ask_for_what_is_missing(sop_site: Site, sop_phones: Phones, operator: str) -> None:
    """*10 alone: NRP and PIN are asked for."""
    site, phones = sop_site, sop_phones
    account = site.sample.login[0]
    desk = await phones.handset(account)
    call = await desk.dial("*10")
    await call.answered()
    await asyncio.sleep(0.5)
    await call.press(f"{operator}#")
    await asyncio.sleep(0.5)
    await call.press(f"{PIN}#")
    await call.ended(seconds=15)
    assert state_of(site, account[0])["operator"] == operator
    await dial_service(desk, "*11")


async def test_three_wrong_pins_lock_the_desk(sop_site: Site, sop_phones: Phones, operator: str) -> None:
    site, phones = sop_site, sop_phones
    account = site.sample.login[1]
    desk = await phones.handset(account)
    after = site.head()
    for _ in range(3):
        await dial_service(desk, f"*10*{operator}*9999")
    await dial_service(desk, f"*10*{operator}*{PIN}")
    await eventually(lambda: "desk.locked" in actions(site.records(after=after)), seconds=2, what="the lock")
    refused = [record.data["reason"] for record in site.records(after=after) if record.action == "operator.refused"]
    assert refused == ["wrong_pin", "wrong_pin", "wrong_pin", "locked"]
    assert state_of(site, account[0])["operator"] is None
    everything = list((site.state / "log").glob("*"))
    assert everything
    assert not [path for path in everything if PIN.encode() in path.read_bytes()], "a PIN is in a log"


async def test_not_ready_and_ready(sop_site: Site, sop_phones: Phones) -> None:
    """*13R: the next desk rings; *12: this one again. *14 says how things stand."""
    site, phones = sop_site, sop_phones
    first = await phones.handset(site.accounts[0], hz=POLDA_HZ, answers=0.1)
    second = await phones.handset(site.accounts[1], hz=OTHER_HZ, answers=0.1)
    await dial_service(first, "*131")
    assert state_of(site, site.accounts[0][0])["reason"] == "rest"
    caller = await phones.citizen(hz=CALLER_HZ)
    rung = await second.rung()
    await rung.answered()
    await caller.hang_up()
    await rung.ended()
    await dial_service(first, "*14")
    await dial_service(first, "*12")
    assert state_of(site, site.accounts[0][0])["state"] == "ready"


async def test_everybody_not_ready_rings_all_the_same(sop_site: Site, sop_phones: Phones) -> None:
    site, phones = sop_site, sop_phones
    desks = [await phones.handset(account, hz=OTHER_HZ) for account in site.accounts[:2]]
    for desk in desks:
        await dial_service(desk, "*132")
    caller = await phones.citizen(hz=CALLER_HZ)
    rung = [await desk.rung() for desk in desks]
    await rung[1].answer()
    await hear_each_other((caller, CALLER_HZ), (rung[1], OTHER_HZ))
    await caller.hang_up()
    await rung[1].ended()
    for desk in desks:
        await dial_service(desk, "*12")


async def test_who_waits_hears_the_announcement_and_music(sop_site: Site, sop_phones: Phones) -> None:
    """Ringing at first, then never silence; the one who frees up has the caller."""
    site, phones = sop_site, sop_phones
    busy = await begin_talk(site, phones)
    after = site.head()
    caller = await phones.citizen(number="0614560001", hz=CALLER_HZ)
    await caller.ringing()
    await caller.answered(seconds=12)
    began = moment()
    await asyncio.sleep(6)
    assert longest_silence(caller.audio, began, moment()) < 1.0
    await busy.caller.hang_up()
    polda = await busy.desk.rung(count=2, seconds=5)
    await polda.answered()
    await hear_each_other((caller, CALLER_HZ), (polda, POLDA_HZ))
    await caller.hang_up()
    assert_complete(await site.story(await site.new_call(after)))


async def test_a_colleague_is_called(sop_site: Site, sop_phones: Phones) -> None:
    """An extension, and a Polres by its code: no 110 call, and both are free afterwards."""
    site, phones = sop_site, sop_phones
    first = await phones.handset(site.accounts[0], hz=POLDA_HZ)
    for number, account in ((site.accounts[1][0], site.accounts[1]), ("201", site.sample.polres[0])):
        other = await phones.handset(account, hz=OTHER_HZ, answers=0.1)
        call = await first.dial(number)
        await call.answered()
        rung = await other.rung()
        assert rung.caller_name == site.accounts[0][0]
        await hear_each_other((call, POLDA_HZ), (rung, OTHER_HZ))
        await rung.hang_up()
        await call.ended()
    assert [record for record in site.records() if record.action == "desk.called"]
    nobody = await first.dial(site.accounts[2][0])
    assert await nobody.refused() == 486
