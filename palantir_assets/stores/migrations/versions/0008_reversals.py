"""Which actions each reversal took back, and after which edit."""

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
        sa.Column("reverted_no", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("after_edit", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("action_no", "reverted_no", name="reversals_pkey"),
    )
    op.create_index("ix_reversals_reverted_no", "reversals", ["reverted_no"])
