"""G.711 A-law, both ways (ITU-T G.711); the standard library's ``audioop`` is gone from Python 3.13."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from functools import cache

RATE = 8000
"""Samples per second."""

SILENCE = b"\xd5"
"""A sample of nothing."""

_SEGMENT_ENDS = (0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF)


def _expand(code: int) -> int:
    code ^= 0x55
    value = (code & 0x0F) << 4
    segment = (code & 0x70) >> 4
    value += 8 if segment == 0 else 0x108
    if segment > 1:
        value <<= segment - 1
    return value if code & 0x80 else -value


def _compress(sample: int) -> int:
    value = sample >> 3
    mask = 0xD5
    if value < 0:
        mask, value = 0x55, -value - 1
    segment = bisect_left(_SEGMENT_ENDS, value)
    if segment >= len(_SEGMENT_ENDS):
        return 0x7F ^ mask
    return ((segment << 4) | ((value >> (1 if segment < 2 else segment)) & 0x0F)) ^ mask  # noqa: PLR2004 -- G.711 table 1a: the first two segments share one step


_DECODED = array("h", (_expand(code) for code in range(256)))


@cache
def _codes() -> bytes:
    return bytes(_compress(sample - 32768) for sample in range(65536))


def decode(payload: bytes) -> array[int]:
    """A-law bytes to 16-bit samples."""
    return array("h", (_DECODED[code] for code in payload))


def encode(samples: Iterable[int]) -> bytes:
    """16-bit samples to A-law bytes."""
    codes = _codes()
    return bytes(codes[sample + 32768] for sample in samples)
