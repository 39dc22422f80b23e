"""Key presses as RTP packets: telephone-event, RFC 4733."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

KEYS: Final = "0123456789*#ABCD"
"""Every key; its place is its code on the wire."""

KIND: Final = 101
"""The RTP payload type."""

FRAME: Final = 160
_DOWN, _UP = 4, 3
"""Frames of 20 ms that a key is held down, and until the next one."""
_VOLUME: Final = 10
_END: Final = 0x80
_PAYLOAD: Final = struct.Struct("!BBH")


@dataclass(frozen=True, slots=True)
class KeyPress:
    """A key that was pressed and released; ``at`` is the event loop's time, ``seconds`` how long it was down."""

    at: float
    key: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Slot:
    """What goes out in one frame's time instead of voice; ``begins`` a key, and with ``done`` ends the last one."""

    payloads: tuple[bytes, ...] = ()
    begins: bool = False
    done: asyncio.Future[bool] | None = None


def slots(keys: str, done: asyncio.Future[bool]) -> Iterable[Slot]:
    """Each key for 80 ms and 60 ms of silence after it; ValueError for what is no key."""
    unknown = sorted(set(keys.upper()) - set(KEYS))
    if unknown or not keys:
        raise ValueError(f"no keys: {keys!r}")
    for key in keys.upper():
        for frame in range(1, _DOWN):
            yield Slot((_payload(key, frame * FRAME),), begins=frame == 1)
        # The end is said three times, should a packet be lost.
        yield Slot((_payload(key, _DOWN * FRAME, _END),) * 3)
        yield from [Slot()] * _UP
    yield Slot(done=done)


def _payload(key: str, duration: int, flags: int = 0) -> bytes:
    return _PAYLOAD.pack(KEYS.index(key), flags | _VOLUME, duration)


def released(payload: bytes) -> tuple[str, float] | None:
    """The key and for how many seconds it was down, when this packet says that it was released."""
    if len(payload) < _PAYLOAD.size:
        return None
    code, flags, duration = _PAYLOAD.unpack_from(payload)
    return (KEYS[code], duration / 8000) if flags & _END and code < len(KEYS) else None
