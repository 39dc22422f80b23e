"""The tables that are folded from the journal (SQLModel). Alembic owns their schema: ``migrations/``.

Times are kept as the journal has them (ISO 8601 with the site's offset), so table and journal cannot
disagree; ``..._ms`` (milliseconds since 1970, UTC) are beside some of them for ranges.
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


LISTED_BY: Final = ("state", "desk", "caller", "operator", "answered_by", "polres", "kind", "emergency", "outcome")
"""Conditions of a listing of calls that are met by an index of their own."""

CONDITIONS: Final = (
    "received_ms", "first_seq", "state", "outcome", "kind", "emergency", "desk", "operator", "answered_by", "polres",
)  # fmt: skip
"""What several conditions together, and those on a time, are looked for in: only calls that fit are read."""


class CallTable(SQLModel, table=True):
    """One row a call, with the fields of the contract."""

    __tablename__ = "calls"
    __table_args__ = (
        *(Index(f"ix_calls_{name}", name, "first_seq") for name in LISTED_BY),
        Index("ix_calls_caller_received", "caller", "received_ms"),
        Index("ix_calls_conditions", *CONDITIONS),
    )

    id: str = Field(primary_key=True)
    first_seq: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    received_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
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
    recording_seconds: float | None = None
    recording_bytes: int | None = Field(default=None, sa_column=Column(BigInteger))
    answered_by: str | None = None
    answered_desk: str | None = None
    blocked_at: str | None = None
    emergency_at: str | None = None
    contact_at: str | None = None
    marked_at: str | None = None


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
    __table_args__ = (
        Index("ix_number_history_number", "number", "seq"),
        Index("ix_number_history_at", "at_ms", "action"),
    )

    seq: int = Field(sa_column=Column(_LINE, primary_key=True, autoincrement=False))
    number: str | None = None
    at: str
    at_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    actor: str
    action: str
    call: str | None = None
    reason: str | None = None
    note: str | None = None


class TransferTable(SQLModel, table=True):
    """One row a transfer to a Polres (``domain.transfers.TransferRow``)."""

    __tablename__ = "transfers"
    __table_args__ = (Index("ix_transfers_call", "call", "seq"),)

    seq: int = Field(sa_column=Column(_LINE, primary_key=True, autoincrement=False))
    call: str
    polres: str
    started_at: str
    ended_at: str | None = None
    result: str | None = None
    reason: str | None = None


class InstructionTable(SQLModel, table=True):
    """One row an order of the Perwira Piket (SOP VII.b); ``seq`` is the record's in the journal."""

    __tablename__ = "instructions"
    __table_args__ = (Index("ix_instructions_call", "call", "seq"),)

    seq: int = Field(sa_column=Column(_LINE, primary_key=True, autoincrement=False))
    call: str
    at: str
    at_ms: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    actor: str
    officer: str | None = None
    text: str


class RecordingEventTable(SQLModel, table=True):
    """One row for everything that was done with a recording; ``name`` is the call's id, or a transmission's."""

    __tablename__ = "recording_events"
    __table_args__ = (Index("ix_recording_events_name", "name", "seq"),)

    seq: int = Field(sa_column=Column(_LINE, primary_key=True, autoincrement=False))
    name: str
    at: str
    actor: str
    action: str


class CursorTable(SQLModel, table=True):
    """How far the journal has been folded into the other tables; always one row, ``journal``.

    ``hash`` is that line's, so that another journal is noticed; ``version`` is the folds' version.
    """

    __tablename__ = "cursor"

    name: str = Field(primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    hash: str
    version: int
