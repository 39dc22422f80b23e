"""One running instance of the whole software, in a process of its own and on ports of its own, to do harm to."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ari_app.domain.facts import Record
from ari_app.site.state import StateDir
from ari_app.store import journal
from scripts.faults.launcher import VARIABLE
from scripts.stack.family import WITH_US, alive, descendants, find
from scripts.stack.prepare import REPO
from scripts.stack.sample import HOST, Sample

READY_SECONDS: Final = 60.0
END_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.02
_WAV_HEADER, _WAV_RATE = 44, 16_000
"""Bytes, and bytes a second: 8 kHz, 16 bit, mono."""


class ChaosError(Exception):
    """The experiment itself did not work out: nothing is proved by it, either way."""


class Instance:
    """Configuration, state directory and processes; ``said`` is what the launcher printed."""

    def __init__(
        self,
        home: Path,
        sample: Sample,
        *,
        application: Mapping[str, str] | None = None,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        """Write the configuration; nothing is started.

        ``application`` goes into the environment of the application alone; ``changes`` are made in the sample's text.
        """
        self.home, self.sample = home, sample
        self.state = StateDir(home / "state")
        self.config = home / "siaga.toml"
        self.said: list[str] = []
        self._module, self._environment = "scripts.stack", dict(os.environ)
        if application is not None:
            self._module = "scripts.faults.launcher"
            self._environment[VARIABLE] = json.dumps(dict(application))
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None
        text = sample.text
        for before, after in (changes or {}).items():
            if before not in text:
                raise ChaosError(f"the sample configuration has no {before!r}")
            text = text.replace(before, after)
        self.config.write_text(text, encoding="utf-8")

    # ---- its processes

    async def start(self) -> None:
        """Start everything, and return when 110 can be dialled.

        Raises:
            ChaosError: it does not start.
        """
        self._process = await asyncio.create_subprocess_exec(
            *WITH_US, sys.executable, "-m", self._module,
            "--config", str(self.config), "--state", str(self.state.root),
            cwd=REPO, env=self._environment, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        ready = asyncio.Event()
        self._listener = asyncio.create_task(self._listen(self._process, ready))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({waiting, self._listener}, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not ready.is_set():
            raise ChaosError(f"the instance does not start: {self.said[-3:]}")

    async def _listen(self, process: asyncio.subprocess.Process, ready: asyncio.Event) -> None:
        if process.stdout is None:
            return
        while line := await process.stdout.readline():
            self.said.append(line.decode("utf-8", "replace").rstrip())
            if self.said[-1].startswith("READY"):
                ready.set()

    async def stop(self) -> int | None:
        """End it as a person would; the launcher's exit code, None: it had to be killed, or did not run."""
        process, self._process = self._process, None
        if process is None:
            return None
        family = [process.pid, *descendants(process.pid)]
        for pid in family:
            send(pid, signal.SIGCONT)
        send(process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), END_SECONDS)
        except TimeoutError:
            send(process.pid, signal.SIGKILL)
            await process.wait()
            return None
        finally:
            if self._listener is not None:
                self._listener.cancel()
        return process.returncode

    @property
    def launcher(self) -> int:
        """The launcher's process id; ChaosError while it does not run."""
        if self._process is None or self._process.returncode is not None:
            raise ChaosError(f"the launcher does not run: {self.said[-3:]}")
        return self._process.pid

    def pid(self, word: str) -> int | None:
        """The process of this instance with ``word`` in its command line, as ``ari_app``; None while there is none."""
        return find(self.launcher, word)

    async def running(self, word: str, *, besides: int | None = None, seconds: float = 10.0) -> int:
        """The process id of a part of the instance, once there is one; another than ``besides``.

        Raises:
            ChaosError: there is none within ``seconds``.
        """
        end = time.monotonic() + seconds
        while (pid := self.pid(word)) is None or pid == besides:
            if time.monotonic() > end:
                raise ChaosError(f"{word} does not run")
            await asyncio.sleep(_LOOK_SECONDS)
        return pid

    # ---- what can be asked

    def serving(self) -> int | None:
        """The application that said last that it serves; None: none that still lives."""
        with contextlib.suppress(OSError):
            text = (self.state.log / "application.log").read_text(encoding="utf-8", errors="replace")
            ready = [line for line in text.splitlines() if '"app.ready"' in line]
            if ready:
                pid = int(json.loads(ready[-1])["pid"])
                return pid if alive(pid) else None
        return None

    async def served_by_another(self, pid: int | None, *, since: float, seconds: float) -> float | None:
        """Seconds from ``since`` (monotonic) until another application than ``pid`` serves; None: not in time."""
        while time.monotonic() - since < seconds:
            if self.serving() not in {None, pid}:
                return time.monotonic() - since
            await asyncio.sleep(_LOOK_SECONDS)
        return None

    def ari(self, path: str, *, method: str = "GET") -> Any:  # noqa: ANN401 - whatever JSON it is
        """Ask Asterisk's REST interface; OSError when Asterisk does not answer, or refuses."""
        password = json.loads(self.state.secrets.read_text())["ari"]["siaga110"]
        token = base64.b64encode(f"siaga110:{password}".encode()).decode()
        address = f"http://{HOST}:{self.sample.http}/ari/{path}"
        request = urllib.request.Request(address, headers={"Authorization": f"Basic {token}"}, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - our own
            return json.loads(answer.read() or b"null")

    def left(self) -> list[str]:
        """The channels and bridges that there are, each in words."""
        channels = [f"channel {each['id']} ({each['name']}, {each['state']})" for each in self.ari("channels")]
        return channels + [f"bridge {each['id']}" for each in self.ari("bridges")]

    async def quiet(self, *, seconds: float = 12.0) -> list[str]:
        """What is left of channels and bridges when nothing more changes, or after so many seconds."""
        end = time.monotonic() + seconds
        left = ["Asterisk does not answer"]
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                left = await asyncio.to_thread(self.left)
            if not left:
                return []
            await asyncio.sleep(0.1)
        return left

    async def siaga(self, *arguments: str) -> tuple[int, str]:
        """Run the ``siaga`` command on this instance: its exit code and all that it said."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli", *arguments,
            cwd=REPO, env={**os.environ, "SIAGA_STATE": str(self.state.root), "SIAGA_SUPERVISOR": "chaos"},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode("utf-8", "replace")

    def records(self, *, after: int = 0, actions: Sequence[str] | None = None) -> list[Record]:
        """The journal's lines after line ``after``."""
        if not self.state.journal.exists():
            return []
        return list(journal.read(self.state.journal, after=after, actions=actions))

    def head(self) -> int:
        """The number of the journal's last line; 0: there is none."""
        if not self.state.journal.exists():
            return 0
        with journal.JournalReader(self.state.journal) as reader:
            return reader.head().seq

    def recorded(self, calls: Collection[str]) -> dict[str, float]:
        """How many seconds the recordings of these calls last; those that there are."""
        files = {call: self.state.recordings / f"{call}.wav" for call in calls}
        # By the size, not by the header: that is written last.
        return {call: (file.stat().st_size - _WAV_HEADER) / _WAV_RATE for call, file in files.items() if file.exists()}

    def problems(self) -> list[str]:
        """What ``siaga journal verify`` finds."""
        found = journal.verify(self.state.journal)
        return [f"line {problem.seq}: {problem.what}" for problem in found.problems]


def send(pid: int | None, number: signal.Signals) -> None:
    """Send a signal; nothing when there is no such process."""
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
