"""Folding the journal into the tables, once or all the time.

The cursor says how far that has come; it is written in the same transaction as the rows, so a record is
folded exactly once, whoever does it and whenever it is killed. When the cursor names a line that the
journal does not have, or the folds have changed, everything is folded anew.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ari_app.domain.calls import FOLD_VERSION, CallRow, fold_call
from ari_app.domain.complaints import ComplaintRow, fold_complaint
from ari_app.domain.desk_rows import DeskRow, fold_desks
from ari_app.domain.moments import milliseconds
from ari_app.store.chain import GENESIS
from ari_app.store.database import ensure_schema, trouble
from ari_app.store.line_folders import LineFolder
from ari_app.store.number_folder import NumberFolder
from ari_app.store.reader import JournalReader
from ari_app.store.tables import CallTable, ComplaintTable, CursorTable, DeskTable
from ari_app.store.upsert import Upsert, parts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Engine, Table

    from ari_app.domain.facts import Record

BATCH: Final = 1000
"""Records folded in one transaction."""

BULK: Final = 20_000
"""The same where so many wait: a million imported numbers lie all over the index, and each page of it is written once
a transaction. It takes a second or so, which another folder waits for."""

_calls: Final[Table] = CallTable.__table__  # type: ignore[attr-defined]  # SQLModel adds it unseen
_complaints: Final[Table] = ComplaintTable.__table__  # type: ignore[attr-defined]
_desks: Final[Table] = DeskTable.__table__  # type: ignore[attr-defined]
_cursor: Final[Table] = CursorTable.__table__  # type: ignore[attr-defined]

_CALL_FIELDS: Final = tuple(CallRow.__dataclass_fields__)
_COMPLAINT_FIELDS: Final = tuple(ComplaintRow.__dataclass_fields__)
_DESK_FIELDS: Final = tuple(DeskRow.__dataclass_fields__)


def catch_up(journal_path: Path, engine: Engine) -> int:
    """Fold what the tables do not have yet; returns the number of records folded.

    Raises:
        JournalError: there is no journal, or it cannot be read.
        DatabaseError: the database cannot be used, or is newer than this program.
    """
    ensure_schema(engine)
    with JournalReader(journal_path) as reader:
        return Folder(reader, engine).fold_all()


class Folder:
    """Folds one journal into one database. It keeps the living calls' rows, to read none of them twice."""

    def __init__(self, reader: JournalReader, engine: Engine) -> None:
        """``engine`` has this program's schema (``ensure_schema``)."""
        self._reader = reader
        self._engine = engine
        self._at: tuple[int, str] | None = None  # the cursor as we left it; None: not known
        self._calls: dict[str, CallRow] = {}
        self._complaints: dict[str, ComplaintRow] = {}  # by their calls' ids
        self._desks: dict[str, DeskRow] = {}
        self._put_calls = Upsert(engine, _calls)
        self._put_complaints = Upsert(engine, _complaints)
        self._put_desks = Upsert(engine, _desks)
        self._numbers = NumberFolder(engine)
        self._lines = LineFolder(engine)

    @property
    def seq(self) -> int | None:
        """The number of the journal's line that the tables are at; None: not known."""
        return self._at[0] if self._at is not None else None

    def fold_all(self) -> int:
        """Fold until nothing is left; returns the number of records.

        Raises:
            JournalError, DatabaseError: as ``catch_up``.
        """
        total = 0
        while count := self._fold_batch():
            total += count
        return total

    def _fold_batch(self) -> int:
        if self._at is not None and self._reader.head() == self._at:
            return 0
        try:
            with self._engine.begin() as connection:
                cursor = self._find_cursor(connection)
                limit = BULK if self._reader.head().seq - cursor[0] > BULK else BATCH
                records = self._reader.records(after=cursor[0], limit=limit)
                if records:
                    self._fold(connection, records)
                    cursor = records[-1].seq, records[-1].hash
                    values = {"seq": cursor[0], "hash": cursor[1], "version": FOLD_VERSION}
                    connection.execute(sa.update(_cursor).values(values))
        except SQLAlchemyError as error:
            self._forget()
            raise trouble(self._engine, error) from error
        except BaseException:
            self._forget()
            raise
        self._at = cursor
        return len(records)

    def _forget(self) -> None:
        self._at = None
        self._calls.clear()
        self._complaints.clear()
        self._desks.clear()

    def _find_cursor(self, connection: Connection) -> tuple[int, str]:
        """How far the tables are. What we remember counts only if nobody else has folded since."""
        row = connection.execute(sa.select(_cursor).with_for_update()).one_or_none()
        if row is not None and (row.seq, row.hash) == self._at and row.version == FOLD_VERSION:
            return self._at
        self._forget()
        if row is not None and row.version == FOLD_VERSION and self._has(row.seq, row.hash):
            return row.seq, row.hash
        for table in (_calls, _complaints, _desks, *NumberFolder.TABLES, *LineFolder.TABLES, _cursor):
            connection.execute(sa.delete(table))
        values = {"name": "journal", "seq": 0, "hash": GENESIS, "version": FOLD_VERSION}
        connection.execute(sa.insert(_cursor).values(values))
        return 0, GENESIS

    def _has(self, seq: int, hash_: str) -> bool:
        """Whether the journal has this line."""
        if seq == 0:
            return True
        rows = self._reader.rows(after=seq - 1, limit=1)
        return bool(rows) and (rows[0][0], rows[0][6]) == (seq, hash_)

    def _fold(self, connection: Connection, records: Sequence[Record]) -> None:
        self._load(connection, records)
        calls: set[str] = set()
        complaints: set[str] = set()
        desks: set[str] = set()
        for record in records:
            if record.call is not None:
                call = fold_call(self._calls.get(record.call), record)
                if call is not None and call != self._calls.get(record.call):
                    self._calls[record.call] = call
                    calls.add(record.call)
                complaint = fold_complaint(self._complaints.get(record.call), record)
                if complaint is not None and complaint != self._complaints.get(record.call):
                    self._complaints[record.call] = complaint
                    complaints.add(record.call)
            changed = fold_desks(self._desks, record)
            self._desks |= changed
            desks |= changed.keys()
        self._put_calls.put(connection, [_with_time(self._calls[id_], "received") for id_ in calls])
        self._put_complaints.put(connection, [_with_time(self._complaints[id_], "opened") for id_ in complaints])
        self._put_desks.put(connection, [asdict(self._desks[extension]) for extension in desks])
        self._numbers.fold(connection, records)
        self._lines.fold(connection, records)
        for id_ in {record.call for record in records if record.call is not None}:
            row = self._calls.get(id_)
            if row is None or row.state == "ended":
                self._calls.pop(id_, None)
                self._complaints.pop(id_, None)

    def _load(self, connection: Connection, records: Sequence[Record]) -> None:
        """Read the rows that these records are about and that we do not have."""
        if not self._desks:
            for row in connection.execute(sa.select(*(_desks.c[name] for name in _DESK_FIELDS))):
                self._desks[row.extension] = DeskRow(*row)
        wanted = {each.call for each in records if each.call is not None} - self._calls.keys()
        for some in parts(sorted(wanted)):
            query = sa.select(*(_calls.c[name] for name in _CALL_FIELDS)).where(_calls.c.id.in_(some))
            for row in connection.execute(query):
                self._calls[row.id] = CallRow(*row)
            query = sa.select(*(_complaints.c[name] for name in _COMPLAINT_FIELDS)).where(_complaints.c.call.in_(some))
            for row in connection.execute(query):
                self._complaints[row.call] = ComplaintRow(*row)


def _with_time(row: CallRow | ComplaintRow, begun: str) -> dict[str, Any]:
    """The row's values, and its ``begun`` time in milliseconds as well."""
    values: dict[str, Any] = {name: getattr(row, name) for name in row.__dataclass_fields__}
    values[f"{begun}_ms"] = milliseconds(values[f"{begun}_at"])
    return values
