"""Who wants which mails, and in which language; and who holds a role, to be written to.

A recipient is a principal's id, or `unknown:` and the SHA-256 of an address that is no user's: no address is kept here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, Literal, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.identity.accounts import GROUP, SERVICE
from palantir_assets.stores.audit_chain import append
from palantir_assets.stores.database import Database
from palantir_assets.stores.migrations.schema_effects import MailChoiceRow
from palantir_assets.stores.migrations.schema_identities import GrantRow, UserRow

Language = Literal["en", "ko"]
UNKNOWN: Final = "unknown:"


@dataclass(frozen=True, slots=True)
class MailChoice:
    """What somebody said about mails; nothing yet is no language, and all mails."""

    language: Language | None = None
    opted_out_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MailChoices:
    """Choices over an open database; safe to share between threads. Every method raises LedgerError without one."""

    database: Database

    def of(self, recipient: str) -> MailChoice:
        """What a recipient chose."""
        rows = self.database.select(sa.select(MailChoiceRow).where(MailChoiceRow.recipient == recipient))
        return MailChoice(cast("Language | None", rows[0].language), rows[0].opted_out_at) if rows else MailChoice()

    def opt_out(self, recipient: str, *, actor: str, at: datetime, back: bool = False) -> None:
        """No more mails but those about the account itself; with `back`, all of them again. Twice is once."""

        def write(session: Session) -> None:
            row = session.get(MailChoiceRow, recipient) or MailChoiceRow(recipient=recipient)
            if (row.opted_out_at is None) == back:
                return
            row.opted_out_at = None if back else at
            session.add(row)
            append(session, at=at, actor=actor, action="mail.opted_in" if back else "mail.opted_out", subject=recipient, detail={})

        self.database.write(write)

    def speak(self, recipient: str, language: Language | None, *, actor: str, at: datetime) -> None:
        """Choose a language, or none."""

        def write(session: Session) -> None:
            row = session.get(MailChoiceRow, recipient) or MailChoiceRow(recipient=recipient)
            if row.language == language:
                return
            row.language = language
            session.add(row)
            append(session, at=at, actor=actor, action="mail.language", subject=recipient, detail={"language": language})

        self.database.write(write)

    def holders(self, roles: Collection[str]) -> Sequence[str]:
        """The users who were given one of these roles, in person or through a group, and are not disabled."""
        named = sorted(roles)
        groups = sa.select(GrantRow.subject).where(GrantRow.kind == "role", GrantRow.name.in_(named), GrantRow.subject.like(f"{GROUP}%"))
        group = sa.literal(GROUP).concat(GrantRow.name)
        given = sa.select(GrantRow.subject).where(
            sa.or_(
                sa.and_(GrantRow.kind == "role", GrantRow.name.in_(named)),
                sa.and_(GrantRow.kind == "group", group.in_(groups)),
            ),
            sa.not_(GrantRow.subject.like(f"{SERVICE}%")),
        )
        query = sa.select(UserRow.name).where(UserRow.name.in_(given), UserRow.disabled_at.is_(None)).order_by(UserRow.name)
        return self.database.select(query)


def nobody_known(address: str) -> str:
    """The recipient that an address is which no user has."""
    return UNKNOWN + sha256(address.lower().encode()).hexdigest()
