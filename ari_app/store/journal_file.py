"""The journal's file: its tables, its triggers, its lock, and how a batch gets on disk.

One SQLite file of its own, in WAL mode with ``synchronous=FULL``: when ``write`` returns, the batch is on
disk. Triggers refuse to change or delete a line. ``head`` holds the last line's number and hash, written
in the same transaction, so that a tail that was cut off is noticed.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

from ari_app.ownership import make_private
from ari_app.store.chain import GENESIS
from ari_app.store.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ari_app.store.chain import Row

FORMAT: Final = 1
"""``PRAGMA user_version`` of the files that this program writes."""

APPLICATION_ID: Final = 0x53313130
"""``PRAGMA application_id``: "S110", tells a journal from any other SQLite file."""

LOCK_SECONDS: Final = 2.0
"""How long a new writer waits for a dying predecessor to let go."""

_BUSY_SECONDS: Final = 0.5

_SCHEMA: Final = f"""
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
    call TEXT, data TEXT NOT NULL, hash TEXT NOT NULL
);
CREATE INDEX journal_call ON journal (call, seq) WHERE call IS NOT NULL;
CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL);
INSERT INTO head VALUES (1, 0, '{GENESIS}');
CREATE TRIGGER journal_is_append_only_update BEFORE UPDATE ON journal
    BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_is_append_only_delete BEFORE DELETE ON journal
    BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_is_gapless BEFORE INSERT ON journal
    WHEN new.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM journal)
    BEGIN SELECT raise(ABORT, 'the journal is append-only and has no gaps'); END;
CREATE TRIGGER head_stays BEFORE DELETE ON head
    BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT};
