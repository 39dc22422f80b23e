"""Tones: made, and found again in what was received."""

from __future__ import annotations

import math
import wave
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.phones import g711
from scripts.phones.g711 import RATE

BLOCK = 400
"""Samples judged together: 50 ms, so tones 20 Hz apart are told apart."""

_BESIDE = 15
"""Hz from a tone to the one beside it: caller and ringing tone are no farther apart."""

_QUIET = 200.0
"""Root mean square under which a block counts as silence (of 32767)."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch in which a tone was heard, in seconds from the first sample."""

    hz: int
    start: float
    end: float


def tone(hz: float, seconds: float, *, loudness: float = 0.25) -> array[int]:
    """A sine of ``hz`` as 16-bit samples at 8 kHz; ``loudness`` 1 is full scale."""
    step = 2 * math.pi * hz / RATE
    return array("h", (round(32767 * loudness * math.sin(step * n)) for n in range(int(seconds * RATE))))


def share(samples: Sequence[int], hz: float) -> float:
    """Which part of the samples' energy lies at ``hz``: 1 for a pure tone, 0 for none (Goertzel)."""
    energy = sum(sample * sample for sample in samples)
    if not samples or energy == 0:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * hz / RATE)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    power = before * before + last * last - coefficient * before * last
    return min(1.0, 2 * power / (energy * len(samples)))


def loudness(samples: Sequence[int]) -> float:
    """Root mean square of the samples."""
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples)) if samples else 0.0


def decode(payload: bytes) -> array[int]:
    """The samples of one PCMA packet."""
    return g711.decode(payload)


def is_loud(payload: bytes) -> bool:
    """Whether something can be heard in one PCMA packet."""
    return loudness(g711.decode(payload)) >= _QUIET


def heard(samples: Sequence[int], candidates: Sequence[int], *, least: float = 0.2) -> list[Span]:
    """When each candidate tone was heard; two that sound together are both found.

    ``least`` is the part of a block's energy a tone must have to count.
    """
    spans: list[Span] = []
    for hz in candidates:
        start: float | None = None
        for first in range(0, len(samples) - BLOCK + 1, BLOCK):
            block = samples[first : first + BLOCK]
            is_on = loudness(block) >= _QUIET and _stands_out(block, hz, least)
            if is_on and start is None:
                start = first / RATE
            elif not is_on and start is not None:
                spans.append(Span(hz, start, first / RATE))
                start = None
        if start is not None:
            spans.append(Span(hz, start, len(samples) // BLOCK * BLOCK / RATE))
    return sorted(spans, key=lambda span: span.start)


def _stands_out(block: Sequence[int], hz: int, least: float) -> bool:
    """Whether a tone has so much of the energy, and more than one beside it has.

    Of a tone that begins or ends in the block much lies at those beside it, too.
    """
    part = share(block, hz)
    return part >= least and part >= max(share(block, hz - _BESIDE), share(block, hz + _BESIDE))


def seconds_of(samples: Sequence[int], hz: int, *, least: float = 0.2) -> float:
    """For how many seconds a tone was heard in all."""
    return sum(span.end - span.start for span in heard(samples, [hz], least=least))


def likeness(received: Sequence[int], sent: Sequence[int]) -> float:
    """How much a stretch from the middle of ``received`` is what was sent: 1 the same, 0 nothing alike.

    The largest normalised correlation of 100 ms of the received samples over one second of the sent ones.
    """
    length = RATE // 10
    middle = len(received) // 2
    piece = received[middle : middle + length]
    if len(piece) < length or not any(piece):
        return 0.0
    norm = math.sqrt(sum(a * a for a in piece))
    best = 0.0
    for lag in range(min(RATE // 10, max(0, len(sent) - length))):
        other = sent[lag : lag + length]
        size = math.sqrt(sum(b * b for b in other))
        if size:
            best = max(best, sum(a * b for a, b in zip(piece, other, strict=True)) / (norm * size))
    return best


def read_wav(path: Path) -> list[array[int]]:
    """The samples of a 16-bit WAV file, one array for each audio channel."""
    with wave.open(str(path), "rb") as file:
        samples = array("h", file.readframes(file.getnframes()))
        channels = file.getnchannels()
    return [samples[number::channels] for number in range(channels)]
