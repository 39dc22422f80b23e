"""The journal does not tell who is logged in: callers are rung for all the same, at every desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.scenes import goodbye, in_talk, press, rings

pytestmark = pytest.mark.anyio

STAFF = {"1001": "10010", "1002": "", "2011": "20110"}
"""1003 is a desk at which nobody logs in."""
DESKS = ("1001", "1002", "1003", "2011")
SOON = 1.0


@asynccontextmanager
async def unread(lags: Lags) -> AsyncIterator[Floor]:
    """An application that could not read who sits where."""
    async with floor(*DESKS, lags=lags, staff=STAFF) as here:
        for desk in DESKS:
            here.asterisk.register(desk)
        here.kill()
        await here.start(knows_staff=False)
        yield here


async def test_every_desk_rings_at_once(lags: Lags) -> None:
    async with unread(lags) as here:
        call = here.asterisk.call()
        await here.until(lambda: rings(here, "1001", "1002", "1003"), seconds=SOON)
        assert not rings(here, "2011")
        here.asterisk.desk_answers("1002")
        await here.talking(call, "1002", seconds=SOON)
        following = here.asterisk.call()
        await here.until(lambda: rings(here, "1001", "1003"), seconds=SOON)
        here.asterisk.desk_answers("1001")
        await here.talking(following, "1001", seconds=SOON)
        await goodbye(here, call, following)
    (answered,) = here.facts(following, "call.answered")
    assert answered.actor == "desk:1001"
    assert not [fact for fact in here.journal if fact.action == "operator.not_ready"]


async def test_a_transfer_rings_at_the_polres(lags: Lags) -> None:
    """Somebody may be there; where nobody is, the caller comes back."""
    async with unread(lags) as here:
        call = here.asterisk.call()
        await here.until(lambda: rings(here, "1001"), seconds=SOON)
        here.asterisk.desk_answers("1001")
        await here.talking(call, "1001", seconds=SOON)
        await anyio.sleep(1)
        await press(here, "1001", "*201#")
        await here.until(lambda: rings(here, "2011"), seconds=2)
        here.asterisk.desk_answers("2011")
        await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=5)
        await goodbye(here, call)


async def test_who_talked_and_who_waited_are_taken_up(lags: Lags) -> None:
    async with floor(*DESKS, lags=lags, staff=STAFF) as here:
        talk = await in_talk(here)
        waiting = here.asterisk.call()
        await anyio.sleep(1)
        here.kill()
        await here.start(knows_staff=False)
        here.asterisk.register("1002", answers_after=0.1)
        await here.talking(waiting, "1002", seconds=SOON)
        assert here.asterisk.is_talking(talk, "1001")
        assert here.told(talk)[-1] == "call.adopted"
        await press(here, "1001", "*0")
        await here.ended(talk)
        await goodbye(here, waiting)


async def test_it_is_known_later(lags: Lags) -> None:
    """From then on calls go to who is ready, one desk after the other."""
    async with unread(lags) as here:
        assert here.app is not None
        here.app.roster.learn(here.app.staff)
        assert here.board.operator_at("1001") == "10010"
        call = here.asterisk.call()
        await here.until(lambda: rings(here, "1001") or rings(here, "1003"), seconds=SOON)
        await anyio.sleep(1)
        assert not rings(here, "1001", "1003")
        assert not rings(here, "1002")
        here.asterisk.desk_answers("1001" if rings(here, "1001") else "1003")
        await here.until(lambda: "call.answered" in here.told(call), seconds=SOON)
        await goodbye(here, call)
