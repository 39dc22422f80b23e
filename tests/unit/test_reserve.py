"""The journal's reserve: what the database does not take is on disk all the same, and gets there once, in order."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.ari.inbox import Switch
from ari_app.assembly import last_line, make_nets, unfinished_monitoring
from ari_app.domain.facts import Fact
from ari_app.site.settings import load_settings
from ari_app.site.state import StateDir
from ari_app.store import journal, reserve
from ari_app.store.chain import GENESIS, Row, behind
from ari_app.store.journal import Journal, JournalReader, verify
from ari_app.store.journal_file import Head, JournalFile
from ari_app.store.living import living
from ari_app.store.reserve import Reserve, reserve_of, waiting
from tests.asterisk.site import REPO
from tests.unit.conftest import OpenJournal
from tests.unit.trouble import in_reserve, locked, numbers, tell, until, writer

NOW = "2026-11-25T08:00:00.000+07:00"


def rows_behind(head: Head, count: int) -> list[Row]:
    rows: list[Row] = []
    for number in range(head.seq + 1, head.seq + 1 + count):
        rows.append(behind(head, (NOW, "system", "x.y", None, f'{{"n":{number}}}')))
        head = Head(rows[-1][0], rows[-1][6])
    return rows


# ---- damage ---------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(0, 200), st.integers(1, 40))
def test_what_goes_in_comes_out(batches: list[int], known: int, limit: int) -> None:
    """Wherever the journal was, in pages of any size, by the one who wrote it and by the next one."""
    with TemporaryDirectory() as folder:
        path, rows = Path(folder, "reserve"), rows_behind(Head(0, GENESIS), sum(batches))
        known = min(known, len(rows))
        head = Head(known, rows[known - 1][6] if known else GENESIS)
        first, at = Reserve(path, 4096), 0
        for count in batches:
            first.append(rows[at : at + count])
            at += count
        first.close()
        second = Reserve(path, 4096)
        last = second.recover(head, lambda seq: rows[seq - 1][6] if seq <= known else None, NOW)
        assert last.seq == len(rows)
        found: list[Row] = []
        while known + len(found) < last.seq:
            found += second.read(known + len(found), limit)
        assert found == rows[known:]
        second.close()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_costs_the_damaged_lines_only(data: st.DataObject) -> None:
    """And the journal says how many."""
    with TemporaryDirectory() as folder:
        path, rows = Path(folder, "reserve"), rows_behind(Head(0, GENESIS), 20)
        one = Reserve(path, 4096)
        one.append(rows)
        one.close()
        content = bytearray(path.read_bytes())
        used = len(bytes(content).rstrip(b"\0"))
        for place in data.draw(st.lists(st.integers(reserve.FIRST, used - 1), min_size=1, max_size=3, unique=True)):
            content[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        two = Reserve(path, 4096)
        last = two.recover(Head(0, GENESIS), lambda _: None, NOW)
        found = two.read(0, 100)
        assert [row[0] for row in found] == list(range(1, last.seq + 1))
        lines = [row[5] for row in rows]
        kept = [row[5] for row in found if row[3] == "x.y"]
        assert [line for line in lines if line in kept] == kept, "in order, and each once"
        assert found[-1][3] == "journal.facts_lost"
        assert 20 - 2 * 3 <= len(kept) < 20
        assert len(list(Path(folder).glob("reserve.damaged-*"))) == 1
        two.close()


# ---- killed ---------------------------------------------------------------------------------------------


def test_killed_while_the_database_is_locked(open_journal: OpenJournal, path: Path) -> None:
    """All that was in the reserve is there afterwards, and what was told last as far as it came."""
    with writer(path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
    assert numbers(path) == []
    one = open_journal()
    assert one.flush()
    found = numbers(path)
    assert len(found) >= 300
    assert found == list(range(len(found)))
    assert not waiting(reserve_of(path))
    tell(one, len(found))
    assert one.flush()
    assert numbers(path) == list(range(len(found) + 1))
    assert verify(path).ok


def test_who_starts_knows_what_is_in_the_reserve(open_journal: OpenJournal, path: Path) -> None:
    """While the database is locked, and in the moment in which it goes into the journal: once, and in order."""
    one = open_journal()
    tell(one, *range(10))
    assert one.flush()
    with locked(path):
        tell(one, *range(10, 30))
        assert one.flush(or_reserve=True)
        assert not one.flush(timeout=0.01)
        with JournalReader(path) as plain, JournalReader(path, with_reserve=True) as reader:
            assert plain.head().seq == 10
            assert reader.head().seq == 30
            assert [record.data["n"] for record in reader.records(limit=25)] == list(range(25))
            assert [record.seq for record in reader.records(call="c20")] == [21]
            assert reader.select("SELECT max(seq) FROM journal WHERE action = 'x.y'") == [(30,)]
        reader = JournalReader(path, with_reserve=True)
    assert one.flush()
    with reader:
        assert [record.data["n"] for record in reader.records()] == list(range(30))


def test_what_began_before_a_start_is_ended_though_only_the_reserve_has_it(
    open_journal: OpenJournal, path: Path
) -> None:
    """A transmission, a sentence, and a supervisor who listened; what is told from now on is not over."""
    state = StateDir(path.parent)
    assert path == state.journal
    assert last_line(state) == 0
    one = open_journal()
    one.append(Fact("system", "radio.joined", data={"net": "300", "desk": "1001"}))
    assert one.flush()
    with locked(path):
        one.append(Fact("desk:1001", "radio.keyed", "c1", {"net": "300", "transmission": "300-1", "by": "desk"}))
        one.append(Fact("supervisor:r", "radio.say_ordered", data={"net": "300", "id": "a", "text": "Uji"}))
        one.append(Fact("desk:1001", "radio.left", data={"net": "300", "desk": "1001"}))
        one.append(Fact("supervisor:r", "monitor.started", "c1", {"desk": "1002", "mode": "listen"}))
        assert one.flush(or_reserve=True)
        told: list[Fact] = []
        site = load_settings(REPO / "siaga.example.toml")
        make_nets(site, state, None, Switch(), told.append, board=None, has_room=bool)  # type: ignore[arg-type]
        assert [(end.action, end.data["reason"]) for end in told] == [
            ("radio.released", "application_lost"), ("radio.said", "application_lost"),
        ]  # fmt: skip
        last = last_line(state)
        one.append(Fact("supervisor:r", "monitor.started", "c1", {"desk": "1003", "mode": "listen"}))
        assert one.flush(or_reserve=True)
        assert [end.data["desk"] for end in unfinished_monitoring(state, last)] == ["1002"]


def test_a_reader_with_the_reserve_is_quick(open_journal: OpenJournal, path: Path) -> None:
    """A large journal is not read from end to end for each question."""
    one = open_journal()
    for number in range(200):
        for action in ("call.received", "call.queued", "call.answered", "call.ended"):
            one.append(Fact("system", action, f"c{number}"))
    one.append(Fact("system", "call.received", "living"))
    assert one.flush()
    with locked(path):
        one.append(Fact("system", "call.queued", "living"))
        one.append(Fact("system", "call.received", "new"))
        assert one.flush(or_reserve=True)
        assert {call: story.last for call, story in living(path).items()} == {
            "living": "call.queued",
            "new": "call.received",
        }
        with JournalReader(path, with_reserve=True) as reader:
            plan = str(reader.select("EXPLAIN QUERY PLAN SELECT * FROM journal WHERE call = 'c7' ORDER BY seq"))
            assert "journal_call" in plan
            assert "waiting_call" in plan


class Crashes:
    """Copies of the files as they are at each step on the disk: what a crash there leaves."""

    def __init__(self, path: Path, to: Path, patch: pytest.MonkeyPatch) -> None:
        self.copies: list[tuple[Path, int]] = []
        self.safe = 0
        """So many facts are on disk for good."""
        self._path, self._to, self._patch = path, to, patch

    def __enter__(self) -> Self:
        pwrite, append, write, replace = os.pwrite, Reserve.append, JournalFile.write, Path.replace

        def torn_pwrite(fd: int, data: Any, start: int) -> int:
            self.look()
            pwrite(fd, bytes(data)[: len(data) // 2], start)
            self.look()
            return pwrite(fd, data, start)

        def noticed_append(to: Reserve, rows: Sequence[Row]) -> None:
            append(to, rows)
            self.safe = max(self.safe, rows[-1][0])
            self.look()

        def noticed_write(to: JournalFile, rows: Sequence[Row], before: Head) -> Sequence[Row]:
            self.look()
            written = write(to, rows, before)
            self.safe = max(self.safe, written[-1][0])
            self.look()
            return written

        def noticed_replace(old: Path, new: Path) -> Path:
            self.look()
            done = replace(old, new)
            self.look()
            return done

        self._patch.setattr(os, "pwrite", torn_pwrite)
        self._patch.setattr(Reserve, "append", noticed_append)
        self._patch.setattr(JournalFile, "write", noticed_write)
        self._patch.setattr(Path, "replace", noticed_replace)
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()

    def look(self) -> None:
        if threading.current_thread().name == "journal-bell":  # not while the writer is in the midst of a step
            return
        copy = self._to / f"crash-{len(self.copies)}"
        # By another process: closing a copy of SQLite's file would drop SQLite's own locks.
        subprocess.run(["cp", "-r", "--sparse=always", str(self._path.parent), str(copy)], check=True)
        self.copies.append((copy / self._path.name, self.safe))


def assert_safe(crashes: Crashes, *, at_least: int) -> None:
    """Whatever the crash left, a start finds everything that was on disk, once and in order; and so does the next."""
    assert len(crashes.copies) >= at_least
    for path, safe in crashes.copies:
        for _ in range(2):
            assert Journal.open(path, timezone="UTC", room=reserve.FIRST).close()
            found = numbers(path)
            assert found == list(range(len(found))), path
            assert len(found) >= safe, path
            assert verify(path).ok, path
            assert not waiting(reserve_of(path))


@pytest.fixture
def home(path: Path) -> Path:
    """The journal's path, in a folder of its own."""
    folder = path.parent / "home"
    folder.mkdir()
    return folder / path.name


