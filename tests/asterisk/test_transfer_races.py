"""The Polres's answer against the time-out, the take-back and the caller, in steps of 20 ms on a real Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from scripts.phones import HandsetCall, PhoneError, Phones
from scripts.phones.leg import State
from tests.asterisk.site import Site, actions, assert_complete, phones_of, running
from tests.asterisk.talk import CALLER_HZ, POLDA_HZ, POLRES_HZ, hear_each_other, moment

pytestmark = pytest.mark.anyio

ANSWER_SECONDS = 1.0
EARLIER_SECONDS = 0.5
"""When the others strike: the Polres rings by then."""

STEPS = [step / 1000 for step in range(-60, 61, 20)]


@pytest.fixture(scope="module")
def racing_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance where a Polres has to answer soon, and nobody wraps up."""
    changes = {"[[trunk]]": f"[transfer]\nanswer_seconds = {ANSWER_SECONDS:g}\n\n[[trunk]]"}
    yield from running(Site(tmp_path_factory.mktemp("racing"), polres=1, changes=changes))


@pytest.fixture
async def phones(racing_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    assert anyio_backend
    async for made in phones_of(racing_site, tmp_path / "phones"):
        yield made


async def answer(call: HandsetCall) -> None:
    """Lift the receiver, if it rings still."""
    with contextlib.suppress(PhoneError):
        await call.answer()


@pytest.mark.parametrize("against", ["time-out", "take-back", "caller"])
async def test_one_winner_and_no_leg_left(racing_site: Site, phones: Phones, against: str) -> None:
    """Whatever comes first: one story with one end, nobody between two stools, and nothing is left in Asterisk."""
    site = racing_site
    polres = await phones.handset(site.sample.polres[0], hz=POLRES_HZ)
    polda = await phones.handset(site.accounts[0], hz=POLDA_HZ, answers=0.05)
    for number, step in enumerate(STEPS, start=1):
        after = site.head()
        caller = await phones.citizen(hz=CALLER_HZ)
        at_polda = await polda.rung(count=number, seconds=10)
        await at_polda.answered()
        call = await site.new_call(after)
        await site.told(call, "call.answered")
        await at_polda.press("*201#")
        began = moment()
        at_polres = await polres.rung(count=number, seconds=10)
        strike = began + (ANSWER_SECONDS if against == "time-out" else EARLIER_SECONDS)

        async def other(strike: float = strike, caller: HandsetCall = caller, at_polda: HandsetCall = at_polda) -> None:
            await asyncio.sleep(strike - moment())
            if against == "caller":
                await caller.hang_up()
            elif against == "take-back":
                with contextlib.suppress(PhoneError):
                    await at_polda.press("##")

        async def lift(strike: float = strike, step: float = step, at_polres: HandsetCall = at_polres) -> None:
            await asyncio.sleep(strike + step - moment())
            await answer(at_polres)

        await asyncio.gather(other(), lift())
        if against != "caller":
            story = await _decided(site, call)
            has_polres = "call.transfer_answered" in story
            assert story.count("call.transfer_answered") + story.count("call.taken_back") == 1, (step, story)
            await hear_each_other((caller, CALLER_HZ), (at_polres, POLRES_HZ) if has_polres else (at_polda, POLDA_HZ))
            await caller.hang_up()
        story = actions(await site.story(call))
        assert_complete(site.records(call=call))
        assert story.count("call.transfer_answered") <= 1, (step, story)
        for each in (at_polda, at_polres):
            await each.ended()
            assert each.state is State.ENDED
        await site.quiet()


async def _decided(site: Site, call: str) -> list[str]:
    """The story when somebody has won."""
    story: list[str] = []
    for _ in range(100):
        story = actions(site.records(call=call))
        if {"call.transfer_answered", "call.taken_back"} & set(story):
            break
        await asyncio.sleep(0.05)
    return story
