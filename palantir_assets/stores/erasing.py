"""Erasing an object: its key is destroyed, an edit says so, and what waited to be sent about it is not sent.

All this is one transaction with its audit row. No row is taken out of the history, which is signed over what was
sealed: it stays whole. Where else the object may still be, such as in releases, is looked for by who asks.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.actions.edits import ObjectEdit, as_json
from palantir_assets.errors import Erased
from palantir_assets.stores.database import Database
from palantir_assets.stores.edit_rows import Appended, Batch, NewEdit, Subject
from palantir_assets.stores.edit_writing import write_batches
from palantir_assets.stores.migrations.schema import AuditRow
from palantir_assets.stores.migrations.schema_edits import EditRow, OutboxRow
from palantir_assets.stores.migrations.schema_keys import ObjectKeyRow
from palantir_assets.stores.object_keys import destroy
from palantir_assets.stores.personal import PARTS, Personal, nothing_is_personal, text_subjects
from palantir_assets.stores.sealing import is_sealed

log = logging.getLogger(__name__)

WORDLESS: Final = "what it says was erased"
"""Why a message never leaves."""
ERASE: Final = "erase"
"""The action, and the kind of its edit."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What erasing an object did. `edit_no` is the edit that says so, `effects` those that were not sent.

    `plain_edits` are edits whose personal values were written before these properties were said to be personal, and
    so in plain text; `moved` tells that this ledger came from another database, which may hold the key still.
    """

    edit_no: int
    edits: int
    effects: tuple[int, ...]
    plain_edits: tuple[int, ...] = ()
    moved: bool = False


def erase(
    database: Database,
    object_type: str,
    key: str,
    *,
    at: datetime,
    actor: str,
    reason: str = "",
    personal: Personal = nothing_is_personal,
    reach: Callable[[str], None] = lambda point: None,
) -> Erasure:
    """Erase an object, edited before or not. `reach(point)` is called as for an action, and at `erase.after_commit`.

    Raises Erased for one that was erased before, and LedgerError without the ledger.
    """
    subject = (object_type, key)
    version = sa.select(sa.func.coalesce(sa.func.max(EditRow.version), 0)).where(*_of(subject))

    def write(session: Session) -> tuple[int, tuple[int, ...]]:
        known = session.get(ObjectKeyRow, subject)
        if known is not None and known.erased_at is not None:
            raise Erased(object_type, key)
        edit = ObjectEdit("erase", object_type, key, version=session.scalar(version) or 0)
        parameters = {"object_type": object_type, "key": key, "reason": reason}
        batch = Batch(ERASE, actor, at, parameters, edits=[NewEdit(object_type, key, ERASE, as_json(edit))])
        (answer,) = write_batches(session, [batch], reach)
        if not isinstance(answer, Appended):
            raise answer
        destroy(session, subject, at=at)
        return answer.first_edit or 0, _not_sent(session, subject, at)

    try:
        edit_no, effects = database.write(write)
        reach("erase.after_commit")
    except Erased:
        _scrub(database)  # whoever erased it may have been killed before this
        raise
    _scrub(database)
    edits, plain = _history(database, subject, personal(object_type))
    return Erasure(edit_no, edits, effects, plain, _came_from_elsewhere(database))


def foreseen(database: Database, object_type: str, key: str, *, personal: Personal = nothing_is_personal) -> Erasure:
    """What erasing an object would do; nothing is written, and `edit_no` is 0. Raises Erased as `erase` does."""
    subject = (object_type, key)
    gone = sa.select(ObjectKeyRow).where(ObjectKeyRow.object_type == object_type, ObjectKeyRow.object_key == key)
    if any(row.erased_at is not None for row in database.select(gone)):
        raise Erased(object_type, key)
    effects = tuple(row.effect_no for row in database.select(_WAITING) if subject in text_subjects(row.payload))
    edits, plain = _history(database, subject, personal(object_type))
    return Erasure(0, edits, effects, plain, _came_from_elsewhere(database))


def _not_sent(session: Session, subject: Subject, at: datetime) -> tuple[int, ...]:
    """What waits and tells of an object never leaves: it cannot be read any more."""
    gone = [row for row in session.scalars(_WAITING) if subject in text_subjects(row.payload)]
    for row in gone:
        row.state, row.next_try_at, row.last_error = "dropped", at, WORDLESS
    return tuple(row.effect_no for row in gone)


def _history(database: Database, subject: Subject, names: frozenset[str]) -> tuple[int, tuple[int, ...]]:
    """How many edits an object has, and which of them hold a personal value in plain text."""
    rows = database.select(sa.select(EditRow).where(*_of(subject)).order_by(EditRow.edit_no))
    return len(rows), tuple(row.edit_no for row in rows if _tells(json.loads(row.values), names))


def _tells(values: dict[str, Any], names: frozenset[str]) -> bool:
    parts = [values.get(part) for part in PARTS]
    return any(
        name in names and value is not None and not is_sealed(value)
        for part in parts
        if isinstance(part, dict)
        for name, value in part.items()
    )


def _scrub(database: Database) -> None:
    """Leave no copy of the key in what the database keeps of old rows. What cannot be done now is told in the log."""
    try:
        if database.engine.dialect.name == "sqlite":
            with closing(database.engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("SET lock_timeout = '5s'"))
            connection.execute(sa.text("VACUUM FULL object_keys"))
            connection.execute(sa.text("RESET lock_timeout"))
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:  # it is erased; the database drops old pages by itself in time
        log.warning("the page of a destroyed key could not be overwritten now: %s", type(error).__name__)


def _came_from_elsewhere(database: Database) -> bool:
    return bool(database.select(sa.select(AuditRow.seq).where(AuditRow.action == "ledger.moved").limit(1)))


def _of(subject: Subject) -> tuple[sa.ColumnElement[bool], ...]:
    return EditRow.object_type == subject[0], EditRow.object_key == subject[1]


_WAITING: Final = sa.select(OutboxRow).where(OutboxRow.state.in_(("waiting", "taken"))).order_by(OutboxRow.effect_no)
