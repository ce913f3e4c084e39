"""The tables of the ledger, as they are now; `versions` holds how they came about, `stores.ledger` what is done with them."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcTimestamp(sa.types.TypeDecorator[datetime]):
    """An aware UTC time, microseconds kept, on databases with and without time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("the ledger takes times with a zone only")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)) if value else None


class Base(DeclarativeBase):
    """The tables of the ledger; `migrations` holds how they came about."""


class ReleaseRow(Base):
    """A release made current. The primary key is the conflict detector: of two publishers one wins."""

    __tablename__ = "releases"

    release_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    release_id: Mapped[str] = mapped_column(sa.String(64), index=True)
    content_id: Mapped[str] = mapped_column(sa.String(64))
    committed_at: Mapped[datetime] = mapped_column(UtcTimestamp)
    reason: Mapped[str] = mapped_column(sa.Text)
    actor: Mapped[str] = mapped_column(sa.String(200))


class AuditRow(Base):
    """One change of state. `detail` is canonical JSON, as text: its very bytes are signed. Rows from before the key have no `key_id`."""

    __tablename__ = "audit"

    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcTimestamp)
    actor: Mapped[str] = mapped_column(sa.String(200))
    action: Mapped[str] = mapped_column(sa.String(100))
    subject: Mapped[str] = mapped_column(sa.String(200))
    detail: Mapped[str] = mapped_column(sa.Text)
    previous_hash: Mapped[str | None] = mapped_column(sa.String(64))
    hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    key_id: Mapped[str | None] = mapped_column(sa.String(16))


class MarkRow(Base):
    """A word about the ledger as a whole, such as where it has moved to."""

    __tablename__ = "marks"

    name: Mapped[str] = mapped_column(sa.String(50), primary_key=True)
    value: Mapped[str] = mapped_column(sa.Text)
