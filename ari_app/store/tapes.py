"""What the tables know of recordings, and of the Perwira Piket's orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ari_app.domain.calls import CallRow
from ari_app.domain.instructions import Instruction
from ari_app.domain.tapes import TapeEvent
from ari_app.store.database import trouble
from ari_app.store.queries import CALL_COLUMNS, PAGE, call_row, rows_of
from ari_app.store.tables import CallTable, ComplaintTable, InstructionTable, RecordingEventTable
from ari_app.store.upsert import parts

if TYPE_CHECKING:
    from sqlalchemy import Engine, Select, Table

_calls: Final[Table] = CallTable.__table__  # type: ignore[attr-defined]  # SQLModel adds it unseen
_complaints: Final[Table] = ComplaintTable.__table__  # type: ignore[attr-defined]
_instructions: Final[Table] = InstructionTable.__table__  # type: ignore[attr-defined]
_events: Final[Table] = RecordingEventTable.__table__  # type: ignore[attr-defined]

_OPEN: Final = sa.select(_complaints.c.call, _complaints.c.ticket).where(_complaints.c.status != "closed")


class Ordered(NamedTuple):
    """An order, and the ticket of its call's complaint."""

    instruction: Instruction
    ticket: str | None


def calls_by_id(engine: Engine, ids: Sequence[str]) -> dict[str, CallRow]:
    """The calls with these ids, as far as there are any.

    Raises:
        DatabaseError: the database cannot be read.
    """
    return {
        row.id: call_row(row)
        for some in parts(ids)
        for row in rows_of(engine, sa.select(*CALL_COLUMNS).where(_calls.c.id.in_(some)))
    }


def open_tickets(engine: Engine, calls: Sequence[str]) -> dict[str, str]:
    """The tickets of those of these calls whose complaint is not closed.

    Raises:
        DatabaseError: the database cannot be read.
    """
    return {
        row.call: row.ticket
        for some in parts(calls)
        for row in rows_of(engine, _OPEN.where(_complaints.c.call.in_(some)))
    }


def open_calls(engine: Engine) -> dict[str, str]:
    """All calls whose complaint is not closed, each with its ticket.

    Raises:
        DatabaseError: the database cannot be read.
    """
    return {row.call: row.ticket for row in rows_of(engine, _OPEN)}


def tape_events(engine: Engine, names: Sequence[str]) -> dict[str, list[TapeEvent]]:
    """What was done with these recordings, oldest first; nothing of those with which nothing was.

    Raises:
        DatabaseError: the database cannot be read.
    """
    found: dict[str, list[TapeEvent]] = {}
    columns = tuple(_events.c[name] for name in TapeEvent.__dataclass_fields__)
    for some in parts(names):
        for row in rows_of(engine, sa.select(*columns).where(_events.c.name.in_(some)).order_by(_events.c.seq)):
            found.setdefault(row.name, []).append(TapeEvent(row.seq, row.name, row.at, row.actor, row.action))
    return found


def recorded_calls(engine: Engine, *, since_ms: int | None, until_ms: int | None) -> Iterator[CallRow]:
    """The calls of a time that have ended and have a finished recording, oldest first, one after the other.

    Raises:
        DatabaseError: the database cannot be read.
    """
    query = sa.select(*CALL_COLUMNS).where(_calls.c.recording_sha256.is_not(None)).order_by(_calls.c.received_ms)
    if since_ms is not None:
        query = query.where(_calls.c.received_ms >= since_ms)
    if until_ms is not None:
        query = query.where(_calls.c.received_ms < until_ms)
    try:
        with engine.connect() as connection:
            for row in connection.execution_options(yield_per=PAGE).execute(query):
                yield call_row(row)
    except (SQLAlchemyError, OSError) as error:
        raise trouble(engine, error) from error


def list_instructions(engine: Engine, *, call: str | None, since_ms: int | None, limit: int | None) -> list[Ordered]:
    """The orders, the newest first: all, those on a call, those since a moment (ms since 1970).

    Raises:
        DatabaseError: the database cannot be read.
    """
    columns = tuple(_instructions.c[name] for name in Instruction.__dataclass_fields__)
    query: Select[Any] = sa.select(*columns, _complaints.c.ticket).limit(limit)
    query = query.outerjoin(_complaints, _complaints.c.call == _instructions.c.call).order_by(
        _instructions.c.seq.desc()
    )
    if call is not None:
        query = query.where(_instructions.c.call == call)
    if since_ms is not None:
        query = query.where(_instructions.c.at_ms >= since_ms)
    return [
        Ordered(Instruction(row.seq, row.call, row.at, row.actor, row.officer, row.text), row.ticket)
        for row in rows_of(engine, query)
    ]
