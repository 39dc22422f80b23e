"""The launcher's watch over the application's heartbeat."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from ari_app.heartbeat import Heartbeat
from scripts.stack.watchdog import SILENT_SECONDS, Watchdog

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def watched(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Watchdog, Heartbeat, list[float]]]:
    """A watchdog, a heartbeat that it hears, and the moments at which it found the application frozen."""
    watchdog, frozen = Watchdog(), list[float]()
    monkeypatch.setenv("NOTIFY_SOCKET", watchdog.name)
    heartbeat = Heartbeat(lambda: True)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watchdog.watch, lambda: frozen.append(time.monotonic()), lambda: None)
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
