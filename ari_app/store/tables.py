"""The tables that are folded from the journal (SQLModel). Alembic owns their schema: ``migrations/``.

Times are kept as the journal has them (ISO 8601 with the site's offset), so table and journal cannot
disagree; ``received_ms``, ``opened_ms`` and ``blocked_ms`` (milliseconds since 1970, UTC) are beside them for ranges.
Each index serves one listing, condition and order: it must be as quick with a million calls.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer
from sqlmodel import Field, SQLModel

REVISION: Final = "0005"
"""The newest migration; a test compares it with ``migrations/versions``."""

_LINE: Final = BigInteger().with_variant(Integer(), "sqlite")
"""As a key, SQLite keeps rows in the order of an INTEGER, and of nothing else, without an index beside them."""


class CallTable(SQLModel, table=True):
    """One row a call, with the fields of the contract."""

    __tablename__ = "calls"
    __table_args__ = (
        Index("ix_calls_state", "state", "first_seq"),
        Index("ix_calls_desk", "desk", "first_seq"),
        Index("ix_calls_caller", "caller", "first_seq"),
        Index("ix_calls_caller_received", "caller", "received_ms"),
    )

    id: str = Field(primary_key=True)
    first_seq: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    received_ms: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    received_at: str
    caller: str | None = None
    dialled: str | None = None
    state: str
    kind: str | None = None
    emergency: bool = False
    operator: str | None = None
    desk: str | None = None
    polres: str | None = None
    ticket: str | None = None
    outcome: str | None = None
    answered_at: str | None = None
    ended_at: str | None = None
    recording_sha256: str | None = None


class ComplaintTable(SQLModel, table=True):
    """One row a complaint; a call has at most one (``domain.complaints.ComplaintRow``)."""

    __tablename__ = "complaints"
    __table_args__ = (
        Index("ix_complaints_status", "status", "opened_ms"),
        Index("ix_complaints_polres", "polres", "opened_ms"),
        Index("ix_complaints_number", "number", "opened_ms"),
    )

    call: str = Field(primary_key=True)
    ticket: str = Field(index=True)
    first_seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    opened_ms: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    opened_at: str
    opened_by: str
    name: str | None = None
    number: str | None = None
    place: str | None = None
    category: str | None = None
    description: str | None = None
    plate: str | None = None
    validity: str | None = None
    emergency: bool = False
    polres: str | None = None
    status: str
    reason: str | None = None
    changed_at: str | None = None
    changed_by: str | None = None
    closed_at: str | None = None
    closed_by: str | None = None


class DeskTable(SQLModel, table=True):
    """One row a desk that the journal has ever mentioned."""

    __tablename__ = "desks"

    extension: str = Field(primary_key=True)
    registered: bool = False
    since: str | None = None
    call: str | None = None
    activity: str | None = None
    operator: str | None = None
    ready: bool = True
    reason: str | None = None
    colleague: str | None = None
    busy_since: str | None = None
    wrapup_until: str | None = None


class NumberTable(SQLModel, table=True):
    """One row a number that was ever marked or blocked (``domain.number_rows.NumberRow``).

    ``marked_in`` is its list as JSON: ``[["CALL", ms since 1970], ...]``.
    """

    __tablename__ = "numbers"
    __table_args__ = (Index("ix_numbers_blocked", "blocked_ms", "last_seq"),)

    number: str = Field(primary_key=True)
    last_seq: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    changed_at: str
    marks: int = 0
    marked_in: str = "[]"
    blocked_at: str | None = None
    blocked_ms: int | None = Field(default=None, sa_column=Column(BigInteger))
    blocked_by: str | None = None
    reason: str | None = None
    note: str | None = None


class NumberHistoryTable(SQLModel, table=True):
    """One row for everything that was done with a number; ``seq`` is the record's in the journal."""

    __tablename__ = "number_history"
    __table_args__ = (Index("ix_number_history_number", "number", "seq"),)

    seq: int = Field(sa_column=Column(_LINE, primary_key=True, autoincrement=False))
    number: str | None = None
    at: str
    actor: str
    action: str
    call: str | None = None
    reason: str | None = None
    note: str | None = None


class CursorTable(SQLModel, table=True):
    """How far the journal has been folded into the other tables; always one row, ``journal``.

    ``hash`` is that line's, so that another journal is noticed; ``version`` is the folds' version.
    """

    __tablename__ = "cursor"

    name: str = Field(primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    hash: str
    version: int
