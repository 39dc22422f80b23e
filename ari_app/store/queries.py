"""Questions to the tables. They answer with the rows of the domain; the tables must have been made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ari_app.domain.calls import CallRow
from ari_app.domain.complaints import ComplaintRow
from ari_app.domain.desk_rows import DeskRow
from ari_app.domain.number_rows import EVENT_FIELDS, NUMBER_FIELDS, NumberEvent, NumberRow
from ari_app.store.call_filter import CallFilter
from ari_app.store.database import trouble
from ari_app.store.number_folder import number_row
from ari_app.store.tables import CallTable, ComplaintTable, CursorTable, DeskTable, NumberHistoryTable, NumberTable

if TYPE_CHECKING:
    from sqlalchemy import Engine, Select, Table

_calls: Final[Table] = CallTable.__table__  # type: ignore[attr-defined]  # SQLModel adds it unseen
_complaints: Final[Table] = ComplaintTable.__table__  # type: ignore[attr-defined]
_desks: Final[Table] = DeskTable.__table__  # type: ignore[attr-defined]
_cursor: Final[Table] = CursorTable.__table__  # type: ignore[attr-defined]

_numbers: Final[Table] = NumberTable.__table__  # type: ignore[attr-defined]
_history: Final[Table] = NumberHistoryTable.__table__  # type: ignore[attr-defined]

PAGE: Final = 10_000
"""Rows fetched at a time where there may be a million."""

CALL_COLUMNS: Final = tuple(_calls.c[name] for name in CallRow.__dataclass_fields__)
_COMPLAINT_COLUMNS: Final = tuple(_complaints.c[name] for name in ComplaintRow.__dataclass_fields__)
_NUMBER_COLUMNS: Final = tuple(_numbers.c[name] for name in NUMBER_FIELDS)
_DESK_COLUMNS: Final = tuple(_desks.c[name] for name in DeskRow.__dataclass_fields__)


def list_calls(engine: Engine, wanted: CallFilter) -> list[CallRow]:
    """The calls that are wanted, newest first.

    Raises:
        DatabaseError: the database cannot be read.
    """
    text, values = wanted.query(is_sqlite=engine.dialect.name == "sqlite")
    return [call_row(row) for row in rows_of(engine, sa.text(text).bindparams(**values).columns(*CALL_COLUMNS))]


def calls_between(engine: Engine, caller: str, *, since_ms: int, until_ms: int, limit: int = 100) -> list[CallRow]:
    """The calls that a number (E.164) made in this time, newest first; ms since 1970, ``until_ms`` excluded.

    Raises:
        DatabaseError: the database cannot be read.
    """
    received = _calls.c.received_ms
    query = (
        sa.select(*CALL_COLUMNS)
        .where(_calls.c.caller == caller, received >= since_ms, received < until_ms)
        .order_by(received.desc(), _calls.c.first_seq.desc())
        .limit(limit)
    )
    return [call_row(row) for row in rows_of(engine, query)]


def find_call(engine: Engine, call: str) -> CallRow | None:
    """The call with this id; None when there is none.

    Raises:
        DatabaseError: the database cannot be read.
    """
    rows = rows_of(engine, sa.select(*CALL_COLUMNS).where(_calls.c.id == call))
    return call_row(rows[0]) if rows else None


def list_complaints(  # noqa: PLR0913 - one for each condition
    engine: Engine,
    *,
    status: str | None = None,
    polres: str | None = None,
    number: str | None = None,
    since_ms: int | None = None,
    limit: int | None = None,
) -> list[ComplaintRow]:
    """The complaints, newest first, at most ``limit``: all, or those that fit every condition.

    ``number`` is the reporter's (E.164), ``since_ms`` when it was opened at the earliest (ms since 1970).

    Raises:
        DatabaseError: the database cannot be read.
    """
    order = (_complaints.c.opened_ms.desc(), _complaints.c.first_seq.desc())
    query = sa.select(*_COMPLAINT_COLUMNS).order_by(*order).limit(limit)
    for name, value in {"status": status, "polres": polres, "number": number}.items():
        if value is not None:
            query = query.where(_complaints.c[name] == value)
    if since_ms is not None:
        query = query.where(_complaints.c.opened_ms >= since_ms)
    return [_complaint(row) for row in rows_of(engine, query)]


def find_complaint(engine: Engine, ticket: str) -> ComplaintRow | None:
    """The complaint with this ticket; None when there is none.

    Raises:
        DatabaseError: the database cannot be read.
    """
    return _only_complaint(engine, _complaints.c.ticket == ticket)


def complaint_of_call(engine: Engine, call: str) -> ComplaintRow | None:
    """The complaint of a call; None when it has none.

    Raises:
        DatabaseError: the database cannot be read.
    """
    return _only_complaint(engine, _complaints.c.call == call)


def ticket_at_desk(engine: Engine, extension: str) -> str | None:
    """The ticket of the living call that rings or talks at a desk; None: no call, or it has no complaint.

    Raises:
        DatabaseError: the database cannot be read.
    """
    query = (
        sa.select(_calls.c.ticket)
        .join(_desks, _desks.c.call == _calls.c.id)
        .where(_desks.c.extension == extension, _calls.c.state != "ended")
    )
    rows = rows_of(engine, query)
    return rows[0][0] if rows else None


def list_desks(engine: Engine) -> list[DeskRow]:
    """Every desk that the journal has ever mentioned, by extension.

    Raises:
        DatabaseError: the database cannot be read.
    """
    query = sa.select(*_DESK_COLUMNS).order_by(_desks.c.extension)
    return [DeskRow(*row) for row in rows_of(engine, query)]


def list_numbers(
    engine: Engine,
    *,
    blocked_since_ms: int | None = None,
    prefix: str | None = None,
    limit: int | None = None,
) -> Iterator[NumberRow]:
    """The numbers that were marked or blocked, one after the other, the last changed first; at most ``limit``.

    ``blocked_since_ms``: only those that were blocked after that (ms since 1970) and still are, the last blocked first.
    ``prefix``: only those that begin with it (``+6281``), by number.

    Raises:
        DatabaseError: the database cannot be read.
    """
    blocked, number = _numbers.c.blocked_ms, _numbers.c.number
    query = sa.select(*_NUMBER_COLUMNS).limit(limit)
    if blocked_since_ms is not None:
        query = query.where(blocked > blocked_since_ms)
    if prefix is not None:  # what follows "9" is above all digits
        query = query.where(number >= prefix, number < f"{prefix}:").order_by(number)
    elif blocked_since_ms is not None:
        query = query.order_by(blocked.desc(), _numbers.c.last_seq.desc())
    else:
        query = query.order_by(_numbers.c.last_seq.desc())
    return _number_rows(engine, query)


def find_number(engine: Engine, number: str) -> NumberRow | None:
    """The row of a number (E.164); None: it was never marked or blocked.

    Raises:
        DatabaseError: the database cannot be read.
    """
    rows = rows_of(engine, sa.select(*_NUMBER_COLUMNS).where(_numbers.c.number == number))
    return number_row(rows[0]) if rows else None


def all_blocked(engine: Engine, *, since_ms: int) -> Iterator[NumberRow]:
    """All numbers that were blocked after that (ms since 1970) and still are, one after the other, by number.

    Raises:
        DatabaseError: the database cannot be read.
    """
    query = sa.select(*_NUMBER_COLUMNS).where(_numbers.c.blocked_ms > since_ms).order_by(_numbers.c.number)
    return _number_rows(engine, query)


def _number_rows(engine: Engine, query: Select[Any]) -> Iterator[NumberRow]:
    try:
        with engine.connect() as connection:
            for row in connection.execution_options(yield_per=PAGE).execute(query):
                yield number_row(row)
    except (SQLAlchemyError, OSError) as error:
        raise trouble(engine, error) from error


def number_history(engine: Engine, number: str) -> list[NumberEvent]:
    """All that was done with a number (E.164), oldest first.

    Raises:
        DatabaseError: the database cannot be read.
    """
    columns = (_history.c[name] for name in EVENT_FIELDS)
    query = sa.select(*columns).where(_history.c.number == number).order_by(_history.c.seq)
    return [NumberEvent(**row._mapping) for row in rows_of(engine, query)]  # noqa: SLF001 - as below


def folded_up_to(engine: Engine) -> int:
    """The number of the last record that is in the tables; 0: none.

    Raises:
        DatabaseError: the database cannot be read.
    """
    rows = rows_of(engine, sa.select(_cursor.c.seq))
    return int(rows[0][0]) if rows else 0


def call_row(row: sa.Row[Any]) -> CallRow:
    """The row of the domain for one of the table, read with all of its columns."""
    return CallRow(**row._mapping)  # noqa: SLF001 - SQLAlchemy's own name for it, documented


def _complaint(row: sa.Row[Any]) -> ComplaintRow:
    return ComplaintRow(**row._mapping)  # noqa: SLF001 - as above


def _only_complaint(engine: Engine, condition: sa.ColumnElement[bool]) -> ComplaintRow | None:
    rows = rows_of(engine, sa.select(*_COMPLAINT_COLUMNS).where(condition))
    return _complaint(rows[0]) if rows else None


def rows_of(engine: Engine, query: sa.Executable) -> Sequence[sa.Row[Any]]:
    """All rows that a query finds.

    Raises:
        DatabaseError: the database cannot be read.
    """
    try:
        with engine.connect() as connection:
            return connection.execute(query).all()
    except (SQLAlchemyError, OSError) as error:
        raise trouble(engine, error) from error
