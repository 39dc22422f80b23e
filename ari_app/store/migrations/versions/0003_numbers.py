"""Numbers that were marked or blocked, and what was done with each (SOP VIII)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "numbers",
        sa.Column("number", sa.String(), primary_key=True),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.String(), nullable=False),
        sa.Column("marks", sa.Integer(), nullable=False),
        sa.Column("marked_in", sa.String(), nullable=False),
        sa.Column("blocked_at", sa.String()),
        sa.Column("blocked_ms", sa.BigInteger()),
        sa.Column("blocked_by", sa.String()),
        sa.Column("reason", sa.String()),
        sa.Column("note", sa.String()),
    )
    op.create_index("ix_numbers_last_seq", "numbers", ["last_seq"])
    op.create_index("ix_numbers_blocked", "numbers", ["blocked_ms", "last_seq"])
    op.create_table(
        "number_history",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("number", sa.String()),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("call", sa.String()),
        sa.Column("reason", sa.String()),
        sa.Column("note", sa.String()),
    )
    op.create_index("ix_number_history_number", "number_history", ["number", "seq"])


def downgrade() -> None:
    """Drop them; the journal fills them again."""
    op.drop_table("number_history")
    op.drop_table("numbers")
