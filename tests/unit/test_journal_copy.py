"""A copy of the journal while it is written: of one moment, whole, and no burden to its writer."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest

from ari_app.domain.facts import Fact
from ari_app.store import journal_copy
from ari_app.store.errors import JournalError
from ari_app.store.journal import Journal, read
from ari_app.store.journal_copy import copy_journal
from ari_app.store.journal_file import JournalFile
from ari_app.store.verify import verify
from tests.unit.conftest import OpenJournal
from tests.unit.trouble import in_reserve, locked, numbers, tell, until


def test_what_is_only_in_the_log_of_sqlite_is_copied(open_journal: OpenJournal, path: Path, tmp_path: Path) -> None:
    """The file alone would lack it."""
    journal = open_journal()
    tell(journal, *range(50))
    assert journal.flush(5)
    assert path.with_name(f"{path.name}-wal").stat().st_size
    copy = tmp_path / "copy.sqlite3"
    copy_journal(path, copy)
    assert numbers(copy) == list(range(50))
    assert verify(copy).ok
    assert copy.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.glob("copy*")) == ["copy.sqlite3"], "one file is all of it"


def test_it_ends_though_the_journal_is_written_all_the_time(
    open_journal: OpenJournal, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page: SQLite begins a copy anew after each line that is written, unless it is of one moment.

    And nobody who writes waits for it: line after line gets on disk meanwhile.
    """
    journal = open_journal()
    tell(journal, *range(2000))
    assert journal.flush(20)
    monkeypatch.setattr(journal_copy, "PAGES", 1)
    monkeypatch.setattr(journal_copy, "PAUSE_SECONDS", 0.01)
    over, written = Event(), [2000]

    def write() -> None:
        while not over.is_set():
            tell(journal, written[0])
            assert journal.flush(10)
            written[0] += 1

    writer = Thread(target=write)
    writer.start()
    try:
        before = written[0]
        copy_journal(path, tmp_path / "copy.sqlite3")
        meanwhile = written[0] - before
    finally:
        over.set()
        writer.join()
    found = verify(tmp_path / "copy.sqlite3")
    assert found.ok
    assert 2000 <= found.last < verify(path).last
    assert meanwhile > 5, "whoever writes has waited for the copy"


def test_what_waits_in_the_reserve_is_in_the_copy(open_journal: OpenJournal, path: Path, tmp_path: Path) -> None:
    """Put back without the reserve, nothing is missing and nothing is there twice."""
    journal = open_journal()
    tell(journal, 1, 2)
    assert journal.flush(5)
    copy = tmp_path / "restored" / path.name
    copy.parent.mkdir()
    with locked(path):
        tell(journal, 3, 4)
        until(lambda: in_reserve(journal), "the lines are in the reserve")
        copy_journal(path, copy)
        assert numbers(path) == [1, 2]
    assert numbers(copy) == [1, 2, 3, 4]
    assert verify(copy).ok
    restored = open_journal(at=copy)
    tell(restored, 5)
    assert restored.flush(5)
    assert [record.data["n"] for record in read(copy)] == [1, 2, 3, 4, 5]
    assert verify(copy).ok


def test_a_journal_that_was_changed_is_copied_as_it_is(path: Path, tmp_path: Path) -> None:
    """It may be all that there is: the copy's verification finds the same."""
    journal = Journal.open(path, timezone="UTC")
    tell(journal, 1, 2, 3)
    assert journal.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER journal_is_append_only_update")
        connection.execute("UPDATE journal SET actor = 'nobody' WHERE seq = 2")
        connection.commit()
    copy_journal(path, tmp_path / "copy.sqlite3")
    assert verify(tmp_path / "copy.sqlite3") == verify(path)
    assert not verify(path).ok
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER head_stays")
        connection.execute("DELETE FROM head")
        connection.commit()
    copy_journal(path, tmp_path / "headless.sqlite3")
    with pytest.raises(JournalError, match="has lost its head"):
        verify(tmp_path / "headless.sqlite3")


def test_what_cannot_be_copied_says_so(path: Path, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal at"):
        copy_journal(path, tmp_path / "copy.sqlite3")
    path.write_bytes(b"nothing of a journal " * 500)
    with pytest.raises(JournalError, match="cannot be copied: file is not a database"):
        copy_journal(path, tmp_path / "copy.sqlite3")
    path.unlink()
    file = JournalFile(path)
    file.close()
    with pytest.raises(FileExistsError):
        copy_journal(path, tmp_path / "copy.sqlite3")


def test_the_copied_journal_goes_on_where_it_ended(path: Path, tmp_path: Path) -> None:
    journal = Journal.open(path, timezone="UTC")
    tell(journal, 1)
    assert journal.close()
    copy = tmp_path / "restored.sqlite3"
    copy_journal(path, copy)
    again = Journal.open(copy, timezone="UTC")
    again.append(Fact("system", "x.y", None, {"n": 2}))
    assert again.close()
    assert verify(copy).ok
    assert numbers(copy) == [1, 2]
