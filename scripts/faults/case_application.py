"""The application is killed, stands still, stays away, or is there twice."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TextIO

from scripts.faults.experiment import Case, Experiment
from scripts.faults.floor import BACK_SECONDS, PATIENCE_SECONDS, Floor
from scripts.faults.instance import ChaosError, Instance, send
from scripts.faults.oracle import Flaw
from scripts.faults.people import moment
from scripts.faults.strikes import APPLICATION, Fault, Frozen, Killed, Stumbled, application_takes_calls, strike_rounds
from scripts.stack.family import WITH_US
from scripts.stack.prepare import REPO

GUARD_SECONDS: Final = 5.0
"""The guard has so long to give waiting callers back when nobody starts the application again."""

AWAY_SECONDS: Final = 8.0

HAND_OVER_SECONDS: Final = 10.0
"""How soon the other application has the calls when one of two is gone; the dialplan answers meanwhile."""


class Dead(Fault):
    """The application is killed, and nobody starts it again: its launcher stands still."""

    title = "dead, nobody restarts it"
    back_seconds = air_seconds = GUARD_SECONDS
    _application = signal.SIGKILL

    async def strike(self, instance: Instance) -> None:
        """First the launcher, so that it does not see the other."""
        self._pid = instance.pid(APPLICATION)
        send(instance.launcher, signal.SIGSTOP)
        send(self._pid, self._application)

    async def recover(self, floor: Floor, since: float) -> None:  # noqa: ARG002 - others need it
        """After a while the launcher goes on, and everything is as it was."""
        await asyncio.sleep(AWAY_SECONDS)
        go_on = moment()
        self._go_on(floor.instance)
        took = await floor.instance.served_by_another(self._pid, since=go_on, seconds=PATIENCE_SECONDS)
        at = None if took is None else go_on + took
        floor.promise("the application (all of it) serves again", 2 * BACK_SECONDS, go_on, at, flaw=Flaw.LATE)

    def _go_on(self, instance: Instance) -> None:
        send(instance.launcher, signal.SIGCONT)


class Overslept(Dead):
    """The application stands still for long, nobody ends it, and then it goes on as if nothing was."""

    title = "frozen, and continued late"
    _application = signal.SIGSTOP

    async def recover(self, floor: Floor, since: float) -> None:
        """It goes on before the launcher does, so that it is the old one that finds another world."""
        await asyncio.sleep(AWAY_SECONDS)
        send(self._pid, signal.SIGCONT)
        await asyncio.sleep(1.0)
        send(floor.instance.launcher, signal.SIGCONT)
        since = moment()
        while floor.instance.serving() is None:
            if moment() - since > PATIENCE_SECONDS:
                break
            await asyncio.sleep(0.02)
        at = None if floor.instance.serving() is None else moment()
        floor.promise("the application (all of it) serves again", BACK_SECONDS, since, at, flaw=Flaw.LATE)


class Unstartable(Fault):
    """The application is killed and cannot start again for a while: another program has its journal's lock."""

    title = "dead, and cannot start"
    back_seconds = GUARD_SECONDS

    async def strike(self, instance: Instance) -> None:
        """Kill it, and take the lock before the next one can."""
        self._pid = instance.pid(APPLICATION)
        self._lock: TextIO = instance.state.journal.with_name("journal.sqlite3.lock").open("r+")
        send(self._pid, signal.SIGKILL)
        while True:
            with contextlib.suppress(OSError):
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            await asyncio.sleep(0)

    async def recover(self, floor: Floor, since: float) -> None:
        """The lock is free again."""
        await asyncio.sleep(AWAY_SECONDS)
        self._lock.close()
        since = moment()
        took = await floor.instance.served_by_another(self._pid, since=since, seconds=PATIENCE_SECONDS)
        at = None if took is None else since + took
        floor.promise("the application (all of it) serves again", 2 * BACK_SECONDS, since, at, flaw=Flaw.LATE)


class Second(Fault):
    """Somebody starts a second application on the same state directory."""

    title = "a second one on the same journal"

    async def strike(self, instance: Instance) -> None:
        """Start it."""
        self._log = instance.home / "second.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
                [*WITH_US, sys.executable, "-m", "ari_app", "--state", self._state(instance)],
                cwd=REPO, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def _state(self, instance: Instance) -> Path:
        return instance.state.root

    async def recover(self, floor: Floor, since: float) -> None:  # noqa: ARG002 - others need it
        """It gives way at once."""
        begun = moment()
        gone = await self._ends(within=PATIENCE_SECONDS)
        floor.promise("the second (application) gives way", 10.0, begun, moment() if gone else None, flaw=Flaw.LATE)
        await application_takes_calls(floor, within=BACK_SECONDS)

    async def _ends(self, *, within: float) -> bool:
        """Whether it has ended of itself; it is ended otherwise."""
        begun = moment()
        while (code := self._process.poll()) is None:
            if moment() - begun > within:
                break
            await asyncio.sleep(0.02)
        self._process.kill()
        self._process.wait()
        return code is not None


class Stranger(Second):
    """A second application with a journal of its own speaks to the same Asterisk."""

    title = "a second one from elsewhere"

    def _state(self, instance: Instance) -> Path:
        home = instance.home / "elsewhere"
        shutil.rmtree(home, ignore_errors=True)
        for name in ("run", "log", "asterisk/spool", "recordings"):
            (home / name).mkdir(parents=True)
        for file in (instance.state.config, instance.state.secrets):
            shutil.copy(file, home)
        return home

    async def recover(self, floor: Floor, since: float) -> None:  # noqa: ARG002 - others need it
        """Either of the two may have the calls; when the second is gone, the first has them."""
        await self._ends(within=AWAY_SECONDS)
        said = self._log.read_text(errors="replace")
        if "app.ready" not in said:
            raise ChaosError(f"the second application has not served at all: {said[-300:]}")
        await application_takes_calls(floor, within=HAND_OVER_SECONDS)


def _striking(fault: type[Fault]) -> Callable[[Experiment], Awaitable[None]]:
    async def run(experiment: Experiment) -> None:
        async with experiment.instance() as instance:
            await strike_rounds(experiment, instance, fault())

    return run


CASES: Final = (
    Case("kill", "application kill -9, at every step of a call", 12, _striking(Killed)),
    Case("freeze", "application frozen (SIGSTOP), until it is ended", 12, _striking(Frozen)),
    Case("stumble", "application frozen for less than a second, then continued", 12, _striking(Stumbled)),
    Case("oversleep", "application frozen for long, then continued: it does no harm", 6, _striking(Overslept)),
    Case("dead", "application dead and not restarted", 6, _striking(Dead)),
    Case("unstartable", "application dead, and every restart fails", 6, _striking(Unstartable)),
    Case("two", "two applications on one journal", 4, _striking(Second)),
    Case("stranger", "two applications on one Asterisk", 4, _striking(Stranger)),
)
