"""What reports are made of: who answered, emergencies, transfers; the Perwira Piket's orders; who heard recordings.

The journal fills all tables anew, as the folds have changed with this.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_LINE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXTS = ("answered_by", "answered_desk", "blocked_at", "emergency_at", "contact_at", "marked_at")
_LISTED_BY = ("operator", "answered_by", "polres", "kind", "emergency", "outcome")
_CONDITIONS = (
    "received_ms", "first_seq", "state", "outcome", "kind", "emergency", "desk", "operator", "answered_by", "polres",
)  # fmt: skip


def upgrade() -> None:
    """Widen the calls and the numbers' history, and make what is new."""
    op.drop_index("ix_calls_received_ms", "calls")
    for column in _TEXTS:
        op.add_column("calls", sa.Column(column, sa.String()))
    op.add_column("calls", sa.Column("recording_seconds", sa.Float()))
    op.add_column("calls", sa.Column("recording_bytes", sa.BigInteger()))
    for column in _LISTED_BY:
        op.create_index(f"ix_calls_{column}", "calls", [column, "first_seq"])
    op.create_index("ix_calls_conditions", "calls", list(_CONDITIONS))
    op.execute("DELETE FROM number_history")
    with op.batch_alter_table("number_history") as batch:
        batch.add_column(sa.Column("at_ms", sa.BigInteger(), nullable=False))
    op.create_index("ix_number_history_at", "number_history", ["at_ms", "action"])
    op.create_table(
        "transfers",
        sa.Column("seq", _LINE, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("call", "polres", "started_at")),
        *(sa.Column(name, sa.String()) for name in ("ended_at", "result", "reason")),
    )
    op.create_index("ix_transfers_call", "transfers", ["call", "seq"])
    op.create_table(
        "instructions",
        sa.Column("seq", _LINE, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("call", "at", "actor", "text")),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("officer", sa.String()),
    )
    op.create_index("ix_instructions_call", "instructions", ["call", "seq"])
    op.create_index("ix_instructions_at_ms", "instructions", ["at_ms"])
    op.create_table(
        "recording_events",
        sa.Column("seq", _LINE, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("name", "at", "actor", "action")),
    )
    op.create_index("ix_recording_events_name", "recording_events", ["name", "seq"])


def downgrade() -> None:
    """Back to what there was; the journal fills it again."""
    for table in ("recording_events", "instructions", "transfers"):
        op.drop_table(table)
    op.drop_index("ix_number_history_at", "number_history")
    with op.batch_alter_table("number_history") as batch:
        batch.drop_column("at_ms")
    op.drop_index("ix_calls_conditions", "calls")
    for column in _LISTED_BY:
        op.drop_index(f"ix_calls_{column}", "calls")
    with op.batch_alter_table("calls") as batch:
        for column in (*_TEXTS, "recording_seconds", "recording_bytes"):
            batch.drop_column(column)
    op.create_index("ix_calls_received_ms", "calls", ["received_ms"])
