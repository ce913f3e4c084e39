"""The audit chain: one row for every change of state, each signed together with the row before it.

A row is appended in the transaction of the change it tells of. Which changes there are is decided by the stores
that make them; where the key and the head that was reached are kept, in `audit_key`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.errors import LedgerError, Problem
from palantir_assets.stores.audit_key import AuditKey, Head
from palantir_assets.stores.migrations.schema import AuditRow, MarkRow
from palantir_assets.stores.prepared import Prepared

KEY: Final = "audit_key"
"""Under this name `Database.write` hands the key to a session."""
APPENDED: Final = "audit_appended"
"""The number and hash of the last row that a session appended, so that this head is noted after the commit."""
MOVED_TO: Final = "moved_to"
"""The mark of a ledger that is no longer the ledger: it takes no row."""
WIDTHS: Final = {"actor": 200, "action": 100, "subject": 200}


@dataclass(frozen=True, slots=True)
class Happening:
    """What one row is to say. `subject` and `actor` are cut where they are too long; `detail` holds all."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A row of `audit`, detached from any session."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, object]
    previous_hash: str | None
    hash: str


class LastRow(NamedTuple):
    """Where the chain ends."""

    seq: int
    hash: str
    key_id: str | None
    moved_to: str | None


def append(session: Session, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, object]) -> int:
    """Add one row at the end of the chain, in the transaction of the change it tells of; its number."""
    return append_all(session, [Happening(at, actor, action, subject, detail)])


def append_all(session: Session, happenings: Sequence[Happening]) -> int:
    """Add rows at the end of the chain, in this order; the number of the first one.

    Raises LedgerError without the key that the chain is signed with: a row that cannot be signed is not written.
    """
    last = head_of(session)
    require_here(last)
    key = _key_for(session, last)
    first, previous = (last.seq + 1, last.hash) if last else (1, None)
    rows = []
    for seq, happening in enumerate(happenings, first):
        row = _row(seq, happening, previous, key)
        previous = row["hash"]
        rows.append(row)
    if rows:
        _INSERT.run(session.connection(), rows)
        session.info[APPENDED] = (first + len(rows) - 1, previous)
    return first


def head_of(session: Session) -> LastRow | None:
    """The last row; None before the first."""
    found: Sequence[Any] | None = _LAST.run(session.connection()).first()
    return LastRow(found[0], found[1], found[2], found[3]) if found else None


def require_here(last: LastRow | None) -> None:
    """Raises LedgerError where the ledger has moved away: whoever still writes here is at the wrong place."""
    if last is not None and last.moved_to is not None:
        raise LedgerError(
            f"the ledger has moved to {last.moved_to}; nothing was written here",
            next_step="set PALANTIR_LEDGER_URL to its new place; `palantir ledger reopen` makes this one the ledger again",
        )


def chained(row: AuditRow, key: AuditKey | None = None) -> str:
    """The signature of a row and, through `previous_hash`, of every row before it; a bare SHA-256 for rows older than the key."""
    return _signed([row.previous_hash, row.seq, _spelt(row.at), row.actor, row.action, row.subject, row.detail], key)


def canonical(value: object) -> str:
    """JSON of one spelling: the same value gives the same bytes."""
    return _ENCODE(value)


def fitting(text: str, width: int) -> str:
    """Text that both databases hold: no NUL, no half of a surrogate pair, and cut with a hash of the whole where it is too long."""
    text = text.replace("\0", "\ufffd").encode(errors="replace").decode()
    return text if len(text) <= width else f"{text[: width - 18]}…{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def broken(rows: Iterable[AuditRow], key: AuditKey | None = None, head: Head | None = None) -> Iterator[Problem]:
    """What is wrong with the rows of a whole chain, first bad row first, held against the key and the head beside it."""
    previous, expected, signed = None, 1, False
    for row in rows:
        if row.seq != expected:
            yield Problem(f"audit row {expected} is missing: the next one is {row.seq}")
        elif row.previous_hash != previous:
            yield Problem(f"audit row {row.seq} does not follow from the row before it")
        must = signed or (head is not None and row.seq >= head.since)
        if trouble := _wrong_with(row, key, must_be_signed=must) or _not_the(head, row):
            yield Problem(f"audit row {row.seq} {trouble}")
        previous, expected, signed = row.hash, row.seq + 1, signed or row.key_id is not None
    if head is not None and head.seq >= expected:
        yield Problem(f"audit row {expected} is missing: row {head.seq} was reached once")
    if signed and head is None:
        yield Problem("the file that remembers the head of the audit chain is missing beside its key")


