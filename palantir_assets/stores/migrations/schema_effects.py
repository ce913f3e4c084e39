"""The tables of what follows: who wants which mails, rules that are armed, and what they fired on."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from palantir_assets.stores.migrations.schema import Base, UtcTimestamp


class MailChoiceRow(Base):
    """What somebody said about mails. `recipient` is a principal's id, or the SHA-256 of an address that is nobody's."""

    __tablename__ = "mail_choices"

    recipient: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    language: Mapped[str | None] = mapped_column(sa.String(2))
    opted_out_at: Mapped[datetime | None] = mapped_column(UtcTimestamp)


class ArmedRuleRow(Base):
    """A rule that may fire, in the words that were backtested. What is up to `release_no` and `edit_no` was looked at."""

    __tablename__ = "armed_rules"

    name: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64))
    backtest: Mapped[str] = mapped_column(sa.Text)
    armed_at: Mapped[datetime] = mapped_column(UtcTimestamp)
    actor: Mapped[str] = mapped_column(sa.String(200))
    release_no: Mapped[int] = mapped_column(sa.BigInteger)
    edit_no: Mapped[int] = mapped_column(sa.BigInteger)


class RuleFiringRow(Base):
    """A rule that was met, once for a release or a span of edits, with its evidence. `action_no` holds its effects."""

    __tablename__ = "rule_firings"
    __table_args__ = (sa.UniqueConstraint("rule", "span", name="rule_firings_span_key"),)

    action_no: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    rule: Mapped[str] = mapped_column(sa.String(100), index=True)
    digest: Mapped[str] = mapped_column(sa.String(64))
    span: Mapped[str] = mapped_column(sa.String(100))
    evidence: Mapped[str] = mapped_column(sa.Text)
    objects: Mapped[int] = mapped_column(sa.BigInteger)
    at: Mapped[datetime] = mapped_column(UtcTimestamp)
