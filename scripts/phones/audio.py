"""One end of a talk: an RTP socket that plays a tone and keeps what it hears."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from array import array
from dataclasses import dataclass
from typing import Self, cast

from scripts.phones import g711, tones

FRAME = 160
"""Samples in one packet: 20 ms."""

_PCMA = 8
_HEADER = struct.Struct("!BBHII")


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet as it came; ``at`` is the event loop's time in seconds."""

    at: float
    sequence: int
    timestamp: int
    payload: bytes


class Audio(asyncio.DatagramProtocol):
    """An RTP end point for PCMA in 20 ms frames.

    ``hz`` is the tone it plays from ``talk_to`` on. Everything received is kept, in order of arrival.
    """

    def __init__(self, hz: float) -> None:
        """Not open yet: use ``await Audio.open(host, hz)``."""
        self.hz = hz
        self.packets: list[Packet] = []
        self.sent = 0
        self._frames = _frames(hz)
        self._transport: asyncio.DatagramTransport | None = None
        self._player: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()
        self.host, self.port = "", 0

    @classmethod
    async def open(cls, host: str, hz: float) -> Self:
        """Bind an even free port at ``host``; OSError when there is none."""
        loop = asyncio.get_running_loop()
        _transport, audio = await loop.create_datagram_endpoint(lambda: cls(hz), sock=_even_socket(host))
        return audio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is bound."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.host, self.port = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:  # noqa: ARG002 -- asyncio's signature
        """Keep an RTP packet that carries PCMA; comfort noise, key presses and RTCP are not audio."""
        if len(data) < _HEADER.size:
            return
        first, kind, sequence, timestamp, _source = _HEADER.unpack_from(data)
        if first >> 6 != 2 or kind & 0x7F != _PCMA:  # noqa: PLR2004 -- RTP's version
            return
        payload = data[_HEADER.size + 4 * (first & 0x0F) :]
        self.packets.append(Packet(asyncio.get_running_loop().time(), sequence, timestamp, payload))
        self._heard.set()
        self._heard = asyncio.Event()

    def talk_to(self, host: str, port: int) -> None:
        """Play the tone to this address from now on; a second call only changes the address."""
        if self._player is not None:
            self._player.cancel()
        self._player = asyncio.create_task(self._play(host, port))

    async def _play(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        source, sequence = random.getrandbits(32), random.getrandbits(15)
        start = loop.time()
        for number in range(1 << 30):
            if self._transport is None or self._transport.is_closing():
                return
            header = _HEADER.pack(0x80, _PCMA, (sequence + number) & 0xFFFF, (FRAME * number) & 0xFFFFFFFF, source)
            self._transport.sendto(header + self._frames[number % len(self._frames)], (host, port))
            self.sent += 1
            # Against the clock, not after each other: frames late by scheduling are caught up.
            await asyncio.sleep(max(0.0, start + 0.02 * (number + 1) - loop.time()))

    def hush(self) -> None:
        """Stop playing; listening goes on."""
        if self._player is not None:
            self._player.cancel()
            self._player = None

    @property
    def samples(self) -> array[int]:
        """All received samples, in order of arrival."""
        return self.samples_since(0.0)

    def samples_since(self, at: float) -> array[int]:
        """The samples of packets that came at or after the event loop's time ``at``."""
        return g711.decode(b"".join(packet.payload for packet in self.packets if packet.at >= at))

    def hears(self, hz: int, *, since: float = 0.0) -> float:
        """For how many seconds the tone ``hz`` was received since the event loop's time ``since``."""
        return tones.seconds_of(self.samples_since(since), hz)

    async def wait_to_hear(
        self, hz: int, *, for_seconds: float = 0.3, since: float = 0.0, seconds: float = 5.0
    ) -> None:
        """Return once ``hz`` was received for ``for_seconds`` in all; TimeoutError after ``seconds``."""
        async with asyncio.timeout(seconds):
            while self.hears(hz, since=since) < for_seconds:
                for _ in range(5):  # judge every 100 ms, not every packet
                    await self._heard.wait()

    def close(self) -> None:
        """Stop playing and give the port back."""
        self.hush()
        if self._transport is not None:
            self._transport.close()


def _frames(hz: float) -> list[bytes]:
    """One second of the tone as payloads; a whole number of hertz repeats seamlessly."""
    codes = g711.encode(tones.tone(hz, 1.0))
    return [codes[first : first + FRAME] for first in range(0, len(codes), FRAME)]


def _even_socket(host: str) -> socket.socket:
    """RTP lives on even ports (RFC 3550, 11)."""
    while True:
        candidate = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        candidate.bind((host, 0))
        if candidate.getsockname()[1] % 2 == 0:
            candidate.setblocking(False)
            return candidate
        candidate.close()
