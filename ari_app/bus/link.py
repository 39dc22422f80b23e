"""A connection to the broker that is made again whenever it is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import anyio
import structlog
from aiomqtt import Message, MqttError, Will

from ari_app.bus.broker import Broker, BusClient, connect

STEP_SECONDS: Final = 5.0
"""How long connecting and subscribing may take."""

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds before the next attempt."""

log = structlog.get_logger(__name__)


class Link:
    """Keeps one connection. What is lost with it, and whether that matters, is its user's business."""

    def __init__(self, broker: Broker, *, name: str, identifier: str | None = None, will: Will | None = None) -> None:
        """``name`` is its own in the log; of two with the same ``identifier`` the broker drops the older one."""
        self._broker = broker
        self._name = name
        self._identifier = identifier
        self._will = will
        self._pause = FIRST_PAUSE
        self.trouble = ""
        """Why there is no connection; empty: there is one, or the first is being made."""

    async def run(
        self, use: Callable[[BusClient], Awaitable[None]], on_message: Callable[[Message], None] = lambda _: None
    ) -> None:
        """Connect and ``use`` the connection, again and again, until ``use`` returns.

        While it is used, ``on_message`` gets what comes in. A lost connection cancels ``use``; whatever either raises
        counts as one.
        """
        while True:
            try:
                client = connect(self._broker, timeout=STEP_SECONDS, identifier=self._identifier, will=self._will)
                async with client:
                    await _race(client, use, on_message)
            except (MqttError, OSError) as error:
                self._say_lost(str(error))
            except Exception as error:
                log.exception("link.failed", link=self._name)
                self._say_lost(repr(error))
            else:
                return
            await anyio.sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def is_up(self) -> None:
        """``use`` says that all is well."""
        self._pause = FIRST_PAUSE
        self.trouble = ""
        log.info("link.connected", link=self._name, broker=str(self._broker))

    def _say_lost(self, reason: str) -> None:
        if reason != self.trouble:
            self.trouble = reason
            log.warning("link.lost", link=self._name, broker=str(self._broker), reason=reason)


async def _race(
    client: BusClient, use: Callable[[BusClient], Awaitable[None]], on_message: Callable[[Message], None]
) -> None:
    """Use the connection while messages are read; the end of either ends the other. The first error is raised."""
    trouble: list[Exception] = []

    async def read() -> None:
        async for message in client.messages:
            on_message(message)

    async def guarded(work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:
            trouble.append(error)
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(guarded, read)
        tasks.start_soon(guarded, lambda: use(client))
    if trouble:
        raise trouble[0]
