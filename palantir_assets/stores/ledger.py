"""The ledger: which release is current, and an audit row for every change of state.

How the database is opened and a transaction goes is `database`'s affair; how the audit chain is made,
`audit_chain`'s. What a release is, and when one may be committed, is decided in `release`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.errors import Problem, ReleaseError
from palantir_assets.stores.audit_chain import AuditEntry, append, entry_of
from palantir_assets.stores.audit_verification import COMMIT, verified
from palantir_assets.stores.database import Database, open_database
from palantir_assets.stores.migrations.schema import AuditRow, ReleaseRow

DECLASSIFIED: Final = "declassified"
"""That a property bears a marking no longer in a release: one row each, with the release's own."""


@dataclass(frozen=True, slots=True)
class ReleasePointer:
    """A row of `releases`, detached from any session."""

    release_no: int
    release_id: str
    content_id: str
    committed_at: datetime
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """An open ledger; safe to share between threads. Every method raises LedgerError when it cannot be reached."""

    database: Database

    def head(self) -> ReleasePointer | None:
        """The release that is current, or None before the first one."""
        found = self.database.select(sa.select(ReleaseRow).order_by(ReleaseRow.release_no.desc()).limit(1))
        return _pointer(found[0]) if found else None

    def list(self) -> Sequence[ReleasePointer]:
        """Every release that was ever made current, oldest first."""
        return [_pointer(row) for row in self.database.select(sa.select(ReleaseRow).order_by(ReleaseRow.release_no))]

    def audit_head(self) -> str | None:
        """The hash of the last audit row, which stands for all rows before it."""
        found = self.database.select(sa.select(AuditRow).order_by(AuditRow.seq.desc()).limit(1))
        return found[0].hash if found else None

    def audit_length(self) -> int:
        """How many audit rows there are."""
        return self.database.select(sa.select(sa.func.count()).select_from(AuditRow))[0]

    def audit(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditEntry]:
        """Up to `limit` audit rows with a number above `after`, oldest first."""
        rows = self.database.select(sa.select(AuditRow).where(AuditRow.seq > after).order_by(AuditRow.seq).limit(limit))
        return [entry_of(row) for row in rows]

    def commit(
        self,
        release_id: str,
        *,
        content_id: str,
        expected_no: int,
        reason: str,
        actor: str,
        at: datetime,
        notes: Sequence[str] = (),
        declassified: Sequence[Mapping[str, object]] = (),
    ) -> int:
        """Make a release current as number `expected_no + 1`, with its audit row and those of what is declassified in it, at once.

        Raises ReleaseError if the head is no longer `expected_no`: another publisher was first.
        """
        number = expected_no + 1
        row = ReleasePointer(number, release_id, content_id, at, reason, actor)
        detail = {"release_no": number, "content_id": content_id, "reason": reason, "notes": list(notes)}

        def write(session: Session) -> None:
            last = session.scalar(sa.select(sa.func.max(ReleaseRow.release_no))) or 0
            if last != expected_no:
                raise ReleaseError(
                    f"another publisher made release number {last} current while this one expected {expected_no} to be the last",
                    next_step=f"see `palantir release list`; `palantir release activate {release_id}` makes this one current",
                )
            session.add(ReleaseRow(**{name: getattr(row, name) for name in ReleasePointer.__slots__}))
            append(session, at=at, actor=actor, action=COMMIT, subject=release_id, detail=detail)
            for one in declassified:
                told = {**one, "release_id": release_id}
                append(session, at=at, actor=actor, action=DECLASSIFIED, subject=str(one.get("property", "")), detail=told)

        self.database.write(write)
        return number

    def record(self, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, object]) -> None:
        """Append one audit row. What changes other tables appends its row in the same transaction instead."""
        self.database.write(lambda session: append(session, at=at, actor=actor, action=action, subject=subject, detail=detail))

    def verify_chain(self, known_heads: Iterable[str] = ()) -> Sequence[Problem]:
        """What is wrong with the audit chain and with what it tells of, first bad row first; an empty list means whole.

        `known_heads` are hashes that the chain once had as its head, such as those in the manifests of releases.
        """
        return verified(self.database, known_heads)

    def close(self) -> None:
        """Give the connections back."""
        self.database.close()


@dataclass(frozen=True, slots=True)
class LedgerAt:
    """A ledger by its URL, opened for each call: for a publisher that is to go as far as it can without one."""

    url: str
    key_file: Path | None = None

    def head(self) -> ReleasePointer | None:
        with closing(open_ledger(self.url, self.key_file)) as ledger:
            return ledger.head()

    def list(self) -> Sequence[ReleasePointer]:
        with closing(open_ledger(self.url, self.key_file)) as ledger:
            return ledger.list()

    def audit_head(self) -> str | None:
        with closing(open_ledger(self.url, self.key_file)) as ledger:
            return ledger.audit_head()

    def commit(
        self,
        release_id: str,
        *,
        content_id: str,
        expected_no: int,
        reason: str,
        actor: str,
        at: datetime,
        notes: Sequence[str] = (),
        declassified: Sequence[Mapping[str, object]] = (),
    ) -> int:
        with closing(open_ledger(self.url, self.key_file)) as ledger:
            return ledger.commit(
                release_id, content_id=content_id, expected_no=expected_no, reason=reason, actor=actor, at=at, notes=notes,
                declassified=declassified,
            )  # fmt: skip


def open_ledger(url: str, key_file: Path | None = None) -> Ledger:
    """Open the ledger at a SQLAlchemy URL, making it or bringing its schema up to date if need be.

    `key_file` holds the key of the audit chain (`Settings.audit_key`); for SQLite it may be left out.
    """
    return Ledger(open_database(url, key_file))


def _pointer(row: ReleaseRow) -> ReleasePointer:
    return ReleasePointer(**{name: getattr(row, name) for name in ReleasePointer.__slots__})
