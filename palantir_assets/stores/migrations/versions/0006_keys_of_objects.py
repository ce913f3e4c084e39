"""Personal values are kept under a key of their object, which erasing it destroys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "object_keys",
        sa.Column("object_type", sa.String(100), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=True),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("object_type", "object_key", name="object_keys_pkey"),
    )
    op.create_index("ix_object_keys_erased_at", "object_keys", ["erased_at"])
