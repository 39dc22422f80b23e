"""Fixtures of the unit tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ari_app.domain.facts import Record
from ari_app.site.state import StateDir
from ari_app.store.journal import Journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a journal can be."""
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    """A state directory with its folders, and nothing in them."""
    made = StateDir(tmp_path / "state")
    made.create()
    return made


OpenJournal = Callable[..., Journal]


@pytest.fixture
def open_journal(path: Path) -> Iterator[OpenJournal]:
    """Opens journals at ``path``; they are closed when the test is over."""
    opened: list[Journal] = []

    def open_one(on_commit: Callable[[Sequence[Record]], None] | None = None, *, at: Path = path) -> Journal:
        opened.append(Journal.open(at, timezone="Asia/Jakarta", on_commit=on_commit))
        return opened[-1]

    yield open_one
    for journal in opened:
        journal.close(timeout=1.0)
