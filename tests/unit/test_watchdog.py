"""The launcher's watch over the application's heartbeat."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import pytest

from ari_app.heartbeat import Heartbeat
from scripts.stack import family
from scripts.stack.family import WITH_US, Processor
from scripts.stack.watchdog import SILENT_SECONDS, Watchdog

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def watched(
    monkeypatch: pytest.MonkeyPatch, processor: Callable[[], Processor | None] = lambda: None
) -> AsyncIterator[tuple[Watchdog, Heartbeat, list[float]]]:
    """A watchdog, a heartbeat that it hears, and the moments at which it found the application frozen."""
    watchdog, frozen = Watchdog(), list[float]()
    monkeypatch.setenv("NOTIFY_SOCKET", watchdog.name)
    heartbeat = Heartbeat(lambda: True)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watchdog.watch, lambda: frozen.append(time.monotonic()), processor)
        heartbeat.ready()
        with anyio.fail_after(5):
            await watchdog.ready.wait()
        yield watchdog, heartbeat, frozen
        tasks.cancel_scope.cancel()
    heartbeat.close()
    watchdog.close()


async def test_one_that_falls_silent_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched(monkeypatch) as (_, heartbeat, frozen):
        heartbeat.say("WATCHDOG=1")
        await anyio.sleep(2 * SILENT_SECONDS)
        assert frozen


class Starved:
    """A process that works, or waits for a processor, in so much of its time."""

    def __init__(self) -> None:
        self.waits, self.is_running_at_times, self.is_runnable = 1.0, True, True
        self.others: dict[int, int] = {}
        """How long other threads have waited (ns)."""
        self._looked, self._worked, self._waited = time.monotonic(), 0.0, 0.0

    def __call__(self) -> Processor:
        now = time.monotonic()
        if self.is_running_at_times:
            self._waited += self.waits * (now - self._looked)
            self._worked += 1e-6 + (1 - self.waits) * (now - self._looked)
        self._looked = now
        return Processor(
            {1: round(self._worked * 1e9)}, {1: round(self._waited * 1e9), **self.others}, self.is_runnable
        )


@pytest.mark.parametrize("at_times", [True, False])
async def test_one_that_waits_for_a_processor_is_not_ended_for_it(
    monkeypatch: pytest.MonkeyPatch, *, at_times: bool
) -> None:
    """Whether it has one now and then, or none at all: one in its place would wait as long."""
    process = Starved()
    process.is_running_at_times = at_times
    async with watched(monkeypatch, process) as (_, heartbeat, frozen):
        heartbeat.say("WATCHDOG=1")
        await anyio.sleep(4 * SILENT_SECONDS)
        assert frozen == []
        process.is_runnable = False
        process.waits = 0.0
        await anyio.sleep(2 * SILENT_SECONDS)
        assert frozen


async def test_a_thread_that_ends_takes_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its life's waits are not the event loop's in this silence."""
    process = Starved()
    process.others = {2: 5_000_000_000}
    async with watched(monkeypatch, process) as (_, heartbeat, frozen):
        heartbeat.say("WATCHDOG=1")
        await anyio.sleep(SILENT_SECONDS / 2)
        process.others = {}
        await anyio.sleep(3 * SILENT_SECONDS)
        assert frozen == []


async def test_one_that_works_and_says_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a processor all the time, and its event loop does not come round."""
    process = Starved()
    process.waits = 0.1
    async with watched(monkeypatch, process) as (_, heartbeat, frozen):
        heartbeat.say("WATCHDOG=1")
        await anyio.sleep(2 * SILENT_SECONDS)
        assert frozen


def test_what_a_process_has_of_the_processors() -> None:
    """From Linux' own count; a stopped one waits for none."""
    busy = subprocess.Popen([*WITH_US, sys.executable, "-c", "while True: pass"])
    try:
        while (seen := family.processor(busy.pid)) is None or sum(seen.worked.values()) < 100_000_000:
            time.sleep(0.01)
        assert seen.is_runnable
        busy.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, busy.pid, os.WSTOPPED)
        stopped = family.processor(busy.pid)
        assert stopped is not None
        assert not stopped.is_runnable
        assert stopped.worked[busy.pid] >= seen.worked[busy.pid]
        assert stopped.waited_since(seen) >= 0
    finally:
        busy.kill()
        busy.wait()
    assert family.processor(busy.pid) is None


async def test_one_that_has_stopped_may_write_its_last_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is silent then, and must not be killed for it: the facts would be lost."""
    async with watched(monkeypatch) as (watchdog, heartbeat, frozen):
        heartbeat.stopping()
        with anyio.fail_after(5):
            await watchdog.stopping.wait()
        await anyio.sleep(3 * SILENT_SECONDS)
        assert frozen == []


async def test_no_beat_without_a_journal_that_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts that nobody will ever write down: the application is as good as frozen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0siaga110-test-heartbeat")
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", "@siaga110-test-heartbeat")
        lives = True
        heartbeat = Heartbeat(lambda: lives)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(heartbeat.run)
            await anyio.sleep(0.3)
            assert listening.recv(64) == b"WATCHDOG=1"
            lives = False
            await anyio.sleep(0.3)
            while True:
                try:
                    listening.recv(64)
                except BlockingIOError:
                    break
            await anyio.sleep(0.3)
            with pytest.raises(BlockingIOError):
                listening.recv(64)
            tasks.cancel_scope.cancel()
        heartbeat.close()
