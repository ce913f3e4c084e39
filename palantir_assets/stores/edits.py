"""The edit log: what people changed, for ever. One transaction holds an action's edits, its log row, its reply,
its side effects and its audit row.

The rows of a transaction are made in `edit_writing`; how transactions are shared, in `group_commit`. What an
edit means is decided in `actions`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final

import sqlalchemy as sa

from palantir_assets.actions.edits import Applied
from palantir_assets.errors import BeingAnswered, EditRefused, KeyReused
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.stores.audit_chain import canonical
from palantir_assets.stores.database import Database
from palantir_assets.stores.edit_rows import (
    ActionRecord,
    Appended,
    Batch,
    EditRecord,
    Idempotency,
    Reply,
    ReversalRecord,
    Subject,
    hashed,
)  # fmt: skip
from palantir_assets.stores.edit_writing import write_batches
from palantir_assets.stores.group_commit import GroupCommit
from palantir_assets.stores.histories import history_of
from palantir_assets.stores.lots import AT_ONCE, of_pairs
from palantir_assets.stores.migrations.schema_edits import ActionRow, EditRow, IdempotencyRow, ProposalRow, ReversalRow
from palantir_assets.stores.migrations.schema_keys import ObjectKeyRow
from palantir_assets.stores.object_keys import Keys, erased_now, keys_to_read
from palantir_assets.stores.personal import (
    Personal,
    PersonalNow,
    check,
    edit_subjects,
    nothing_is_personal,
    opened_edit,
    opened_reply,
    opened_text,
    parameters_place,
    reply_place,
    reply_subjects,
    shown_place,
    text_subjects,
)

_HEAD: Final = sa.select(sa.func.coalesce(sa.func.max(EditRow.edit_no), 0))
"""Made once: every process asks it a hundred times a second."""

Reach = Callable[[str], None]
AFTER_COMMIT: Final = "action.after_commit"
KEY_BYTES: Final = 2000
"""The longest key of an object: PostgreSQL indexes no longer ones."""


def no_fault(point: str) -> None:
    """The hook outside tests: nothing fails."""


class EditLog:
    """An open edit log; safe to share between threads and event loops. Every method raises LedgerError without the ledger.

    `personal` tells the personal properties of an object type, whose values are sealed, beside those that it learns of.
    `reach(point)` is called at
    `action.before_rows`, `action.before_audit`, `action.before_commit` and `action.after_commit`.
    """

    def __init__(self, database: Database, *, personal: Personal = nothing_is_personal, reach: Reach = no_fault) -> None:
        self._database, self._learnt = database, PersonalNow()
        self._commits = GroupCommit[Batch, Appended](
            database,
            lambda session, batches: write_batches(session, batches, reach, lambda name: personal(name) | self._learnt(name)),
            committed=lambda: reach(AFTER_COMMIT),
        )
        self._answering: set[tuple[str, str]] = set()
        self._lock = Lock()

    @property
    def database(self) -> Database:
        """Where it is kept."""
        return self._database

    def learn(self, ontology: ServedOntology) -> None:
        """Seal from now on what an ontology calls personal, such as that of a release before it is served."""
        self._learnt.learn(ontology)

    def append(self, batch: Batch) -> Appended:
        """Write an action with all it does, durable when this returns.

        Raises StaleVersion, KeyReused, BeingAnswered or NotDecidable, and EditRefused for text that no database holds;
        nothing was written then.
        """
        _check_text(batch)
        with self._alone(batch.idempotency):
            return self._commits.submit(batch)

    async def append_async(self, batch: Batch) -> Appended:
        """As `append`, without holding a thread."""
        _check_text(batch)
        with self._alone(batch.idempotency):
            return await self._commits.submit_async(batch)

    def replay(self, principal: str, key: str, body_hash: str) -> Reply | None:
        """What was answered to this key before, or None. Raises KeyReused if the body was another one, Erased if it is gone."""
        query = sa.select(IdempotencyRow).where(IdempotencyRow.principal == principal, IdempotencyRow.key_hash == hashed(key))
        for row in self._database.select(query):
            if row.body_hash != body_hash:
                raise KeyReused
            opening = keys_to_read(self._database, reply_subjects(row.reply))
            return Reply(opened_reply(row.reply, opening, reply_place(principal, row.key_hash)), row.status_code)
        return None

    def head(self) -> int:
        """The number of the last edit; 0 before the first."""
        ((number,),) = self._database.rows(_HEAD)
        return int(number)

    def since(self, edit_no: int, limit: int = 1000) -> Sequence[EditRecord]:
        """Up to `limit` edits with a number above `edit_no`, in their order. The last action may be cut: ask on."""
        query = sa.select(EditRow).where(EditRow.edit_no > edit_no).order_by(EditRow.edit_no).limit(limit)
        return self._opened(query)

    def history(self, object_type: str, object_key: str) -> Sequence[EditRecord]:
        """Every edit of an object, oldest first."""
        mine = (EditRow.object_type == object_type, EditRow.object_key == object_key)
        return self._opened(sa.select(EditRow).where(*mine).order_by(EditRow.version))

    def history_around(self, action_no: int) -> Sequence[Applied]:
        """An action with all that hangs together with it, at one moment: what taking it back is computed from."""
        return history_of(self._database, (), actions=(action_no,))

    def versions(self, subjects: Sequence[Subject], *, up_to: int | None = None) -> dict[Subject, int]:
        """How often each object was edited, or had been when `up_to` was the last edit; 0 is never."""
        found = dict.fromkeys(subjects, 0)
        for some in of_pairs(EditRow.object_type, EditRow.object_key, subjects):
            query = sa.select(EditRow.object_type, EditRow.object_key, sa.func.max(EditRow.version))
            query = query.where(some).group_by(EditRow.object_type, EditRow.object_key)
            for object_type, key, version in self._database.rows(query if up_to is None else query.where(EditRow.edit_no <= up_to)):
                found[(object_type, key)] = version
        return found

    def erased(self) -> frozenset[Subject]:
        """The type and key of every object that was erased."""
        gone = sa.select(ObjectKeyRow).where(ObjectKeyRow.erased_at.is_not(None))
        return frozenset((row.object_type, row.object_key) for row in self._database.select(gone))

    def erased_among(self, subjects: Collection[Subject]) -> set[Subject]:
        """Which of these objects were erased."""
        return erased_now(self._database, subjects) if subjects else set()

    def of_action(self, action_no: int) -> Sequence[EditRecord]:
        """The edits of an action, in their order."""
        query = sa.select(EditRow).where(EditRow.action_no == action_no).order_by(EditRow.edit_no)
        return self._opened(query)

    def of_type(
        self, object_type: str, key: str | None = None, *, newest: bool = False, beyond: int = 0, limit: int = 1000
    ) -> Sequence[EditRecord]:
        """Up to `limit` edits of a type's objects, or of one; from number `beyond` on, up or, for the newest first, down."""
        query = sa.select(EditRow).where(EditRow.object_type == object_type).limit(limit)
        query = query if key is None else query.where(EditRow.object_key == key)
        if newest:
            query = query.where(EditRow.edit_no < beyond) if beyond else query
            return self._opened(query.order_by(EditRow.edit_no.desc()))
        return self._opened(query.where(EditRow.edit_no > beyond).order_by(EditRow.edit_no))

    def reversals(self, action_nos: Collection[int]) -> dict[int, ReversalRecord]:
        """Of these actions, of all reversals of them, and of those again: what each reversal took back."""
        found: dict[int, ReversalRecord] = {}
        open_ = list(action_nos)
        while open_:
            some, open_ = open_[:AT_ONCE], open_[AT_ONCE:]
            query = sa.select(ReversalRow.action_no, ReversalRow.reverts, ReversalRow.edit_no)
            of_these = sa.or_(ReversalRow.action_no.in_(some), ReversalRow.reverts.in_(some))
            for action_no, reverts, edit_no in self._database.rows(query.where(of_these)):
                known = found.get(action_no)
                if known is None:
                    open_.append(action_no)
                found[action_no] = ReversalRecord(action_no, (known.reverts if known else frozenset()) | {reverts}, edit_no)
        return found

    def shown(self, action_no: int) -> Mapping[str, Any] | None:
        """What who must agree to a proposed action is shown; None of any other, and where it was erased."""
        found = self._database.select(sa.select(ProposalRow.shown).where(ProposalRow.action_no == action_no))
        if not found:
            return None
        keys = keys_to_read(self._database, set(text_subjects(found[0])))
        told: Mapping[str, Any] | None = opened_text(found[0], keys, shown_place(action_no))
        return told

    def action(self, action_no: int) -> ActionRecord | None:
        """A row of the action log."""
        found = self._database.select(sa.select(ActionRow).where(ActionRow.action_no == action_no))
        return self._actions(found)[0] if found else None

    def actions(self, *, status: str | None = None, after: int = 0, before: int | None = None, limit: int = 1000) -> Sequence[ActionRecord]:
        """Up to `limit` actions with a number above `after`, in their order; such as those that wait, by `status="proposed"`.

        With `before`, those with a number below it, the newest first.
        """
        query = sa.select(ActionRow).where(ActionRow.action_no > after).order_by(ActionRow.action_no).limit(limit)
        if before is not None:
            query = sa.select(ActionRow).where(ActionRow.action_no < before).order_by(ActionRow.action_no.desc()).limit(limit)
        return self._actions(self._database.select(query if status is None else query.where(ActionRow.status == status)))

    def _opened(self, query: sa.Select[EditRow]) -> list[EditRecord]:
        rows = self._database.select(query)
        sealed = edit_subjects((row.values, (row.object_type, row.object_key)) for row in rows)
        keys = keys_to_read(self._database, sealed)
        return [_edit(row, keys) for row in rows]

    def _actions(self, rows: Sequence[ActionRow]) -> list[ActionRecord]:
        keys = keys_to_read(self._database, {subject for row in rows for subject in text_subjects(row.parameters)})
        return [_action(row, keys) for row in rows]

    @contextmanager
    def _alone(self, idempotency: Idempotency | None) -> Iterator[None]:
        """In this process, one request with a key at a time. Of two processes the second gets the reply of the first."""
        if idempotency is None:
            yield
            return
        mine = (idempotency.principal, idempotency.key)
        with self._lock:
            if mine in self._answering:
                raise BeingAnswered
            self._answering.add(mine)
        try:
            yield
        finally:
            with self._lock:
                self._answering.discard(mine)


