"""A process of the launcher: started again whatever the machine lacks at the moment."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from ari_app import gate
from scripts.stack import child as module
from scripts.stack.child import Child
from scripts.stack.family import alive, command_line, descendants, find

pytestmark = pytest.mark.anyio

WAITER = """
import asyncio, sys, time
from pathlib import Path
from ari_app import gate

def note(step):
    with (Path(sys.argv[1]) / step).open("a") as file:
        file.write("+")

note("loaded")
if gate.may_begin():
    note("began")
    asyncio.run(gate.may_serve())
    note("serves")
    time.sleep(60)
"""


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


@pytest.fixture
def steps(tmp_path: Path) -> Callable[[str], int]:
    """How many have loaded, begun and served so far."""

    def count(step: str) -> int:
        return len((tmp_path / step).read_text()) if (tmp_path / step).exists() else 0

    return count


def waiters(folder: Path) -> set[int]:
    """The processes of the child in this folder, whatever else the tests have started."""
    return {pid for pid in descendants(os.getpid()) if str(folder) in command_line(pid) and alive(pid)}


def waiter(folder: Path) -> Child:
    """One that notes in a folder how far it has come."""
    return Child("waiter", [sys.executable, "-c", WAITER, folder], folder / "waiter.log")


async def test_the_next_one_loads_and_begins_while_the_death_is_seen_to(
    tmp_path: Path, steps: Callable[[str], int]
) -> None:
    """It serves after that, and not before."""
    child, seen_to = waiter(tmp_path), anyio.Event()
    child.on_death = seen_to.wait
    await child.start()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(child.watch, list[str]().append)
        await until(lambda: steps("serves") == 1)
        child.kill()
        await until(lambda: steps("began") == 2)
        assert steps("serves") == 1
        assert child.processor() is None, "it stands still, and is not stuck"
        seen_to.set()
        await until(lambda: steps("serves") == 2)
        assert child.processor()
        await child.stop()
    assert steps("serves") == 2


@asynccontextmanager
async def with_next_one(folder: Path, monkeypatch: pytest.MonkeyPatch, *, seconds: float) -> AsyncIterator[Child]:
    """A waiter that runs and is watched, and has a next one after so long."""
    monkeypatch.setattr(module, "NEXT_SECONDS", seconds)
    child = waiter(folder)
    child.on_death, child.has_next = anyio.lowlevel.checkpoint, True
    await child.start()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(child.watch, list[str]().append)
        yield child
        tasks.cancel_scope.cancel()


async def test_the_next_one_has_loaded_before_it_is_needed(
    tmp_path: Path, steps: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the dead one's place, and gets a next one itself; a program that was renewed is loaded afresh."""
    async with with_next_one(tmp_path, monkeypatch, seconds=0.05) as child:
        await until(lambda: steps("loaded") == 2)
        assert steps("began") == 1
        assert find(os.getpid(), str(tmp_path).rpartition("/")[2]) == child.pid, (
            "it is not taken for the one that serves"
        )
        others = waiters(tmp_path)
        child.kill()
        await until(lambda: steps("serves") == 2)
        assert child.pid in others, "it was there before"
        await until(lambda: steps("loaded") == 3)
        others = waiters(tmp_path)
        child.renew()
        await until(lambda: steps("serves") == 3)
        assert child.pid not in others
        await until(lambda: steps("loaded") == 5)  # itself, and the one that waits now
        others = waiters(tmp_path)
        await child.stop()
        await until(lambda: not any(alive(pid) for pid in others))


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("both_at_once", [True, False])
async def test_the_one_that_waits_is_of_no_use(
    tmp_path: Path,
    steps: Callable[[str], int],
    monkeypatch: pytest.MonkeyPatch,
    blow: signal.Signals,
    *,
    both_at_once: bool,
) -> None:
    """It has died, or stands still: another one takes its place, at the latest when it is needed."""
    async with with_next_one(tmp_path, monkeypatch, seconds=0.3) as child:
        await until(lambda: steps("loaded") == 2)
        (waiting,) = waiters(tmp_path) - {child.pid}
        os.kill(waiting, blow)
        if both_at_once:
            child.kill()
            await until(lambda: steps("serves") == 2)
            assert child.pid != waiting
        else:
            await until(lambda: steps("loaded") == 3)
            assert steps("began") == 1
        await until(lambda: not alive(waiting))
        await child.stop()


async def test_it_is_stopped_while_the_next_one_is_made(
    tmp_path: Path, steps: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is left, and both have been waited for, when the watch is over."""
    make, asked, may_go = asyncio.create_subprocess_exec, anyio.Event(), anyio.Event()
    made: list[asyncio.subprocess.Process] = []

    async def make_slowly(*command: Any, **options: Any) -> asyncio.subprocess.Process:
        if made:
            asked.set()
            await may_go.wait()
        made.append(await make(*command, **options))
        return made[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", make_slowly)
    monkeypatch.setattr(module, "NEXT_SECONDS", 0.05)
    child = waiter(tmp_path)
    child.has_next = True
    await child.start()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(child.watch, list[str]().append)
        await asked.wait()
        await until(lambda: steps("loaded") == 1)
        await child.stop()
        may_go.set()
    assert [process.returncode is not None for process in made] == [True, True]


async def test_it_ends_at_the_gate_as_well(tmp_path: Path) -> None:
    """The launcher is told to stop while the next one still waits."""
    said: list[str] = []
    child = waiter(tmp_path)
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


def test_a_launcher_of_before_the_second_step() -> None:
    """It opens the gate once, after the guard has acted: new code serves under it."""
    program = "import asyncio; from ari_app import gate; print(gate.may_begin(), asyncio.run(gate.may_serve()))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, gate.VARIABLE: "1"},
        input=b"\n",
        capture_output=True,
        check=True,
    )
    assert done.stdout.split() == [b"True", b"None"]
