"""Calls, desks, and how far the journal has been folded into them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "calls",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.String(), nullable=False),
        sa.Column("caller", sa.String()),
        sa.Column("dialled", sa.String()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("kind", sa.String()),
        sa.Column("emergency", sa.Boolean(), nullable=False),
        sa.Column("operator", sa.String()),
        sa.Column("desk", sa.String()),
        sa.Column("polres", sa.String()),
        sa.Column("outcome", sa.String()),
        sa.Column("answered_at", sa.String()),
        sa.Column("ended_at", sa.String()),
    )
    for column in ("first_seq", "received_ms", "caller", "state", "desk"):
        op.create_index(f"ix_calls_{column}", "calls", [column])
    op.create_table(
        "desks",
        sa.Column("extension", sa.String(), primary_key=True),
        sa.Column("registered", sa.Boolean(), nullable=False),
        sa.Column("since", sa.String()),
        sa.Column("call", sa.String()),
    )
    op.create_table(
        "cursor",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    """Drop the tables; the journal can fill them again at any time."""
    for table in ("cursor", "desks", "calls"):
        op.drop_table(table)
