"""Complaints; what the whole of SOP V says about calls and desks; an index for each listing.

The journal fills all tables anew, as the folds have changed with this.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TEXTS = (
    "name", "number", "place", "category", "description", "plate", "validity", "polres", "reason",
    "changed_at", "changed_by", "closed_at", "closed_by",
)  # fmt: skip


def upgrade() -> None:
    """Make the complaints, and widen the calls and the desks."""
    op.create_table(
        "complaints",
        sa.Column("call", sa.String(), primary_key=True),
        sa.Column("ticket", sa.String(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.String(), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("emergency", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        *(sa.Column(name, sa.String()) for name in _TEXTS),
    )
    for column in ("ticket", "opened_ms"):
        op.create_index(f"ix_complaints_{column}", "complaints", [column])
    for column in ("status", "polres", "number"):
        op.create_index(f"ix_complaints_{column}", "complaints", [column, "opened_ms"])
    for column in ("ticket", "recording_sha256"):
        op.add_column("calls", sa.Column(column, sa.String()))
    for column in ("state", "desk", "caller"):
        op.drop_index(f"ix_calls_{column}", "calls")
        op.create_index(f"ix_calls_{column}", "calls", [column, "first_seq"])
    op.create_index("ix_calls_caller_received", "calls", ["caller", "received_ms"])
    op.drop_table("desks")
    op.create_table(
        "desks",
        sa.Column("extension", sa.String(), primary_key=True),
        sa.Column("registered", sa.Boolean(), nullable=False),
        sa.Column("since", sa.String()),
        sa.Column("call", sa.String()),
        sa.Column("activity", sa.String()),
        sa.Column("operator", sa.String()),
        sa.Column("ready", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String()),
    )


def downgrade() -> None:
    """Back to calls and desks as they were; the journal fills them again."""
    op.drop_table("complaints")
    op.drop_index("ix_calls_caller_received", "calls")
    for column in ("state", "desk", "caller"):
        op.drop_index(f"ix_calls_{column}", "calls")
        op.create_index(f"ix_calls_{column}", "calls", [column])
    with op.batch_alter_table("calls") as batch:
        for column in ("ticket", "recording_sha256"):
            batch.drop_column(column)
    op.drop_table("desks")
    op.create_table(
        "desks",
        sa.Column("extension", sa.String(), primary_key=True),
        sa.Column("registered", sa.Boolean(), nullable=False),
        sa.Column("since", sa.String()),
        sa.Column("call", sa.String()),
    )
