"""Orders over a websocket: so many at a time, and none on another websocket than the one that it waited for."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anyio
import pytest

from ari_app.ari.client import AsteriskClient
from ari_app.ari.errors import AriUnreachable
from ari_app.ari.model import RESTResponse
from ari_app.ari.precedence import AT_A_TIME

pytestmark = pytest.mark.anyio


class Socket:
    """Takes orders, and answers when it is told."""

    def __init__(self) -> None:
        self.given: list[dict[str, Any]] = []

    async def send_str(self, text: str) -> None:
        self.given.append(json.loads(text))

    def answer_all(self, client: AsteriskClient) -> None:
        """Every order so far has been carried out."""
        for each in self.given:
            client.answered(RESTResponse(each["request_id"], 204, "OK", ""))


@pytest.fixture
async def client() -> AsteriskClient:
    return AsteriskClient("http://127.0.0.1:9/ari", "siaga110", "secret")


async def blocked() -> None:
    """Return when every task waits for something."""
    await anyio.wait_all_tasks_blocked()


async def test_what_cannot_wait_goes_first(client: AsteriskClient) -> None:
    socket = Socket()
    with client.orders_over(socket):  # type: ignore[arg-type]  # all that is used of it
        async with anyio.create_task_group() as tasks:
            for number in range(AT_A_TIME + 5):
                tasks.start_soon(client.answer, f"{number}")
                await blocked()
            assert len(socket.given) == AT_A_TIME
            tasks.start_soon(client.claim, "new")
            await blocked()
            tasks.start_soon(client.set_beat, "word")
            await blocked()
            while len(socket.given) < AT_A_TIME + 7:
                socket.answer_all(client)
                await blocked()
            socket.answer_all(client)
    later = [each["uri"] for each in socket.given[AT_A_TIME:]]
    assert later[:3] == ["asterisk/variable", "events/claim", f"channels/{AT_A_TIME}/answer"]


@pytest.mark.parametrize("how", ["lost", "another", "fenced"])
async def test_orders_that_wait_when_the_websocket_goes(client: AsteriskClient, how: str) -> None:
    """Each fails, and none is given on the next one; that has the whole window."""
    first, second = Socket(), Socket()
    failed: list[int] = []

    async def order(number: int) -> None:
        try:
            await client.answer(f"{number}")
        except AriUnreachable:
            failed.append(number)

    async with anyio.create_task_group() as tasks:
        with client.orders_over(first):  # type: ignore[arg-type]  # all that is used of it
            for number in range(3 * AT_A_TIME):
                tasks.start_soon(order, number)
            await blocked()
            if how == "fenced":
                client.fence()
        if how == "another":
            with client.orders_over(second):  # type: ignore[arg-type]  # all that is used of it
                await blocked()
                assert sorted(failed) == list(range(3 * AT_A_TIME))
                assert second.given == []
                several = [asyncio.create_task(client.answer("later")) for _ in range(AT_A_TIME)]
                await blocked()
                assert len(second.given) == AT_A_TIME
                second.answer_all(client)
                await asyncio.gather(*several)
    assert sorted(failed) == list(range(3 * AT_A_TIME))
    assert len(first.given) == AT_A_TIME
