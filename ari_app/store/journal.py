"""The journal: every fact, numbered, chained and on disk before anyone is told of it.

``append`` only puts the fact in a queue. One thread takes everything that waits, writes it in one
transaction, and then tells ``on_commit``. When the disk does not let it, it keeps what it has, in order,
says so in ``alarm``, and tries again until it can.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self, TypeAlias
from zoneinfo import ZoneInfo

import msgspec
import structlog

from ari_app.domain.facts import Fact, Record
from ari_app.store.chain import body, clean_text, encode_data, link
from ari_app.store.errors import JournalError
from ari_app.store.journal_file import Head, JournalFile
from ari_app.store.reader import JournalReader, read
from ari_app.store.verify import Problem, Verification, verify, verify_export

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ari_app.store.journal_file import Row

__all__ = [
    "Journal",
    "JournalError",
    "JournalReader",
    "Problem",
    "Verification",
    "read",
    "verify",
    "verify_export",
]

log = structlog.get_logger(__name__)

LARGEST_BATCH: Final = 1000
"""Facts in one transaction at most."""

BACKLOG: Final = 100_000
"""From so many waiting facts on it is said loudly, again at each doubling; nothing is dropped."""

GATHER_SECONDS: Final = 0.05
"""How often the writer looks for facts: what a call tells in one burst gets on disk together."""

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds between two attempts while the disk does not let us."""

REPEAT_SECONDS: Final = 10.0
"""The same trouble is logged again after so long."""

_Told: TypeAlias = tuple[Fact, bytes, float]
"""A fact, its data as JSON at the moment it was told, and that moment (seconds since 1970)."""


