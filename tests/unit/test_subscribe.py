"""Asking for a leg's events: a leg that is gone is one thing, an Asterisk that does not know us another."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from ari_app.ari.client import AsteriskClient
from ari_app.ari.errors import AriUnreachable
from scripts.phones import free_port

pytestmark = pytest.mark.anyio

HOST = "127.0.0.1"
GONE, UNKNOWN = 422, 404
"""ARI's answers: the event source does not exist, the application does not."""


@pytest.fixture
async def asterisk(anyio_backend: str, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Refuses every request with a channel ``gone`` in it, in the way that the test names."""

    async def subscribe(asked: web.Request) -> web.Response:
        is_gone = "channel:gone" in asked.query["eventSource"]
        return web.json_response({"message": "no"}, status=request.param if is_gone else 200)

    app = web.Application()
    app.router.add_post("/ari/applications/{name}/subscription", subscribe)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port(HOST, udp=False, tcp=True)
    await web.TCPSite(runner, HOST, port).start()
    yield f"http://{HOST}:{port}/ari"
    await runner.cleanup()


@pytest.mark.parametrize("asterisk", [GONE], indirect=True)
async def test_what_is_gone_is_named(asterisk: str) -> None:
    async with AsteriskClient(asterisk, "siaga110", "secret") as client:
        assert await client.subscribe(["channel:1", "channel:gone", "channel:2"]) == ["channel:gone"]


@pytest.mark.parametrize("asterisk", [UNKNOWN], indirect=True)
async def test_nothing_counts_as_gone_when_it_is_us_whom_asterisk_does_not_know(asterisk: str) -> None:
    """It has just been restarted, or has let our connection go: the callers are there all the same."""
    async with AsteriskClient(asterisk, "siaga110", "secret") as client:
        with pytest.raises(AriUnreachable):
            await client.subscribe(["channel:gone"])
