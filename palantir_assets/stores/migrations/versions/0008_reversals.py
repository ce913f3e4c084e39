"""Which actions took back which."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reversals",
        sa.Column("action_no", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("reverts", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("action_no", "reverts", name="reversals_pkey"),
    )
    op.create_index("ix_reversals_reverts", "reversals", ["reverts"])
