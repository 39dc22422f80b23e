"""Questions to the tables. They answer with the rows of the domain; the tables must have been made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ari_app.domain.calls import CallRow, DeskRow
from ari_app.store.database import trouble
from ari_app.store.tables import CallTable, CursorTable, DeskTable

if TYPE_CHECKING:
    from sqlalchemy import Engine, Select, Table

_calls: Final[Table] = CallTable.__table__  # type: ignore[attr-defined]  # SQLModel adds it unseen
_desks: Final[Table] = DeskTable.__table__  # type: ignore[attr-defined]
_cursor: Final[Table] = CursorTable.__table__  # type: ignore[attr-defined]

_CALL_COLUMNS: Final = tuple(_calls.c[name] for name in CallRow.__dataclass_fields__)
_DESK_COLUMNS: Final = tuple(_desks.c[name] for name in DeskRow.__dataclass_fields__)


def list_calls(
    engine: Engine,
    *,
    living: bool | None = None,
    caller: str | None = None,
    desk: str | None = None,
    limit: int | None = None,
) -> list[CallRow]:
    """The calls, newest first, at most ``limit``: all, or those that fit every condition.

    ``living``: only those that have not ended (False: only those that have); ``caller``: E.164.

    Raises:
        DatabaseError: the database cannot be read.
    """
    query = sa.select(*_CALL_COLUMNS).order_by(_calls.c.first_seq.desc()).limit(limit)
    if living is not None:
        query = query.where((_calls.c.state != "ended") if living else (_calls.c.state == "ended"))
    if caller is not None:
        query = query.where(_calls.c.caller == caller)
    if desk is not None:
        query = query.where(_calls.c.desk == desk)
    return [_call(row) for row in _rows(engine, query)]


def find_call(engine: Engine, call: str) -> CallRow | None:
    """The call with this id; None when there is none.

    Raises:
        DatabaseError: the database cannot be read.
    """
    rows = _rows(engine, sa.select(*_CALL_COLUMNS).where(_calls.c.id == call))
    return _call(rows[0]) if rows else None


def list_desks(engine: Engine) -> list[DeskRow]:
    """Every desk that the journal has ever mentioned, by extension.

    Raises:
        DatabaseError: the database cannot be read.
    """
    query = sa.select(*_DESK_COLUMNS).order_by(_desks.c.extension)
    return [DeskRow(*row) for row in _rows(engine, query)]


def folded_up_to(engine: Engine) -> int:
    """The number of the last record that is in the tables; 0: none.

    Raises:
        DatabaseError: the database cannot be read.
    """
    rows = _rows(engine, sa.select(_cursor.c.seq))
    return int(rows[0][0]) if rows else 0


def _call(row: sa.Row[Any]) -> CallRow:
    return CallRow(**row._mapping)  # noqa: SLF001 - SQLAlchemy's own name for it, documented


def _rows(engine: Engine, query: Select[Any]) -> Sequence[sa.Row[Any]]:
    try:
        with engine.connect() as connection:
            return connection.execute(query).all()
    except (SQLAlchemyError, OSError) as error:
        raise trouble(engine, error) from error
