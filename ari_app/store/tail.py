"""Following the journal as it grows, and what the floor is made of at the start."""

from __future__ import annotations

import heapq
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from ari_app.domain.desk_rows import COLLEAGUES, FREE, STARTED
from ari_app.domain.operators import SEATS
from ari_app.store.errors import JournalError
from ari_app.store.living import living
from ari_app.store.nets import net_rows_before
from ari_app.store.reader import PAGE, JournalReader, map_records
from ari_app.store.staff import LOOK_BACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ari_app.domain.facts import Record
    from ari_app.store.chain import Row

WINDOW: Final = 20_000
"""The last lines of the journal, all of which are looked at."""

_LATE: Final = 1000
"""Lines before a day's first one: what happened while the application was away is told afterwards."""

_DESK_ACTIONS: Final = (
    *SEATS, "operator.removed", "desk.registered", "desk.unregistered", STARTED, COLLEAGUES, FREE,
)  # fmt: skip
"""Not ``desk.wrapup``: there are many, and none lasts as long as the window below."""
_CALL_ACTIONS: Final = ("call.received", "call.answered", "call.transfer_answered", "call.ended")
"""What today's figures are counted from."""


class JournalTail:
    """The journal for who follows it. Use it in one thread at a time and close it."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            JournalError: there is none, or it cannot be read.
        """
        self._path = path
        self._identity = _identity(path)
        self._reader = JournalReader(path)

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()

    def rows(self, after: int, limit: int = PAGE) -> list[Row]:
        """The lines behind number ``after``.

        Raises:
            JournalError: they cannot be read, or another journal lies in the place of this one.
        """
        if _identity(self._path) != self._identity:
            msg = f"another journal lies at {self._path}"
            raise JournalError(msg)
        return self._reader.rows(after=after, limit=limit)

    def hash_of(self, seq: int) -> str | None:
        """The hash of a line; None: there is no such line.

        Raises:
            JournalError: it cannot be read.
        """
        rows = self._reader.select("SELECT hash FROM journal WHERE seq = ?", (seq,))
        return str(rows[0][0]) if rows else None

    def last(self) -> int:
        """The number of the last line.

        Raises:
            JournalError: it cannot be read.
        """
        return self._reader.head().seq

    def history(self, today: str) -> Iterator[Record]:
        """What the floor is made of, in order.

        That is who sits where, how the radio nets stand, all of the living calls, the beginnings and ends of
        ``today``'s calls (``2025-01-31``), and the last lines.

        Raises:
            JournalError: it cannot be read.
        """
        until = max(0, self.last() - WINDOW)
        if until:
            calls = [row for call in living(self._path) for row in self._reader.rows(after=0, call=call, limit=until)]
            older = (
                self._reader.rows_without_call(_DESK_ACTIONS, until=until, most=LOOK_BACK),
                net_rows_before(self._reader, until),
                sorted(row for row in calls if row[0] <= until),
                self._of_day(today, until),
            )
            last = 0
            for record in heapq.merge(*(map_records(rows) for rows in older), key=attrgetter("seq")):
                if record.seq != last:
                    yield record
                last = record.seq
        yield from map_records(self._pages(until, None))

    def _of_day(self, today: str, until: int) -> Iterator[Row]:
        return self._pages(self._before(today), _CALL_ACTIONS, until)

    def _pages(self, after: int, actions: Sequence[str] | None, until: int | None = None) -> Iterator[Row]:
        while rows := self._reader.rows(after=after, actions=actions):
            for row in rows:
                if until is not None and row[0] > until:
                    return
                yield row
            after = rows[-1][0]

    def _before(self, day: str) -> int:
        """The number of a line before the day's first one, found by halving: times grow with the numbers, nearly."""
        low, high = 0, self.last()
        while low < high:
            middle = (low + high) // 2 + 1
            rows = self._reader.select("SELECT at FROM journal WHERE seq = ?", (middle,))
            if rows and str(rows[0][0])[:10] >= day:
                high = middle - 1
            else:
                low = middle
        return max(0, low - _LATE)


def _identity(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        stat = path.stat()
        return stat.st_dev, stat.st_ino
    return None
