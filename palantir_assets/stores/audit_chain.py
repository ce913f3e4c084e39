"""The audit chain: one row for every change of state, each holding the hash of the row before it.

A row is appended in the transaction of the change it tells of. Which changes there are is decided by the stores
that make them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.errors import Problem
from palantir_assets.stores.migrations.schema import AuditRow


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


def append(session: Session, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, object]) -> None:
    """Add one row at the end of the chain, in the transaction of the change it tells of."""
    last = session.scalars(sa.select(AuditRow).order_by(AuditRow.seq.desc()).limit(1)).first()
    row = AuditRow(
        seq=last.seq + 1 if last else 1,
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        detail=canonical(detail),
        previous_hash=last.hash if last else None,
    )
    row.hash = chained(row)
    session.add(row)


def chained(row: AuditRow) -> str:
    """The hash of a row and, through `previous_hash`, of every row before it."""
    at = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    told = [row.previous_hash, row.seq, at, row.actor, row.action, row.subject, row.detail]
    return hashlib.sha256(canonical(told).encode()).hexdigest()


def canonical(value: object) -> str:
    """JSON of one spelling: the same value gives the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def broken(rows: Sequence[AuditRow]) -> list[Problem]:
    """What is wrong with the rows of a whole chain, first bad row first."""
    problems: list[Problem] = []
    previous, expected = None, 1
    for row in rows:
        if row.seq != expected:
            problems.append(Problem(f"audit row {expected} is missing: the next one is {row.seq}"))
        elif row.previous_hash != previous:
            problems.append(Problem(f"audit row {row.seq} does not follow from the row before it"))
        if row.hash != chained(row):
            problems.append(Problem(f"audit row {row.seq} was changed after it was written"))
        previous, expected = row.hash, row.seq + 1
    return problems


def entry_of(row: AuditRow) -> AuditEntry:
    """A row, detached from any session."""
    return AuditEntry(row.seq, row.at, row.actor, row.action, row.subject, json.loads(row.detail), row.previous_hash, row.hash)
