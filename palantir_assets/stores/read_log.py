"""Who saw what: every sensitive read is in the audit chain before its answer leaves.

Reads that come together share a transaction (`group_commit`); each has an audit row of its own. The table `seen`
finds the rows that tell of an object. Which reads are sensitive is decided by who serves them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.stores.audit_chain import AuditEntry, Happening, append_all, entry_of, fitting
from palantir_assets.stores.database import Database
from palantir_assets.stores.group_commit import GroupCommit
from palantir_assets.stores.migrations.schema import AuditRow
from palantir_assets.stores.migrations.schema_edits import SeenRow

READ: Final = "read"
TYPE_WIDTH, KEY_WIDTH = 100, 500
"""Characters of a type and of a key that the index holds; longer ones are told apart by a hash."""


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """One answer that is about to leave: to whom, what is in it, under which policy, of which release. Keys, never values.

    `answer` is the id that the reader gets with the answer; `policy` names the rights it was made under.
    """

    at: datetime
    actor: str
    answer: str
    object_type: str
    keys: Sequence[str]
    policy: str
    release_id: str
    edit_no: int = 0
    surface: str = ""


class ReadLog:
    """An open read log; safe to share between threads and event loops."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._commits = GroupCommit[ReadEntry, int](database, _write_reads)

    def record(self, entry: ReadEntry) -> int:
        """The number of the entry's audit row, once it is durable. Raises LedgerError: the answer may not leave then."""
        return self._commits.submit(entry)

    async def record_async(self, entry: ReadEntry) -> int:
        """As `record`, without holding a thread."""
        return await self._commits.submit_async(entry)

    def who_saw(self, object_type: str, key: str, *, after: int = 0, limit: int = 1000) -> Sequence[AuditEntry]:
        """Up to `limit` audit rows above number `after` that tell of an answer with this object in it, oldest first.

        `actor` is who saw it; `detail` has the answer, the policy, the release, the edit number and all keys.
        """
        mine = sa.select(SeenRow.seq).where(*_is(object_type, key), SeenRow.seq > after)
        query = sa.select(AuditRow).where(AuditRow.seq.in_(mine.order_by(SeenRow.seq).limit(limit))).order_by(AuditRow.seq)
        return [entry_of(row) for row in self._database.select(query)]


def _write_reads(session: Session, entries: Sequence[ReadEntry]) -> list[int | Exception]:
    first = append_all(session, [_happening(entry) for entry in entries])
    seen: list[dict[str, Any]] = [
        {"object_type": fitting(entry.object_type, TYPE_WIDTH), "object_key": key, "seq": seq}
        for seq, entry in enumerate(entries, first)
        for key in dict.fromkeys(fitting(key, KEY_WIDTH) for key in entry.keys)
    ]
    if seen:
        session.execute(sa.insert(SeenRow.__table__), seen)  # type: ignore[arg-type]
    return list(range(first, first + len(entries)))


def _is(object_type: str, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return SeenRow.object_type == fitting(object_type, TYPE_WIDTH), SeenRow.object_key == fitting(key, KEY_WIDTH)


def _happening(entry: ReadEntry) -> Happening:
    detail = {
        "answer": entry.answer,
        "keys": list(entry.keys),
        "policy": entry.policy,
        "release_id": entry.release_id,
        "edit_no": entry.edit_no,
        "surface": entry.surface,
    }
    return Happening(entry.at, entry.actor, READ, entry.object_type, detail)
