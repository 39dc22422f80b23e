"""The tables, read without SQLAlchemy: for the application it is too large, for a quick command too slow.

Only what is in SQLite, and only what this program's folds have made of this very journal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ari_app.domain.calls import FOLD_VERSION, CallRow, fold_call
from ari_app.domain.moments import milliseconds
from ari_app.store.call_filter import COLUMNS, FEW, CallFilter
from ari_app.store.reader import JournalReader

MOST_BEHIND: Final = 2_000
"""Lines that the tables may lack and a listing still folds for itself: more, and they are folded for good."""

_SQLITE: Final = "sqlite:///"
_BUSY_SECONDS: Final = 2.0


@contextmanager
def open_tables(url: str) -> Iterator[sqlite3.Connection | None]:
    """The tables at one moment, for reading; None: there are none, or they are in another kind of database.

    Raises:
        sqlite3.Error: they cannot be read.
    """
    path = Path(url.removeprefix(_SQLITE))
    if not url.startswith(_SQLITE) or not path.exists():
        yield None
        return
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)) as tables:
        tables.execute("BEGIN")  # one moment for the cursor and all rows
        yield tables


def folded_to(tables: sqlite3.Connection, reader: JournalReader) -> int | None:
    """The number of the last line that is in the tables; None: they are another program's or another journal's.

    Raises:
        sqlite3.Error, JournalError: one of the two cannot be read.
    """
    row = tables.execute("SELECT seq, hash, version FROM cursor").fetchone()
    if row is None or row[2] != FOLD_VERSION or row[0] < 1:
        return None
    line = reader.rows(after=row[0] - 1, limit=1)
    return int(row[0]) if line and (line[0][0], line[0][6]) == row[:2] else None


def quick_calls(journal: Path, url: str, wanted: CallFilter) -> list[CallRow] | None:
    """The calls that are wanted, newest first, up to the journal's last line; None: the tables must be folded first.

    Raises:
        JournalError: the journal cannot be read.
    """
    try:
        with JournalReader(journal) as reader, open_tables(url) as tables:
            seq = folded_to(tables, reader) if tables is not None else None
            if tables is None or seq is None:
                return None
            records = reader.records(after=seq, limit=MOST_BEHIND + 1)
            if len(records) > MOST_BEHIND:
                return None
            fresh: dict[str, CallRow | None] = {}
            for record in records:
                if record.call is not None:
                    before = fresh[record.call] if record.call in fresh else _row(tables, record.call)
                    fresh[record.call] = fold_call(before, record)
            return _listed(tables, wanted, [row for row in fresh.values() if row is not None])
    except sqlite3.Error:
        return None


def _listed(tables: sqlite3.Connection, wanted: CallFilter, fresh: list[CallRow]) -> list[CallRow]:
    """What is wanted of the table's calls and of those that have changed since."""
    ours = {row.id for row in fresh}
    tables.execute("CREATE TEMP TABLE fresh AS SELECT * FROM calls LIMIT 0")
    names = (*COLUMNS, "received_ms")
    tables.executemany(
        f"INSERT INTO fresh ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})",  # noqa: S608
        [asdict(row) | {"received_ms": milliseconds(row.received_at)} for row in fresh],
    )
    text, values = wanted.query(rare=_rare(tables, wanted))
    if wanted.limit is not None:
        values["limit"] = wanted.limit + len(ours)
    found = [row for each in tables.execute(text, values) if (row := _call(each)).id not in ours]
    text, values = wanted.query("fresh")
    found += map(_call, tables.execute(text, values))
    if ours:
        found.sort(key=lambda row: row.first_seq, reverse=True)
    return found[: wanted.limit]


def _rare(tables: sqlite3.Connection, wanted: CallFilter) -> str | None:
    """The condition that the fewest calls meet; None: each is met by many, or there is no choice."""
    met = {name: tables.execute(*probe).fetchone()[0] for name, probe in wanted.probes().items()}
    rare = min(met, key=lambda name: met[name], default=None)
    return rare if rare is not None and met[rare] <= FEW else None


def _row(tables: sqlite3.Connection, call: str) -> CallRow | None:
    row = tables.execute(f"SELECT {', '.join(COLUMNS)} FROM calls WHERE id = ?", (call,)).fetchone()  # noqa: S608
    return _call(row) if row is not None else None


def _call(row: tuple[Any, ...]) -> CallRow:
    values = dict(zip(COLUMNS, row, strict=True))
    return CallRow(**values | {"emergency": bool(values["emergency"])})
