"""A process of the launcher: started again whatever the machine lacks at the moment."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from scripts.stack import child as module
from scripts.stack.child import Child

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def until(is_so: Callable[[], bool]) -> None:
    with anyio.fail_after(10):
        while not is_so():  # noqa: ASYNC110 - it is asked of a process
            await anyio.sleep(0.01)


async def killed_and_back(child: Child, said: list[str]) -> None:
    """Kill it; another one runs afterwards."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(child.watch, said.append)
        pid = child.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(lambda: child.pid not in {None, pid})
        await child.stop()


async def test_its_log_is_gone(tmp_path: Path) -> None:
    """The folder was removed, or the disk is read only: it runs without."""
    folder = tmp_path / "log"
    folder.mkdir()
    child = Child("sleeper", ["sleep", "60"], folder / "sleeper.log")
    await child.start()
    shutil.rmtree(folder)
    await killed_and_back(child, [])


async def test_the_machine_has_no_room_for_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again, and said; nothing else ends for that."""
    child = Child("sleeper", ["sleep", "60"], tmp_path / "sleeper.log")
    await child.start()
    make, refusals = asyncio.create_subprocess_exec, [BlockingIOError(11, "Resource temporarily unavailable")] * 2

    async def refuse(*command: Any, **options: Any) -> asyncio.subprocess.Process:
        if refusals:
            raise refusals.pop()
        return await make(*command, **options)

    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    said: list[str] = []
    await killed_and_back(child, said)
    assert said.count("sleeper cannot be started: Resource temporarily unavailable") == 2
