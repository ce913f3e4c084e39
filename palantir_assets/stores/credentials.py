"""Credentials in the ledger, as hashes: used once where they are for one use, revoked with their family where one is used twice.

What kinds there are and how long they live is decided in `identity.accounts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.identity.accounts import Credential, Kind
from palantir_assets.stores.audit_chain import append
from palantir_assets.stores.database import Database
from palantir_assets.stores.identity_changes import changed
from palantir_assets.stores.migrations.schema_identities import CredentialRow

KEPT: Final = timedelta(days=30)
"""How long a credential is kept after it has expired, so that its reuse is still seen."""
_COLUMNS: Final = tuple(Credential.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class StoredCredentials:
    """Credentials over an open database; safe to share between threads. Every method raises LedgerError without one."""

    database: Database

    def add(self, credentials: Sequence[Credential], *, actor: str, action: str, at: datetime) -> None:
        """Keep new credentials, with one audit row."""
        self.database.write(lambda session: _add(session, credentials, actor=actor, action=action, at=at))

    def find(self, digest: str, kind: Kind) -> Credential | None:
        """The credential of that hash and kind, whether it still proves anything or not."""
        return self._one(CredentialRow.digest == digest, CredentialRow.kind == kind)

    def find_by_code(self, lookup: str) -> Credential | None:
        return self._one(CredentialRow.lookup == lookup)

    def family(self, family: str) -> Credential | None:
        """The sign-in that a family of tokens came from."""
        return self._one(CredentialRow.id == family, CredentialRow.kind == "grant")

    def use(self, digest: str, kind: Kind, *, at: datetime, then: Sequence[Credential] = ()) -> Credential | None:
        """Use a credential once, and add what it is exchanged for in the same transaction.

        None if it proves nothing. A second use revokes its whole family, and is None too.
        """

        def write(session: Session) -> Credential | None:
            row = session.get(CredentialRow, digest, with_for_update=True)
            if row is None or row.kind != kind:
                return None
            found = _credential(row)
            if row.used_at is not None:
                if row.revoked_at is None:
                    _revoke_family(session, row.family, at)
                    changed(
                        session, at=at, actor=row.subject, action=f"identity.{kind}.reused", subject=row.id, detail={"family": row.family}
                    )
                return None
            if not found.lives(at):
                return None
            row.used_at = at
            _add(session, then, actor=row.subject, action=f"identity.{kind}.used", at=at, subject=row.id)
            return found

        return self.database.write(write)

    def approve(self, lookup: str, *, subject: str, family: str, at: datetime) -> bool:
        """Say who a device acts for; False if its code is unknown, expired or taken."""

        def write(session: Session) -> bool:
            row = session.scalars(sa.select(CredentialRow).where(CredentialRow.lookup == lookup, CredentialRow.kind == "device")).first()
            if row is None or row.subject or row.used_at is not None or not _credential(row).lives(at):
                return False
            row.subject, row.authenticated_at = subject, at
            append(session, at=at, actor=subject, action="identity.device.approved", subject=row.id, detail={"client": row.client_id})
            return True

        return self.database.write(write)

    def revoke(self, credential_id: str, *, subject: str, actor: str, at: datetime) -> bool:
        """Revoke one credential of a subject, and what came from it; False if the subject has none of that id."""

        def write(session: Session) -> bool:
            query = sa.select(CredentialRow).where(CredentialRow.id == credential_id, CredentialRow.subject == subject)
            row = session.scalars(query).first()
            if row is None:
                return False
            if row.revoked_at is None:
                _revoke_family(session, row.family, at)
                changed(session, at=at, actor=actor, action=f"identity.{row.kind}.revoked", subject=row.id, detail={"family": row.family})
            return True

        return self.database.write(write)

    def revoke_family(self, family: str, *, actor: str, at: datetime) -> None:
        """Revoke a sign-in with every token that came from it."""

        def write(session: Session) -> None:
            _revoke_family(session, family, at)
            changed(session, at=at, actor=actor, action="identity.family.revoked", subject=family, detail={})

        self.database.write(write)

    def of(self, subject: str, kind: Kind) -> Sequence[Credential]:
        """What a subject holds of a kind and has not revoked, oldest first."""
        query = sa.select(CredentialRow).where(
            CredentialRow.subject == subject, CredentialRow.kind == kind, CredentialRow.revoked_at.is_(None)
        )
        return [_credential(row) for row in self.database.select(query.order_by(CredentialRow.created_at))]

    def touch(self, digest: str, *, at: datetime) -> None:
        """Note that a personal token was used; a convenience for its owner, not a change of state that is audited."""
        self.database.write(
            lambda session: session.execute(sa.update(CredentialRow).where(CredentialRow.digest == digest).values(used_at=at))
        )

    def _one(self, *where: sa.ColumnElement[bool]) -> Credential | None:
        rows = self.database.select(sa.select(CredentialRow).where(*where))
        return _credential(rows[0]) if rows else None


def _add(session: Session, credentials: Sequence[Credential], *, actor: str, action: str, at: datetime, subject: str = "") -> None:
    session.execute(sa.delete(CredentialRow).where(CredentialRow.expires_at < at - KEPT))
    session.add_all(CredentialRow(**asdict(each)) for each in credentials)
    told = [{"kind": each.kind, "id": each.id, "client": each.client_id, "scopes": each.scopes} for each in credentials]
    about = subject or (credentials[0].id if credentials else "")
    append(session, at=at, actor=actor, action=action, subject=about, detail={"credentials": told})


def _revoke_family(session: Session, family: str, at: datetime) -> None:
    query = sa.update(CredentialRow).where(CredentialRow.family == family, CredentialRow.revoked_at.is_(None))
    session.execute(query.values(revoked_at=at))


def _credential(row: CredentialRow) -> Credential:
    return Credential(**{name: getattr(row, name) for name in _COLUMNS})
