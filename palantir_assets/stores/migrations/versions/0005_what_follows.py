"""What follows an action: who wants which mails, rules that are armed, and what they fired on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mail_choices",
        sa.Column("recipient", sa.String(200), nullable=False),
        sa.Column("language", sa.String(2), nullable=True),
        sa.Column("opted_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("recipient", name="mail_choices_pkey"),
    )
    op.create_table(
        "armed_rules",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("backtest", sa.Text(), nullable=False),
        sa.Column("armed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("release_no", sa.BigInteger(), nullable=False),
        sa.Column("edit_no", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="armed_rules_pkey"),
    )
    op.create_table(
        "rule_firings",
        sa.Column("action_no", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("rule", sa.String(100), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("span", sa.String(100), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("objects", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("action_no", name="rule_firings_pkey"),
        sa.UniqueConstraint("rule", "span", name="rule_firings_span_key"),
    )
    op.create_index("ix_rule_firings_rule", "rule_firings", ["rule"])
