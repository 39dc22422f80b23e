"""Reading the journal, beside its writer and without ever getting in its way."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from ari_app.domain.facts import Record
from ari_app.store.chain import GENESIS
from ari_app.store.errors import JournalError
from ari_app.store.journal_file import Head, check_format, connect, read_head

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from ari_app.store.chain import Row

PAGE: Final = 1000
"""Lines fetched at a time. A reader holds nothing open in between, so the writer's log can be cut back."""
LOOK_BACK: Final = 200_000
"""Lines from the journal's end that are looked at: hours of the busiest day; no call lasts so long."""

MOST_NAMED: Final = 100
_named: Final[set[int]] = set()
"""Damaged lines that the log has named."""

_IMPORTED: Final = """
SELECT count(*) > 1000 FROM (
    SELECT 1 FROM journal WHERE call IS NULL AND action = 'number.blocked' AND seq > ? LIMIT 1001
)
"""

_WITH_RESERVE: Final = (
    "PRAGMA temp_store = MEMORY",
    "CREATE TEMP TABLE waiting (seq INTEGER PRIMARY KEY, at, actor, action, call, data, hash)",
    "CREATE INDEX temp.waiting_call ON waiting (call, seq)",
    # It comes before the table of the same name, wherever a query says "journal".
    """CREATE TEMP VIEW journal AS
    SELECT * FROM main.journal UNION ALL SELECT * FROM temp.waiting WHERE seq > (SELECT seq FROM main.head)""",
)


