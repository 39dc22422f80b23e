"""The event stream: one websocket, read by one task that does nothing else, renewed when it breaks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp
import anyio
import msgspec
import structlog

from ari_app.ari.client import AsteriskClient
from ari_app.ari.errors import HTTP_UNAUTHORISED, AriError, AriProtocolError, AriReplaced, AriStalled
from ari_app.ari.key_echoes import KeyEchoes
from ari_app.ari.model import (
    ApplicationReplaced,
    ChannelDtmfReceived,
    ChannelUserevent,
    Event,
    RESTResponse,
    decode_message,
)

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.5
"""Seconds between attempts to connect: short, as every one of them is a caller in the fallback."""

LATE_SECONDS: Final = 10.0
"""Connections that we gave up while the link stood still reach Asterisk when it goes on, as late as this at most."""

log = structlog.get_logger(__name__)


class EventStream:
    """Reads events for as long as it runs, and reconnects with back-off.

    ``on_event`` is called in the reader's task for every event, but for keys that are told of again, and must not wait.
    ``on_connected`` is awaited in a task of its own after each (re)connect, while events are already being read: the
    place to reconcile, since what happened in between is lost. ``on_lost`` is called when the link has broken.
    ``on_echo`` is told the name of each event that came for ``AsteriskClient.echo``.
    """

    def __init__(
        self,
        client: AsteriskClient,
        *,
        on_event: Callable[[Event], None],
        on_connected: Callable[[], Awaitable[None]],
        on_lost: Callable[[], None] = lambda: None,
        on_echo: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Prepare; ``run`` does the work."""
        self._client = client
        self._on_event = on_event
        self._on_connected = on_connected
        self._on_lost = on_lost
        self._on_echo = on_echo
        self._has_given_up = False
        self._echoes = KeyEchoes()

    async def run(self) -> None:
        """Read events until cancelled.

        Raises:
            AriReplaced: another program took our name; this one must stop acting.
            AriStalled: a connection of our own took it, one that had been given up.
            AriProtocolError: what answers does not let us in (a wrong password).
        """
        pause = FIRST_PAUSE
        while True:
            connected = False
            try:
                async with self._client.session.ws_connect(
                    self._client.events_url,
                    timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                    max_msg_size=0,
                ) as socket:
                    connected = True
                    pause = FIRST_PAUSE
                    since = anyio.current_time()
                    if await self._read(socket):
                        raise self._replaced(anyio.current_time() - since)
                    self._has_given_up &= anyio.current_time() - since < LATE_SECONDS
                log.warning("ari.stream_ended", close_code=socket.close_code)
            except aiohttp.WSServerHandshakeError as error:
                if error.status == HTTP_UNAUTHORISED:
                    msg = "Asterisk does not take the application's ARI password"
                    raise AriProtocolError(msg) from error
                log.warning("ari.connect_refused", status=error.status)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                log.warning("ari.stream_lost" if connected else "ari.connect_failed", error=repr(error))
                self._has_given_up |= not connected and isinstance(error, TimeoutError)
            if connected:
                self._on_lost()
            await anyio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _replaced(self, seconds: float) -> AriError:
        """Who took our name, so soon after we had connected. Our own late connection serves nobody: no standing by."""
        if self._has_given_up and seconds < LATE_SECONDS:
            return AriStalled("a connection to Asterisk that had been given up came through, and took our place")
        return AriReplaced("another program connected to Asterisk with this application's name")

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> bool:
        """Read until the link ends; True when another program took our name."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._greet, socket)
            with self._client.orders_over(socket):
                replaced = await self._deliver(socket)
            tasks.cancel_scope.cancel()
        return replaced

    async def _deliver(self, socket: aiohttp.ClientWebSocketResponse) -> bool:
        async for message in socket:
            self._client.heard += 1
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            try:
                event = decode_message(message.data)
            except msgspec.DecodeError as error:
                # One event that cannot be read must not cost the others; reconciling repairs it.
                log.error("ari.event_unreadable", error=str(error))
                continue
            if isinstance(event, RESTResponse):
                self._client.answered(event)
            elif isinstance(event, ChannelUserevent):
                self._on_echo(event.eventname)
            elif isinstance(event, ApplicationReplaced):
                self._client.fence()
                return True
            elif isinstance(event, ChannelDtmfReceived) and self._echoes.is_echo(event):
                log.info("ari.key_echo")
            elif event is not None:
                self._on_event(event)
        return False

    async def _greet(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            await self._client.filter_events()
            await self._on_connected()
        except AriError as error:
            # Half a connection is none: close it, and the next attempt starts afresh.
            log.warning("ari.reconcile_failed", error=repr(error))
            await socket.close()
