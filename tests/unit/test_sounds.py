"""The sounds: spoken or computed once, made fit for the telephone, and replaced by a person's recording."""

from __future__ import annotations

import itertools
import math
import time
import wave
from array import array
from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.phones import tones
from scripts.stack import StackError, synthesis
from scripts.stack.sounds import RATE, provide, read_catalogue, resampled, trimmed

NAME = "mohon-tunggu"
SENTENCES = {NAME: "Mohon ditunggu sebentar.", "status-siap": "Siap."}


def tone(hz: float, rate: int, *, seconds: float = 0.5, loudness: float = 0.5) -> array[int]:
    step = 2 * math.pi * hz / rate
    return array("h", (round(32767 * loudness * math.sin(step * n)) for n in range(int(seconds * rate))))


def write_wav(path: Path, samples: array[int], *, rate: int = RATE, width: int = 2, channels: int = 1) -> Path:
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path


def catalogue(folder: Path, content: str = "") -> Path:
    """A small one, or what is given."""
    path = folder / "sounds.toml"
    lines = "".join(f'{name} = "{text}"\n' for name, text in SENTENCES.items())
    path.write_text(content or f"[caller]\n{lines}", encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the sounds go; of those that are computed, only a short one."""
    monkeypatch.setattr(synthesis, "SOUNDS", {"nada-ok": synthesis.confirmation})
    path = tmp_path / "sounds"
    (path / "recorded").mkdir(parents=True)
    return path


@pytest.fixture
def espeak(tmp_path: Path) -> Path:
    return speaker(tmp_path / "espeak", write_wav(tmp_path / "raw.wav", tone(1000, 22050), rate=22050))


def decibel(samples: Sequence[int]) -> float:
    """Root mean square under full scale."""
    return 20 * math.log10(max(tones.loudness(samples), 1e-6) / 32767)


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


# ---- trimming


@pytest.mark.parametrize("rate", [8000, 22050])
@pytest.mark.parametrize(("before", "after"), [(0.0, 0.0), (0.02, 0.4), (0.3, 0.05)])
def test_pauses_around_speech_are_50_ms(rate: int, before: float, after: float) -> None:
    def quiet(seconds: float) -> array[int]:
        return array("h", [20, -20] * round(seconds * rate / 2))

    speech = tone(1000, rate)
    cut = trimmed(quiet(before) + speech + quiet(after), rate)
    assert len(cut) / rate == pytest.approx(0.6, abs=0.002)
    assert max(map(abs, cut[: rate // 21])) <= 20
    assert max(map(abs, cut[-(rate // 21) :])) <= 20
    assert max(cut) == max(speech)


def test_nothing_but_a_pause() -> None:
    assert not trimmed(array("h", [20] * 1000), 22050)
    assert not trimmed(array("h"), 22050)


# ---- spoken, computed, recorded


def test_made_once(folder: Path, espeak: Path, tmp_path: Path) -> None:
    assert provide(folder, espeak, catalogue(tmp_path)) == ""
    assert provide(folder, espeak, catalogue(tmp_path)) == ""
    assert sorted(said(espeak)) == sorted(SENTENCES.values())
    (samples,) = tones.read_wav(folder / f"{NAME}.wav")
    assert tones.share(samples[400:-400], 1000) > 0.999
    assert tones.read_wav(folder / "nada-ok.wav") == [synthesis.confirmation()]
    ours = {name + end for name in (*SENTENCES, "nada-ok") for end in (".wav", ".made")}
    assert {path.name for path in folder.iterdir()} == {*ours, "recorded"}


def test_spoken_anew_when_it_changes_or_is_lost(folder: Path, espeak: Path, tmp_path: Path) -> None:
    file = catalogue(tmp_path, '[caller]\na = "Satu."')
    provide(folder, espeak, file)
    (folder / "a.wav").unlink()
    provide(folder, espeak, file)
    for content in ('[caller]\na = "Lain."', '[operator]\na = "Lain."'):
        provide(folder, espeak, catalogue(tmp_path, content))
        provide(folder, espeak, catalogue(tmp_path, content))
    assert said(espeak) == ["Satu.", "Satu.", "Lain.", "Lain."]


def test_computed_anew_with_a_new_recipe(folder: Path, espeak: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = catalogue(folder.parent)
    provide(folder, espeak, file)
    monkeypatch.setattr(synthesis, "SOUNDS", {"nada-ok": synthesis.refusal})
    provide(folder, espeak, file)
    assert tones.read_wav(folder / "nada-ok.wav") == [synthesis.confirmation()]
    monkeypatch.setattr(synthesis, "RECIPE", "next")
    provide(folder, espeak, file)
    assert tones.read_wav(folder / "nada-ok.wav") == [synthesis.refusal()]


@pytest.mark.parametrize("name", [NAME, "nada-ok"])
def test_the_recording_wins_and_goes_again(folder: Path, espeak: Path, tmp_path: Path, name: str) -> None:
    file = catalogue(tmp_path)
    provide(folder, espeak, file)
    made = (folder / f"{name}.wav").read_bytes()
    recorded = write_wav(folder / "recorded" / f"{name}.wav", tone(440, RATE))
    assert provide(folder, espeak, file) == ""
    assert (folder / f"{name}.wav").read_bytes() == recorded.read_bytes()
    assert recorded.exists()
    assert len(said(espeak)) == len(SENTENCES)
    recorded.unlink()
    provide(folder, espeak, file)
    assert (folder / f"{name}.wav").read_bytes() == made


def test_a_recording_is_copied_once(
    folder: Path, espeak: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is copied there is none: a full disk would leave it so."""
    recorded = write_wav(folder / "recorded" / f"{NAME}.wav", tone(440, RATE))
    provide(folder, espeak, catalogue(tmp_path))
    before = (folder / f"{NAME}.wav").stat().st_mtime_ns
    provide(folder, espeak, catalogue(tmp_path))
    assert (folder / f"{NAME}.wav").stat().st_mtime_ns == before
    write_wav(recorded, tone(450, RATE))
    provide(folder, espeak, catalogue(tmp_path))
    assert (folder / f"{NAME}.wav").read_bytes() == recorded.read_bytes()


def test_recordings_that_nobody_will_hear(folder: Path, espeak: Path, tmp_path: Path) -> None:
    for name in ("mohon-tungu.wav", f"{NAME}.mp3", ".DS_Store"):
        (folder / "recorded" / name).write_bytes(b"")
    warning = provide(folder, espeak, catalogue(tmp_path))
    assert warning.endswith(f"{folder / 'recorded'}: mohon-tunggu.mp3, mohon-tungu.wav")
    assert "\n" not in warning


@pytest.mark.parametrize(("rate", "width", "channels"), [(16000, 2, 1), (8000, 1, 1), (8000, 2, 2)])
def test_a_recording_of_the_wrong_kind(folder: Path, espeak: Path, rate: int, width: int, channels: int) -> None:
    recorded = folder / "recorded" / f"{NAME}.wav"
    write_wav(recorded, tone(440, RATE), rate=rate, width=width, channels=channels)
    with pytest.raises(StackError, match="must have 8000 Hz, 16 bit and one channel") as refused:
        provide(folder, espeak)
    assert str(recorded) in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"ID3 and then an MP3"])
