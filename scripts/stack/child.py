"""One process of the stack: started, watched, and started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import anyio

from ari_app import gate
from scripts.stack.family import WITH_US, Processor, processor, state

LONGEST_PAUSE: Final = 0.5
"""Seconds before a process that keeps dying is started again: callers wait for it."""

STEADY_SECONDS: Final = 10.0
"""A process that has lived so long is started again at once when it dies."""

NEXT_SECONDS: Final = 3.0
"""When a process has lived so long its next one loads: not sooner, as that is work, and so is a start. As often it is
looked whether that still waits."""

_NICE_SECONDS: Final = 0.11
_ENDED_OR_STOPPED: Final = {"", "Z", "X", "T", "t"}
"""States of a process, as ``family.state`` names them."""


class Child:
    """A process that is kept alive. It dies with the launcher, however that ends."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        niceness: int = 0,
    ) -> None:
        """``log`` gets all that it prints; ``niceness`` is 0 to 19. Nothing is started yet."""
        self.name = name
        self.log = log
        self.restarts = 0
        self.on_death: Callable[[], Awaitable[None]] | None = None
        """Awaited between its death and its new beginning; the next one loads meanwhile, if it has not before."""
        self.has_next = False
        """Whether the next one has loaded before this one dies, and waits at its gate (``ari_app/gate.py``)."""
        self.reasons: dict[int, str] = {}
        """What its own exit codes mean, for the person at the terminal."""
        self._command = [str(part) for part in command]
        self._environment = {**os.environ, **(environment or {})}
        self._niceness = niceness
        self._process: asyncio.subprocess.Process | None = None
        self._next: asyncio.subprocess.Process | None = None
        self._dropped: list[asyncio.subprocess.Process] = []
        self._is_outdated = False
        self._stopping = self._is_at_gate = self._is_frozen = False

    @property
    def pid(self) -> int | None:
        """Its process id; None while it does not run."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def next_pid(self) -> int | None:
        """The process id of the next one, which waits at its gate; None: there is none."""
        return self._next.pid if self._next and self._next.returncode is None else None

    def processor(self) -> Processor | None:
        """What it has had of the processors; None while it does not run, or waits at the gate."""
        return None if self._is_at_gate or self.pid is None else processor(self.pid)

    def _output(self) -> BinaryIO:
        """Where it prints to; nowhere, when the disk does not take its log: it must run all the same."""
        try:
            return self.log.open("ab")
        except OSError:
            return Path(os.devnull).open("ab")

    async def start(self, *, at_gate: bool = False) -> None:
        """Start it; ``at_gate``: it begins when it is let.

        Raises:
            OSError: the machine has no room for another process.
        """
        self._is_at_gate = at_gate
        self._process = await self._spawn(at_gate=at_gate)

    async def _spawn(self, *, at_gate: bool) -> asyncio.subprocess.Process:
        with self._output() as output:
            process = await asyncio.create_subprocess_exec(
                *WITH_US, *self._command,
                stdin=asyncio.subprocess.PIPE if at_gate else asyncio.subprocess.DEVNULL,
                stdout=output, stderr=output,
                env=self._environment | ({gate.VARIABLE: "1"} if at_gate else {}),
                start_new_session=True,  # Ctrl-C at the terminal is for the launcher, which ends them in order
            )  # fmt: skip
        if self._niceness:
            _be_nice(process.pid, self._niceness)
        return process

    async def watch(self, say: Callable[[str], None]) -> None:
        """Start it again whenever it dies, until ``stop``."""
        pause = 0.0
        while self._process is not None:
            started = time.monotonic()
            code = await self._wait(self._process)
            if self._stopping:
                await self._dropped_end()
                return
            self.restarts += 1
            self._is_frozen = False
            say(f"{self.name} ended ({self.reasons.get(code) or _reason(code)}) and is started again")
            pause = 0.0 if time.monotonic() - started > STEADY_SECONDS else min(max(0.05, pause * 2), LONGEST_PAUSE)
            pause = pause if self.restarts > 1 else 0.0
            if self.on_death is None:
                await asyncio.sleep(pause)
                await self._start_again(say)
                continue
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._come_to_gate, say)
                await self.on_death()
            await asyncio.sleep(pause)
            self._let()
            self._is_at_gate = False

    async def _wait(self, process: asyncio.subprocess.Process) -> int:
        """Until it ends, with the next one at the gate meanwhile; its exit code."""
        while self.has_next:
            with anyio.move_on_after(NEXT_SECONDS):
                return await process.wait()
            if not _is_well(self._next):
                self._drop_next()
                with contextlib.suppress(OSError):  # no room for it now
                    self._next = await self._spawn(at_gate=True)
                if self._stopping or self._is_frozen:  # it was told so while that was made
                    self._drop_next()
        return await process.wait()

    async def _come_to_gate(self, say: Callable[[str], None]) -> None:
        """The next one takes the place of the one that has died."""
        if self._is_outdated or not _is_well(self._next):
            self._drop_next()
            await self._start_again(say, at_gate=True)
        else:
            self._process, self._next, self._is_at_gate = self._next, None, True
        self._let()

    def _let(self) -> None:
        """Let the process at the gate go one step on; nothing when it has ended by now."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(b"\n")

    async def _start_again(self, say: Callable[[str], None], *, at_gate: bool = False) -> None:
        """However often it takes: for the sake of one process the others, and with them every call, do not end."""
        while not self._stopping:
            try:
                await self.start(at_gate=at_gate)
            except OSError as error:
                say(f"{self.name} cannot be started: {error.strerror or error}")
                await asyncio.sleep(LONGEST_PAUSE)
            else:
                return

    def kill(self) -> None:
        """End it at once; ``watch`` starts it again."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def renew(self) -> None:
        """Ask it to end in order; ``watch`` starts it again, on what its program is by then."""
        self._is_outdated = True  # the next one has loaded what the program was
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    def freeze(self) -> None:
        """Let it and the next one stand still, as a demonstration: the watchdog must notice, and a new one loads."""
        self._is_frozen = self.pid is not None
        for process in (self._process, self._next):
            if process is not None and process.returncode is None:
                process.send_signal(signal.SIGSTOP)

    async def stop(self, *, seconds: float = 5.0) -> None:
        """End it for good, and the next one: SIGTERM, and SIGKILL after so many seconds."""
        self._stopping = True
        self._drop_next()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                async with asyncio.timeout(seconds):
                    await self._process.wait()
            except TimeoutError:
                self.kill()
                await self._process.wait()
        await self._dropped_end()

    def _drop_next(self) -> None:
        following, self._next = self._next, None
        self._is_outdated = False
        self._dropped = [each for each in self._dropped if each.returncode is None]
        if following is not None and following.returncode is None:
            self._dropped.append(following)
            with contextlib.suppress(ProcessLookupError):
                following.kill()

    async def _dropped_end(self) -> None:
        for dropped in self._dropped:
            await dropped.wait()

    async def ended(self) -> int:
        """Wait until the process that was started last ends; its exit code."""
        return await self._process.wait() if self._process else 0

    def last_words(self) -> str:
        """The last line that it printed."""
        with contextlib.suppress(OSError, IndexError):
            return self.log.read_text(errors="replace").strip().splitlines()[-1].removeprefix("siaga110: ")
        return ""


def _is_well(process: asyncio.subprocess.Process | None) -> bool:
    """Whether there is such a process, and it neither has ended nor was stopped."""
    return process is not None and process.returncode is None and state(process.pid) not in _ENDED_OR_STOPPED


def _be_nice(pid: int, niceness: int, attempts: int = 10) -> None:
    """Let others go before a process; one that runs as fast as they do is better than none."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
    try:
        # Each session has its own share of the processor where Linux groups by sessions, whatever its processes say.
        Path(f"/proc/{pid}/autogroup").write_text(f"{niceness}\n")
    except BlockingIOError:  # it takes one such wish in 0.1 s from all who are not root
        if attempts > 1:
            asyncio.get_running_loop().call_later(_NICE_SECONDS, _be_nice, pid, niceness, attempts - 1)
    except OSError:
        return


def _reason(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
