"""Rows put into a table, new or in the place of the old ones, whatever kind of database it is."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection, Engine, Table

AT_ONCE: Final = 500
"""Keys in one question: some databases do not take many more."""


def parts(values: Sequence[str]) -> Iterable[Sequence[str]]:
    """The values, ``AT_ONCE`` at a time."""
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


class Rows:
    """Puts many rows into a table by one statement of the driver's own, of which SQLAlchemy's share is the larger."""

    def __init__(self, engine: Engine, statement: sa.Insert) -> None:
        """``statement`` has a value for each column of the table."""
        compiled = statement.compile(dialect=engine.dialect)
        self._sql = str(compiled)
        self._in_order = itemgetter(*compiled.positiontup) if compiled.positiontup else None

    def put(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Put them in."""
        if rows:
            values = rows if self._in_order is None else list(map(self._in_order, rows))
            connection.exec_driver_sql(self._sql, values)


class Upsert:
    """Puts rows into one table; what is there with the same key is replaced."""

    def __init__(self, engine: Engine, table: Table) -> None:
        """The table has one key."""
        self._table = table
        (self._key,) = table.primary_key
        statement = _upsert(engine, table)
        self._is_known = statement is not None
        self._rows = Rows(engine, statement if statement is not None else sa.insert(table))

    def put(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Put them in; no key may be there twice."""
        if not self._is_known:
            for keys in parts([row[self._key.name] for row in rows]):
                connection.execute(sa.delete(self._table).where(self._key.in_(keys)))
        self._rows.put(connection, rows)


def _upsert(engine: Engine, table: Table) -> sa.Insert | None:
    """The statement that adds a row or replaces it; None: this kind of database has none that we know."""
    from sqlalchemy.dialects import postgresql, sqlite  # noqa: PLC0415 - only for a moment, once

    kinds: dict[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
    make = kinds.get(engine.dialect.name)
    if make is None:
        return None
    statement = make(table)
    key = [column.name for column in table.primary_key]
    new = {column.name: statement.excluded[column.name] for column in table.c if column.name not in key}
    upsert: sa.Insert = statement.on_conflict_do_update(index_elements=key, set_=new)
    return upsert
