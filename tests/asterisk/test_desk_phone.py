"""The desk phones of the tests and of the benchmark, against a server that is not always there in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from scripts.phones import Phones
from scripts.phones.sip import Message

pytestmark = pytest.mark.anyio
NEVER = float("inf")
CHALLENGE = 'Digest realm="here", nonce="once", algorithm=MD5, qop="auth"'


class Registrar(asyncio.DatagramProtocol):
    """Wants a password, and answers each phone's requests after so many seconds, those beyond these at once."""

    def __init__(self, seconds: Sequence[float]) -> None:
        """Nobody has asked yet."""
        self._seconds = seconds
        self._heard: dict[str, list[int]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        request = Message.parse(data)
        assert request is not None
        heard = self._heard.setdefault(request.call_id, [])
        heard.append(request.cseq)
        answer = request.response(200, tag="there")
        if not request.get("Authorization"):
            answer = request.response(401, tag="there", headers=[("WWW-Authenticate", CHALLENGE)])
        after = self._seconds[len(heard) - 1] if len(heard) <= len(self._seconds) else 0.0
        if after < NEVER:
            asyncio.get_running_loop().call_later(after, self._transport.sendto, answer.encode(), address)


@asynccontextmanager
async def phones_of(seconds: Sequence[float], home: Path) -> AsyncIterator[Phones]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Registrar(seconds), local_addr=("127.0.0.1", 0))
    try:
        async with Phones(transport.get_extra_info("sockname"), home) as phones:
            yield phones
    finally:
        transport.close()


@pytest.mark.parametrize("unheard", [2, 3], ids=["the question", "the password"])
async def test_a_desk_that_is_not_heard_when_it_renews_its_registration_asks_again(
    tmp_path: Path, unheard: int
) -> None:
    seconds = [0.0, 0.0, *([NEVER] if unheard == 2 else [0.0, NEVER])]
    async with phones_of(seconds, tmp_path) as phones:
        desk = await phones.desk([("1001", "secret"), ("1002", "secret")], expires=2)
        for extension in ("1001", "1002"):

            def renewed(name: str = extension) -> bool:
                return [each.fields["extension"] for each in desk.events.all("registered")].count(name) > 1

            await desk.events.until(renewed, seconds=20, what=f"second registration of {extension}")
        assert not desk.events.all("refused")


async def test_what_answers_an_earlier_question_refuses_nothing(tmp_path: Path) -> None:
    """Asked again after 2 s: both questions are answered with 401, the second when the password is on its way."""
    async with phones_of([2.5, 1.0, 1.0], tmp_path) as phones:
        desk = await phones.desk([("1001", "secret"), ("1002", "secret")])
        assert not desk.events.all("refused")
