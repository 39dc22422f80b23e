"""Folding what the journal says of marked and blocked numbers into their two tables (SOP VIII)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec
import sqlalchemy as sa

from ari_app.domain.blocklist import ACTIONS
from ari_app.domain.moments import milliseconds
from ari_app.domain.number_rows import EVENT_FIELDS, NUMBER_FIELDS, NumberRow, event_of, fold_number, number_of
from ari_app.store.tables import NumberHistoryTable, NumberTable
from ari_app.store.upsert import Rows, Upsert, parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Engine, Table

    from ari_app.domain.facts import Record

_numbers: Final[Table] = NumberTable.__table__  # type: ignore[attr-defined]  # SQLModel adds it unseen
_history: Final[Table] = NumberHistoryTable.__table__  # type: ignore[attr-defined]

_COLUMNS: Final = tuple(_numbers.c[name] for name in NUMBER_FIELDS)


class NumberFolder:
    """Folds batches of records. It remembers no rows: there may be a million, and few are needed twice."""

    TABLES: ClassVar[tuple[Table, ...]] = (_numbers, _history)

    def __init__(self, engine: Engine) -> None:
        """``engine`` has this program's schema."""
        self._put_numbers = Upsert(engine, _numbers)
        self._put_history = Rows(engine, sa.insert(_history))

    def fold(self, connection: Connection, records: Sequence[Record]) -> None:
        """Fold these records, in order, into rows as they are in the tables."""
        ours = [record for record in records if record.action in ACTIONS]
        if not ours:
            return
        rows = self._load(connection, {number for record in ours if (number := number_of(record)) is not None})
        history: list[dict[str, Any]] = []
        for record in ours:
            event = event_of(record)
            if event is None:
                continue
            history.append({name: getattr(event, name) for name in EVENT_FIELDS} | {"at_ms": milliseconds(record.at)})
            if event.number is not None and (row := fold_number(rows.get(event.number), record)) is not None:
                rows[event.number] = row
        self._put_numbers.put(connection, [_values(row) for row in rows.values()])
        self._put_history.put(connection, history)

    @staticmethod
    def _load(connection: Connection, numbers: set[str]) -> dict[str, NumberRow]:
        rows: dict[str, NumberRow] = {}
        for some in parts(sorted(numbers)):
            for row in connection.execute(sa.select(*_COLUMNS).where(_numbers.c.number.in_(some))):
                rows[row.number] = number_row(row)
        return rows


def number_row(row: sa.Row[Any]) -> NumberRow:
    """The row of the domain for one of the table, read with ``NUMBER_FIELDS``."""
    marked_in = tuple((str(call), int(at)) for call, at in msgspec.json.decode(row.marked_in))
    return NumberRow(**{**row._mapping, "marked_in": marked_in})  # noqa: SLF001 - SQLAlchemy's own name, documented


def _values(row: NumberRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in NUMBER_FIELDS}
    return values | {"marked_in": msgspec.json.encode(row.marked_in).decode() if row.marked_in else "[]"}
