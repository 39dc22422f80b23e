"""What a report is made of, from the tables: the calls of a time, their transfers, and what was done with numbers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ari_app.domain.blocklist import BLOCKED, UNBLOCKED
from ari_app.domain.moments import milliseconds
from ari_app.domain.report import Moved, NumberDone, Report, Taken, make_report
from ari_app.store.database import trouble
from ari_app.store.tables import CallTable, NumberHistoryTable, TransferTable

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table

_calls: Final[Table] = CallTable.__table__  # type: ignore[attr-defined]  # SQLModel adds it unseen
_transfers: Final[Table] = TransferTable.__table__  # type: ignore[attr-defined]
_history: Final[Table] = NumberHistoryTable.__table__  # type: ignore[attr-defined]

_COLUMNS: Final = (
    "id", "received_ms", "answered_at", "answered_by", "answered_desk", "kind", "outcome", "blocked_at", "marked_at",
    "emergency_at", "contact_at",
)  # fmt: skip


def report_between(engine: Engine, since_ms: int, until_ms: int, zone: ZoneInfo) -> Report:
    """The report of the calls that were received in this time (ms since 1970, ``until_ms`` excluded).

    All of it is of one moment, also while calls go on.

    Raises:
        DatabaseError: the database cannot be read.
    """
    received = _calls.c.received_ms
    in_time = (received >= since_ms, received < until_ms)
    try:
        with engine.connect() as connection:
            if engine.dialect.name != "sqlite":  # whose transactions are of one moment already
                connection.execution_options(isolation_level="REPEATABLE READ")
            return make_report(
                _taken(connection, in_time, zone), _moved(connection, in_time), _numbers(connection, since_ms, until_ms)
            )
    except (SQLAlchemyError, OSError) as error:
        raise trouble(engine, error) from error


def _taken(connection: Connection, in_time: tuple[Any, ...], zone: ZoneInfo) -> list[Taken]:
    query = sa.select(*(_calls.c[name] for name in _COLUMNS)).where(*in_time)
    query = query.order_by(_calls.c.received_ms, _calls.c.first_seq)
    return [_call(row, zone) for row in connection.execute(query)]


def _call(row: sa.Row[Any], zone: ZoneInfo) -> Taken:
    at = datetime.fromtimestamp(row.received_ms / 1000, zone)
    return Taken(
        row.id,
        row.received_ms,
        day=at.date().isoformat(),
        hour=at.hour,
        answered_ms=_ms(row.answered_at),
        operator=row.answered_by,
        desk=row.answered_desk,
        kind=row.kind,
        outcome=row.outcome,
        is_blocked=row.blocked_at is not None,
        is_marked=row.marked_at is not None,
        emergency_ms=_ms(row.emergency_at),
        contact_ms=_ms(row.contact_at),
    )


def _moved(connection: Connection, in_time: tuple[Any, ...]) -> list[Moved]:
    query = (
        sa.select(*(_transfers.c[name] for name in ("call", "polres", "result", "started_at", "ended_at")))
        .join(_calls, _calls.c.id == _transfers.c.call)
        .where(*in_time)
        .order_by(_calls.c.received_ms, _transfers.c.seq)
    )
    return [
        Moved(call, polres, result, max(0, milliseconds(ended) - milliseconds(started)) if ended else None)
        for call, polres, result, started, ended in connection.execute(query)
    ]


def _numbers(connection: Connection, since_ms: int, until_ms: int) -> list[NumberDone]:
    """Of a million imported numbers one line: those that belong to no call are counted there."""
    action, reason, call, at = (_history.c[name] for name in ("action", "reason", "call", "at_ms"))
    query = (
        sa.select(action, reason, call, sa.func.count())
        .where(at >= since_ms, at < until_ms, action.in_((BLOCKED, UNBLOCKED)))
        .group_by(action, reason, call)
        .order_by(sa.func.min(_history.c.seq))
    )
    return [NumberDone(*row) for row in connection.execute(query)]


def _ms(at: str | None) -> int | None:
    return None if at is None else milliseconds(at)
