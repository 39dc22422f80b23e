"""The disk is slow when an application starts: callers are answered before it is known what happened earlier."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
import anyio.to_thread
import pytest

from ari_app.domain.desks import DeskState
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.scenes import goodbye, in_talk, rings

pytestmark = pytest.mark.anyio

T = TypeVar("T")
SLOW_SECONDS = 10.0
SOON = 1.0
"""Within so many seconds of the start the first desk rings, however slow the disk is."""


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would run in a thread takes long."""

    async def run(function: Callable[..., T], *arguments: object, limiter: object = None) -> T:
        del limiter
        await anyio.sleep(SLOW_SECONDS)
        return function(*arguments)

    monkeypatch.setattr(anyio.to_thread, "run_sync", run)


@asynccontextmanager
async def starting(here: Floor) -> AsyncIterator[None]:
    """An application starts, and has not read the journal yet."""
    here.kill()
    await anyio.sleep(0.1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(here.start)
        await anyio.sleep(0.05)
        yield
    assert not here.asterisk.wrongs


@pytest.mark.usefixtures("slow_disk")
async def test_a_desk_rings_before_the_journal_has_been_read(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001", answers_after=0.1)
        async with starting(here):
            call = here.asterisk.call()
            await here.talking(call, "1001", seconds=SOON)
        assert here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)
    assert "call.adopted" not in here.told(call)


@pytest.mark.usefixtures("slow_disk")
async def test_desks_in_a_talk_do_not_ring_meanwhile(lags: Lags) -> None:
    """Nobody has taken up that talk yet; the others ring."""
    async with floor("1001", "1002", lags=lags) as here:
        talk = await in_talk(here)
        here.asterisk.register("1002", answers_after=0.1)
        async with starting(here):
            call = here.asterisk.call()
            await here.talking(call, "1002", seconds=SOON)
            waiting = here.asterisk.call()
            await anyio.sleep(SLOW_SECONDS / 2)
            assert here.asterisk.rung == ["1001", "1002"]
        assert here.board.desks["1001"].state is DeskState.TALKING
        await anyio.sleep(SLOW_SECONDS)
        assert here.asterisk.rung == ["1001", "1002"]
        await goodbye(here, talk)
        await here.talking(waiting, "1001", seconds=SOON)
        await goodbye(here, call, waiting)


@pytest.mark.usefixtures("slow_disk")
async def test_a_desk_whose_talk_ends_meanwhile_is_free_afterwards(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        talk = await in_talk(here)
        async with starting(here):
            here.asterisk.caller_hangs_up(talk)
            call = here.asterisk.call()
        await here.talking(call, "1001", seconds=SOON)
        await goodbye(here, call)


async def test_who_waited_before_goes_first(lags: Lags) -> None:
    """Where the disk is not slow, no desk rings before it is known who waits already."""
    for step in range(0, 40, 4):
        async with floor("1001", lags=lags) as here:
            first = here.asterisk.call()
            await anyio.sleep(5)
            here.kill()
            here.asterisk.phones["1001"].registered = True
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(here.start)
                await anyio.sleep(step / 1000)
                second = here.asterisk.call()
            await here.until(lambda: rings(here, "1001"), seconds=SOON)
            here.asterisk.desk_answers("1001")
            await here.talking(first, "1001", seconds=SOON)
            await goodbye(here, first, second)


async def test_the_disk_is_read_while_asterisk_is_asked(lags: Lags, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither waits for the other, so a talk is taken up as soon without the disk as with it."""
    reading = 0.0

    async def run(function: Callable[..., T], *arguments: object, limiter: object = None) -> T:
        del limiter
        await anyio.sleep(reading)
        return function(*arguments)

    monkeypatch.setattr(anyio.to_thread, "run_sync", run)
    at_once = await _seconds_to_adopt(lags)
    reading = 0.003
    assert await _seconds_to_adopt(lags) == pytest.approx(at_once)


async def _seconds_to_adopt(lags: Lags) -> float:
    """From an application's start until it has taken up the one talk there is."""
    async with floor("1001", lags=lags) as here:
        talk = await in_talk(here)
        here.kill()
        began = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.start)
            await here.until(lambda: "call.adopted" in here.told(talk))
            took = anyio.current_time() - began
        await goodbye(here, talk)
    return took