def test_a_recording_that_is_none(folder: Path, espeak: Path, content: bytes) -> None:
    (folder / "recorded" / f"{NAME}.wav").write_bytes(content)
    with pytest.raises(StackError, match="is not a WAV file"):
        provide(folder, espeak)


def test_espeak_fails(folder: Path, tmp_path: Path) -> None:
    espeak = tmp_path / "espeak"
    espeak.write_text("#!/bin/sh\necho tidak bisa >&2\nexit 3\n")
    espeak.chmod(0o755)
    with pytest.raises(StackError, match="espeak-ng cannot speak: tidak bisa"):
        provide(folder, espeak, catalogue(tmp_path))
    with pytest.raises(StackError, match="espeak-ng cannot speak: 0"):
        provide(folder, speaker(tmp_path / "silent", tmp_path / "nothing"), catalogue(tmp_path))
    assert not (folder / f"{NAME}.wav").exists()


@pytest.mark.parametrize("content", [b"", b"RIFF"])
def test_espeak_speaks_nonsense(folder: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "raw").write_bytes(content)
    with pytest.raises(StackError, match="spoke nothing that can be used"):
        provide(folder, speaker(tmp_path / "espeak", tmp_path / "raw"), catalogue(tmp_path))
    assert not list(folder.glob(f"{NAME}.*"))


