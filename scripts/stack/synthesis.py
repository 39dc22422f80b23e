"""The sounds that are not speech, computed from their notes: nobody else has rights in them.

All are 8 kHz, 16 bit, mono, and given as samples.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import add
from typing import Final

RATE: Final = 8000
RECIPE: Final = "1"
"""Raise it when a sound changes: what an older recipe made is made anew."""

_FULL: Final = 32767

# ---- short sounds


def confirmation() -> array[int]:
    """Done as the operator asked: two short rising beeps, 180 ms in all."""
    gap = [0.0] * _length(0.03)
    return _samples([*_beep(784, 0.075), *gap, *_beep(1175, 0.075)], peak=0.3)


def refusal() -> array[int]:
    """A code that is unknown or not allowed: one low buzz of 350 ms.

    A telephone carries nothing under 300 Hz, so its overtones must do.
    """
    overtones = {number: 1 / number for number in range(1, 20, 2)}
    return _samples(_beep(155, 0.35, overtones), peak=0.3)


def permission() -> array[int]:
    """Speak, on the radio: three quick beeps, 150 ms in all."""
    gap = [0.0] * _length(0.015)
    return _samples([*_beep(910, 0.04), *gap, *_beep(910, 0.04), *gap, *_beep(910, 0.04)], peak=0.3)


def cut_off() -> array[int]:
    """Not heard any more, on the radio: three falling beeps, 600 ms in all."""
    gap = [0.0] * _length(0.05)
    return _samples([*_beep(880, 0.16), *gap, *_beep(660, 0.16), *gap, *_beep(440, 0.18)], peak=0.3)


def attention() -> array[int]:
    """Listen, on the radio: high and low by turns for one second, without a break between them."""
    quarter = _length(0.25)
    phase, wave = 0.0, []
    for hz in (1000, 750, 1000, 750):
        for _ in range(quarter):
            wave.append(math.sin(phase))
            phase += math.tau * hz / RATE
    return _samples(_faded(wave, _length(0.01)), peak=0.4)


def calling() -> array[int]:
    """An operator is being rung, on the radio: two rings, 1.1 s in all."""
    gap = [0.0] * _length(0.3)
    return _samples([*_beep(425, 0.4), *gap, *_beep(425, 0.4)], peak=0.3)


def unanswered() -> array[int]:
    """No operator has answered, on the radio: four short low beeps, 1.05 s in all."""
    gap = [0.0] * _length(0.15)
    beep = _beep(350, 0.15)
    return _samples([*beep, *gap, *beep, *gap, *beep, *gap, *beep], peak=0.3)


def waiting() -> array[int]:
    """Somebody who calls 110 waits, to an operator on the radio: low and high, twice, 500 ms in all."""
    gap = [0.0] * _length(0.06)
    knock = [*_beep(587, 0.11), *_beep(1319, 0.11)]
    return _samples([*knock, *gap, *knock], peak=0.3)


def _beep(hz: float, seconds: float, overtones: Mapping[int, float] | None = None) -> list[float]:
    return _faded(_wave(hz, _length(seconds), overtones or {1: 1.0}), _length(0.008))


# ---- hold music

BAR_SECONDS: Final = 2.5
STEPS: Final = 8
"""Plucked notes in a bar."""

_CHORDS: Final = (
    (60, 67, 72, 76),  # C
    (59, 67, 71, 74),  # G
    (57, 64, 72, 76),  # A minor
    (59, 67, 71, 76),  # E minor
    (57, 65, 69, 72),  # F
    (60, 64, 67, 72),  # C
    (62, 65, 69, 72),  # D minor 7
    (59, 62, 67, 74),  # G, which leads back to the first
)
"""One a bar, as MIDI notes from low to high."""

_FIGURES: Final = ((0, 1, 2, 3, 2, 1, 2, 1), (0, 2, 1, 3, 1, 2, 3, 2))
"""Which of the chord's notes each step plucks, bar by bar in turn."""

_MUSIC_LOUDNESS: Final = 0.1
"""-20 dB of full scale: under the voices, which it waits for."""


def music() -> array[int]:
    """Calm hold music of 20 s that goes on without a seam when it is repeated.

    Plucked chords over a bed of held notes that overlap, so that there is no pause in it: a caller who hears
    silence believes to have been cut off. What still sounds at the end is laid over the beginning.
    """
    bar = _length(BAR_SECONDS)
    total = len(_CHORDS) * bar
    mix = [0.0] * (total + 2 * bar)
    plucked, held = cache(_plucked), cache(_held)  # most notes come more than once
    for number, chord in enumerate(_CHORDS):
        start = number * bar
        for note in chord[:3]:
            _lay(mix, start, held(note))
        for step, which in enumerate(_FIGURES[number % len(_FIGURES)]):
            _lay(mix, start + step * bar // STEPS, plucked(chord[which]))
    _lay(mix, 0, mix[total:])
    piece = mix[:total]
    now = math.sqrt(sum(value * value for value in piece) / total)
    return array("h", [round(_FULL * _MUSIC_LOUDNESS / now * value) for value in piece])


def _lay(mix: list[float], start: int, sound: Sequence[float]) -> None:
    end = start + len(sound)
    mix[start:end] = map(add, mix[start:end], sound)


def _plucked(note: int) -> list[float]:
    wave = _wave(_hz(note), _length(1.5), {1: 1.0, 2: 0.25, 3: 0.08})
    fall = math.exp(-1 / (0.5 * RATE))
    level = 1.0
    for n, value in enumerate(wave):
        wave[n] = value * level
        level *= fall
    return _faded(wave, _length(0.03), _length(0.5))


def _held(note: int) -> list[float]:
    """For its bar and half a second into the next one."""
    wave = _wave(_hz(note), _length(BAR_SECONDS + 0.5), {1: 0.14, 2: 0.07})
    return _faded(wave, _length(0.4), _length(0.6))


def _hz(note: int) -> float:
    """The frequency of a MIDI note."""
    return 440 * 2 ** ((note - 69) / 12)


# ---- what they are made of


def _length(seconds: float) -> int:
    return round(seconds * RATE)


def _wave(hz: float, length: int, overtones: Mapping[int, float]) -> list[float]:
    step = math.tau * hz / RATE
    parts = [(step * number, loudness) for number, loudness in overtones.items()]
    return [sum([loudness * math.sin(each * n) for each, loudness in parts]) for n in range(length)]


def _faded(wave: list[float], rise: int, fall: int | None = None) -> list[float]:
    """With a soft beginning and a soft end, so that nothing clicks."""
    for n in range(rise):
        wave[n] *= 0.5 - 0.5 * math.cos(math.pi * n / rise)
    fall = rise if fall is None else fall
    for n in range(fall):
        wave[-1 - n] *= 0.5 - 0.5 * math.cos(math.pi * n / fall)
    return wave


def _samples(wave: Sequence[float], *, peak: float) -> array[int]:
    factor = _FULL * peak / max(map(abs, wave))
    return array("h", [round(factor * value) for value in wave])


SOUNDS: Final[Mapping[str, Callable[[], array[int]]]] = {
    "nada-ok": confirmation,
    "nada-salah": refusal,
    "musik": music,
    "perhatian": attention,
    "nada-bicara": permission,
    "nada-habis": cut_off,
    "nada-panggil": calling,
    "nada-tidak-dijawab": unanswered,
    "nada-ada-antrean": waiting,
}
"""What is made for each key."""
