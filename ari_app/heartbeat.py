"""Telling whoever watches over us that we live, by systemd's protocol (``sd_notify``).

The launcher, or systemd, kills an application whose event loop has stood still, and starts a new one. That events come
and orders go out is the business of ``ari.closed_loop``.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Final

import anyio

EVERY_SECONDS: Final = 0.1


class Heartbeat:
    """Says ``READY=1`` once and ``WATCHDOG=1`` again and again; silent where nobody asked for it."""

    def __init__(self, is_well: Callable[[], bool]) -> None:
        """Look for the watcher's address in ``NOTIFY_SOCKET``; no beat while something is not well."""
        self._is_well = is_well
        self.is_ready = anyio.Event()
        """Set once 110 can be dialled: what nobody waits for may begin."""
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    def say(self, message: str) -> None:
        """Send one message; a watcher that is gone or slow is none of our business."""
        if not self._address:
            return
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError:
            return

    def ready(self) -> None:
        """110 can be dialled."""
        self.is_ready.set()
        self.say("READY=1")

    def stopping(self) -> None:
        """We act no more: callers who wait are whoever watches' business, and the last facts are written."""
        self.say("STOPPING=1")

    async def run(self) -> None:
        """Beat for as long as the event loop runs."""
        while True:
            if self._is_well():
                self.say("WATCHDOG=1")
            await anyio.sleep(EVERY_SECONDS)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()
