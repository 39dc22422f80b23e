"""Watching over the application: its heartbeats, by systemd's notify protocol."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable
from typing import Final

from scripts.stack.family import Processor

SILENT_SECONDS: Final = 0.6
"""An application that says nothing for so long stands still; its callers have 1.2 s to be answered.

Time in which it waits for a processor does not count, here and below: one that is started in its place would wait as
long, and all callers who wait would ring every desk on a machine that has too much to do already.
"""

FIRST_START_SECONDS: Final = 30.0
"""The first application has so long for its first word, whatever the machine."""

START_SECONDS, START_FACTOR = 1.5, 4
"""A later one has so long, or so many times as long as the slowest before it took."""

IDLE_SECONDS: Final = 1.5
"""One that starts and uses no processor for so long stands still, whatever the machine: a start is work."""

STOP_SECONDS: Final = 15.0
"""One that has stopped acting has so long to write its last facts; no caller waits for that."""

_EVERY: Final = 0.05
_QUIET_SECONDS: Final = 0.2
"""From such a silence on it is looked what it has of the processors: twice the time between two beats."""


class Watchdog:
    """Listens for ``READY=1``, ``WATCHDOG=1`` and ``STOPPING=1``."""

    def __init__(self) -> None:
        """Open the socket: an abstract one, which needs no file and no short path."""
        self._seen: Processor | None = None
        self._since = self._waited = 0.0
        """When it was first looked at in this silence, and for how long it has waited for a processor since then."""
        self._progress = 0.0
        """When it was last seen to have worked."""
        self.name = f"@siaga110-{os.getpid()}-{secrets.token_hex(8)}"
        self.ready = asyncio.Event()
        self.stopping = asyncio.Event()
        """Set while the application lives and acts no more."""
        self._start_seconds = FIRST_START_SECONDS
        self._slowest = 0.0
        self._begun: float | None = None
        self._heard = 0.0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.bind(f"\0{self.name[1:]}")
        self._socket.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._read)
        self.forget()

    def _read(self) -> bool:
        """Take what has come; whether anything has."""
        has_spoken = False
        while True:
            try:
                message = self._socket.recv(256)
            except BlockingIOError:
                return has_spoken
            has_spoken = True
            if message == b"READY=1":
                self.ready.set()
            self._heard, self._seen = self._loop.time(), None
            if message == b"STOPPING=1":
                self.stopping.set()
                self._heard += STOP_SECONDS
            if self._begun is not None:
                self._slowest = max(self._slowest, self._heard - self._begun)
                self._start_seconds = max(START_SECONDS, START_FACTOR * self._slowest)
                self._begun = None

    def forget(self) -> None:
        """A new application is about to start: it has said nothing yet."""
        self.ready.clear()
        self.stopping.clear()
        self._begun = self._loop.time()
        self._heard = self._begun + self._start_seconds
        self._seen = None

    async def watch(self, frozen: Callable[[], None], processor: Callable[[], Processor | None]) -> None:
        """Call ``frozen`` each time the application falls silent, or does not come to speak.

        ``processor`` is what it has had of the processors; None: that is not known.
        """
        looked = self._loop.time()
        while True:
            await asyncio.sleep(_EVERY)
            now = self._loop.time()
            passed, looked = now - looked, now
            self._read()  # what came while we ourselves were kept from running counts
            silent, is_stuck = self._judge(now, processor)
            if passed <= _EVERY * 4 and (silent > SILENT_SECONDS or is_stuck) and not self._read():
                self.forget()
                frozen()

    def _judge(self, now: float, processor: Callable[[], Processor | None]) -> tuple[float, bool]:
        """For how many seconds it could have spoken and did not; whether it stopped working towards its first word."""
        silent = now - self._heard
        is_starting = self._begun is not None
        before = self._seen
        self._seen = seen = processor() if is_starting or silent > _QUIET_SECONDS else None
        if seen is None:
            return silent, False
        if before is None:
            self._since, self._waited = now, 0.0
        else:
            self._waited += seen.waited_since(before)
        if before is None or seen.worked != before.worked:
            self._progress = now
        still = now - self._progress
        # Linux counts a wait when it is over. The event loop waits no longer than there was time.
        waited = min(self._waited + (still if seen.is_runnable else 0.0), now - self._since)
        return silent - waited, is_starting and not seen.is_runnable and still > IDLE_SECONDS

    def close(self) -> None:
        """Stop listening."""
        self._loop.remove_reader(self._socket)
        self._socket.close()