def test_espeak_speaks_silence(folder: Path, tmp_path: Path) -> None:
    espeak = speaker(tmp_path / "espeak", write_wav(tmp_path / "raw.wav", array("h", [0] * 9000), rate=22050))
    with pytest.raises(StackError, match="nothing that can be used: silence for 'Mohon"):
        provide(folder, espeak, catalogue(tmp_path))


# ---- the catalogue

SOP_VI = {
    "izin-menunggu": "Mohon ditunggu sebentar, kami akan lakukan pengecekan terlebih dahulu",
    "selesai-menunggu": "Terima kasih telah menunggu",
    "salam-penutup": "Terima kasih telah menghubungi Call Center 110 Polri tetap siaga selalu.",
    "salam-pembuka-pagi": "Call Center 110 Polri selamat pagi dengan operator bisa dibantu?",
    "salam-pembuka-siang": "Call Center 110 Polri selamat siang dengan operator bisa dibantu?",
    "salam-pembuka-sore": "Call Center 110 Polri selamat sore dengan operator bisa dibantu?",
    "salam-pembuka-malam": "Call Center 110 Polri selamat malam dengan operator bisa dibantu?",
}
""" "Greeting ini sudah menjadi SOP, tidak diperbolehkan menambah maupun mengurangi dari kalimat tersebut." """

OTHERS = [
    "mohon-tunggu",
    "antrean-pembuka",
    "antrean-mohon-tunggu",
    "nomor-blokir-pengumuman",
    "hubungi-lagi-nanti",
    "masuk-nrp",
    "masuk-pin",
    "masuk-berhasil",
    "masuk-gagal",
    "meja-terkunci",
    "keluar-berhasil",
    "status-siap",
    "status-tidak-siap",
    "status-istirahat",
    "status-ibadah",
    "status-makan",
    "status-pengarahan",
    "status-tidak-menjawab",
    "status-belum-masuk",
    "status-selesai-menelepon",
    "antrean-kosong",
    "panggilan-menunggu",
    "lebih-dari-dua-puluh",
    "nomor-diblokir",
    "tidak-dikenal",
    "tidak-boleh",
    "sistem-tidak-tersedia",
    "alarm-sistem",
    "pencatatan-terganggu",
]


def test_the_sop_word_for_word() -> None:
    sentences = read_catalogue()
    assert {name: sentences[name].text for name in SOP_VI} == SOP_VI


def test_every_sentence_is_there() -> None:
    assert set(read_catalogue()) >= {*SOP_VI, *OTHERS, *(f"angka-{number}" for number in range(21))}


