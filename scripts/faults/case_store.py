"""The journal's disk is locked, full, broken or slow: calls go on, and nothing that happened is lost."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Final

from scripts.faults.crowd import Crowd, let_call
from scripts.faults.experiment import Case, Experiment
from scripts.faults.floor import ANSWER_SECONDS, Floor
from scripts.faults.instance import ChaosError, Instance, send
from scripts.faults.people import moment
from scripts.faults.scenes import Held, PolresTalking, Scene, Talking
from scripts.faults.strikes import APPLICATION, Fault, Killed
from scripts.phones import Behaviour, Dialling

CALLS_A_SECOND: Final = 2.0
SCENES: Final[tuple[type[Scene], ...]] = (PolresTalking, Talking, Held)
_ATTACHED: Final = b"attached"


class Locked(Fault):
    """Somebody holds the write lock of the journal and of the tables, as a careless copy does."""

    title = "database locked"

    async def strike(self, instance: Instance) -> None:
        """Take the locks."""
        self._locks = [
            sqlite3.connect(path, timeout=30, isolation_level=None)
            for path in (instance.state.journal, instance.state.database)
        ]
        for lock in self._locks:
            lock.execute("BEGIN IMMEDIATE")

    async def recover(self, floor: Floor, since: float) -> None:  # noqa: ARG002 - others need it
        """Let them go."""
        for lock in self._locks:
            lock.execute("ROLLBACK")
            lock.close()


class Disk(Fault):
    """What the application asks of the journal's files fails, by strace's fault injection."""

    def __init__(self, title: str, injection: str) -> None:
        """``injection`` is what strace's ``--inject`` takes."""
        self.title, self._injection = title, injection

    async def strike(self, instance: Instance) -> None:
        """Attach strace to the application."""
        pid = await instance.running(APPLICATION)
        journal = instance.state.journal
        calls = self._injection.partition(":")[0]
        self._strace = await asyncio.create_subprocess_exec(
            "setpriv", "--pdeathsig", "TERM", "strace", "-f", "-p", str(pid), "-o", "/dev/null",
            "-P", str(journal), "-P", f"{journal}-wal", f"--trace={calls}", f"--inject={self._injection}",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said = b""
        while self._strace.stderr is not None and _ATTACHED not in said:
            line = await self._strace.stderr.readline()
            if not line:
                raise ChaosError(f"strace cannot attach: {said.decode(errors='replace').strip()}")
            said += line

    async def recover(self, floor: Floor, since: float) -> None:  # noqa: ARG002 - others need it
        """Let go of the application."""
        if self._strace.returncode is None:
            send(self._strace.pid, signal.SIGINT)
            await self._strace.wait()


def _no_strace() -> str:
    return "" if shutil.which("strace") else "strace is not installed"


async def trouble_round(floor: Floor, fault: Fault, seconds: float, *, and_killed: bool = False) -> None:
    """Callers all the time, talks that go on, and the journal in trouble meanwhile."""
    scenes = [each(floor) for each in SCENES]
    await floor.staff(len(scenes))
    for scene in scenes:
        await scene.begin()
    crowd_desks = floor.instance.sample.accounts[len(floor.people) :]
    await floor.phones.desk(crowd_desks, Behaviour.answers())
    limit = 2.0 if and_killed else ANSWER_SECONDS
    count = round(CALLS_A_SECOND * (seconds + 4))
    crowd = Crowd(count, CALLS_A_SECOND, Dialling(hang_up_ms=1500), limit)
    calling = asyncio.create_task(let_call(floor, crowd, seconds=seconds + 60, what="call in trouble"))
    await asyncio.sleep(2)
    floor.acknowledge()
    await fault.strike(floor.instance)
    since = moment()
    await asyncio.gather(*(scene.after(since) for scene in scenes))
    if and_killed:
        await asyncio.sleep(seconds / 2)
        await Killed().strike(floor.instance)
    await asyncio.sleep(max(0.0, since + seconds - moment()))
    await fault.recover(floor, since)
    await calling
    for scene in scenes:
        await scene.finish()


def _troubling(
    fault: Callable[[], Fault], seconds: float, *, and_killed: bool = False
) -> Callable[[Experiment], Awaitable[None]]:
    async def run(experiment: Experiment) -> None:
        async with experiment.instance(desks=12) as instance:
            for _ in range(experiment.rounds):
                made = fault()
                title = f"{made.title} for {seconds:g} s" + (", and killed meanwhile" if and_killed else "")
                async with experiment.round(instance, title, settle=30) as floor:
                    await trouble_round(floor, made, seconds, and_killed=and_killed)

    return run


_WRITES: Final = "pwrite64,write,fdatasync,fsync,ftruncate"
_FULL, _BROKEN = "pwrite64,write,ftruncate:error=ENOSPC", f"{_WRITES}:error=EIO"
_SLOW: Final = "fdatasync,fsync:delay_enter=2000000"

CASES: Final = (
    Case("locked", "database locked for 60 s", 1, _troubling(Locked, 60)),
    Case("locked-kill", "database locked, and the application is killed", 2, _troubling(Locked, 10, and_killed=True)),
    Case("disk-full", "disk full", 1, _troubling(lambda: Disk("disk full", _FULL), 20), _no_strace),
    Case(
        "disk-full-kill",
        "disk full, and the application is killed",
        1,
        _troubling(lambda: Disk("disk full", _FULL), 10, and_killed=True),
        _no_strace,
    ),
    Case("disk-error", "I/O error", 1, _troubling(lambda: Disk("I/O error", _BROKEN), 20), _no_strace),
    Case("disk-slow", "slow disk", 1, _troubling(lambda: Disk("each sync takes 2 s", _SLOW), 20), _no_strace),
)