def _check_text(batch: Batch) -> None:
    """Text that both databases hold, and values that are JSON, before others share the transaction."""
    check(batch)
    texts = [(batch.action, 100), (batch.actor, 200), (batch.approver or "", 200)]
    texts += [(batch.idempotency.principal, 200)] if batch.idempotency else []
    for edit in batch.edits:
        texts += [(edit.object_type, 100), (edit.object_key, KEY_BYTES), (edit.kind, 20)]
    for effect in batch.effects:
        texts += [(effect.kind, 50), (effect.target, KEY_BYTES)]
    try:
        canonical(
            [batch.parameters, batch.shown, [edit.values for edit in batch.edits], [effect.payload for effect in batch.effects]]
        ).encode()
        too_long = [text for text, most in texts if len(text.encode()) > most]
    except (ValueError, TypeError) as error:
        raise EditRefused(f"the action {batch.action!r} holds what cannot be written: {error}") from error
    if too_long:
        raise EditRefused(f"the action {batch.action!r} holds a name or key that is too long: {too_long[0][:40]!r}…")
    if any("\0" in text for text, _ in texts):
        raise EditRefused(f"the action {batch.action!r} holds a name or key with a NUL character in it")


def _edit(row: EditRow, keys: Keys) -> EditRecord:
    values, erased = opened_edit(row.values, row.edit_no, (row.object_type, row.object_key), keys)
    return EditRecord(**{**{name: getattr(row, name) for name in _EDIT_COLUMNS}, "values": values, "erased": erased})


def _action(row: ActionRow, keys: Keys) -> ActionRecord:
    said = opened_text(row.parameters, keys, parameters_place(row.action_no))
    told = {name: getattr(row, name) for name in _ACTION_COLUMNS}
    return ActionRecord(**{**told, "parameters": said or {}, "erased": said is None})


_EDIT_COLUMNS: Final = tuple(name for name in EditRecord.__slots__ if name != "erased")
_ACTION_COLUMNS: Final = tuple(name for name in ActionRecord.__slots__ if name != "erased")
