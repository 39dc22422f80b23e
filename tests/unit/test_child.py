"""A process of the launcher: started again whatever the machine lacks at the moment."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from ari_app import gate
from scripts.stack import child as module
from scripts.stack.child import Child
from scripts.stack.family import alive

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


async def test_the_next_one_loads_while_the_death_is_seen_to_and_begins_after_that(tmp_path: Path) -> None:
    """It runs, and does nothing yet; the launcher's end is its own end, too."""
    loaded, began, seen_to, said = tmp_path / "loaded", tmp_path / "began", anyio.Event(), list[str]()
    begin = f"open({str(loaded)!r}, 'a').write('+'); gate.may_begin() and open({str(began)!r}, 'a').write('+')"
    program = f"import time; from ari_app import gate; {begin}; time.sleep(60)"
    child = Child("waiter", [sys.executable, "-c", program], tmp_path / "waiter.log")
    child.on_death = seen_to.wait
    await child.start(at_gate=True)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(child.watch, said.append)
        await until(loaded.exists)
        loaded.unlink()
        child.kill()
        await until(loaded.exists)
        assert not began.exists()
        assert child.work() is None, "it stands still, and is not stuck"
        seen_to.set()
        await until(began.exists)
        assert child.work()
        await child.stop()
    assert began.read_text() == "+"


async def test_it_ends_at_the_gate_as_well(tmp_path: Path) -> None:
    """The launcher is told to stop while the next one still waits."""
    said: list[str] = []
    child = Child("waiter", [sys.executable, "-c", "from ari_app import gate; gate.may_begin()"], tmp_path / "log")
    child.on_death = anyio.sleep_forever
    await child.start(at_gate=True)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(child.watch, said.append)
        first = child.pid
        child.kill()
        await until(lambda: child.pid not in {None, first})
        second = child.pid
        await child.stop()
        assert second is not None
        assert not alive(second)
        tasks.cancel_scope.cancel()


def test_the_launcher_has_ended_before_it_opened_the_gate() -> None:
    program = "from ari_app import gate; raise SystemExit(gate.may_begin())"
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, gate.VARIABLE: "1"}, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0
