"""SIP over UDP: what is not answered is said again, what is heard twice is answered twice (RFC 3261, 17)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self, TypeAlias, cast

from scripts.phones.events import PhoneTimeoutError
from scripts.phones.sip import Message, token

T1: Final = 0.5
"""Seconds after which an unanswered message is sent again; doubled each time, up to T2."""
T2: Final = 4.0

OnRequest: TypeAlias = Callable[[Message], None]
Carrier: TypeAlias = Callable[[Callable[[], None]], None]
OnResponse: TypeAlias = Callable[[Message, Message], None]
"""Called with our request and what came back, before anything that came later is looked at."""


@dataclass(slots=True)
class _Waiting:
    request: Message
    answer: asyncio.Future[Message]
    on_response: OnResponse | None
    is_underway: bool = False


class Wire(asyncio.DatagramProtocol):
    """One UDP port that speaks SIP with one server. ``deaf`` makes it neither hear nor speak."""

    def __init__(self, server: tuple[str, int], on_request: OnRequest) -> None:
        """Not open yet: use ``await Wire.open(...)``."""
        self.deaf = False
        self.carry: Carrier | None = None
        """What takes each datagram, in either direction, and delivers it or not; None: the network is good."""
        self.host, self.port = "", 0
        self._server = server
        self._on_request = on_request
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[tuple[str, str], _Waiting] = {}
        self._acks: dict[str, bytes] = {}
        self._served: dict[tuple[str, str], bytes] = {}

    @classmethod
    async def open(cls, server: tuple[str, int], host: str, port: int, on_request: OnRequest) -> Self:
        """Bind ``host:port``; OSError when it is taken."""
        loop = asyncio.get_running_loop()
        _transport, wire = await loop.create_datagram_endpoint(lambda: cls(server, on_request), local_addr=(host, port))
        return wire

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is bound."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.host, self.port = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:  # noqa: ARG002 -- asyncio's signature
        """Take in what came."""
        if self.carry is None:
            self._receive(data)
        else:
            self.carry(lambda: self._receive(data))

    def _receive(self, data: bytes) -> None:
        """Give a response to whoever waits for it, and a request that is new to the phone."""
        message = None if self.deaf else Message.parse(data)
        if message is None:
            return
        if message.is_response:
            self._take_response(message)
        elif message.method == "ACK":
            self._on_request(message)
        elif (key := (message.branch, message.method)) in self._served:
            self._send(self._served[key])
        else:
            self._served[key] = b""
            self._on_request(message)

    def _take_response(self, response: Message) -> None:
        waiting = self._waiting.get((response.branch, response.method))
        is_final = response.code >= 200  # noqa: PLR2004 -- SIP's classes of answers
        if is_final and response.branch in self._acks and response.method == "INVITE":
            self._send(self._acks[response.branch])
            return
        if waiting is None or waiting.answer.done():
            return
        waiting.is_underway = True
        if is_final and response.method == "INVITE" and response.code >= 300:  # noqa: PLR2004
            self._acknowledge_refusal(waiting.request, response)
        if waiting.on_response is not None:
            waiting.on_response(waiting.request, response)
        if is_final:
            waiting.answer.set_result(response)

    def _acknowledge_refusal(self, invite: Message, response: Message) -> None:
        kept = [each for each in invite.headers if each[0] in {"Via", "Max-Forwards", "From", "Call-ID", "Route"}]
        headers = [*kept, ("To", response.get("to")), ("CSeq", f"{invite.cseq} ACK")]
        self._acks[invite.branch] = Message(f"ACK {invite.uri} SIP/2.0", headers).encode()
        self._send(self._acks[invite.branch])

    def acknowledge(self, invite: Message, ack: Message) -> None:
        """Send the ACK to a 2xx, again whenever the 2xx comes again."""
        self._stamp(ack)
        self._acks[invite.branch] = ack.encode()
        self._send(self._acks[invite.branch])

    async def request(
        self,
        message: Message,
        *,
        branch: str | None = None,
        on_response: OnResponse | None = None,
        seconds: float = 8.0,
    ) -> Message:
        """Send a request and return its final answer; ``branch`` is given for a CANCEL only.

        Raises PhoneTimeoutError when no answer came within ``seconds``. An INVITE that was answered
        provisionally waits as long as it rings.
        """
        self._stamp(message, branch)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(message, loop.create_future(), on_response)
        key = (message.branch, message.method)
        self._waiting[key] = waiting
        data, pause, deadline = message.encode(), T1, loop.time() + seconds
        try:
            while True:
                rings = message.method == "INVITE" and waiting.is_underway
                if not rings:
                    self._send(data)
                timeout = None if rings else min(pause, deadline - loop.time())
                done, _ = await asyncio.wait({waiting.answer}, timeout=timeout)
                if done:
                    return waiting.answer.result()
                pause = min(2 * pause, T2)
                if loop.time() >= deadline and not (message.method == "INVITE" and waiting.is_underway):
                    raise PhoneTimeoutError(f"{self.host}:{self.port}: no answer to {message.start} in {seconds} s")
        finally:
            self._waiting.pop(key)

    def respond(self, request: Message, response: Message) -> None:
        """Answer a request, and again should it come again."""
        data = response.encode()
        self._served[request.branch, request.method] = data
        self._send(data)

    def repeat(self, request: Message) -> None:
        """Send the last answer to this request once more."""
        self._send(self._served[request.branch, request.method])

    def _stamp(self, message: Message, branch: str | None = None) -> None:
        via = f"SIP/2.0/UDP {self.host}:{self.port};branch={branch or f'z9hG4bK{token(16)}'};rport"
        message.headers.insert(0, ("Via", via))

    def _send(self, data: bytes) -> None:
        if self.carry is None:
            self._deliver(data)
        else:
            self.carry(lambda: self._deliver(data))

    def _deliver(self, data: bytes) -> None:
        if data and not self.deaf and self._transport is not None and not self.is_closed:
            self._transport.sendto(data, self._server)

    @property
    def is_closed(self) -> bool:
        """Whether the port was given back."""
        return self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        """Give the port back."""
        if self._transport is not None:
            self._transport.close()
