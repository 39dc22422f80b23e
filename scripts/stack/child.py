"""One process of the stack: started, watched, and started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import anyio

from ari_app import gate

LONGEST_PAUSE: Final = 0.5
"""Seconds before a process that keeps dying is started again: callers wait for it."""

STEADY_SECONDS: Final = 10.0
"""A process that has lived so long is started again at once when it dies."""


class Child:
    """A process that is kept alive. It dies with the launcher, however that ends."""

    def __init__(
        self, name: str, command: Sequence[str | Path], log: Path, *, environment: Mapping[str, str] | None = None
    ) -> None:
        """``log`` gets all that it prints; nothing is started yet."""
        self.name = name
        self.log = log
        self.restarts = 0
        self.on_death: Callable[[], Awaitable[None]] | None = None
        """Awaited between its death and its new beginning; the next one loads meanwhile (``ari_app/gate.py``)."""
        self.reasons: dict[int, str] = {}
        """What its own exit codes mean, for the person at the terminal."""
        self._command = [str(part) for part in command]
        self._environment = {**os.environ, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = self._is_at_gate = False

    @property
    def pid(self) -> int | None:
        """Its process id; None while it does not run."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def work(self) -> int | None:
        """How much processor time it has used, in nanoseconds; None while it does not run, or waits at the gate."""
        if self._is_at_gate:
            return None
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0])
        return None

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
        with self._output() as output:
            self._process = await asyncio.create_subprocess_exec(
                "setpriv", "--pdeathsig", "KILL", *self._command,
                stdin=asyncio.subprocess.PIPE if at_gate else asyncio.subprocess.DEVNULL,
                stdout=output, stderr=output,
                env=self._environment | ({gate.VARIABLE: "1"} if at_gate else {}),
                start_new_session=True,  # Ctrl-C at the terminal is for the launcher, which ends them in order
            )  # fmt: skip

    async def watch(self, say: Callable[[str], None]) -> None:
        """Start it again whenever it dies, until ``stop``."""
        pause = 0.0
        while self._process is not None:
            started = time.monotonic()
            code = await self._process.wait()
            if self._stopping:
                return
            self.restarts += 1
            say(f"{self.name} ended ({self.reasons.get(code) or _reason(code)}) and is started again")
            pause = 0.0 if time.monotonic() - started > STEADY_SECONDS else min(max(0.05, pause * 2), LONGEST_PAUSE)
            pause = pause if self.restarts > 1 else 0.0
            if self.on_death is None:
                await asyncio.sleep(pause)
                await self._start_again(say)
                continue
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(partial(self._start_again, say, at_gate=True))
                await self.on_death()
            await asyncio.sleep(pause)
            self._open_gate()

    def _open_gate(self) -> None:
        """Let the process that has loaded begin; nothing when it has ended by now."""
        self._is_at_gate = False
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(b"\n")
            self._process.stdin.close()

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
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    def freeze(self) -> None:
        """Let it stand still, as a demonstration: the watchdog must notice."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGSTOP)

    async def stop(self, *, seconds: float = 5.0) -> None:
        """End it for good: SIGTERM, and SIGKILL after so many seconds."""
        self._stopping = True
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    async def ended(self) -> int:
        """Wait until the process that was started last ends; its exit code."""
        return await self._process.wait() if self._process else 0

    def last_words(self) -> str:
        """The last line that it printed."""
        with contextlib.suppress(OSError, IndexError):
            return self.log.read_text(errors="replace").strip().splitlines()[-1].removeprefix("siaga110: ")
        return ""


def _reason(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
