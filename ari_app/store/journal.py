"""The journal: every fact, numbered, chained and on disk before anyone is told of it.

``append`` only puts the fact in a queue. One thread writes what waits in one transaction, and then tells ``on_commit``.
When the disk does not let it, it keeps what it has, in memory and in the reserve, raises ``alarm``, and tries again.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, Self, TypeAlias
from zoneinfo import ZoneInfo

import msgspec
import structlog

from ari_app.domain.facts import Fact, Record
from ari_app.store.bell import SLOW_SECONDS, Bell, Stopwatch
from ari_app.store.chain import behind, encode_data, moment
from ari_app.store.errors import JournalError
from ari_app.store.journal_file import Head, JournalFile
from ari_app.store.reader import JournalReader, read
from ari_app.store.reserve import ROOM, Reserve, ReserveDamaged, lost_line, reserve_of
from ari_app.store.verify import Problem, Verification, verify, verify_export

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ari_app.store.chain import Content, Row

__all__ = ["Journal", "JournalError", "JournalReader", "Problem", "Verification", "read", "verify", "verify_export"]

log = structlog.get_logger(__name__)

LARGEST_BATCH: Final = 1000
"""Facts in one transaction at most."""

IN_MEMORY: Final = 100_000
"""So many lines that are in the reserve are kept in memory, too (some 100 MB), should it not be readable later."""

MOST: Final = 5 * IN_MEMORY
"""Without a reserve so many facts wait in memory. More would end the application: they are lost, and counted."""

GATHER_SECONDS: Final = 0.05
"""How often the writer looks for facts: what a call tells in one burst gets on disk together."""

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds between two attempts while the disk does not let us."""

RESERVE_SECONDS: Final = 0.5
"""So long after the first failure what waits goes into the reserve."""