class Journal:
    """The journal's only writer. Every method may be called from any thread."""

    def __init__(
        self,
        file: JournalFile,
        zone: ZoneInfo,
        on_commit: Callable[[Sequence[Record]], None] | None,
    ) -> None:
        """Use ``Journal.open``."""
        self.alarm: str | None = None
        """What keeps the journal from writing at present, in one sentence; None: nothing."""
        self._file = file
        self._zone = zone
        self._on_commit = on_commit
        self._head = file.head()
        self._queue: deque[_Told | threading.Event] = deque()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._give_up = threading.Event()
        self._loud_at = BACKLOG
        self._logged: tuple[str, float] = ("", 0.0)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        timezone: str,
        on_commit: Callable[[Sequence[Record]], None] | None = None,
    ) -> Self:
        """Open the journal for writing, or begin a new one.

        ``timezone`` is the site's (IANA name). ``on_commit`` is called in the journal's thread with the
        records that have just reached the disk, each exactly once and in order.

        Raises:
            JournalError: another writer has it, or it is damaged, newer or not writable.
        """
        file = JournalFile(path)
        try:
            return cls(file, ZoneInfo(timezone), on_commit)
        except (sqlite3.Error, OSError, KeyError) as error:  # KeyError: ZoneInfoNotFoundError
            file.close()
            msg = f"the journal {path} cannot be opened: {error}"
            raise JournalError(msg) from error
        except BaseException:
            file.close()
            raise

    def append(self, fact: Fact) -> None:
        """Put the fact in the journal; its moment is now where it has none of its own.

        Returns at once: it never waits for the disk and never fails because of it.

        Raises:
            JournalError: the journal has been closed.
        """
        if self._closing.is_set():
            msg = f"a fact came after the journal was closed: {fact.action}"
            raise JournalError(msg)
        # The writer looks by itself: waking it here would make it run in the middle of a caller's event.
        self._queue.append((fact, encode_data(fact.data), time.time()))
        if len(self._queue) >= self._loud_at:
            self._say_backlog()

    @property
    def lives(self) -> bool:
        """Whether its thread runs, however long the disk makes it wait."""
        return self._thread.is_alive()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that was appended before is on disk and ``on_commit`` knows; False: not in time.

        Not from ``on_commit``, which it would wait for.
        """
        if not self._thread.is_alive():
            return not self._queue
        done = threading.Event()
        self._queue.append(done)
        self._wake.set()
        return done.wait(timeout)

    def head(self) -> tuple[int, str]:
        """Number and hash of the last line on disk; ``(0, GENESIS)`` when there is none."""
        return self._head

    def close(self, timeout: float = 10.0) -> bool:
        """Write what waits, then let go of the file; False: something could not be written in time."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout)
        self._give_up.set()
        self._thread.join(LONGEST_PAUSE)
        lost = sum(1 for item in self._queue if not isinstance(item, threading.Event))
        if lost:
            log.error("the journal was closed with facts that could not be written", facts=lost)
        if not self._thread.is_alive():
            self._file.close()
        return not lost

    def _run(self) -> None:
        while True:
            self._wake.wait(GATHER_SECONDS)
            self._wake.clear()
            while self._queue:
                if not self._commit_or_wait():
                    return
            if self._closing.is_set() and not self._queue:
                return

    def _commit_or_wait(self) -> bool:
        """Write the next batch. Even a bug must not end the only thread that writes facts down."""
        try:
            return self._commit()
        except Exception as error:
            log.exception("the journal's writer failed")
            self.alarm = f"the journal cannot be written: {error!r}"
            return not self._give_up.wait(LONGEST_PAUSE)

    def _commit(self) -> bool:
        """Write the next batch, then tell of it. What it holds stays in the queue until it is on disk."""
        size = min(len(self._queue), LARGEST_BATCH)
        batch = [self._queue[index] for index in range(size)]
        rows, records, after = self._chain(batch)
        if rows and not self._write(rows, after):
            return False
        self._head = after
        for _ in range(size):
            self._queue.popleft()
        if records:
            self._tell(records)
        for item in batch:
            if isinstance(item, threading.Event):
                item.set()
        return True

    def _chain(self, batch: Sequence[_Told | threading.Event]) -> tuple[list[Row], list[Record], Head]:
        """Number the facts and chain them to the last line."""
        seq, hash_ = self._head
        rows: list[Row] = []
        records: list[Record] = []
        for item in batch:
            if isinstance(item, threading.Event):
                continue
            fact, data, told = item
            seq += 1
            at = self._moment(fact.at, told)
            try:
                hashed = body(seq, at, fact.actor, fact.action, fact.call, data)
            except UnicodeEncodeError:
                call = None if fact.call is None else clean_text(fact.call)
                fact = Fact(clean_text(fact.actor), clean_text(fact.action), call, fact.data, fact.at)
                hashed = body(seq, at, fact.actor, fact.action, fact.call, data)
            hash_ = link(hash_, hashed)
            rows.append((seq, at, fact.actor, fact.action, fact.call, data.decode(), hash_))
            if self._on_commit is not None:
                # Decoded anew: what the others are told is what is on disk, whatever became of the dict.
                told_data = msgspec.json.decode(data)
                records.append(Record(seq, at, fact.actor, fact.action, fact.call, told_data, hash_))
        return rows, records, Head(seq, hash_)

    def _moment(self, at: datetime | None, told: float) -> str:
        if at is None:
            at = datetime.fromtimestamp(told, UTC)
        elif at.tzinfo is None:
            at = at.replace(tzinfo=self._zone)
        try:
            return at.astimezone(self._zone).isoformat(timespec="milliseconds")
        except (OverflowError, ValueError):  # beyond the calendar's ends: a fact is never lost over its form
            return self._moment(None, told)

    def _write(self, rows: Sequence[Row], after: Head) -> bool:
        """Write the lines, however often it takes; False: ``close`` does not want to wait any longer."""
        pause = FIRST_PAUSE
        while True:
            try:
                self._file.write(rows, self._head, after)
            except (sqlite3.Error, OSError, JournalError) as trouble:
                self._say_trouble(trouble)
            else:
                self._say_well()
                return True
            if self._give_up.wait(pause):
                return False
            pause = min(pause * 2, LONGEST_PAUSE)

    def _tell(self, records: Sequence[Record]) -> None:
        if self._on_commit is None:
            return
        try:
            self._on_commit(records)
        except Exception:
            log.exception("somebody who is told of the journal's records failed", seq=records[0].seq)

    def _say_trouble(self, trouble: Exception) -> None:
        self.alarm = f"the journal cannot be written: {trouble}"
        text, since = self._logged
        now = time.monotonic()
        if text != self.alarm or now - since > REPEAT_SECONDS:
            self._logged = (self.alarm, now)
            log.error("the journal cannot be written", reason=str(trouble), waiting=len(self._queue))

    def _say_well(self) -> None:
        if self.alarm is not None and len(self._queue) < BACKLOG:
            log.warning("the journal can be written again", waiting=len(self._queue))
            self.alarm = None
            self._logged = ("", 0.0)
            self._loud_at = BACKLOG

    def _say_backlog(self) -> None:
        self._loud_at *= 2
        if self.alarm is None:
            self.alarm = f"the journal is behind by {len(self._queue)} facts"
        log.error("the journal is far behind", waiting=len(self._queue))
