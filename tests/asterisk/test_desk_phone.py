"""The desk phones of the tests and of the benchmark, against a server that is not always there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from scripts.phones import Phones
from scripts.phones.sip import Message

pytestmark = pytest.mark.anyio


class Registrar(asyncio.DatagramProtocol):
    """Takes every registration but the second one of each phone, which it does not hear."""

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self._heard: dict[str, list[int]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        request = Message.parse(data)
        assert request is not None
        heard = self._heard.setdefault(request.call_id, [])
        if request.cseq not in heard:
            heard.append(request.cseq)
        if heard.index(request.cseq) != 1:
            self._transport.sendto(request.response(200, tag="there").encode(), address)


async def test_a_desk_that_is_not_heard_when_it_renews_its_registration_asks_again(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Registrar, local_addr=("127.0.0.1", 0))
    try:
        async with Phones(transport.get_extra_info("sockname"), tmp_path) as phones:
            desk = await phones.desk([("1001", "secret"), ("1002", "secret")], expires=2)
            for extension in ("1001", "1002"):
                await desk.events.until(
                    lambda name=extension: (
                        [  # type: ignore[misc]  # its own name is bound
                            event.fields["extension"] for event in desk.events.all("registered")
                        ].count(name)
                        >= 2
                    ),
                    seconds=20,
                    what="second registration",
                )
            assert not desk.events.all("refused")
    finally:
        transport.close()
