"""A copy of the journal, made while its writer goes on.

The journal is read in one transaction: so the copy is of one moment, and SQLite does not begin it anew whenever a line
was written meanwhile. In WAL mode that holds up nobody who writes; only SQLite's log is not cut back until it is over.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

from ari_app.store.errors import JournalError
from ari_app.store.journal_file import check_format, connect, read_head
from ari_app.store.reserve import reserve_of, waiting_rows

if TYPE_CHECKING:
    from pathlib import Path

    from ari_app.store.chain import Row

PAGES: Final = 512
"""So much is copied at a time, 2 MB, and is on disk before the next: else all of it would have to get there at the end,
and the writer's own lines would wait behind it."""

PAUSE_SECONDS: Final = 0.02
"""In between, the disk is the writer's."""


def copy_journal(journal: Path, target: Path) -> None:
    """Copy the journal as it is now into the new file ``target``, which only its owner may read.

    What waits in the journal's reserve is in the copy already. The copy needs no file beside it. What is wrong with the
    journal's lines is wrong with the copy's, too: see ``verify``.

    Raises:
        JournalError: there is no journal, or it or the copy cannot be read or written.
        OSError: the copy cannot be made.
    """
    if not journal.exists():
        raise JournalError(f"there is no journal at {journal}")
    file = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        waiting = _copy(journal, target, file)
        _finish(target, waiting)
        os.fsync(file)
    except sqlite3.Error as error:
        raise JournalError(f"the journal {journal} cannot be copied: {error}") from error
    finally:
        os.close(file)  # not before: SQLite's locks on the file would go with it


def _copy(journal: Path, target: Path, file: int) -> list[Row]:
    """Copy all pages; returns the lines that wait in the reserve."""

    def go_on(*_: int) -> None:
        os.fdatasync(file)
        time.sleep(PAUSE_SECONDS)

    with closing(connect(journal, mode="ro")) as reading, closing(connect(target, mode="rw")) as writing:
        reading.execute("BEGIN")
        check_format(reading, journal)  # the first look: from here on it is the journal of this moment
        waiting = _waiting(reading, journal)
        writing.execute("PRAGMA synchronous = OFF")  # we see to that
        reading.backup(writing, pages=PAGES, progress=go_on)
    return waiting


def _waiting(reading: sqlite3.Connection, journal: Path) -> list[Row]:
    with suppress(JournalError):  # it has lost its head, which is for who verifies the copy to say
        return waiting_rows(reserve_of(journal), read_head(reading, journal))
    return []


def _finish(target: Path, waiting: list[Row]) -> None:
    """Have it all in the one file, the lines of the reserve as well."""
    with closing(connect(target, mode="rw")) as copy:
        copy.execute("PRAGMA journal_mode = DELETE").fetchone()
        if waiting:
            copy.execute("BEGIN IMMEDIATE")
            copy.executemany("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", waiting)
            copy.execute("UPDATE head SET seq = ?, hash = ? WHERE id = 1", (waiting[-1][0], waiting[-1][6]))
            copy.execute("COMMIT")
