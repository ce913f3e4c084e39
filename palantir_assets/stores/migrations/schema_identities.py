"""The tables of identities, as they are now; `stores.identities` and `stores.credentials` hold what is done with them.

No secret stands in them: passwords as argon2id hashes, everything else as SHA-256.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from palantir_assets.stores.migrations.schema import Base, UtcTimestamp


class IdentityVersionRow(Base):
    """One row: a number that grows with everything that changes who may be whom."""

    __tablename__ = "identity_version"

    one: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(sa.BigInteger)


class UserRow(Base):
    """A person. A name is never given twice: users are disabled, not removed."""

    __tablename__ = "identity_users"

    name: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    display: Mapped[str] = mapped_column(sa.String(200))
    email: Mapped[str | None] = mapped_column(sa.String(254), unique=True)
    email_verified_at: Mapped[datetime | None] = mapped_column(UtcTimestamp)
    password_hash: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UtcTimestamp)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcTimestamp)


class ClientRow(Base):
    """A program: one that acts for people (with redirect URIs), or a service of its own (with a secret)."""

    __tablename__ = "identity_clients"

    client_id: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    display: Mapped[str] = mapped_column(sa.String(200))
    secret_hash: Mapped[str | None] = mapped_column(sa.String(64))
    redirect_uris: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UtcTimestamp)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcTimestamp)


class GrantRow(Base):
    """What a user, a client or a group (`group:name`) was given; `source` is the ledger or the claims of a provider."""

    __tablename__ = "identity_grants"

    subject: Mapped[str] = mapped_column(sa.String(110), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    source: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    value: Mapped[str] = mapped_column(sa.Text)


class LoginRow(Base):
    """Who a person of an identity provider is here."""

    __tablename__ = "identity_logins"

    issuer: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    subject: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    user: Mapped[str] = mapped_column(sa.String(100), index=True)


class CredentialRow(Base):
    """A secret that was shown once, as its SHA-256. `family` joins what came from one sign-in."""

    __tablename__ = "identity_credentials"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(20))
    id: Mapped[str] = mapped_column(sa.String(32), unique=True)
    subject: Mapped[str] = mapped_column(sa.String(100), index=True)
    family: Mapped[str] = mapped_column(sa.String(32), index=True)
    client_id: Mapped[str] = mapped_column(sa.String(100))
    scopes: Mapped[str] = mapped_column(sa.Text)
    label: Mapped[str] = mapped_column(sa.String(200))
    detail: Mapped[str] = mapped_column(sa.Text)
    lookup: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    authenticated_at: Mapped[datetime] = mapped_column(UtcTimestamp)
    created_at: Mapped[datetime] = mapped_column(UtcTimestamp)
    expires_at: Mapped[datetime] = mapped_column(UtcTimestamp, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcTimestamp)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTimestamp)