def test_what_is_spoken_differs_in_spelling_only() -> None:
    sentences = read_catalogue()
    assert sentences["selesai-menunggu"].spoken == SOP_VI["selesai-menunggu"]
    assert sentences["salam-penutup"].spoken == (
        "Terima kasih telah menghubungi kol senter satu satu nol Polri tetap siaga selalu."
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('[penelepon]\na = "A"', "penelepon: unknown key, sentences are under caller, operator, number"),
        ('a = "A"', "a: unknown key"),
        ('caller = "A"', "caller: must be a table"),
        ('[caller]\nA = "A"', "caller.A: a name has small letters a-z, digits and '-' only"),
        ('[caller]\n"../a" = "A"', "caller.../a: a name has"),
        ('[caller]\n"" = "A"', "caller.: a name has"),
        ('[caller]\na_b = "A"', "caller.a_b: a name has"),
        ('[caller]\n"a\\n" = "A"', "caller.a\n: a name has"),
        ('[caller]\na = ""', "caller.a: must be a text that is not empty"),
        ('[caller]\na = " "', "caller.a: must be a text that is not empty"),
        ("[caller]\na = 110", "caller.a: must be a text that is not empty"),
        ('[pronunciation]\na = ""', "pronunciation.a: must be a text that is not empty"),
        ('[caller]\na = "A"\na = "B"', "Cannot overwrite a value"),
        ('[caller]\na = "A"\n[operator]\na = "A"', "operator.a: there is another sound of this name"),
        ('[caller]\nmusik = "A"', "caller.musik: there is another sound of this name"),
        ("[caller", "Expected"),
    ],
)
def test_a_wrong_catalogue(tmp_path: Path, content: str, reason: str) -> None:
    file = catalogue(tmp_path, content)
    with pytest.raises(StackError) as refused:
        read_catalogue(file)
    assert str(refused.value).startswith(f"{file}: {reason}")


def test_a_catalogue_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="No such file"):
        read_catalogue(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"[caller]\na = '\xe9'")
    with pytest.raises(StackError, match="'utf-8' codec"):
        read_catalogue(tmp_path / "latin.toml")


def test_nothing_is_touched_by_a_wrong_catalogue(folder: Path, espeak: Path, tmp_path: Path) -> None:
    with pytest.raises(StackError):
        provide(folder, espeak, catalogue(tmp_path, '[caller]\na = ""'))
    assert [path.name for path in folder.iterdir()] == ["recorded"]
    assert said(espeak) == []


# ---- tones and music


def test_music_is_never_silent_and_has_no_seam() -> None:
    music = synthesis.music()
    assert len(music) == 20 * RATE
    assert decibel(music) == pytest.approx(-20, abs=0.5)
    assert max(map(abs, music)) < 0.7 * 32767
    twice = music + music[: RATE // 5]
    for window in (RATE // 5, RATE * 15 // 100):
        levels = [decibel(twice[first : first + window]) for first in range(0, len(music), RATE // 50)]
        assert min(levels) > -45
    around = music[-200:] + music[:200]
    steps = [abs(one - other) for one, other in itertools.pairwise(around)]
    assert steps.pop(199) <= max(steps)


def test_all_are_quickly_made() -> None:
    began = time.process_time()
    for make in synthesis.SOUNDS.values():
        make()
    assert time.process_time() - began < 1.5


def test_confirmation_rises() -> None:
    samples = synthesis.confirmation()
    assert 0.15 <= len(samples) / RATE <= 0.2
    first, second = samples[:600], samples[-600:]
    assert tones.share(first, 784) > 0.9
    assert tones.share(second, 1175) > 0.9
    assert tones.loudness(samples[620:820]) == 0


def test_refusal_is_another_sound() -> None:
    samples = synthesis.refusal()
    assert len(samples) / RATE == pytest.approx(0.35)
    assert tones.share(samples, 784) < 0.05
    assert tones.share(samples, 1175) < 0.05
    assert tones.share(samples, 155) > 0.5
    heard = sum(tones.share(samples, 155 * number) for number in range(3, 20, 2))
    assert heard > 0.1, "a telephone carries the overtones only"


def test_attention_has_two_tones() -> None:
    samples = synthesis.attention()
    assert len(samples) == RATE
    for number, hz in enumerate((1000, 750, 1000, 750)):
        assert tones.share(samples[number * 2000 : (number + 1) * 2000], hz) > 0.9


def test_tones_do_not_click() -> None:
    for samples in (synthesis.confirmation(), synthesis.refusal(), synthesis.attention()):
        assert abs(samples[0]) < 100
        assert abs(samples[-1]) < 100
