"""Is the history whole? The audit chain, the heads it once had, and the tables it tells of, held against each other.

What a sound chain is, is decided in `audit_chain`; what an edit's digest covers, in `edit_rows`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import sqlalchemy as sa

from palantir_assets.errors import Problem
from palantir_assets.stores.audit_chain import broken, entry_of
from palantir_assets.stores.audit_key import lost_heads, read_head
from palantir_assets.stores.database import Database
from palantir_assets.stores.edit_rows import digest_of
from palantir_assets.stores.migrations.schema import AuditRow, ReleaseRow
from palantir_assets.stores.migrations.schema_edits import ActionRow, EditRow, ReversalRow

COMMIT: Final = "release.commit"
ACTION: Final = "action."
PAGE: Final = 5000


@dataclass
class _Told:
    """What the chain tells of other tables, gathered while it is walked."""

    releases: Counter[tuple[int, str]] = field(default_factory=Counter)
    statuses: dict[int, str] = field(default_factory=dict)
    reversals: set[tuple[int, int]] = field(default_factory=set)
    spans: list[tuple[int, int, int, str]] = field(default_factory=list)


def verified(database: Database, known_heads: Iterable[str] = ()) -> Sequence[Problem]:
    """What is wrong, first bad row first; an empty list means whole. `known_heads` are hashes that were the head once."""
    told = _Told()
    head = read_head(database.key) if database.key else None  # before the rows: they may only be further on
    problems = list(broken(_gathering(_audit_rows(database), told), database.key, head))
    return [
        *problems,
        *_lost(database),
        *_unknown(database, known_heads),
        *_releases(database, told),
        *_actions(database, told),
        *_reversals(database, told),
        *_edits(database, told),
    ]


def _audit_rows(database: Database) -> Iterator[AuditRow]:
    last: int | None = None
    while True:
        query = sa.select(AuditRow).order_by(AuditRow.seq).limit(PAGE)
        rows = database.select(query if last is None else query.where(AuditRow.seq > last))
        yield from rows
        if len(rows) < PAGE:
            return
        last = rows[-1].seq


def _gathering(rows: Iterable[AuditRow], told: _Told) -> Iterator[AuditRow]:
    for row in rows:
        if row.action == COMMIT or row.action.startswith(ACTION):
            try:
                _gather(row, told)
            except (ValueError, KeyError, TypeError):  # an edited row: the walk says so itself
                told.statuses[-row.seq] = "unreadable"
        yield row


def _gather(row: AuditRow, told: _Told) -> None:
    detail = entry_of(row).detail
    if row.action == COMMIT:
        told.releases[(int(str(detail["release_no"])), row.subject)] += 1
        return
    told.statuses[int(str(detail["action_no"]))] = row.action.removeprefix(ACTION)
    if isinstance(reverted := detail.get("reverts_action"), int):
        told.statuses[reverted] = "reverted"
    if isinstance(taken_back := detail.get("reverts_actions"), list):
        told.statuses |= dict.fromkeys(taken_back, "reverted")
        told.reversals |= {(int(str(detail["action_no"])), int(each)) for each in taken_back}
    if isinstance(becomes := detail.get("becomes"), dict):
        told.statuses |= {int(number): str(status) for number, status in becomes.items()}
    if isinstance(edits := detail.get("edits"), dict):
        told.spans.append((row.seq, edits["first"], edits["count"], edits["digest"]))


def _lost(database: Database) -> Iterator[Problem]:
    for head in lost_heads(database.key) if database.key else ():
        if database.select(sa.select(AuditRow.hash).where(AuditRow.seq == head.seq)) != [head.hash]:
            yield Problem(f"audit row {head.since} is missing or is another: row {head.seq} was reached before the ledger was set back")


def _unknown(database: Database, known_heads: Iterable[str]) -> Iterator[Problem]:
    heads = iter(known_heads)
    while some := list(islice(heads, 500)):
        found = set(database.select(sa.select(AuditRow.hash).where(AuditRow.hash.in_(some))))
        yield from (Problem(f"audit head {head} was reached once and is in the chain no longer") for head in some if head not in found)


def _releases(database: Database, told: _Told) -> Iterator[Problem]:
    made = Counter({(row.release_no, row.release_id): 1 for row in database.select(sa.select(ReleaseRow))})
    for row in sorted((told.releases - made) | (made - told.releases)):
        yield Problem(f"release number {row[0]} has {told.releases[row]} audit rows for {made[row]} rows in the log")


def _actions(database: Database, told: _Told) -> Iterator[Problem]:
    made: dict[int, str] = dict(database.rows(sa.select(ActionRow.action_no, ActionRow.status)))
    for number in sorted(told.statuses.keys() | made.keys()):
        if told.statuses.get(number) != made.get(number):
            said, is_now = told.statuses.get(number, "unknown"), made.get(number, "missing")
            yield Problem(f"action {number} is {said} in the audit chain and {is_now} in the log")


def _reversals(database: Database, told: _Told) -> Iterator[Problem]:
    made = set(database.rows(sa.select(ReversalRow.action_no, ReversalRow.reverts)))
    for action_no, reverts in sorted(made ^ told.reversals):
        where = "the audit chain does not say so" if (action_no, reverts) in made else "only the audit chain says so"
        yield Problem(f"action {action_no} takes back action {reverts}, and {where}")


def _edits(database: Database, told: _Told) -> Iterator[Problem]:
    """Each action's edits follow those of the action before it, and are what its audit row was written over."""
    rows, following = _edit_rows(database), 1
    for seq, first, count, digest in told.spans:
        if first != following or digest_of(islice(rows, count)) != digest:
            yield Problem(f"edits {first} to {first + count - 1} are not those that audit row {seq} tells of")
            return
        following = first + count
    for row in rows:
        yield Problem(f"edit {row.edit_no} has no audit row")


def _edit_rows(database: Database) -> Iterator[EditRow]:
    last = 0
    while rows := database.select(sa.select(EditRow).where(EditRow.edit_no > last).order_by(EditRow.edit_no).limit(PAGE)):
        yield from rows
        last = rows[-1].edit_no
