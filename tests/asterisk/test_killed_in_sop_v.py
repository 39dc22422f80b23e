"""The application is killed in every state of SOP section V: nobody is dropped, nobody sits in silence."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ari_app.domain.recovery import CLOSED_CONTEXT
from scripts.phones import Phones
from tests.asterisk.site import Site, actions, assert_complete, context_of, eventually, phones_of, running
from tests.asterisk.talk import (
    CALLER_HZ,
    OTHER_HZ,
    POLDA_HZ,
    begin_talk,
    hear_each_other,
    longest_silence,
    moment,
    press_last,
)

pytestmark = [pytest.mark.anyio, pytest.mark.quiet]

BACK_SECONDS = 5
LONGER_THAN_A_DEAD_PHONE = 8.5


@pytest.fixture(scope="module")
def breaking_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance whose application is killed again and again."""
    changes = {"ring_seconds = 2": "ring_seconds = 5\nannounce_seconds = 1"}
    site = Site(tmp_path_factory.mktemp("breaking"), desks=3, polres=1, login=1, changes=changes)
    yield from running(site)


@pytest.fixture
async def phones(breaking_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    assert anyio_backend
    async for made in phones_of(breaking_site, tmp_path / "phones"):
        yield made


async def killed(site: Site, sent: signal.Signals = signal.SIGKILL) -> None:
    """Kill the application, or have it stop, and return when another one serves."""
    pid = site.application()
    assert pid is not None
    os.kill(pid, sent)
    await site.replaced(pid, seconds=BACK_SECONDS)


@pytest.mark.parametrize("state", ["held", "transferring", "consulting", "talking"])
async def test_the_operator_has_the_caller_again(breaking_site: Site, phones: Phones, state: str) -> None:
    """Whatever was under way is over: caller and operator hear each other, and the keys work again."""
    site = breaking_site
    now = await begin_talk(site, phones)
    if state == "held":
        await now.polda.press("*4")
        await site.told(now.call, "call.held")
    elif state == "transferring":
        polres = await phones.handset(site.sample.polres[0])
        await now.polda.press("*201#")
        await polres.rung()
    elif state == "consulting":
        other = await phones.handset(site.accounts[1], hz=OTHER_HZ, answers=0.1)
        await now.polda.press(f"*1{site.accounts[1][0]}#")
        asked = await other.rung()
        await asked.answered()
    began = moment()
    await killed(site)
    await now.hear_each_other()
    assert longest_silence(now.caller.audio, began, moment()) < 1.0
    await now.polda.press("*5")
    await site.told(now.call, "call.classified")
    await now.polda.hang_up()
    await now.caller.ended()
    assert_complete(await site.story(now.call))


async def test_a_phone_that_holds_goes_on_holding(breaking_site: Site, phones: Phones) -> None:
    """By its own key: it sends nothing, and is no dead phone for that. The caller hears music until it is pressed."""
    site = breaking_site
    now = await begin_talk(site, phones)
    await now.polda.hold()
    await site.told(now.call, "call.held")
    began = moment()
    await killed(site)
    await asyncio.sleep(LONGER_THAN_A_DEAD_PHONE)
    assert longest_silence(now.caller.audio, began, moment()) < 1.0
    assert actions(site.records(call=now.call))[-2:] == ["call.adopted", "call.held"]
    await now.polda.unhold()
    await now.hear_each_other()
    await now.caller.hang_up()
    assert_complete(await site.story(now.call))


@pytest.mark.parametrize(("code", "sent"), [("*7", signal.SIGKILL), ("*0", signal.SIGTERM)])
async def test_the_salutation_is_said(breaking_site: Site, phones: Phones, code: str, sent: signal.Signals) -> None:
    """The call was closed: whoever says the salutation in our place, no desk rings for it again (SOP V.9, VII.f)."""
    site = breaking_site
    now = await begin_talk(site, phones)
    await press_last(now.polda, code)
    await now.polda.ended(seconds=2)
    began = moment()
    await killed(site, sent)
    assert context_of(site, now.call) == CLOSED_CONTEXT
    await now.caller.ended(seconds=15)
    assert now.caller.ended_by == "other"
    assert moment() - began > 3, "the salutation takes some five seconds"
    assert longest_silence(now.caller.audio, began, moment() - 1.0) < 1.0
    assert len(now.desk.calls) == 1
    story = await site.story(now.call)
    assert_complete(story)
    assert "call.fallback" not in actions(story)
    assert (story[-1].data["outcome"], actions(story).count("call.closed")) == ("answered", 1)


async def test_a_caller_who_waits_with_music(breaking_site: Site, phones: Phones) -> None:
    """All desks are busy; killed meanwhile, the caller is answered by the first who frees up."""
    site = breaking_site
    busy = await begin_talk(site, phones)
    caller = await phones.citizen(number="0614560002", hz=CALLER_HZ)
    await caller.answered(seconds=5)
    began = moment()
    await killed(site)
    await busy.caller.hang_up()
    polda = await busy.desk.rung(count=2, seconds=10)
    await polda.answered()
    await hear_each_other((caller, CALLER_HZ), (polda, POLDA_HZ))
    assert longest_silence(caller.audio, began, moment()) < 2.0
    await caller.hang_up()


async def test_who_is_logged_in_stays_so(breaking_site: Site, phones: Phones) -> None:
    """Operators, readiness and PINs survive."""
    site = breaking_site
    (extension, secret), nrp = site.sample.login[0], "87020001"
    assert site.siaga("operators", "add", nrp, "--name", "Siti", "--pin", "1234").returncode == 0
    desk = await phones.handset((extension, secret))
    service = await desk.dial(f"*10*{nrp}*1234")
    await service.ended(seconds=15)
    service = await desk.dial("*133")
    await service.ended(seconds=15)
    await killed(site)

    def state() -> tuple[object, object]:
        found = next(each for each in site.siaga_json("desks", "list") if each["extension"] == extension)
        return found["operator"], found["reason"]

    await eventually(lambda: state() == (nrp, "meal"), seconds=3, what="still logged in, at a meal", every=0.3)
    service = await desk.dial("*11")
    await service.ended(seconds=15)
    await eventually(lambda: state() == (None, None), seconds=3, what="logged out", every=0.3)
