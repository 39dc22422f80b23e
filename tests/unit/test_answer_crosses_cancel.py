"""A simulated caller gives up in the moment of the answer: the call is acknowledged and ended, as RFC 3261 has it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from scripts.phones import Dialling, free_port
from scripts.phones.caller import Caller

pytestmark = pytest.mark.anyio

HOST, PLACE = "127.0.0.1", "sip:110@127.0.0.1:5099"
SOUND = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Exchange(asyncio.DatagramProtocol):
    """Rings; and answers the CANCEL first, and then the call all the same."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.is_over = asyncio.Event()
        self._invite: dict[str, str] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        first, *rest = data.decode().split("\r\n\r\n")[0].split("\r\n")
        headers = dict(line.split(": ", 1) for line in rest)
        self.requests.append(first)
        match first.split()[0]:
            case "INVITE":
                self._invite = headers
                self._answer("180 Ringing", headers, addr)
            case "CANCEL":
                self._answer("200 OK", headers, addr)
                self._answer("200 OK", self._invite, addr, more=f"Contact: <{PLACE}>\r\n", body=SOUND)
            case "BYE":
                self._answer("200 OK", headers, addr)
                self.is_over.set()

    def _answer(
        self, status: str, to: dict[str, str], addr: tuple[str | int, int], *, more: str = "", body: str = ""
    ) -> None:
        kept = "".join(f"{name}: {to[name]}\r\n" for name in ("Via", "From", "Call-ID", "CSeq"))
        kept += f"To: {to['To'].partition(';')[0]};tag=ours\r\n"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self.transport.sendto(
            f"SIP/2.0 {status}\r\n{kept}{more}{kind}Content-Length: {len(body)}\r\n\r\n{body}".encode(), addr
        )


async def test_the_answer_is_acknowledged_and_the_call_ended(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    transport, exchange = await loop.create_datagram_endpoint(Exchange, local_addr=(HOST, 0))
    port = transport.get_extra_info("sockname")[1]
    caller = Caller(HOST, free_port(HOST), tmp_path)
    try:
        await caller.start((HOST, port), Dialling(cancel_ms=25), audio=None, silent_port=4002)
        async with asyncio.timeout(10):
            await exchange.is_over.wait()
        result = await caller.result()
    finally:
        await caller.die()
        transport.close()
    assert [each.split()[0] for each in exchange.requests] == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert [each.split()[1] for each in exchange.requests[2:]] == [PLACE, PLACE]
    assert result.is_answered
