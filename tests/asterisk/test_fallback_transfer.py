"""The phone's own transfer key while the dialplan has the caller: SOP V.6 and V.10 without the application."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ari_app.domain.facts import Record
from ari_app.domain.fallback_rows import ending
from ari_app.site.state import StateDir
from scripts.phones import Handset, HandsetCall, Phones
from scripts.phones.leg import State
from tests.asterisk.site import Site, actions, alone, assert_complete, eventually, phones_of, running
from tests.asterisk.talk import CALLER_HZ, POLDA_HZ, POLRES_HZ, RINGING_HZ, hear_each_other, moment

pytestmark = pytest.mark.anyio

ANSWER_SECONDS = 2
POLRES = "201"
BLOCKED = "+6281300000009"
ANNOUNCED_SECONDS = 3.0
"""A blocked number hears that it is one for longer."""


@pytest.fixture(scope="module")
def transfer_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance with a Polres, whose application is taken away."""
    changes = {"[[trunk]]": f"[transfer]\nanswer_seconds = {ANSWER_SECONDS}\n\n[[trunk]]"}
    yield from running(Site(tmp_path_factory.mktemp("transfer"), desks=2, polres=1, changes=changes))


@pytest.fixture
async def phones(transfer_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    assert anyio_backend
    async for made in phones_of(transfer_site, tmp_path / "phones"):
        yield made


async def _answered(phones: Phones, desk: Handset) -> tuple[HandsetCall, HandsetCall]:
    """A caller whom the fallback has given to a desk."""
    caller = await phones.citizen(hz=CALLER_HZ)
    polda = await desk.rung(count=len(desk.calls) + 1)
    await polda.answer()
    await hear_each_other((caller, CALLER_HZ), (polda, POLDA_HZ))
    return caller, polda


async def _application_dies(site: Site) -> None:
    """It is not only frozen, as Stasis() would wait for it then; and Asterisk knows."""
    pid = site.application()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(0.5)


@contextlib.asynccontextmanager
async def _referring(polda: HandsetCall) -> AsyncIterator[None]:
    """The operator has pressed the key, and waits for how that ends no longer than this lasts."""
    key = asyncio.create_task(polda.blind_transfer(POLRES, seconds=60))
    try:
        yield
    finally:
        key.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await key
        await polda.hang_up()


async def _rung_again(caller: HandsetCall, desk: Handset, *, seconds: float) -> HandsetCall:
    """The desk rings for a caller who hears that it does; they talk."""
    since = moment()
    again = await desk.rung(count=2, seconds=seconds)
    assert caller.state is State.ANSWERED
    await caller.audio.wait_to_hear(RINGING_HZ, since=since)
    await again.answer()
    await hear_each_other((caller, CALLER_HZ), (again, POLDA_HZ))
    return again


async def _story(site: Site, after: int) -> list[Record]:
    story = list(await site.story(await site.new_call(after)))
    assert_complete(story)
    assert story[-1].data["outcome"] == "fallback"
    return [record for record in story if record.action not in {"complaint.opened", "call.recorded"}]


@pytest.mark.parametrize(
    ("polres", "reason"), [("silent", "no_answer"), ("busy", "busy"), ("not registered", "unreachable")]
)
async def test_a_polres_that_does_not_take_the_caller(
    transfer_site: Site, phones: Phones, polres: str, reason: str
) -> None:
    """SOP V.10: the desks ring again, and the caller is answered again."""
    site, after = transfer_site, transfer_site.head()
    desk = await phones.handset(site.accounts[0], hz=POLDA_HZ)
    if polres != "not registered":
        await phones.handset(site.sample.polres[0], refuses=486 if polres == "busy" else None)
    async with alone(site):
        caller, polda = await _answered(phones, desk)
        async with _referring(polda):
            again = await _rung_again(caller, desk, seconds=ANSWER_SECONDS + 3)
        await again.hang_up()
        await caller.ended()
    story = await _story(site, after)
    assert actions(story)[2:] == [
        "call.answered", "call.referred", "call.transfer_started", "call.taken_back", "call.answered", "call.ended",
    ]  # fmt: skip
    back = next(record for record in story if record.action == "call.taken_back")
    assert (back.data["polres"], back.data["reason"]) == ("01", reason)


async def test_a_blocked_caller_who_has_pressed_nine_stays_an_emergency(transfer_site: Site, phones: Phones) -> None:
    """SOP VIII and V.10: not taken by the Polres, they are no blocked number again, which would have to wait."""
    site = transfer_site
    assert site.siaga("block", "add", BLOCKED).returncode == 0
    rows = StateDir(site.state).blocked / ending(BLOCKED)
    await eventually(rows.exists, seconds=10, what="listed")
    desk = await phones.handset(site.accounts[0], hz=POLDA_HZ)
    async with alone(site):
        caller = await phones.citizen(number=BLOCKED, hz=CALLER_HZ)
        await caller.answered(seconds=2)
        await caller.press("9")
        polda = await desk.rung()
        await polda.answer()
        await hear_each_other((caller, CALLER_HZ), (polda, POLDA_HZ))
        async with _referring(polda):  # no telephone of the Polres is registered
            began = moment()
            again = await _rung_again(caller, desk, seconds=10)
            assert moment() - began < ANNOUNCED_SECONDS
        await again.hang_up()
        await caller.ended()


async def test_a_polres_that_answers(transfer_site: Site, phones: Phones) -> None:
    """SOP V.7: caller and Polres talk, and the call ends with that."""
    site, after = transfer_site, transfer_site.head()
    desk = await phones.handset(site.accounts[0], hz=POLDA_HZ)
    polres = await phones.handset(site.sample.polres[0], hz=POLRES_HZ)
    async with alone(site):
        caller, polda = await _answered(phones, desk)
        async with _referring(polda):
            at_polres = await polres.rung()
            await caller.audio.wait_to_hear(RINGING_HZ, since=moment() - 1)
            await at_polres.answer()
            await hear_each_other((caller, CALLER_HZ), (at_polres, POLRES_HZ))
        await at_polres.hang_up()
        await caller.ended()
        assert len(desk.calls) == 1
    story = await _story(site, after)
    assert actions(story)[2:] == [
        "call.answered", "call.referred", "call.transfer_started", "call.transfer_answered", "call.ended",
    ]  # fmt: skip
    assert [record.data.get("desk") for record in story[2:6]] == [desk.user, desk.user, None, polres.user]


async def test_the_caller_gives_up_while_the_polres_rings(transfer_site: Site, phones: Phones) -> None:
    """It stops ringing; an operator has spoken with the caller."""
    site, after = transfer_site, transfer_site.head()
    desk = await phones.handset(site.accounts[0], hz=POLDA_HZ)
    polres = await phones.handset(site.sample.polres[0])
    async with alone(site):
        caller, polda = await _answered(phones, desk)
        async with _referring(polda):
            at_polres = await polres.rung()
            await caller.hang_up()
            await at_polres.ended()
    story = await _story(site, after)
    assert actions(story)[-2:] == ["call.transfer_ended", "call.ended"]
    assert (story[-2].data["reason"], story[-1].data["by"]) == ("caller_left", "caller")


async def test_the_application_is_back(transfer_site: Site, phones: Phones) -> None:
    """It has no part in a call of the fallback's: the dialplan takes the caller back all the same."""
    site, after = transfer_site, transfer_site.head()
    desk = await phones.handset(site.accounts[0], hz=POLDA_HZ)
    async with alone(site):
        caller, polda = await _answered(phones, desk)
    async with _referring(polda):
        again = await _rung_again(caller, desk, seconds=5)
    await again.hang_up()
    await caller.ended()
    await _story(site, after)


@contextlib.asynccontextmanager
async def _joining(phones: Phones, desk: Handset, polres: Handset) -> AsyncIterator[tuple[HandsetCall, HandsetCall]]:
    """The phone has joined its two calls while the Polres still rings; it waits no longer than this lasts."""
    caller, polda = await _answered(phones, desk)
    await polda.hold()
    second = await desk.dial(POLRES)
    at_polres = await polres.rung()
    await second.ringing()
    key = asyncio.create_task(polda.attended_transfer(second, seconds=60))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(key), 1)
    yield caller, at_polres
    key.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await key


