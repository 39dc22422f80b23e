"""The sounds that callers and operators hear: spoken by espeak-ng or computed, until somebody records them.

The sentences are in ``asterisk_conf/sounds.toml``, the tones and the music in ``scripts/stack/synthesis.py``. A
recording of a person's goes to ``STATE/sounds/recorded/NAME.wav`` (8 kHz, 16 bit, mono) and is used from the next
start on; what is generated lies in ``STATE/sounds/``.
"""

from __future__ import annotations

import filecmp
import hashlib
import math
import os
import re
import shutil
import subprocess
import tomllib
import wave
from array import array
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Final

from scripts.stack import StackError, synthesis
from scripts.stack.family import WITH_US

CATALOGUE: Final = Path(__file__).parents[2] / "asterisk_conf" / "sounds.toml"
RATE: Final = synthesis.RATE

SPEEDS: Final = {"caller": 170, "operator": 180, "number": 180}
"""The catalogue's groups, and how many words a minute each is spoken with."""

_PRONUNCIATION: Final = "pronunciation"
_NAME: Final = re.compile(r"[a-z0-9-]+")
_RECIPE: Final = "2"
"""Raise it when sentences are spoken otherwise: each is spoken anew."""

_QUIET: Final = 150
"""No sample of a pause is louder (of 32767)."""
_MARGIN_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the catalogue: as it is written, as espeak-ng must be told it, and in words a minute."""

    text: str
    spoken: str
    speed: int


@dataclass(frozen=True, slots=True)
class Maker:
    """How a sound is generated, and in which way: when that changes, it is generated anew."""

    recipe: str
    make: Callable[[], array[int]]

    @property
    def mark(self) -> str:
        """What is kept beside the sound to tell."""
        return hashlib.sha256(self.recipe.encode()).hexdigest()


def provide(folder: Path, espeak: Path, catalogue: Path = CATALOGUE) -> str:
    """Make sure that every sound is there as ``folder/NAME.wav``.

    Returns:
        Which recordings nobody will hear, in one sentence; empty: none.

    Raises:
        StackError: the catalogue is wrong, a sentence cannot be spoken, or a recording is of the wrong kind.
    """
    sentences = read_catalogue(catalogue)
    makers = {
        **{name: _speaker(espeak, sentence, folder / f"{name}.spoken") for name, sentence in sentences.items()},
        **{name: Maker(f"{synthesis.RECIPE} {name}", make) for name, make in synthesis.SOUNDS.items()},
    }
    missing: list[tuple[Path, Maker]] = []
    for name, maker in makers.items():
        target, recorded, mark = folder / f"{name}.wav", folder / "recorded" / f"{name}.wav", folder / f"{name}.made"
        if recorded.exists():
            _check(recorded)
            mark.unlink(missing_ok=True)  # when the recording is taken away, the sound is made anew
            if not (target.exists() and filecmp.cmp(recorded, target, shallow=False)):
                shutil.copyfile(recorded, target)
        elif not (target.exists() and mark.exists() and mark.read_text() == maker.mark):
            mark.unlink(missing_ok=True)
            missing.append((target, maker))
    _make_all(missing)
    return _unused(folder / "recorded", set(makers))


def spoken(espeak: Path, text: str, raw: Path) -> array[int]:
    """The samples of a sentence that is not in the catalogue; ``raw`` is a file that may be used meanwhile.

    Raises:
        StackError: it cannot be spoken.
    """
    groups = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))
    words = " " + _respelled(text, groups.get(_PRONUNCIATION, {}))  # the blank: no text is an option of espeak-ng's
    return _speak(espeak, Sentence(text, words, SPEEDS["caller"]), raw)


def _speaker(espeak: Path, sentence: Sentence, raw: Path) -> Maker:
    return Maker(f"{_RECIPE} {sentence.speed} {sentence.spoken}", partial(_speak, espeak, sentence, raw))


def _make_all(missing: list[tuple[Path, Maker]]) -> None:
    """Side by side: one sentence is resampled while espeak-ng speaks the next."""
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    try:
        for made in [pool.submit(_make, target, maker) for target, maker in missing]:
            made.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _make(target: Path, maker: Maker) -> None:
    samples = maker.make()
    with wave.open(str(target), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    target.with_suffix(".made").write_text(maker.mark)


def _check(path: Path) -> None:
    try:
        with wave.open(str(path), "rb") as file:
            kind = (file.getframerate(), file.getsampwidth(), file.getnchannels())
    except (wave.Error, EOFError, OSError) as error:
        raise StackError(f"{path} is not a WAV file: {error}") from None
    if kind != (RATE, 2, 1):
        raise StackError(f"{path} must have 8000 Hz, 16 bit and one channel")


def _unused(recorded: Path, names: set[str]) -> str:
    known = {f"{name}.wav" for name in names}
    found = [path.name for path in recorded.glob("*") if not path.name.startswith(".")]
    unused = sorted(set(found) - known)
    return f"no sound has the name of these files in {recorded}: {', '.join(unused)}" if unused else ""


# ---- the catalogue


def read_catalogue(path: Path = CATALOGUE) -> dict[str, Sentence]:
    """The sentences by the names of their sounds.

    Raises:
        StackError: it cannot be read, or which key of it is wrong, and why.
    """
    try:
        groups = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StackError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # no TOML, a key twice in a group, or no UTF-8
        raise StackError(f"{path}: {error}") from None
    for group, entries in groups.items():
        if group not in (*SPEEDS, _PRONUNCIATION):
            raise StackError(f"{path}: {group}: unknown key, sentences are under {', '.join(SPEEDS)}")
        if not isinstance(entries, dict):
            raise StackError(f"{path}: {group}: must be a table")
        for key, text in entries.items():
            if not isinstance(text, str) or not text.strip():
                raise StackError(f"{path}: {group}.{key}: must be a text that is not empty")
    return _sentences(path, groups)


def _sentences(path: Path, groups: Mapping[str, Mapping[str, str]]) -> dict[str, Sentence]:
    words = groups.get(_PRONUNCIATION, {})
    sentences: dict[str, Sentence] = {}
    for group, speed in SPEEDS.items():
        for name, text in groups.get(group, {}).items():
            if not _NAME.fullmatch(name):
                raise StackError(f"{path}: {group}.{name}: a name has small letters a-z, digits and '-' only")
            if name in sentences or name in synthesis.SOUNDS:
                raise StackError(f"{path}: {group}.{name}: there is another sound of this name")
            sentences[name] = Sentence(text, _respelled(text, words), speed)
    return sentences


def _respelled(text: str, words: Mapping[str, str]) -> str:
    return re.sub(r"\w+", lambda word: words.get(word[0], word[0]), text)


# ---- speaking


def _speak(espeak: Path, sentence: Sentence, raw: Path) -> array[int]:
    command = [*WITH_US, str(espeak), "-v", "id", "-s", str(sentence.speed), "-w", str(raw), sentence.spoken]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not raw.exists():
            raise StackError(f"espeak-ng cannot speak: {done.stderr.strip() or done.returncode}")
        with wave.open(str(raw), "rb") as file:
            rate, samples = file.getframerate(), array("h", file.readframes(file.getnframes()))
    except (wave.Error, EOFError, ValueError) as error:
        raise StackError(f"espeak-ng spoke nothing that can be used: {error}") from None
    finally:
        raw.unlink(missing_ok=True)
    speech = trimmed(samples, rate)
    if not speech:
        raise StackError(f"espeak-ng spoke nothing that can be used: silence for {sentence.spoken!r}")
    return resampled(speech, rate)


def trimmed(samples: array[int], rate: int) -> array[int]:
    """With 50 ms of pause before the first sound and after the last, and empty if there is none."""
    first = next((n for n, value in enumerate(samples) if abs(value) > _QUIET), None)
    if first is None:
        return array("h")
    last = next(n for n in range(len(samples) - 1, -1, -1) if abs(samples[n]) > _QUIET)
    margin = round(_MARGIN_SECONDS * rate)
    pause = array("h", bytes(2 * margin))
    return (pause + samples + pause)[first : last + 1 + 2 * margin]


# ---- resampling

_ONE: Final = 1 << 14
"""1.0 as a tap; with it, no sum of products leaves its lane."""
_ZERO: Final = 1 << 31
"""0 as a sum: half a lane, because lanes have no sign."""
_SILENCE: Final = 1 << 15
"""0 as a sample, for the same reason."""


def resampled(samples: array[int], rate: int) -> array[int]:
    """The samples at 8 kHz, without what lies above 3.6 kHz (a windowed sinc, 1.5 ms a side).

    Every ``up``-th sample of the result lies at the same place between its neighbours, so it has the same taps.
    All of these are computed at once: long integers of 32-bit lanes, one for each sample, which Python multiplies
    by a tap and adds up in C, four times as fast as one sample after the other.
    """
    up, down = RATE // math.gcd(rate, RATE), rate // math.gcd(rate, RATE)
    length = len(samples) * up // down
    lanes = length // up + 1
    reach = 12 * rate // RATE
    padded = array("I", [_SILENCE]) * reach
    padded.extend([value + _SILENCE for value in samples])
    padded.extend(array("I", [_SILENCE]) * max(0, (lanes + 1) * down + 2 * reach + 1 - len(padded)))
    columns = [int.from_bytes(padded[first::down].tobytes(), "little") for first in range(down)]
    ones = int.from_bytes(b"\1\0\0\0" * lanes, "little")
    mask = (1 << 32 * lanes) - 1
    out = array("h", bytes(2 * lanes * up))
    for phase, taps in enumerate(_kernels(rate)):
        total = ones * (_ZERO - _SILENCE * sum(taps) + _ONE // 2)
        for at, tap in enumerate(taps, phase * down // up):
            row, column = divmod(at, down)
            total += tap * (columns[column] >> 32 * row)
        sums = array("I", (total & mask).to_bytes(4 * lanes, "little"))
        out[phase::up] = array("h", [max(-32768, min(32767, (each - _ZERO) // _ONE)) for each in sums])
    return out[:length]


@cache
def _kernels(rate: int) -> list[list[int]]:
    """The taps for each place that a sample of the result can have between two samples of ``rate``."""
    up, down = RATE // math.gcd(rate, RATE), rate // math.gcd(rate, RATE)
    cutoff = 2 * 3600 / rate
    reach = 12 * rate // RATE
    places = [phase * down % up / up for phase in range(up)]
    return [[round(_ONE * _tap(k - place, cutoff, reach)) for k in range(-reach, reach + 1)] for place in places]


def _tap(x: float, cutoff: float, reach: int) -> float:
    if abs(x) > reach:
        return 0.0
    window = 0.5 + 0.5 * math.cos(math.pi * x / (reach + 1))
    angle = math.pi * cutoff * x
    return cutoff * window * (math.sin(angle) / angle if angle else 1.0)
