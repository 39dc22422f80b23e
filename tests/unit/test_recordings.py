"""Recordings: finished or not, and what the journal says of them."""

from __future__ import annotations

import threading
import time
from hashlib import sha256
from pathlib import Path

import pytest

from ari_app.store.recordings import Recorded, Recordings, digest


def wav(sound: bytes, *, finished: bool = True, rate: int = 16_000) -> bytes:
    """A file as Asterisk writes it: 8 kHz, 16 bits, mono; the sizes are zero until it is closed."""
    whole, size = (36 + len(sound), len(sound)) if finished else (0, 0)
    return (
        b"RIFF" + whole.to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
        + (1).to_bytes(2, "little") + (1).to_bytes(2, "little") + (8000).to_bytes(4, "little")
        + rate.to_bytes(4, "little") + (2).to_bytes(2, "little") + (16).to_bytes(2, "little")
        + b"data" + size.to_bytes(4, "little") + sound
    )  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "recordings").mkdir()
    return tmp_path / "recordings" / "1.1.wav"


def test_finished(file: Path) -> None:
    content = wav(b"\1\2" * 600_000)
    file.write_bytes(content)
    expected = Recorded("recordings/1.1.wav", sha256(content).hexdigest(), len(content), 75.0)
    assert digest(file) == expected
    assert Recordings(file.parent)("1.1") == {
        "file": "recordings/1.1.wav", "sha256": expected.sha256, "bytes": len(content), "seconds": 75.0,
    }  # fmt: skip


def test_nothing_was_said(file: Path) -> None:
    """Header only: finished when its size says so."""
    file.write_bytes(wav(b""))
    found = digest(file, 0)
    assert found is not None
    assert (found.bytes, found.seconds) == (44, 0.0)
    file.write_bytes(wav(b"", finished=False))
    assert digest(file, 0) is None


@pytest.mark.parametrize(
    "content",
    [
        b"", b"RIFF", wav(b"12345678", finished=False), wav(b"12345678")[:-1], wav(b"12345678") + b"x", b"x" * 100,
        wav(b"1234", rate=0),
    ],
)  # fmt: skip
def test_not_finished(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    began = time.monotonic()
    assert digest(file, 0.1) is None
    assert 0.1 <= time.monotonic() - began < 1.0


def test_no_file(file: Path) -> None:
    began = time.monotonic()
    assert digest(file) is None
    assert time.monotonic() - began < 1.0, "nothing is waited for"
    file.mkdir()
    assert digest(file) is None


def test_waits_until_asterisk_has_finished(file: Path) -> None:
    """Sound is still being written; at last the header is."""
    done = threading.Event()

    def asterisk() -> None:
        with file.open("r+b") as out:
            out.seek(0, 2)
            for _ in range(5):
                done.wait(0.02)
                out.write(b"\0" * 320)
                out.flush()
            out.seek(0)
            out.write(wav(b"\0" * (8 + 1600))[:44])

    file.write_bytes(wav(b"\0" * 8, finished=False))
    thread = threading.Thread(target=asterisk)
    thread.start()
    found = digest(file)
    thread.join()
    assert found is not None
    assert (found.bytes, found.seconds) == (44 + 8 + 1600, 0.1)
    assert found.sha256 == sha256(file.read_bytes()).hexdigest()
