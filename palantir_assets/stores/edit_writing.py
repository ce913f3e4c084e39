"""Batches become rows: numbers, versions, refusals, and one insert a table for all batches of a transaction.

Batches are looked at one after another, each seeing the ones before it; one that is refused leaves nothing. Who
waits for the transaction is `edits`' and `group_commit`'s affair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from palantir_assets.errors import Erased, KeyReused, NotDecidable, Outrun, StaleVersion
from palantir_assets.stores.audit_chain import Happening, append_all
from palantir_assets.stores.edit_rows import Appended, Batch, Idempotency, Reply, Subject, digest_of, hashed
from palantir_assets.stores.lots import of_pairs
from palantir_assets.stores.migrations.schema_edits import ActionRow, EditRow, IdempotencyRow, OutboxRow, ProposalRow, ReversalRow
from palantir_assets.stores.object_keys import ANY_ERASED, Keys, erased_among, keys_for
from palantir_assets.stores.personal import (
    Personal,
    nothing_is_personal,
    opened_reply,
    parameters_place,
    reply_place,
    reply_subjects,
    sealed_edit,
    sealed_effect,
    sealed_reply,
    sealed_text,
    shown_place,
    subjects_of,
)
from palantir_assets.stores.prepared import Prepared

KeyOf = tuple[str, str]


@dataclass
class _World:
    """What the ledger holds as the next batch sees it, and the rows that are to be added."""

    edit_no: int
    action_no: int
    effect_no: int
    versions: dict[Subject, int]
    replies: dict[KeyOf, tuple[str, Appended | Erased]]
    keys: Keys
    personal: Personal
    gone: set[Subject] = field(default_factory=set)
    edits: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)
    shown: list[dict[str, Any]] = field(default_factory=list)
    reversals: list[dict[str, Any]] = field(default_factory=list)
    effects: list[dict[str, Any]] = field(default_factory=list)
    told: list[Happening] = field(default_factory=list)


def write_batches(
    session: Session, batches: Sequence[Batch], reach: Callable[[str], None], personal: Personal = nothing_is_personal
) -> list[Appended | Exception]:
    """One answer for each batch, in their order: what was written, or why it was refused."""
    reach("action.before_rows")
    world = _world(session, batches, personal)
    answers: list[Appended | Exception] = []
    for batch in batches:
        try:
            answers.append(_replayed(world, batch.idempotency) or _write(session, world, batch))
        except SQLAlchemyError:
            raise
        except Exception as error:  # a refusal, or a reply that could not be put: this batch's affair alone
            answers.append(error)
    world.keys.keep(session)
    for insert, rows in zip(_INSERTS, (world.edits, world.actions, world.kept, world.effects, world.shown, world.reversals), strict=True):
        if rows:
            insert.run(session.connection(), rows)
    reach("action.before_audit")
    if world.told:
        append_all(session, world.told)
    reach("action.before_commit")
    return answers


def _world(session: Session, batches: Sequence[Batch], personal: Personal) -> _World:
    subjects = {(edit.object_type, edit.object_key) for batch in batches for edit in batch.edits}
    subjects |= {subject for batch in batches for subject in batch.expected_versions}
    keys = {_key(batch.idempotency) for batch in batches if batch.idempotency}
    last: Sequence[Any] = _NUMBERS.run(session.connection()).one()
    named = {subject for batch in batches for subject in subjects_of(batch, personal)}
    gone = erased_among(session, subjects) if last[3] else set()
    replies = _replies(session, keys)
    return _World(last[0], last[1], last[2], _versions(session, subjects), replies, keys_for(session, named), personal, gone)


def _versions(session: Session, subjects: set[Subject]) -> dict[Subject, int]:
    versions = dict.fromkeys(subjects, 0)
    if len(subjects) == 1:
        ((kind, key),) = subjects
        versions[(kind, key)] = _VERSION.run(session.connection(), [{"kind": kind, "key": key}]).scalar_one()
        return versions
    for some in of_pairs(_EDITS.c.object_type, _EDITS.c.object_key, subjects):
        for row in session.connection().execute(_VERSIONS.where(some)):
            versions[(row[0], row[1])] = row[2]
    return versions


def _replies(session: Session, keys: set[KeyOf]) -> dict[KeyOf, tuple[str, Appended | Erased]]:
    replies: dict[KeyOf, tuple[str, Appended | Erased]] = {}
    for some in of_pairs(IdempotencyRow.principal, IdempotencyRow.key_hash, keys):
        rows = session.scalars(sa.select(IdempotencyRow).where(some)).all()
        opening = keys_for(session, {subject for row in rows for subject in reply_subjects(row.reply)})
        for row in rows:
            replies[(row.principal, row.key_hash)] = (row.body_hash, _answered(row, opening))
    return replies


def _answered(row: IdempotencyRow, keys: Keys) -> Appended | Erased:
    try:
        body = opened_reply(row.reply, keys, reply_place(row.principal, row.key_hash))
    except Erased as gone:  # told to who asks for this reply, and to nobody else
        return gone
    return Appended(row.action_no, reply=Reply(body, row.status_code), replayed=True)


def _replayed(world: _World, idempotency: Idempotency | None) -> Appended | None:
    known = world.replies.get(_key(idempotency)) if idempotency else None
    if known is None or idempotency is None:
        return None
    if known[0] != idempotency.body_hash:
        raise KeyReused
    if isinstance(known[1], Erased):
        raise known[1]
    return known[1]


def _write(session: Session, world: _World, batch: Batch) -> Appended:
    """The rows of one batch; whatever can refuse it comes before anything is taken over."""
    for subject, expected in batch.expected_versions.items():
        if world.versions[subject] != expected:
            raise StaleVersion(*subject, expected=expected, actual=world.versions[subject])
    if batch.since is not None and world.edit_no != batch.since:
        raise Outrun(batch.since, world.edit_no)
    for edit in batch.edits:
        if (edit.object_type, edit.object_key) in world.gone:
            raise Erased(edit.object_type, edit.object_key)
    subjects = subjects_of(batch, world.personal)
    world.keys.of_or_new(subjects)  # whatever can refuse them does so here
    moves = _moves(session, world, batch)
    action_no = world.action_no + 1 if batch.decides is None else batch.decides
    rows = _edit_rows(world, batch, action_no)
    changed = {(row["object_type"], row["object_key"]): row["version"] for row in rows}
    done = Appended(action_no, rows[0]["edit_no"] if rows else None, rows[-1]["edit_no"] if rows else None, changed)
    if batch.idempotency:
        done = replace(done, reply=batch.idempotency.reply(done))
    for move in moves:
        _move(session, world, *move)
    _take_over(world, batch, done, rows, subjects)
    return done


def _moves(session: Session, world: _World, batch: Batch) -> list[tuple[int, dict[str, Any]]]:
    """What becomes of earlier actions: a proposal is decided, an applied action is taken back."""
    moves: list[tuple[int, dict[str, Any]]] = []
    if batch.decides is not None:
        _require(session, world, batch.decides, {"proposed"})
        moves.append((batch.decides, {"status": batch.status, "approver": batch.approver}))
    for taken_back in batch.reverts_actions:
        _require(session, world, taken_back, {"applied", "approved"})
        moves.append((taken_back, {"status": "reverted"}))
    moves += [(action_no, {"status": status}) for action_no, status in batch.becomes.items()]
    return moves


def _require(session: Session, world: _World, action_no: int, allowed: set[str]) -> None:
    waiting = [row["status"] for row in world.actions if row["action_no"] == action_no]
    status = waiting[0] if waiting else session.scalar(sa.select(ActionRow.status).where(ActionRow.action_no == action_no))
    if status not in allowed:
        raise NotDecidable(action_no, status or "unknown")


def _move(session: Session, world: _World, action_no: int, to: dict[str, Any]) -> None:
    waiting = [row for row in world.actions if row["action_no"] == action_no]
    for row in waiting:
        row.update(to)
    if not waiting:
        session.execute(sa.update(ActionRow).where(ActionRow.action_no == action_no).values(**to))


def _edit_rows(world: _World, batch: Batch, action_no: int) -> list[dict[str, Any]]:
    versions: dict[Subject, int] = {}
    rows: list[dict[str, Any]] = []
    same = {"batch_no": world.edit_no + 1, "action": batch.action, "action_no": action_no, "actor": batch.actor, "at": batch.at}
    for edit_no, edit in enumerate(batch.edits, world.edit_no + 1):
        subject = (edit.object_type, edit.object_key)
        versions[subject] = versions.get(subject, world.versions[subject]) + 1
        told = {"edit_no": edit_no, "object_type": edit.object_type, "object_key": edit.object_key, "version": versions[subject]}
        values = sealed_edit(edit, world.personal(edit.object_type), world.keys, edit_no)
        rows.append({**same, **told, "kind": edit.kind, "values": values, "reverts": edit.reverts})
    return rows


def _take_over(world: _World, batch: Batch, done: Appended, rows: list[dict[str, Any]], subjects: tuple[Subject, ...]) -> None:
    """From here on nothing refuses: the next batch sees this one."""
    world.edits += rows
    world.edit_no += len(rows)
    world.versions.update(done.versions)
    if batch.decides is None:
        world.action_no = done.action_no
        parameters = sealed_text(dict(batch.parameters), subjects, world.keys, parameters_place(done.action_no))
        row = {"action_no": done.action_no, "action": batch.action, "parameters": parameters, "actor": batch.actor}
        key_hash = hashed(batch.idempotency.key) if batch.idempotency else None
        world.actions.append({**row, "at": batch.at, "status": batch.status, "approver": batch.approver, "key_hash": key_hash})
    taken_back = {"action_no": done.action_no, "edit_no": world.edit_no}
    world.reversals += [{**taken_back, "reverts": each} for each in batch.reverts_actions]
    shown = None if batch.shown is None else sealed_text(dict(batch.shown), subjects, world.keys, shown_place(done.action_no))
    if shown is not None:
        world.shown.append({"action_no": done.action_no, "shown": shown})
    _keep(world, batch, done, done.reply, subjects)
    world.told.append(_happening(batch, done.action_no, rows, shown))


def _keep(world: _World, batch: Batch, done: Appended, reply: Reply | None, subjects: tuple[Subject, ...]) -> None:
    for effect in batch.effects:
        world.effect_no += 1
        target, payload = sealed_effect(effect, subjects, world.keys, world.effect_no)
        row = {"effect_no": world.effect_no, "action_no": done.action_no, "kind": effect.kind, "target": target}
        state = {"state": "waiting", "attempts": 0, "next_try_at": batch.at, "last_error": None}
        world.effects.append({**row, **state, "payload": payload})
    if batch.idempotency is None or reply is None:
        return
    principal, key_hash = _key(batch.idempotency)
    body_hash = batch.idempotency.body_hash
    world.replies[(principal, key_hash)] = (body_hash, Appended(done.action_no, reply=reply, replayed=True))
    row = {"principal": principal, "key_hash": key_hash, "body_hash": body_hash, "action_no": done.action_no, "at": batch.at}
    body = sealed_reply(reply.body, subjects, world.keys, reply_place(principal, key_hash))
    world.kept.append({**row, "reply": body, "status_code": reply.status_code})


def _happening(batch: Batch, action_no: int, rows: Sequence[dict[str, Any]], shown: str | None) -> Happening:
    """What the audit row says: numbers and a digest, never a value."""
    span = {"first": rows[0]["edit_no"], "count": len(rows), "digest": digest_of(SimpleNamespace(**row) for row in rows)} if rows else None
    detail: dict[str, object] = {"action_no": action_no, "edits": span, "effects": len(batch.effects)}
    if batch.reverts_actions:
        detail |= {"reverts_actions": list(batch.reverts_actions)}
    if batch.becomes:
        detail |= {"becomes": {str(number): status for number, status in batch.becomes.items()}}
    if shown is not None:
        detail |= {"shown": hashed(shown)}
    actor = batch.approver if batch.decides is not None and batch.approver else batch.actor
    return Happening(batch.at, actor, f"action.{batch.status}", batch.action, detail)


def _key(idempotency: Idempotency) -> KeyOf:
    return idempotency.principal, hashed(idempotency.key)


# Made once: making a statement costs more than running it, and these run in every transaction.
_TABLES: Final[tuple[Any, ...]] = tuple(row.__table__ for row in (EditRow, ActionRow, IdempotencyRow, OutboxRow, ProposalRow, ReversalRow))
_EDITS, _ACTIONS, _KEPT, _EFFECTS, *_ = _TABLES
_INSERTS: Final = tuple(Prepared(sa.insert(table)) for table in _TABLES)
_NUMBERS: Final = Prepared(
    sa.select(
        *(
            sa.select(sa.func.coalesce(sa.func.max(column), 0)).scalar_subquery()
            for column in (_EDITS.c.edit_no, _ACTIONS.c.action_no, _EFFECTS.c.effect_no)
        ),
        ANY_ERASED,
    )
)
_VERSION: Final = Prepared(
    sa.select(sa.func.coalesce(sa.func.max(_EDITS.c.version), 0)).where(
        _EDITS.c.object_type == sa.bindparam("kind"), _EDITS.c.object_key == sa.bindparam("key")
    )
)
_VERSIONS: Final[sa.Select[Any]] = sa.select(_EDITS.c.object_type, _EDITS.c.object_key, sa.func.max(_EDITS.c.version)).group_by(
    _EDITS.c.object_type, _EDITS.c.object_key
)
