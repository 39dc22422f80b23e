"""Replaced by another program: from then on nothing of ours reaches Asterisk, over the websocket or over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from aiohttp import WSMsgType, web

from ari_app.ari.client import AsteriskClient
from ari_app.ari.errors import AriError, AriReplaced, AriStalled, AriUnreachable
from ari_app.ari.stream import EventStream
from scripts.phones import free_port

pytestmark = pytest.mark.anyio

HOST = "127.0.0.1"
MANY = 20
REPLACED = {"type": "ApplicationReplaced", "application": "siaga110", "timestamp": "2026-11-25T00:00:00.000+0700"}


class StandIn:
    """Says yes to every order, counts them, and tells of a replacement when it is asked to."""

    def __init__(self) -> None:
        self.orders = 0
        self.busy = anyio.Event()
        self.replace = anyio.Event()
        self.holds_back = 0
        """So many who connect get no answer until they have given up."""

    def _count(self) -> None:
        self.orders += 1
        if self.orders > MANY:
            self.busy.set()

    async def http(self, _request: web.Request) -> web.Response:
        self._count()
        return web.json_response([])

    async def events(self, request: web.Request) -> web.WebSocketResponse:
        if self.holds_back:
            self.holds_back -= 1
            await self.replace.wait()
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._tell, socket)
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._count()
                    number = json.loads(message.data)["request_id"]
                    answer = {"type": "RESTResponse", "request_id": number, "status_code": 204, "reason_phrase": "OK"}
                    await socket.send_json(answer)
            tasks.cancel_scope.cancel()
        return socket

    async def _tell(self, socket: web.WebSocketResponse) -> None:
        await self.replace.wait()
        await socket.send_json(REPLACED)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/ari/events", self.events)
        app.router.add_route("*", "/ari/{path:.*}", self.http)
        runner = web.AppRunner(app)
        await runner.setup()
        port = free_port(HOST, udp=False, tcp=True)
        await web.TCPSite(runner, HOST, port).start()
        try:
            yield f"http://{HOST}:{port}/ari"
        finally:
            await runner.cleanup()


async def test_a_flow_that_goes_on_ordering() -> None:
    """One that orders without end, and once more while it is cancelled, as a flow's clean-up does."""
    stand_in, failures, connected = StandIn(), list[Exception](), anyio.Event()

    async def is_connected() -> None:
        connected.set()

    async with stand_in.serving() as address, AsteriskClient(address, "siaga110", "secret") as client:

        async def flow() -> None:
            try:
                while True:
                    try:
                        await client.answer("1.0")
                        await client.channels()
                    except AriUnreachable as error:
                        failures.append(error)
                        await anyio.sleep(0.001)
            finally:
                with anyio.CancelScope(shield=True), pytest.raises(AriUnreachable):
                    await client.hangup("1.0")

        async with anyio.create_task_group() as flows:
            with pytest.raises(BaseExceptionGroup) as raised:  # noqa: PT012 - the flows live on behind it, as late as can be
                async with anyio.create_task_group() as tasks:
                    stream = EventStream(client, on_event=lambda _: None, on_connected=is_connected)
                    tasks.start_soon(stream.run)
                    await connected.wait()
                    flows.start_soon(flow)
                    with anyio.fail_after(5):
                        await stand_in.busy.wait()
                    stand_in.replace.set()
            assert raised.group_contains(AriReplaced)
            await anyio.sleep(0.05)  # what was on its way has come
            before = stand_in.orders
            await anyio.sleep(0.2)
            flows.cancel_scope.cancel()
        await anyio.sleep(0.05)
        assert stand_in.orders == before
        assert failures


@pytest.mark.parametrize(("held_back", "how"), [(0, AriReplaced), (2, AriStalled)])
async def test_a_connection_of_our_own_that_was_given_up(
    monkeypatch: pytest.MonkeyPatch, held_back: int, how: type[AriError]
) -> None:
    """It comes through late and takes our place: no other program serves, so we must not wait for one to end."""
    monkeypatch.setattr("ari_app.ari.transport.COMMAND_SECONDS", 0.1)
    stand_in = StandIn()
    stand_in.holds_back = held_back

    async def is_connected() -> None:
        stand_in.replace.set()

    async with stand_in.serving() as address, AsteriskClient(address, "siaga110", "secret") as client:
        stream = EventStream(client, on_event=lambda _: None, on_connected=is_connected)
        with pytest.raises(how):
            await stream.run()
        assert not stand_in.holds_back
        with pytest.raises(AriUnreachable):
            await client.answer("1.0")


async def test_an_order_over_the_websocket_that_is_still_there() -> None:
    """A fenced client does not send it, though the connection would take it."""
    stand_in = StandIn()
    async with stand_in.serving() as address, AsteriskClient(address, "siaga110", "secret") as client:
        async with client.session.ws_connect(f"{address}/events") as socket:
            with client.orders_over(socket):
                client.fence()
                with pytest.raises(AriUnreachable):
                    await client.answer("1.0")
            await socket.close()  # answered when all that came before was read
        assert stand_in.orders == 0
