"""The full journals that the measurements begin with are journals like any other."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ari_app.site.state import StateDir
from ari_app.store.journal import verify
from scripts.measure import seeding


def test_a_seeded_instance_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "KEPT", tmp_path / "kept")
    for name in ("first", "second"):  # made, and copied
        state = StateDir(tmp_path / name)
        state.root.mkdir()
        seeding.fill(state, numbers=30, calls=20)
        assert verify(state.journal).ok
        with closing(sqlite3.connect(state.database)) as tables:
            counts = [tables.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("calls", "numbers")]
            states = tables.execute("SELECT DISTINCT state, outcome FROM calls").fetchall()
        assert counts == [(20,), (30,)]
        assert states == [("ended", "answered")]
    assert len(list((tmp_path / "kept").iterdir())) == 1