def entry_of(row: AuditRow) -> AuditEntry:
    """A row, detached from any session."""
    return AuditEntry(row.seq, row.at, row.actor, row.action, row.subject, json.loads(row.detail), row.previous_hash, row.hash)


_ENCODE: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_AUDIT: Final = sa.inspect(AuditRow).local_table
# Made once: making a statement costs more than running it, and these two run in every transaction.
_MARKS: Final = sa.inspect(MarkRow).local_table
_MOVED: Final = sa.select(_MARKS.c.value).where(_MARKS.c.name == MOVED_TO).scalar_subquery()
_LAST: Final = Prepared(sa.select(_AUDIT.c.seq, _AUDIT.c.hash, _AUDIT.c.key_id, _MOVED).order_by(_AUDIT.c.seq.desc()).limit(1))
_INSERT: Final = Prepared(sa.insert(AuditRow.__table__))  # type: ignore[arg-type]


def _key_for(session: Session, last: LastRow | None) -> AuditKey:
    key: AuditKey | None = session.info.get(KEY)
    if key is None:
        raise LedgerError(
            "the key that signs the audit chain is missing; nothing was written",
            next_step="restore the key file from its backup (PALANTIR_AUDIT_KEY_FILE in docs/settings.md)",
        )
    if last is not None and last.key_id not in (None, key.key_id):
        raise LedgerError(
            f"the audit chain is signed with the key {last.key_id}, and {key.file} holds {key.key_id}; nothing was written",
            next_step="restore the key file from its backup, then run `palantir ledger verify`",
        )
    return key


def _row(seq: int, told: Happening, previous: str | None, key: AuditKey) -> dict[str, Any]:
    """The columns of a row: no mapped object, which costs more than to write it."""
    actor, action, subject = (fitting(getattr(told, name), width) for name, width in WIDTHS.items())
    detail = canonical(told.detail).encode(errors="replace").decode()
    signature = _signed([previous, seq, _spelt(told.at), actor, action, subject, detail], key)
    return {
        "seq": seq, "at": told.at, "actor": actor, "action": action, "subject": subject, "detail": detail,
        "previous_hash": previous, "hash": signature, "key_id": key.key_id,
    }  # fmt: skip


def _spelt(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _signed(told: Sequence[object], key: AuditKey | None) -> str:
    if key is None:
        return hashlib.sha256(canonical(told).encode()).hexdigest()
    return key.sign(canonical([*told, key.key_id]).encode())


def _wrong_with(row: AuditRow, key: AuditKey | None, *, must_be_signed: bool) -> str:
    if row.key_id is None:
        if must_be_signed:
            return "is not signed, and comes after the key"
        return "" if hmac.compare_digest(row.hash, chained(row)) else "was changed after it was written"
    if key is None:
        return f"is signed with the key {row.key_id}, which is missing"
    if row.key_id != key.key_id:
        return f"is signed with the key {row.key_id}, which is not ours ({key.key_id})"
    return "" if hmac.compare_digest(row.hash, chained(row, key)) else "was changed after it was written"


def _not_the(head: Head | None, row: AuditRow) -> str:
    if head is None or head.hash is None or head.seq != row.seq or hmac.compare_digest(head.hash, row.hash):
        return ""
    return "is not the one that was the head once"
