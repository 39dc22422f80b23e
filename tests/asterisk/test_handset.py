"""The scripted desk phone against a real Asterisk: what tests and the demo rely on."""

from __future__ import annotations

import asyncio

import pytest

from scripts.phones import Phones
from tests.asterisk.site import Site, eventually

pytestmark = pytest.mark.anyio

CALLER_HZ, DESK_HZ = 440, 660


async def test_registers_with_its_password_and_is_refused_with_another(site: Site, phones: Phones) -> None:
    """Asterisk knows where the phone is while it is registered, and forgets it afterwards."""
    extension, _password = site.accounts[0]
    desk = await phones.handset(site.accounts[0])
    assert site.ari(f"endpoints/PJSIP/{extension}")["state"] == "online"
    await desk.unregister()
    assert site.ari(f"endpoints/PJSIP/{extension}")["state"] == "offline"

    thief = await phones.handset((extension, "salah"), wait=False)
    assert await thief.refused() == 401


async def test_renews_its_registration(site: Site, phones: Phones) -> None:
    """At half of the time it registers anew."""
    desk = await phones.handset(site.accounts[0], expires=2)
    await desk.registered(count=2, seconds=3)


async def test_its_coming_and_going_is_told_and_its_calls_tell_nothing_of_that(site: Site, phones: Phones) -> None:
    """By Asterisk's own events: a caller rings at once where the phone has just come, and each is told once."""
    extension, _password = site.accounts[0]

    def told() -> list[str]:
        of_phones = {"desk.registered", "desk.unregistered"}
        return [r.action for r in site.records() if r.action in of_phones and r.data["desk"] == extension]

    await eventually(lambda: told()[-1:] != ["desk.registered"], seconds=5, what="the one before is known to be gone")
    desk = await phones.handset(site.accounts[0], answers=0.1)
    await eventually(lambda: told()[-1:] == ["desk.registered"], seconds=5, what="the phone is known to be there")
    before = len(told())
    citizen = await phones.citizen()
    await citizen.answered()
    await citizen.hang_up()
    await desk.unregister()
    await eventually(lambda: told()[-1:] == ["desk.unregistered"], seconds=5, what="the phone is known to be gone")
    assert told()[before:] == ["desk.unregistered"]


async def test_is_rung_by_a_110_call_and_both_hear_each_other(site: Site, phones: Phones) -> None:
    """The display shows whom the network vouches for, both tones arrive, the desk hangs up."""
    desk = await phones.handset(site.accounts[0], hz=DESK_HZ)
    citizen = await phones.citizen(number=None, asserted="081234567890", hz=CALLER_HZ)
    call = await desk.rung()
    await citizen.ringing()
    _name, number = await call.display(lambda _name, number: number.endswith("81234567890"))
    assert number == call.caller_number
    await call.answer()
    await citizen.answered()
    await asyncio.gather(
        call.audio.wait_to_hear(CALLER_HZ, for_seconds=0.5), citizen.audio.wait_to_hear(DESK_HZ, for_seconds=0.5)
    )
    await call.hang_up()
    await citizen.ended()
    assert (call.ended_by, call.ending) == ("self", "hung_up")
    assert (citizen.ended_by, citizen.ending, citizen.cause) == ("other", "hung_up", 16)


async def test_the_caller_hangs_up(site: Site, phones: Phones) -> None:
    """The BYE comes with its cause, and no sound after it."""
    desk = await phones.handset(site.accounts[0], hz=DESK_HZ, answers=0.1)
    citizen = await phones.citizen()
    call = await desk.rung()
    await citizen.answered()
    await citizen.audio.wait_to_hear(DESK_HZ)
    await citizen.hang_up()
    await call.ended()
    assert (call.ended_by, call.ending, call.cause) == ("other", "hung_up", 16)
    sent = call.audio.sent
    await asyncio.sleep(0.1)
    assert call.audio.sent == sent


async def test_the_caller_gives_up_while_it_rings(site: Site, phones: Phones) -> None:
    """CANCEL: the phone stops ringing, and cannot answer any more."""
    desk = await phones.handset(site.accounts[0])
    citizen = await phones.citizen()
    call = await desk.rung()
    await citizen.hang_up()
    await call.ended()
    assert (citizen.ending, citizen.ended_by, citizen.code) == ("cancelled", "self", 487)
    assert (call.ending, call.ended_by) == ("cancelled", "other")


async def test_holds_and_takes_back(site: Site, phones: Phones) -> None:
    """Re-INVITE with sendonly and sendrecv: Asterisk agrees, and the other side hears nothing meanwhile."""
    desk = await phones.handset(site.accounts[0], hz=DESK_HZ, answers=0.0)
    citizen = await phones.citizen(hz=CALLER_HZ)
    call = await desk.rung()
    await citizen.audio.wait_to_hear(DESK_HZ)
    await call.hold()
    assert call.held
    assert call.offer is not None
    assert call.offer.direction == "recvonly"
    held_at = asyncio.get_running_loop().time() + 0.1
    await asyncio.sleep(0.5)
    assert citizen.audio.hears(DESK_HZ, since=held_at) == 0
    await call.unhold()
    assert call.offer.direction == "sendrecv"
    back_at = asyncio.get_running_loop().time()
    await citizen.audio.wait_to_hear(DESK_HZ, since=back_at)
    await citizen.hang_up()
    await call.ended()


async def test_refuses_and_another_desk_answers(site: Site, phones: Phones) -> None:
    """A 486 is no answer; the next phone gets the call."""
    busy = await phones.handset(site.accounts[0], refuses=486)
    desk = await phones.handset(site.accounts[1])
    busy_citizen = await phones.citizen()
    call = await desk.rung()
    await call.answer()
    await busy_citizen.answered()
    assert all(each.code == 486 for each in busy.calls)
    await busy_citizen.hang_up()
    await call.ended()


async def test_what_does_not_exist_is_refused(site: Site, phones: Phones) -> None:
    """404, with the password asked for and given."""
    desk = await phones.handset(site.accounts[0])
    for number in ("9999", "#77#"):
        call = await desk.dial(number)
        assert await call.refused() == 404
    citizen = await phones.citizen("1001")
    assert await citizen.refused() == 404


async def test_a_dead_phone_says_nothing(site: Site, phones: Phones) -> None:
    """No BYE and no sound: the caller's line stays, silent, until the caller hangs up."""
    desk = await phones.handset(site.accounts[0], hz=DESK_HZ, answers=0.0)
    citizen = await phones.citizen(hz=CALLER_HZ)
    call = await desk.rung()
    await citizen.audio.wait_to_hear(DESK_HZ)
    await desk.die()
    died_at = asyncio.get_running_loop().time() + 0.1
    await asyncio.sleep(0.4)
    assert citizen.audio.hears(DESK_HZ, since=died_at) == 0
    assert not citizen.events.all("ended")
    assert not call.events.all("ended")
    await citizen.hang_up()
