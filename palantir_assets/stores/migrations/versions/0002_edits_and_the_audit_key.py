"""What people change: edits, actions, replies, effects and reads; and audit rows are signed with a key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit", sa.Column("key_id", sa.String(16), nullable=True))
    _edits()
    _actions()
    _outbox()
    op.create_table(
        "seen",
        sa.Column("object_type", sa.String(100), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("object_type", "object_key", "seq", name="seen_pkey"),
    )
    op.create_table(
        "marks",
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="marks_pkey"),
    )


def _edits() -> None:
    op.create_table(
        "edits",
        sa.Column("edit_no", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("batch_no", sa.BigInteger(), nullable=False),
        sa.Column("object_type", sa.String(100), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("values", sa.Text(), nullable=False),
        sa.Column("action", sa.String(100), nullable=False),
        sa.Column("action_no", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reverts", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("edit_no", name="edits_pkey"),
        sa.UniqueConstraint("object_type", "object_key", "version", name="edits_object_version_key"),
    )
    op.create_index("ix_edits_action_no", "edits", ["action_no"])


def _actions() -> None:
    op.create_table(
        "action_log",
        sa.Column("action_no", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("action", sa.String(100), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("approver", sa.String(200), nullable=True),
        sa.Column("key_hash", sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint("action_no", name="action_log_pkey"),
    )
    op.create_index("ix_action_log_status", "action_log", ["status"])
    op.create_table(
        "idempotency",
        sa.Column("principal", sa.String(200), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("reply", sa.LargeBinary(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=False),
        sa.Column("action_no", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("principal", "key_hash", name="idempotency_pkey"),
    )
    op.create_index("ix_idempotency_at", "idempotency", ["at"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("effect_no", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("action_no", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(50), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("effect_no", name="outbox_pkey"),
    )
    op.create_index("ix_outbox_due", "outbox", ["state", "next_try_at"])
    op.create_index("ix_outbox_action_no", "outbox", ["action_no"])
