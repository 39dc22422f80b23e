"""The tables that are folded from the journal (SQLModel). Alembic owns their schema: ``migrations/``.

Times are kept as the journal has them (ISO 8601 with the site's offset), so table and journal cannot
disagree; ``received_ms`` (milliseconds since 1970, UTC) is beside it for ranges.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel

REVISION: Final = "0001"
"""The newest migration; a test compares it with ``migrations/versions``."""


class CallTable(SQLModel, table=True):
    """One row a call, with the fields of the contract."""

    __tablename__ = "calls"

    id: str = Field(primary_key=True)
    first_seq: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    received_ms: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    received_at: str
    caller: str | None = Field(default=None, index=True)
    dialled: str | None = None
    state: str = Field(index=True)
    kind: str | None = None
    emergency: bool = False
    operator: str | None = None
    desk: str | None = Field(default=None, index=True)
    polres: str | None = None
    outcome: str | None = None
    answered_at: str | None = None
    ended_at: str | None = None


class DeskTable(SQLModel, table=True):
    """One row a desk that the journal has ever mentioned."""

    __tablename__ = "desks"

    extension: str = Field(primary_key=True)
    registered: bool = False
    since: str | None = None
    call: str | None = None


class CursorTable(SQLModel, table=True):
    """How far the journal has been folded into the other tables; always one row, ``journal``.

    ``hash`` is that line's, so that another journal is noticed; ``version`` is the folds' version.
    """

    __tablename__ = "cursor"

    name: str = Field(primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    hash: str
    version: int