class JournalReader:
    """An open journal, for reading. Use it in one thread at a time and close it, or use ``with``."""

    def __init__(self, path: Path, *, with_reserve: bool = False) -> None:
        """Open the journal; ``with_reserve``: as if what waits in its reserve were in it already.

        Raises:
            JournalError: there is none, or it cannot be read.
        """
        self.path = path
        if not path.exists():
            msg = f"there is no journal at {path}"
            raise JournalError(msg)
        try:
            self._connection = connect(path, mode="ro")
        except sqlite3.Error as error:
            raise self._error(error) from error
        self._last: Head | None = None
        try:
            self._known = check_format(self._connection, path)
            if self._known and with_reserve:
                self._add_reserve()
        except sqlite3.Error as error:
            self.close()
            raise self._error(error) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """The reader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def head(self) -> Head:
        """Number and hash of the last line, as the head keeps them.

        Raises:
            JournalError: it cannot be read.
        """
        try:
            head = read_head(self._connection, self.path) if self._begun() else Head(0, GENESIS)
        except sqlite3.Error as error:
            raise self._error(error) from error

        return head if self._last is None else max(head, self._last)

    def lately(self, look_back: int | None = None) -> int:
        """The number of the line behind which the last ``look_back`` lines begin (None: ``LOOK_BACK``).

        Raises:
            JournalError: it cannot be read.
        """
        return max(0, self.head().seq - (LOOK_BACK if look_back is None else look_back))

    def has_import(self, after: int) -> bool:
        """Whether a list of numbers was imported behind this line: then fewer of the lines are of calls.

        Raises:
            JournalError: it cannot be read.
        """
        return any(many for (many,) in self.select(_IMPORTED, (after,)))

    def _add_reserve(self) -> None:
        """Put what waits in the reserve behind the journal's lines, for this connection alone.

        What gets from there into the journal meanwhile is seen once: the head says how far that is.
        """
        from ari_app.store.reserve import reserve_of, waiting_rows  # noqa: PLC0415 - a listing does without its logs

        rows = waiting_rows(reserve_of(self.path), read_head(self._connection, self.path))
        if rows:
            self._last = Head(rows[-1][0], rows[-1][6])
            for statement in _WITH_RESERVE:
                self._connection.execute(statement)
            self._connection.executemany("INSERT INTO temp.waiting VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def rows(
        self,
        *,
        after: int,
        limit: int = PAGE,
        call: str | None = None,
        actions: Sequence[str] | None = None,
    ) -> list[Row]:
        """The lines after line ``after``, at most ``limit``, as they are stored.

        Raises:
            JournalError: they cannot be read.
        """
        where: list[str] = ["seq > ?"]
        values: list[int | str] = [after, *([] if call is None else [call])]
        if call is not None:
            where.append("call = ?")
        if actions is not None:
            where.append(f"action IN ({', '.join('?' * len(actions))})")
            values += actions
        query = (
            "SELECT seq, at, actor, action, call, data, hash FROM journal "  # noqa: S608 - only our own words
            f"WHERE {' AND '.join(where)} ORDER BY seq LIMIT ?"
        )
        return self.select(query, (*values, limit))

    def rows_without_call(self, actions: Sequence[str], *, until: int, most: int) -> list[Row]:
        """The last ``most`` lines of these actions that are of no call, up to line ``until``, by an index of theirs.

        Raises:
            JournalError: they cannot be read.
        """
        of = f"call IS NULL AND action IN ({', '.join('?' * len(actions))}) AND seq <= ?"
        query = (
            f"SELECT seq, at, actor, action, call, data, hash FROM journal WHERE {of} AND seq > "  # noqa: S608 - only our own words
            f"coalesce((SELECT seq FROM journal WHERE {of} ORDER BY seq DESC LIMIT 1 OFFSET ?), 0) ORDER BY seq"
        )
        return self.select(query, (*actions, until, *actions, until, most))

    def select(self, query: str, values: Sequence[int | str] = ()) -> list[Any]:
        """What a query of the caller's own finds in the table ``journal``; nothing when it is not there yet.

        Raises:
            JournalError: it cannot be read.
        """
        try:
            return self._connection.execute(query, values).fetchall() if self._begun() else []
        except sqlite3.Error as error:
            raise self._error(error) from error

    def records(
        self,
        *,
        after: int = 0,
        limit: int = PAGE,
        call: str | None = None,
        actions: Sequence[str] | None = None,
    ) -> list[Record]:
        """The records after line ``after``, at most ``limit``.

        Raises:
            JournalError: they cannot be read, or one is damaged.
        """
        rows = self.rows(after=after, limit=limit, call=call, actions=actions)
        return [self._record(row) for row in rows]

    def follow(
        self,
        *,
        after: int,
        call: str | None = None,
        actions: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> Iterator[Record]:
        """The records after line ``after``, oldest first, fetched a page at a time as they are wanted.

        Raises:
            JournalError: they cannot be read, or one is damaged.
        """
        left = limit
        while left is None or left > 0:
            page = PAGE if left is None else min(PAGE, left)
            records = self.records(after=after, limit=page, call=call, actions=actions)
            yield from records
            if len(records) < page:
                return
            after = records[-1].seq
            left = None if left is None else left - len(records)

    def sound(self, *, after: int, call: str | None = None, actions: Sequence[str] | None = None) -> Iterator[Record]:
        """As ``follow``, without the damaged ones (``map_records``): for who serves calls with what can be read.

        Raises:
            JournalError: they cannot be read.
        """
        while rows := self.rows(after=after, limit=PAGE, call=call, actions=actions):
            yield from map_records(rows)
            if len(rows) < PAGE:
                return
            after = rows[-1][0]

    def _record(self, row: Row) -> Record:
        seq, at, actor, action, call_, data, hash_ = row
        try:
            return Record(seq, at, actor, action, call_, msgspec.json.decode(data, type=dict), hash_)
        except (msgspec.DecodeError, TypeError) as error:
            msg = f"line {seq} of {self.path} is damaged: see `siaga journal verify`"
            raise JournalError(msg) from error

    def _begun(self) -> bool:
        """Whether the writer has made the tables; it may be about to."""
        if not self._known:
            self._known = check_format(self._connection, self.path)
        return self._known

    def _error(self, error: sqlite3.Error) -> JournalError:
        return JournalError(f"the journal {self.path} cannot be read: {error}")


def read(
    path: Path,
    *,
    after: int = 0,
    call: str | None = None,
    actions: Sequence[str] | None = None,
    limit: int | None = None,
) -> Iterator[Record]:
    """The records after line ``after``, oldest first: all, or those of a call, or of some actions.

    Raises:
        JournalError: there is no journal, or it cannot be read.
    """
    with JournalReader(path) as reader:
        yield from reader.follow(after=after, call=call, actions=actions, limit=limit)


def map_records(rows: Iterable[Row]) -> Iterator[Record]:
    """The records of lines; damaged ones are passed over: the journal's verification is who reports them all.

    The log names each of the first ``MOST_NAMED`` once, by its number.
    """
    for seq, at, actor, action, call, data, hash_ in rows:
        try:
            content = msgspec.json.decode(data, type=dict)
        except (msgspec.DecodeError, TypeError):
            _name(seq)
        else:
            yield Record(seq, at, actor, action, call, content, hash_)


def _name(seq: int) -> None:
    if seq in _named or len(_named) >= MOST_NAMED:
        return
    import structlog  # noqa: PLC0415 - a listing does without

    _named.add(seq)
    if structlog.is_configured():  # not in a command, where it would stand among what is printed
        structlog.get_logger(__name__).error("journal.line_damaged", line=seq)


def latest(
    path: Path, actions: Sequence[str], *, look_back: int = LOOK_BACK, with_reserve: bool = False
) -> list[Record]:
    """The sound records of these actions among the last ``look_back`` lines, oldest first; none: no journal yet.

    ``with_reserve``: as ``JournalReader`` has it.

    Raises:
        JournalError: it cannot be read.
    """
    if not path.exists():
        return []
    with JournalReader(path, with_reserve=with_reserve) as reader:
        return list(reader.sound(after=reader.lately(look_back), actions=actions))