"""  # noqa: S608 - only our own constants are put in

_INDEX: Final = "CREATE INDEX IF NOT EXISTS journal_without_call ON journal (action, seq) WHERE call IS NULL"
"""What is told of no call, by far the smaller part, is found without walking through the calls. Older files get it
when they are opened; whoever reads a file without it is only slower."""


class Head(NamedTuple):
    """The last line: its number (0: there is none) and its hash."""

    seq: int
    hash: str


def connect(path: Path, *, mode: str) -> sqlite3.Connection:
    """A connection that commits only when told; ``mode`` is ``ro`` or ``rw``, never creating the file."""
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    # A damaged text must be reported by its line's number, not end the reading with an exception.
    connection.text_factory = lambda raw: raw.decode("utf-8", "backslashreplace")
    return connection


def check_format(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file holds a journal that this program knows; False: it is empty.

    Raises:
        JournalError: it is something else, or was written by a newer program.
        sqlite3.Error: it cannot be read.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (kind,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables and not version:
        return False
    if kind != APPLICATION_ID or version < 1:
        msg = f"{path} is not a journal of this program; move it away, a new one is begun then"
        raise JournalError(msg)
    if version > FORMAT:
        msg = f"{path} has journal format {version}, this program knows {FORMAT}: use the newer program"
        raise JournalError(msg)
    return True


def read_head(connection: sqlite3.Connection, path: Path) -> Head:
    """The head as it is kept.

    Raises:
        JournalError: it is missing.
    """
    row = connection.execute("SELECT seq, hash FROM head WHERE id = 1").fetchone()
    if row is None:
        msg = f"{path} has lost its head: keep the file and see `siaga journal verify`"
        raise JournalError(msg)
    return Head(*row)


class JournalFile:
    """The file under the hands of its only writer."""

    def __init__(self, path: Path) -> None:
        """Take the lock and open the file, creating it where there is none.

        Raises:
            JournalError: another writer has it, or it is damaged, newer or not writable.
        """
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._attempt: Sequence[Row] = ()
        """The lines of the last COMMIT, however it ended."""
        self._lock = _take_lock(path)
        try:
            self._create_if_missing()
            self._connection = self._open()
        except (sqlite3.Error, OSError) as error:
            self.close()
            msg = f"the journal {path} cannot be opened: {error}"
            raise JournalError(msg) from error
        except BaseException:
            self.close()
            raise

    def head(self) -> Head:
        """The last line on disk.

        Raises:
            JournalError: the head is missing.
        """
        return read_head(self._ready(), self.path)

    def hash_of(self, seq: int) -> str | None:
        """The hash of line ``seq``; None: there is no such line.

        Raises:
            sqlite3.Error, OSError: it cannot be read at present.
        """
        row = self._ready().execute("SELECT hash FROM journal WHERE seq = ?", (seq,)).fetchone()
        return None if row is None else str(row[0])

    def write(self, rows: Sequence[Row], before: Head) -> Sequence[Row]:
        """Append lines behind the head ``before``; returns the lines that are on disk now.

        After an exception the lines are written, all of them, or none: a COMMIT that was reported as failed may have
        held. Then the next call, whatever it is to write, writes nothing and returns the lines of the earlier one.

        Raises:
            sqlite3.Error, OSError: the disk or the file does not let us, at present.
            JournalError: somebody else has written to it or moved it away.
        """
        connection = self._ready()
        try:
            connection.execute("BEGIN IMMEDIATE")
            found = read_head(connection, self.path)
            if found != before and self._attempt and found == _head_of(self._attempt):
                connection.execute("ROLLBACK")
                self._make_sure(connection)
                return self._attempt
            self._check_untouched(found, before)
            connection.executemany("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            connection.execute("UPDATE head SET seq = ?, hash = ? WHERE id = 1", _head_of(rows))
            self._attempt = rows
            connection.execute("COMMIT")
        except BaseException:
            self._drop()  # also rolls back; the next attempt begins with a fresh connection
            raise
        return rows

    def _make_sure(self, connection: sqlite3.Connection) -> None:
        """Have what is in SQLite's log written to the file: after a sync has failed, the kernel does not repeat it."""
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        if busy:
            raise sqlite3.OperationalError("it is not sure yet that the last lines are on disk")

    def _check_untouched(self, found: Head, before: Head) -> None:
        if found != before:
            msg = f"{self.path} is at line {found.seq}, not {before.seq}: something else has written to it"
            raise JournalError(msg)

    def close(self) -> None:
        """Let go of file and lock."""
        self._drop()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _ready(self) -> sqlite3.Connection:
        """The open connection to the file that still lies where it was."""
        stat = self.path.stat()
        if self._connection is not None and (stat.st_dev, stat.st_ino) != self._inode:
            self._drop()
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        stat = self.path.stat()
        self._inode = (stat.st_dev, stat.st_ino)
        connection = connect(self.path, mode="rw")
        try:
            known = check_format(connection, self.path)
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            connection.execute("PRAGMA synchronous = FULL")
            if not known:
                connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            self._check_tail(connection)
            with suppress(sqlite3.Error):  # a disk that is too full for it must not keep us from starting
                connection.execute(_INDEX)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_tail(self, connection: sqlite3.Connection) -> None:
        """A chain goes on only where it ended: the last line must be the one that the head names."""
        head = read_head(connection, self.path)
        row = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        if head != (row or (0, GENESIS)):
            msg = (
                f"{self.path} ends at line {row[0] if row else 0}, its head says {head.seq}: it was changed; "
                "keep it and move it away, a new one is begun then"
            )
            raise JournalError(msg)

    def _create_if_missing(self) -> None:
        # Only ever a new file: opening and closing one that SQLite has open would drop SQLite's locks.
        make_private(self.path)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def _head_of(rows: Sequence[Row]) -> Head:
    return Head(rows[-1][0], rows[-1][6])


def _take_lock(path: Path) -> int:
    """The lock of the only writer; the kernel lets it go when the process dies.

    Raises:
        JournalError: another writer has it, or it cannot be made.
    """
    name = path.with_name(path.name + ".lock")
    try:
        make_private(name)
        lock = os.open(name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        msg = f"the journal {path} cannot be written: {error.strerror} ({name})"
        raise JournalError(msg) from error
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(lock)
                msg = f"the journal {path} is in use by another running application"
                raise JournalError(msg) from None
            time.sleep(0.02)
        except OSError as error:
            os.close(lock)
            msg = f"the journal {path} cannot be locked: {error.strerror}"
            raise JournalError(msg) from error
        else:
            return lock
