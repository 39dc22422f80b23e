"""One end of a talk: an RTP socket that plays a tone and keeps what it hears."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Self, cast

from scripts.phones import g711, keys, tones
from scripts.phones.events import PhoneEndedError, PhoneTimeoutError
from scripts.phones.keys import KeyPress

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

    ``hz`` is the tone it plays from ``talk_to`` on, 0: silence, None: nothing is sent. Everything received is kept, in
    order of arrival: sound in ``packets``, keys that the other side pressed in ``keys``.
    """

    def __init__(self, hz: float | None) -> None:
        """Not open yet: use ``await Audio.open(host, hz)``, or ``bind``."""
        self.hz = hz
        self.packets: list[Packet] = []
        self.keys: list[KeyPress] = []
        self.sent = 0
        self.carry: Callable[[Callable[[], None]], None] | None = None
        """What takes each datagram, in either direction, and delivers it or not; None: the network is good."""
        self._frames = [] if hz is None else _frames(hz)
        self._transport: asyncio.DatagramTransport | None = None
        self._player: asyncio.Task[None] | None = None
        self._target = ("", 0)
        self._slots: deque[keys.Slot] = deque()
        self._source, self._sequence = random.getrandbits(32), random.getrandbits(15)
        self._timestamp, self._key_began, self._key_heard = 0, 0, -1
        self._hushed_at: float | None = None
        self._is_closed = False
        self._heard = asyncio.Event()
        self.host, self.port = "", 0

    @classmethod
    async def open(cls, host: str, hz: float | None) -> Self:
        """Bind an even free port at ``host``; OSError when there is none."""
        audio = cls(hz)
        await audio.bind(host)
        return audio

    async def bind(self, host: str) -> None:
        """Bind an even free port at ``host``; OSError when there is none."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, sock=_even_socket(host))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is bound."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        if self._is_closed:  # a call came as its phone left
            self._transport.close()
        self.host, self.port = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:  # noqa: ARG002 -- asyncio's signature
        """Take in what came."""
        if self.carry is None:
            self._receive(data)
        else:
            self.carry(lambda: self._receive(data))

    def _receive(self, data: bytes) -> None:
        """Keep an RTP packet that carries PCMA or a key press; comfort noise and RTCP are neither."""
        if len(data) < _HEADER.size:
            return
        first, kind, sequence, timestamp, _source = _HEADER.unpack_from(data)
        if first >> 6 != 2 or kind & 0x7F not in {_PCMA, keys.KIND}:  # noqa: PLR2004 -- RTP's version
            return
        payload = data[_HEADER.size + 4 * (first & 0x0F) :]
        now = asyncio.get_running_loop().time()
        if kind & 0x7F == _PCMA:
            self.packets.append(Packet(now, sequence, timestamp, payload))
        elif (key := keys.released(payload)) and timestamp != self._key_heard:
            self._key_heard = timestamp
            self.keys.append(KeyPress(now, *key))
        self._heard.set()
        self._heard = asyncio.Event()

    def talk_to(self, host: str, port: int) -> None:
        """Play the tone to this address from now on; a second call only changes the address."""
        self._target = (host, port)
        if self._player is None:
            self._player = asyncio.create_task(self._play())

    def play(self, hz: float) -> None:
        """Play another tone from now on; 0: silence, which is sent as well."""
        self.hz, self._frames = hz, _frames(hz)

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        if self._hushed_at is not None:  # the clock of the stream ran on meanwhile
            self._timestamp += round((start - self._hushed_at) * 50) * FRAME
        for number in range(1 << 30):
            if self._transport is None or self._transport.is_closing():
                return
            if self._slots:
                self._send_keys(self._slots.popleft())
            elif self._frames:
                self._send(_PCMA, self._timestamp, self._frames[number % len(self._frames)])
                self.sent += 1
            self._timestamp += FRAME
            # Against the clock, not after each other: frames late by scheduling are caught up. Not so keys: nobody
            # presses faster for having been late, and Asterisk drops keys that come in a burst.
            late = loop.time() - (start + 0.02 * (number + 1))
            if late > 0 and self._slots:
                start, late = start + late, 0.0
            await asyncio.sleep(max(0.0, -late))

    def _send_keys(self, slot: keys.Slot) -> None:
        if slot.begins:
            self._key_began = self._timestamp
        for payload in slot.payloads:
            self._send(keys.KIND | (0x80 if slot.begins else 0), self._key_began, payload)
        if slot.done is not None and not slot.done.done():
            slot.done.set_result(True)

    def _send(self, kind: int, timestamp: int, payload: bytes) -> None:
        header = _HEADER.pack(0x80, kind, self._sequence & 0xFFFF, timestamp & 0xFFFFFFFF, self._source)
        self._sequence += 1
        packet = header + payload
        if self.carry is None:
            self._deliver(packet)
        else:
            self.carry(lambda: self._deliver(packet))

    def _deliver(self, packet: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(packet, self._target)

    async def press(self, pressed: str) -> None:
        """Press keys, 80 ms each with 60 ms between, in place of the tone; returns when the last was released.

        ValueError for what is no key; PhoneEndedError when nobody is talked to, or no longer.
        """
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        slots = list(keys.slots(pressed, done))
        if self._player is None:
            raise PhoneEndedError(f"nobody to press {pressed!r} for")
        self._slots.extend(slots)
        if not await done:
            raise PhoneEndedError(f"the talk ended while {pressed!r} was pressed")

    def hush(self) -> None:
        """Stop playing; listening goes on."""
        if self._player is not None:
            self._player.cancel()
            self._player = None
            self._hushed_at = asyncio.get_running_loop().time()
        for slot in self._slots:
            if slot.done is not None and not slot.done.done():
                slot.done.set_result(False)
        self._slots.clear()

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

    async def wait_for_keys(self, pressed: str, *, seconds: float = 5.0) -> None:
        """Return once the keys ``pressed`` came, in this order and last; PhoneTimeoutError after ``seconds``."""

        def came() -> str:
            return "".join(press.key for press in self.keys)

        await self.until(lambda: came().endswith(pressed), seconds, lambda: f"keys {pressed!r}, only {came()!r}")

    async def until(self, condition: Callable[[], bool], seconds: float, what: Callable[[], str]) -> None:
        """Return once ``condition()`` holds, looked at after each packet; PhoneTimeoutError with no ``what()``."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    await self._heard.wait()
        except TimeoutError:
            raise PhoneTimeoutError(f"no {what()} within {seconds} s") from None

    def close(self) -> None:
        """Stop playing and give the port back, also one that is only now being bound."""
        self._is_closed = True
        self.hush()
        if self._transport is not None:
            self._transport.close()


@lru_cache(maxsize=64)
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