async def test_the_second_call_is_answered(transfer_site: Site, phones: Phones) -> None:
    """The Polres answers then: nobody was abandoned."""
    site, after = transfer_site, transfer_site.head()
    desk = await phones.handset(site.accounts[0], hz=POLDA_HZ)
    polres = await phones.handset(site.sample.polres[0], hz=POLRES_HZ)
    async with alone(site):
        await _application_dies(site)
        async with _joining(phones, desk, polres) as (caller, at_polres):
            await at_polres.answer()
            await hear_each_other((caller, CALLER_HZ), (at_polres, POLRES_HZ))
            await caller.hang_up()
            await at_polres.ended()
    assert actions(await _story(site, after))[2:] == ["call.answered", "call.ended"]


async def test_the_second_call_comes_to_nothing(transfer_site: Site, phones: Phones) -> None:
    """The Polres refuses then."""
    site, after = transfer_site, transfer_site.head()
    desk = await phones.handset(site.accounts[0], hz=POLDA_HZ)
    polres = await phones.handset(site.sample.polres[0])
    async with alone(site):
        await _application_dies(site)
        async with _joining(phones, desk, polres) as (caller, at_polres):
            await at_polres.refuse()
            again = await desk.rung(count=2, seconds=5)
            assert caller.state is State.ANSWERED
            await again.answer()
            await hear_each_other((caller, CALLER_HZ), (again, POLDA_HZ))
            await caller.hang_up()
            await again.ended()
    assert actions(await _story(site, after))[2:] == ["call.answered", "call.answered", "call.ended"]
