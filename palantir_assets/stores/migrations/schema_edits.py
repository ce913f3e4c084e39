"""The tables of what people changed and saw: edits, actions, replies, effects, reads. What is done with them is decided in the stores."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from palantir_assets.stores.migrations.schema import Base, UtcTimestamp


class EditRow(Base):
    """One change of one object or link. Rows are added and never changed; numbers are dense and in the order of commits."""

    __tablename__ = "edits"
    __table_args__ = (sa.UniqueConstraint("object_type", "object_key", "version", name="edits_object_version_key"),)

    edit_no: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    batch_no: Mapped[int] = mapped_column(sa.BigInteger)
    object_type: Mapped[str] = mapped_column(sa.String(100))
    object_key: Mapped[str] = mapped_column(sa.Text)
    version: Mapped[int] = mapped_column(sa.BigInteger)
    kind: Mapped[str] = mapped_column(sa.String(20))
    values: Mapped[str] = mapped_column(sa.Text)
    action: Mapped[str] = mapped_column(sa.String(100))
    action_no: Mapped[int] = mapped_column(sa.BigInteger, index=True)
    actor: Mapped[str] = mapped_column(sa.String(200))
    at: Mapped[datetime] = mapped_column(UtcTimestamp)
    reverts: Mapped[int | None] = mapped_column(sa.BigInteger)


class ActionRow(Base):
    """One action that somebody asked for, and what became of it."""

    __tablename__ = "action_log"

    action_no: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    action: Mapped[str] = mapped_column(sa.String(100))
    parameters: Mapped[str] = mapped_column(sa.Text)
    actor: Mapped[str] = mapped_column(sa.String(200))
    at: Mapped[datetime] = mapped_column(UtcTimestamp)
    status: Mapped[str] = mapped_column(sa.String(20), index=True)
    approver: Mapped[str | None] = mapped_column(sa.String(200))
    key_hash: Mapped[str | None] = mapped_column(sa.String(64))


class ReversalRow(Base):
    """That an action took another one back, whether or not there was anything to write."""

    __tablename__ = "reversals"

    action_no: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    reverts: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False, index=True)


class IdempotencyRow(Base):
    """The reply to a request that came with a key, written with its effect. A key belongs to who sent it."""

    __tablename__ = "idempotency"

    principal: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    key_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    body_hash: Mapped[str] = mapped_column(sa.String(64))
    reply: Mapped[bytes] = mapped_column(sa.LargeBinary)
    status_code: Mapped[int] = mapped_column(sa.Integer)
    action_no: Mapped[int] = mapped_column(sa.BigInteger)
    at: Mapped[datetime] = mapped_column(UtcTimestamp, index=True)


class OutboxRow(Base):
    """A side effect that is to leave. `attempts` numbers the claims: only the last one may say what became of it."""

    __tablename__ = "outbox"
    __table_args__ = (sa.Index("ix_outbox_due", "state", "next_try_at"),)

    effect_no: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    action_no: Mapped[int] = mapped_column(sa.BigInteger, index=True)
    kind: Mapped[str] = mapped_column(sa.String(50))
    target: Mapped[str] = mapped_column(sa.Text)
    payload: Mapped[str] = mapped_column(sa.Text)
    state: Mapped[str] = mapped_column(sa.String(10))
    attempts: Mapped[int] = mapped_column(sa.Integer)
    next_try_at: Mapped[datetime] = mapped_column(UtcTimestamp)
    last_error: Mapped[str | None] = mapped_column(sa.Text)


class SeenRow(Base):
    """Which audit row tells of a read of which object: an index over the chain, not a record of its own."""

    __tablename__ = "seen"

    object_type: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    object_key: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
