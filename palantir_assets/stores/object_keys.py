"""The keys of objects in the ledger: made with the first personal value, looked up for each transaction, destroyed for ever.

They are never remembered between two transactions, so that a key that is destroyed is destroyed in every process. What
they seal is decided in `personal`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.errors import Erased, LedgerError
from palantir_assets.stores.audit_chain import KEY
from palantir_assets.stores.audit_key import AuditKey, load_key, load_or_make_key
from palantir_assets.stores.database import Database
from palantir_assets.stores.edit_rows import Subject
from palantir_assets.stores.lots import of_pairs
from palantir_assets.stores.migrations.schema_keys import ObjectKeyRow
from palantir_assets.stores.sealing import Master, ObjectKey, master_of, new_key, pseudonym_of, unwrapped


class Keys:
    """The keys of some objects, as one transaction finds them. Those that it makes are written by `keep`."""

    def __init__(self, found: Mapping[Subject, ObjectKeyRow], audit_key: AuditKey | None, *, any_yet: bool = True) -> None:
        self._rows, self._audit_key, self._any_yet = found, audit_key, any_yet
        self._made: dict[Subject, tuple[ObjectKey, bytes]] = {}
        self._opened: dict[Subject, ObjectKey] = {}
        self._loaded: Master | None = None

    def is_erased(self, subject: Subject) -> bool:
        """Whether an object was erased."""
        row = self._rows.get(subject)
        return row is not None and row.erased_at is not None

    def of(self, subjects: Iterable[Subject]) -> list[ObjectKey] | None:
        """Their keys; None if one of them was destroyed. Raises LedgerError where the master key is missing."""
        found = []
        for subject in subjects:
            if self.is_erased(subject) or subject not in self._rows:
                return None
            found.append(self._key(subject))
        return found

    def of_or_new(self, subjects: Iterable[Subject]) -> list[ObjectKey]:
        """Their keys, made where there is none yet. Raises Erased, or LedgerError where the master key is missing."""
        found = []
        for subject in subjects:
            if self.is_erased(subject):
                raise Erased(*subject)
            if subject not in self._rows and subject not in self._made:
                self._made[subject] = new_key(self._master(), subject)
            found.append(self._made[subject][0] if subject in self._made else self._key(subject))
        return found

    def pseudonym(self, text: str) -> str:
        """What stands for a text. Raises LedgerError where the master key is missing."""
        return pseudonym_of(self._master(), text)

    def keep(self, session: Session) -> None:
        """Write the keys that were made."""
        if self._made:
            key_id = self._master().key_id
            rows = [{**_named(subject), "key_id": key_id, "wrapped": wrapped} for subject, (_, wrapped) in self._made.items()]
            session.execute(_INSERT, [{**row, "erased_at": None} for row in rows])

    def _key(self, subject: Subject) -> ObjectKey:
        if subject not in self._opened:
            row, master = self._rows[subject], self._master()
            if row.key_id != master.key_id:
                raise LedgerError(
                    f"the key of {subject[0]} {subject[1]!r} is wrapped with {row.key_id}, and {self._file()} holds {master.key_id}",
                    next_step="restore the key file from its backup",
                )
            self._opened[subject] = unwrapped(master, subject, row.wrapped or b"")
        return self._opened[subject]

    def _master(self) -> Master:
        if self._loaded is None:
            file = self._file()
            key = load_key(file) if self._any_yet else load_or_make_key(file)
            if key is None:
                raise LedgerError(
                    f"the key {file} is missing, and personal values cannot be read without it",
                    next_step="restore the key file from its backup",
                )
            self._loaded = master_of(key)
        return self._loaded

    def _file(self) -> Path:
        if self._audit_key is None:
            raise LedgerError(
                "the key of the audit chain is missing, and the key of personal values lies beside it",
                next_step="restore the key files from their backup (PALANTIR_AUDIT_KEY_FILE in docs/settings.md)",
            )
        return master_file(self._audit_key.file)


def master_file(audit_key: Path) -> Path:
    """Where the key lies that wraps the keys of objects: beside that of the audit chain."""
    return audit_key.with_name("personal.key")


def keys_for(session: Session, subjects: Collection[Subject]) -> Keys:
    """What the ledger holds of the keys of these objects, in a transaction that may write."""
    rows: dict[Subject, ObjectKeyRow] = {}
    for query in _asked(subjects):
        for row in session.scalars(query):
            rows[(row.object_type, row.object_key)] = row
    any_yet = bool(session.scalar(_ANY_WRAPPED)) if subjects and len(rows) < len(subjects) else True
    return Keys(rows, session.info.get(KEY), any_yet=any_yet)


def keys_to_read(database: Database, subjects: Collection[Subject]) -> Keys:
    """What the ledger holds of the keys of these objects now, to read what was sealed with them."""
    rows = {(row.object_type, row.object_key): row for query in _asked(subjects) for row in database.select(query)}
    return Keys(rows, database.key)


def pseudonym(database: Database, text: str) -> str | None:
    """What stands for a text in this ledger; None where no personal value was ever written, or its key is away."""
    if database.key is None or (key := load_key(master_file(database.key.file))) is None:
        return None
    return pseudonym_of(master_of(key), text)


def erased_now(database: Database, subjects: Collection[Subject]) -> set[Subject]:
    """Which of these objects are erased by now."""
    gone = ObjectKeyRow.erased_at.is_not(None)
    return {(row.object_type, row.object_key) for query in _asked(subjects) for row in database.select(query.where(gone))}


def erased_among(session: Session, subjects: Collection[Subject]) -> set[Subject]:
    """Which of these objects were erased."""
    found = set()
    for query in _asked(subjects):
        found |= {(row.object_type, row.object_key) for row in session.scalars(query.where(ObjectKeyRow.erased_at.is_not(None)))}
    return found


def destroy(session: Session, subject: Subject, *, at: datetime) -> None:
    """Destroy an object's key; it is known from then on as erased."""
    row = session.get(ObjectKeyRow, subject)
    if row is None:
        session.add(ObjectKeyRow(**_named(subject), key_id=None, wrapped=None, erased_at=at))
    else:
        row.key_id, row.wrapped, row.erased_at = None, None, at
    session.flush()


def _asked(subjects: Collection[Subject]) -> Iterator[sa.Select[ObjectKeyRow]]:
    return (sa.select(ObjectKeyRow).where(some) for some in of_pairs(ObjectKeyRow.object_type, ObjectKeyRow.object_key, subjects))


def _named(subject: Subject) -> dict[str, Any]:
    return {"object_type": subject[0], "object_key": subject[1]}


_INSERT: Final = sa.insert(ObjectKeyRow.__table__)  # type: ignore[arg-type]
_ANY_WRAPPED: Final = sa.select(sa.exists(sa.select(ObjectKeyRow.object_type).where(ObjectKeyRow.wrapped.is_not(None))))
_KEYS: Final = sa.inspect(ObjectKeyRow).local_table
ANY_ERASED: Final = sa.select(sa.func.max(_KEYS.c.erased_at)).scalar_subquery().is_not(None)
"""Whether anything was ever erased: a column of another question. SQLite takes the index for this, and none for an `EXISTS`."""
