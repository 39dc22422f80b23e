"""Whoever publishes the journal notices at once that it has grown, and does not read it while it has not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from ari_app import publish
from ari_app.domain.facts import Fact
from ari_app.publish import Growth
from ari_app.store.chain import Row
from ari_app.store.tail import JournalTail
from tests.unit.conftest import OpenJournal


class Reading:
    """Reads the journal, and counts."""

    def __init__(self, path: Path) -> None:
        self.count = 0
        self.last = 0
        self._tail = JournalTail(path)

    async def __call__(self) -> Sequence[Row]:
        self.count += 1
        rows = self._tail.rows(self.last)
        self.last = rows[-1][0] if rows else self.last
        return rows


def test_it_is_read_when_it_has_grown(path: Path, open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten facts, each of them seen long before the time at which it would be looked anyway."""
    monkeypatch.setattr(publish, "LOOK_SECONDS", 600.0)
    journal = open_journal()

    async def follow() -> None:
        growth, reading = Growth(path), Reading(path)
        for number in range(10):
            journal.append(Fact("system", "uji.fact", data={"number": number}))
            with anyio.fail_after(60):
                assert len(await growth.until(reading)) == 1
            assert journal.flush()

    anyio.run(follow)


def test_it_is_not_read_while_nothing_comes(
    path: Path, open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "LOOK_SECONDS", 600.0)
    journal = open_journal()
    journal.append(Fact("system", "uji.fact"))
    assert journal.flush()

    async def follow() -> int:
        growth, reading = Growth(path), Reading(path)
        await growth.until(reading)
        reading.count = 0
        with anyio.move_on_after(5 * publish.GLANCE_SECONDS):
            await growth.until(reading)
        return reading.count

    assert anyio.run(follow) == 1


def test_what_does_not_show_on_the_file_is_found_a_moment_later(
    path: Path, open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "LOOK_SECONDS", 0.3)
    monkeypatch.setattr(Growth, "_seen", lambda _: None)
    journal = open_journal()

    async def follow() -> None:
        growth, reading = Growth(path), Reading(path)
        journal.append(Fact("system", "uji.fact"))
        with anyio.fail_after(5):
            assert len(await growth.until(reading)) == 1

    anyio.run(follow)