@dataclass(slots=True)
class _Lost:
    """Stands in the queue where facts are missing. Once it has a number it counts no more."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class _Flush:
    """Somebody waits until what was told before is on disk."""

    or_reserve: bool
    done: threading.Event = field(default_factory=threading.Event)


_Told: TypeAlias = tuple["Fact | _Lost", bytes, float]
"""A fact, its data as JSON at the moment it was told, and that moment (seconds since 1970)."""


class Journal:
    """The journal's only writer. Every method may be called from any thread."""

    def __init__(
        self,
        file: JournalFile,
        reserve: Reserve,
        zone: ZoneInfo,
        on_commit: Callable[[Sequence[Record]], None] | None,
    ) -> None:
        """Use ``Journal.open``."""
        self.on_alarm: Callable[[str | None], None] | None = None
        """Is called in a thread of its own when ``alarm`` changes, not in a caller's path; look at ``alarm`` first."""
        self._file, self._reserve, self._zone, self._on_commit = file, reserve, zone, on_commit
        self._head = file.head()
        self._numbered = self._head
        """The last line that has a number: where one is behind ``_head``, the reserve has it."""
        self._held: deque[Row] = deque()
        """The first of those lines, as many as may be in memory."""
        self._queue: deque[_Told | _Flush] = deque()
        """What has no number yet."""
        self._flushes: deque[tuple[int, _Flush]] = deque()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._give_up = threading.Event()
        self._trouble: str | None = None
        self._trouble_since = 0.0
        self._reserve_trouble: str | None = None
        self._reserve_again = 0.0
        self._watch = Stopwatch()
        self._losing = threading.Lock()
        self._lost: _Lost | None = None
        self._is_reserve_used = True
        self._take_up_reserve()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()
        self._bell = Bell(
            lambda: self.alarm,
            lambda: self.waiting,
            say=self._reserve.say,
            tell=lambda alarm: self.on_alarm and self.on_alarm(alarm),
        )

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        timezone: str,
        on_commit: Callable[[Sequence[Record]], None] | None = None,
        room: int = ROOM,
    ) -> Self:
        """Open the journal for writing, or begin a new one. What is in its reserve goes into it before anything else.

        ``timezone`` is the site's (IANA name). ``on_commit`` is called in the journal's thread with the
        records that have just reached the disk, each exactly once and in order. ``room`` is set aside for the
        reserve, in bytes.

        Raises:
            JournalError: another writer has it, or it is damaged, newer or not writable.
        """
        file = JournalFile(path)
        try:
            return cls(file, Reserve(reserve_of(path), room), ZoneInfo(timezone), on_commit)
        except (sqlite3.Error, OSError, KeyError) as error:  # KeyError: ZoneInfoNotFoundError
            file.close()
            msg = f"the journal {path} cannot be opened: {error}"
            raise JournalError(msg) from error
        except BaseException:
            file.close()
            raise

    @property
    def alarm(self) -> str | None:
        """What keeps the journal from writing at present, in one sentence; None: nothing."""
        if self._lost is not None:
            return "facts are being lost: neither the journal nor its reserve can be written, and memory is full"
        if self._trouble is not None:
            where = "what happens is kept in its reserve"
            if self._reserve_trouble is not None:
                where = f"nor its reserve ({self._reserve_trouble}): what happens is kept in memory only"
            return f"the journal cannot be written: {self._trouble}; {where}"
        if not self._is_reserve_used:
            return (
                f"the journal's reserve cannot be read: {self._reserve_trouble}; what is in it waits for the next start"
            )
        if self._watch.is_slow:
            return f"the disk is slow: it took more than {SLOW_SECONDS:.0f} s for the journal's lines"
        if len(self._queue) >= IN_MEMORY:
            return f"the journal is behind by more than {IN_MEMORY} facts"
        return None

    @property
    def waiting(self) -> int:
        """How many facts are not in the journal yet."""
        facts = sum(1 for item in self._queue.copy() if not isinstance(item, _Flush))
        return self._numbered.seq - self._head.seq + facts

    def append(self, fact: Fact) -> None:
        """Put the fact in the journal; its moment is now where it has none of its own.

        Returns at once: it never waits for the disk and never fails because of it.

        Raises:
            JournalError: the journal has been closed.
        """
        if self._closing.is_set():
            raise JournalError(f"a fact came after the journal was closed: {fact.action}")
        if len(self._queue) >= MOST:
            self._lose()
            return
        # The writer looks by itself: waking it here would make it run in the middle of a caller's event.
        self._queue.append((fact, encode_data(fact.data), time.time()))

    @property
    def lives(self) -> bool:
        """Whether its thread runs, however long the disk makes it wait."""
        return self._thread.is_alive()

    def flush(self, timeout: float = 10.0, *, or_reserve: bool = False) -> bool:
        """Wait until all that was appended before is on disk and ``on_commit`` knows; False: not in time.

        ``or_reserve``: on disk is enough, be it in the reserve. Not from ``on_commit``, which it would wait for.
        """
        if not self._thread.is_alive():
            return not self.waiting
        flush = _Flush(or_reserve)
        self._queue.append(flush)
        self._wake.set()
        return flush.done.wait(timeout)

    def head(self) -> tuple[int, str]:
        """Number and hash of the last line on disk; ``(0, GENESIS)`` when there is none."""
        return self._head

    def close(self, timeout: float = 3.0) -> bool:
        """Write what waits, then let go of the file; False: something is neither in the journal nor in its reserve."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout)
        self._give_up.set()
        self._thread.join(LONGEST_PAUSE + RESERVE_SECONDS)
        lost = sum(1 for item in self._queue if not isinstance(item, _Flush))
        if lost:
            log.error("the journal was closed with facts that could not be written", facts=lost)
        if kept := self._numbered.seq - self._head.seq:
            log.warning("the journal was closed with facts in its reserve: the next start writes them", facts=kept)
        self._bell.close()
        if not self._thread.is_alive():
            self._reserve.close()
            self._file.close()
        return not lost

    # ---- the writer's thread

    def _run(self) -> None:
        while True:
            self._wake.wait(GATHER_SECONDS)
            self._wake.clear()
            while self._queue or self._numbered != self._head:
                if not self._commit_or_wait():
                    self._put_aside()
                    return
            if self._closing.is_set() and not self._queue:
                return

    def _commit_or_wait(self) -> bool:
        """Write the next batch. Even a bug must not end the only thread that writes facts down."""
        try:
            return self._commit()
        except Exception as error:
            log.exception("the journal's writer failed")
            self._note_trouble(repr(error))
            return self._pause(LONGEST_PAUSE)

    def _commit(self) -> bool:
        """Write the next lines, however often it takes, then tell of them; False: ``close`` does not want to wait."""
        pause = FIRST_PAUSE
        while True:
            try:
                with self._watch.running():
                    rows = self._next_rows()
                    written = self._file.write(rows, self._head) if rows else rows
            except (sqlite3.Error, OSError, JournalError) as trouble:
                self._note_trouble(str(trouble))
            else:
                self._advance(written)
                return True
            if not self._pause(pause):
                return False
            pause = min(pause * 2, LONGEST_PAUSE)

    def _next_rows(self) -> Sequence[Row]:
        """The lines behind the head: what was numbered first, from memory or the reserve, then what is in the queue."""
        if self._held:
            return list(islice(self._held, LARGEST_BATCH))
        if self._numbered != self._head:
            try:
                return self._reserve.read(self._head.seq, LARGEST_BATCH)
            except ReserveDamaged as damage:
                log.error("reserve.damaged", reason=str(damage))
                missing = self._numbered.seq - self._head.seq
                self._take_up_reserve()
                if self._numbered == self._head and self._is_reserve_used:  # nothing is left of it
                    self._queue.appendleft((_Lost(missing), b"", time.time()))
                self._flushes = deque((min(seq, self._numbered.seq), flush) for seq, flush in self._flushes)
                return self._next_rows()
        return self._chain(self._head)[0]

    def _advance(self, rows: Sequence[Row]) -> None:
        """These lines are in the journal now: forget them, wherever they waited, and tell of them."""
        if rows:
            self._head = Head(rows[-1][0], rows[-1][6])
            self._trouble = None
        while self._held and self._held[0][0] <= self._head.seq:
            self._held.popleft()
        if self._numbered.seq <= self._head.seq:
            self._take(self._head.seq - self._numbered.seq)
            self._numbered = self._head
            if self._reserve.last is not None and self._is_reserve_used:
                with suppress(OSError):  # tried again before it is used again
                    self._reserve.empty()
        if rows:
            self._tell(rows)
        while self._flushes and self._flushes[0][0] <= self._head.seq:
            self._flushes.popleft()[1].done.set()

    def _take(self, count: int) -> None:
        """Take so many facts out of the queue: they have their numbers. So have those who wait for them."""
        seq = self._numbered.seq
        while self._queue and (count or isinstance(self._queue[0], _Flush)):
            item = self._queue.popleft()
            if isinstance(item, _Flush):
                self._flushes.append((seq, item))
                if item.or_reserve:
                    item.done.set()
            else:
                seq, count = seq + 1, count - 1

    def _chain(self, head: Head) -> tuple[list[Row], Head]:
        """Number the next facts of the queue and chain them to a line; they stay in the queue."""
        rows: list[Row] = []
        for index in range(min(len(self._queue), LARGEST_BATCH)):  # others append meanwhile: no iterator may be open
            item = self._queue[index]
            if isinstance(item, _Flush):
                continue
            rows.append(behind(head, self._line(item)))
            head = Head(rows[-1][0], rows[-1][6])
        return rows, head

    def _line(self, item: _Told) -> Content:
        fact, data, told = item
        if isinstance(fact, Fact):
            return moment(fact.at, told, self._zone), fact.actor, fact.action, fact.call, data.decode()
        with self._losing:
            self._lost = None if self._lost is fact else self._lost
        return lost_line(moment(None, told, self._zone), fact.count, "memory_full")

    def _tell(self, rows: Sequence[Row]) -> None:
        if self._on_commit is None:
            return
        # Decoded anew: what the others are told is what is on disk, whatever became of the fact's own dict.
        records = [Record(*row[:5], msgspec.json.decode(row[5]), row[6]) for row in rows]
        try:
            self._on_commit(records)
        except Exception:
            log.exception("somebody who is told of the journal's records failed", seq=records[0].seq)

    # ---- trouble

    def _note_trouble(self, reason: str) -> None:
        if self._trouble is None:
            self._trouble_since = time.monotonic()
        self._trouble = reason

    def _pause(self, seconds: float) -> bool:
        """Wait before the next attempt; meanwhile, what comes gets into the reserve. False: ``close`` gives up."""
        until = time.monotonic() + seconds
        while True:
            if time.monotonic() - self._trouble_since >= RESERVE_SECONDS:
                self._put_aside()
            left = until - time.monotonic()
            if left <= 0 or self._give_up.wait(min(left, GATHER_SECONDS)):
                return not self._give_up.is_set()

    def _put_aside(self) -> None:
        """Put all that has no number into the reserve. One that failed is tried again after a second."""
        if self._reserve_trouble is not None and time.monotonic() < self._reserve_again:
            return
        while self._queue and self._is_reserve_used:
            rows, after = self._chain(self._numbered)
            try:
                if rows:
                    with self._watch.running():
                        self._reserve.append(rows)
            except OSError as trouble:
                self._reserve_trouble, self._reserve_again = str(trouble), time.monotonic() + LONGEST_PAUSE
                return
            self._reserve_trouble = None
            if (self._held[-1][0] if self._held else self._head.seq) == self._numbered.seq:
                self._held.extend(rows[: IN_MEMORY - len(self._held)])
            self._take(len(rows))
            self._numbered = after

    def _take_up_reserve(self) -> None:
        """What is in the reserve is what comes next. A reserve that cannot be read stays for the next start."""
        try:
            now = moment(None, time.time(), self._zone)
            self._numbered = self._reserve.recover(self._head, self._file.hash_of, now)
        except (sqlite3.Error, OSError) as trouble:
            self._numbered, self._is_reserve_used, self._reserve_trouble = self._head, False, str(trouble)
            self._flushes.clear()
            log.error("reserve.not_read", reason=str(trouble), kept=str(self._reserve.path))

    def _lose(self) -> None:
        """A fact is lost; where it would have stood, the journal will say how many were."""
        with self._losing:
            if self._lost is None:
                self._lost = _Lost()
                self._queue.append((self._lost, b"", time.time()))
            self._lost.count += 1
