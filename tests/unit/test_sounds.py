"""The sentences: spoken once, made fit for the telephone, and replaced by a person's recording."""

from __future__ import annotations

import math
import wave
from array import array
from pathlib import Path

import pytest

from scripts.phones import tones
from scripts.stack import StackError, sounds
from scripts.stack.sounds import RATE, SENTENCES, provide, resampled

NAME = next(iter(SENTENCES))


def tone(hz: float, rate: int, *, seconds: float = 0.5, loudness: float = 0.5) -> array[int]:
    step = 2 * math.pi * hz / rate
    return array("h", (round(32767 * loudness * math.sin(step * n)) for n in range(int(seconds * rate))))


def write_wav(path: Path, samples: array[int], *, rate: int = RATE, width: int = 2, channels: int = 1) -> Path:
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path


def speaker(path: Path, raw: Path) -> Path:
    """A stand-in for espeak-ng that "speaks" a file, counts, and does as it is called: -w FILE is the fifth word."""
    path.write_text(f'#!/bin/sh\necho "$7" >> "{path}.said"\n[ -f "{raw}" ] && exec cp "{raw}" "$6"\nexit 0\n')
    path.chmod(0o755)
    return path


def said(espeak: Path) -> list[str]:
    log = espeak.with_name(f"{espeak.name}.said")
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


# ---- resampling


@pytest.mark.parametrize("rate", [11025, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("hz", [300, 1000, 3000])
def test_speech_is_kept(rate: int, hz: int) -> None:
    samples = resampled(tone(hz, rate), rate)
    assert RATE // 2 - 1 <= len(samples) <= RATE // 2
    middle = samples[400:-400]
    assert tones.share(middle, hz) > 0.999
    assert tones.loudness(middle) == pytest.approx(0.5 * 32767 / math.sqrt(2), rel=0.03)


@pytest.mark.parametrize("rate", [11025, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("hz", [4500, 5000])
def test_what_a_telephone_cannot_carry_is_removed(rate: int, hz: int) -> None:
    """It would come back as a whistle at 8000 - hz."""
    middle = resampled(tone(hz, rate), rate)[400:-400]
    assert tones.loudness(middle) < 0.01 * 0.5 * 32767 / math.sqrt(2)


def test_same_rate_and_little() -> None:
    assert tones.share(resampled(tone(1000, RATE), RATE)[400:-400], 1000) > 0.999
    assert resampled(array("h"), 22050) == array("h")
    assert len(resampled(array("h", [1000]), 22050)) == 0
    assert len(resampled(array("h", [1000] * 3), 22050)) == 1


def test_too_loud_is_cut_and_not_wrapped() -> None:
    square = array("h", [32767 if n // 20 % 2 else -32768 for n in range(4000)])
    samples = resampled(square, 22050)
    assert max(samples) == 32767
    assert min(samples) == -32768


# ---- the sentences


def test_spoken_once(tmp_path: Path) -> None:
    espeak = speaker(tmp_path / "espeak", write_wav(tmp_path / "raw.wav", tone(1000, 22050), rate=22050))
    folder = tmp_path / "sounds"
    folder.mkdir()
    provide(folder, espeak)
    provide(folder, espeak)
    assert said(espeak) == list(SENTENCES.values())
    (samples,) = tones.read_wav(folder / f"{NAME}.wav")
    assert tones.share(samples[400:-400], 1000) > 0.999
    ours = {name + end for name in SENTENCES for end in (".wav", ".spoken")}
    assert {path.name for path in folder.iterdir()} == ours


def test_spoken_anew_when_it_changes_or_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    espeak = speaker(tmp_path / "espeak", write_wav(tmp_path / "raw.wav", tone(1000, 22050), rate=22050))
    folder = tmp_path / "sounds"
    folder.mkdir()
    provide(folder, espeak)
    (folder / f"{NAME}.wav").unlink()
    provide(folder, espeak)
    monkeypatch.setattr(sounds, "SENTENCES", {NAME: "Lain."})
    provide(folder, espeak)
    provide(folder, espeak)
    assert said(espeak) == [SENTENCES[NAME], SENTENCES[NAME], "Lain."]


def test_the_recording_wins_and_goes_again(tmp_path: Path) -> None:
    espeak = speaker(tmp_path / "espeak", write_wav(tmp_path / "raw.wav", tone(1000, 22050), rate=22050))
    folder = tmp_path / "sounds"
    folder.mkdir()
    provide(folder, espeak)
    recorded = write_wav(folder / "recorded" / f"{NAME}.wav", tone(440, RATE))
    provide(folder, espeak)
    assert (folder / f"{NAME}.wav").read_bytes() == recorded.read_bytes()
    assert recorded.exists()
    assert len(said(espeak)) == 1
    recorded.unlink()
    provide(folder, espeak)
    (samples,) = tones.read_wav(folder / f"{NAME}.wav")
    assert tones.share(samples[400:-400], 1000) > 0.999


@pytest.mark.parametrize(("rate", "width", "channels"), [(16000, 2, 1), (8000, 1, 1), (8000, 2, 2)])
def test_a_recording_of_the_wrong_kind(tmp_path: Path, rate: int, width: int, channels: int) -> None:
    recorded = write_wav(
        tmp_path / "recorded" / f"{NAME}.wav", tone(440, RATE), rate=rate, width=width, channels=channels
    )
    with pytest.raises(StackError, match="must have 8000 Hz, 16 bit and one channel") as refused:
        provide(tmp_path, tmp_path / "espeak")
    assert str(recorded) in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"ID3 and then an MP3"])
def test_a_recording_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "recorded").mkdir()
    (tmp_path / "recorded" / f"{NAME}.wav").write_bytes(content)
    with pytest.raises(StackError, match="is not a WAV file"):
        provide(tmp_path, tmp_path / "espeak")


def test_espeak_fails(tmp_path: Path) -> None:
    espeak = tmp_path / "espeak"
    espeak.write_text("#!/bin/sh\necho tidak bisa >&2\nexit 3\n")
    espeak.chmod(0o755)
    with pytest.raises(StackError, match="espeak-ng cannot speak: tidak bisa"):
        provide(tmp_path, espeak)
    with pytest.raises(StackError, match="espeak-ng cannot speak: 0"):
        provide(tmp_path, speaker(tmp_path / "silent", tmp_path / "nothing"))
    assert not (tmp_path / f"{NAME}.wav").exists()


@pytest.mark.parametrize("content", [b"", b"RIFF"])
def test_espeak_speaks_nonsense(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "raw").write_bytes(content)
    with pytest.raises(StackError, match="spoke nothing that can be used"):
        provide(tmp_path, speaker(tmp_path / "espeak", tmp_path / "raw"))
    assert not list(tmp_path.glob("*.wav"))