def test_a_crash_at_every_step_of_trouble(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(journal, "LARGEST_BATCH", 10)
        one = Journal.open(home, timezone="UTC", room=reserve.FIRST)
        with Crashes(home, tmp_path, patch) as crashes:
            with locked(home):
                for first in (0, 15, 30):
                    tell(one, *range(first, first + 15))
                    until(lambda: in_reserve(one), "it is in the reserve")
            tell(one, *range(45, 50))
            assert one.flush()
            assert one.close()
    assert_safe(crashes, at_least=30)


@pytest.mark.parametrize("moved", [False, True], ids=["as it was", "another journal"])
def test_a_crash_at_every_step_of_the_next_start(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, moved: bool
) -> None:
    """Also when the journal was moved away meanwhile, and the lines must have other numbers."""
    one = Journal.open(home, timezone="UTC", room=reserve.FIRST)
    if moved:
        tell(one, -1)
        assert one.flush()
    with locked(home):
        tell(one, *range(30))
        until(lambda: in_reserve(one), "it is in the reserve")
        assert one.close(timeout=0.0)
    if moved:
        for file in home.parent.glob(f"{home.name}*"):
            if file != reserve_of(home):
                file.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(journal, "LARGEST_BATCH", 10)
        with Crashes(home, tmp_path, patch) as crashes:
            crashes.safe = 30
            assert Journal.open(home, timezone="UTC", room=reserve.FIRST).close()
    assert_safe(crashes, at_least=6)


def test_an_empty_reserve_is_not_read_to_its_end(
    open_journal: OpenJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the journal looks into it, once a second: 16 MB of zeros would take a fifth of a core."""
    one = open_journal()
    one.append(Fact("system", "x.y"))
    assert one.flush()
    read = os.pread
    pages: list[int] = []

    def counted(fd: int, length: int, offset: int) -> bytes:
        pages.append(offset)
        return read(fd, length, offset)

    monkeypatch.setattr(os, "pread", counted)
    with JournalReader(path, with_reserve=True) as reader:
        assert len(list(reader.records())) == 1
    assert len(pages) <= 1
