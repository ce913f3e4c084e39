"""Users, clients, what they were given, and the hashes of their secrets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _moment(name: str, *, optional: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=optional)


def upgrade() -> None:
    version = op.create_table(
        "identity_version",
        sa.Column("one", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("one", name="identity_version_pkey"),
    )
    op.bulk_insert(version, [{"one": 1, "version": 1}])
    op.create_table(
        "identity_users",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("display", sa.String(200), nullable=False),
        sa.Column("email", sa.String(254), nullable=True),
        _moment("email_verified_at", optional=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        _moment("created_at"),
        _moment("disabled_at", optional=True),
        sa.PrimaryKeyConstraint("name", name="identity_users_pkey"),
        sa.UniqueConstraint("email", name="identity_users_email_key"),
    )
    op.create_table(
        "identity_clients",
        sa.Column("client_id", sa.String(100), nullable=False),
        sa.Column("display", sa.String(200), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=True),
        sa.Column("redirect_uris", sa.Text(), nullable=False),
        _moment("created_at"),
        _moment("disabled_at", optional=True),
        sa.PrimaryKeyConstraint("client_id", name="identity_clients_pkey"),
    )
    op.create_table(
        "identity_grants",
        sa.Column("subject", sa.String(110), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "kind", "name", "source", name="identity_grants_pkey"),
    )
    _logins_and_credentials()


def _logins_and_credentials() -> None:
    op.create_table(
        "identity_logins",
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("user", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name="identity_logins_pkey"),
    )
    op.create_index("ix_identity_logins_user", "identity_logins", ["user"])
    op.create_table(
        "identity_credentials",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(100), nullable=False),
        sa.Column("family", sa.String(32), nullable=False),
        sa.Column("client_id", sa.String(100), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("lookup", sa.String(64), nullable=True),
        _moment("authenticated_at"),
        _moment("created_at"),
        _moment("expires_at"),
        _moment("used_at", optional=True),
        _moment("revoked_at", optional=True),
        sa.PrimaryKeyConstraint("digest", name="identity_credentials_pkey"),
        sa.UniqueConstraint("id", name="identity_credentials_id_key"),
        sa.UniqueConstraint("lookup", name="identity_credentials_lookup_key"),
    )
    for column in ("subject", "family", "expires_at"):
        op.create_index(f"ix_identity_credentials_{column}", "identity_credentials", [column])
