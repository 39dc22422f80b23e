"""The closed loop: shown again and again, our orders reach Asterisk and its events reach us.

An order has Asterisk send us an event; when it has come, another word goes into a variable of Asterisk's. Whoever looks
at that variable sees an application that can serve (``scripts/guard.py``), and not only one whose process lives or
whose link stands open.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import anyio
import structlog

from ari_app.ari.errors import AriError, AriStalled

EVERY_SECONDS: Final = 0.25
STALLED_SECONDS: Final = 1.0
"""Without any message for so long we are of no use; callers who wait have 2 s to be served again."""

OVERLOADED_SECONDS: Final = 2.0
"""An echo may be so late while other messages come: an Asterisk that has too much to do answers no sooner to another
application, which would ask it for everything first. The guard waits 3 s."""

_LOOK_SECONDS: Final = 0.1
_ORDER_SECONDS: Final = 2 * EVERY_SECONDS

log = structlog.get_logger(__name__)


class Echoing(Protocol):
    """What is asked of Asterisk; see ``AsteriskClient``."""

    @property
    def heard(self) -> int:
        """How many messages have come so far."""

    async def echo(self, name: str) -> None:
        """Have Asterisk send us an event of this name."""

    async def set_beat(self, word: str) -> None:
        """Show everybody who looks that we serve."""


class ClosedLoop:
    """Goes round from the first connection on, for as long as it runs."""

    def __init__(self, asterisk: Echoing) -> None:
        """Nothing is sent before ``connected``."""
        self._asterisk = asterisk
        self.own = secrets.token_hex(4)
        """How our echoes' names begin: the echo of an application before us is none of ours."""
        self._began = anyio.Event()
        self._rounds = 0
        self._closed = anyio.Event()
        self._silent = 0.0

    def connected(self) -> None:
        """The link stands: from now on events must come."""
        self._began.set()

    def came(self, name: str) -> None:
        """An echo has come."""
        if name.startswith(self.own):
            self._rounds += 1
            self._closed.set()
            self._silent = 0.0

    async def run(self) -> None:
        """Go round.

        Raises:
            AriStalled: nothing, or no echo, has come for too long, be the link open or gone.
        """
        await self._began.wait()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._go_round)
            tasks.start_soon(self._show)
            await self._stalled()
            tasks.cancel_scope.cancel()
        raise AriStalled("Asterisk sends us nothing, or takes no orders")

    async def _go_round(self) -> None:
        sent = 0
        while True:
            sent += 1
            await self._order(self._asterisk.echo, f"{self.own}-{sent}")
            await anyio.sleep(EVERY_SECONDS)

    async def _show(self) -> None:
        """Whoever looks sees each round, beside the next one: where orders stand in line, that waits for nothing."""
        while True:
            await self._closed.wait()
            self._closed = anyio.Event()
            await self._order(self._asterisk.set_beat, f"{self.own}-{self._rounds}")

    async def _order(self, order: Callable[[str], Awaitable[None]], word: str) -> None:
        """Give it, and wait a moment for the answer: one that Asterisk has in its line by then is carried out later."""
        try:
            with anyio.move_on_after(_ORDER_SECONDS):
                await order(word)
        except AriError as error:
            log.info("loop.not_closed", error=repr(error))

    async def _stalled(self) -> None:
        looked, heard, quiet = anyio.current_time(), self._asterisk.heard, 0.0
        while quiet <= STALLED_SECONDS and self._silent <= OVERLOADED_SECONDS:
            await anyio.sleep(_LOOK_SECONDS)
            now = anyio.current_time()
            # While we stood still ourselves events may have come that we have not read.
            passed, looked = min(now - looked, 2 * _LOOK_SECONDS), now
            self._silent += passed
            quiet = quiet + passed if self._asterisk.heard == heard else 0.0
            heard = self._asterisk.heard
