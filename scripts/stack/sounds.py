"""The sentences that callers hear: spoken by espeak-ng until somebody records them.

A recording of a person's goes to ``STATE/sounds/recorded/NAME.wav`` (8 kHz, 16 bit, mono) and is used from the
next start on; what is generated lies in ``STATE/sounds/``.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import subprocess
import wave
from array import array
from pathlib import Path
from typing import Final

from scripts.stack import StackError

SENTENCES: Final = {
    # SOP VI "Izin Menunggu", for callers whom no desk could answer yet
    "mohon-tunggu": "Call Center 110 Polri. Mohon ditunggu sebentar.",
}
RATE: Final = 8000


def provide(folder: Path, espeak: Path) -> None:
    """Make sure that every sentence is there as ``folder/NAME.wav``.

    Raises:
        StackError: it cannot be spoken, or a recording is of the wrong kind.
    """
    for name, text in SENTENCES.items():
        target, recorded = folder / f"{name}.wav", folder / "recorded" / f"{name}.wav"
        mark = folder / f"{name}.spoken"
        if recorded.exists():
            _check(recorded)
            mark.unlink(missing_ok=True)  # when the recording is taken away, the sentence is spoken anew
            shutil.copyfile(recorded, target)
            continue
        wanted = hashlib.sha256(text.encode()).hexdigest()
        if target.exists() and mark.exists() and mark.read_text() == wanted:
            continue
        mark.unlink(missing_ok=True)
        _speak(espeak, text, target)
        mark.write_text(wanted)


def _check(path: Path) -> None:
    try:
        with wave.open(str(path), "rb") as file:
            kind = (file.getframerate(), file.getsampwidth(), file.getnchannels())
    except (wave.Error, EOFError, OSError) as error:
        raise StackError(f"{path} is not a WAV file: {error}") from None
    if kind != (RATE, 2, 1):
        raise StackError(f"{path} must have 8000 Hz, 16 bit and one channel")


def _speak(espeak: Path, text: str, target: Path) -> None:
    raw = target.with_suffix(".raw.wav")
    done = subprocess.run(
        [espeak, "-v", "id", "-s", "150", "-w", raw, text], capture_output=True, text=True, check=False
    )
    if done.returncode or not raw.exists():
        raise StackError(f"espeak-ng cannot speak: {done.stderr.strip() or done.returncode}")
    try:
        with wave.open(str(raw), "rb") as file:
            rate, samples = file.getframerate(), array("h", file.readframes(file.getnframes()))
    except (wave.Error, EOFError, ValueError) as error:
        raise StackError(f"espeak-ng spoke nothing that can be used: {error}") from None
    finally:
        raw.unlink()
    with wave.open(str(target), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(resampled(samples, rate).tobytes())


def resampled(samples: array[int], rate: int) -> array[int]:
    """The samples at 8 kHz, without what lies above 3.6 kHz (a windowed sinc, 1.5 ms a side)."""
    cutoff = 2 * 3600 / rate
    reach = 12 * rate // RATE
    taps = {}
    out = array("h")
    for n in range(int(len(samples) * RATE / rate)):
        at = n * rate / RATE
        centre = int(at)
        phase = round((at - centre) * 64)
        if phase not in taps:
            taps[phase] = [_tap(k - phase / 64, cutoff, reach) for k in range(-reach, reach + 1)]
        first = centre - reach
        window = samples[max(0, first) : centre + reach + 1]
        kernel = taps[phase][max(0, -first) :]
        value = sum(a * b for a, b in zip(window, kernel, strict=False))
        out.append(max(-32768, min(32767, round(value))))
    return out


def _tap(x: float, cutoff: float, reach: int) -> float:
    if abs(x) > reach:
        return 0.0
    window = 0.5 + 0.5 * math.cos(math.pi * x / (reach + 1))
    angle = math.pi * cutoff * x
    return cutoff * window * (math.sin(angle) / angle if angle else 1.0)
