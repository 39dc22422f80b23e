"""Sentences that a program speaks into files: the files of programs that were killed do not stay (``site.voice``)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_app.site.voice import forget_spoken, speak


async def spoken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIAGA_SPEAK", "/bin/sh -c 'cat > \"$0\"'")
    return await speak(folder, "Uji")


@pytest.mark.anyio
async def test_what_was_left_is_removed_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits to be said now stays, as every other sound does."""
    ours = await spoken(tmp_path, monkeypatch)
    assert ours.read_text() == "Uji"
    for name in ("ucapan-0123456789ab.wav", "ucapan-01234567-0123456789ab.wav", "nada-ok.wav"):
        (tmp_path / name).touch()
    forget_spoken(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {ours.name, "nada-ok.wav"}


def test_what_cannot_be_removed_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "ucapan-0123456789ab.wav").mkdir()
    forget_spoken(tmp_path)
    forget_spoken(tmp_path / "nowhere")
