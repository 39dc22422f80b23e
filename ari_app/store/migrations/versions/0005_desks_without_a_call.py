"""What a desk does without a call: wrap-up, and a talk with another desk.

The journal fills all tables anew, as the folds have changed with this.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_COLUMNS = ("colleague", "busy_since", "wrapup_until")


def upgrade() -> None:
    """Widen the desks."""
    for column in _COLUMNS:
        op.add_column("desks", sa.Column(column, sa.String()))


def downgrade() -> None:
    """Back to the desks as they were; the journal fills them again."""
    with op.batch_alter_table("desks") as batch:
        for column in _COLUMNS:
            batch.drop_column(column)
