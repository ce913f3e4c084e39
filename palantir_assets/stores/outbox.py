"""The outbox: side effects that were written with their action, and leave afterwards, once or until somebody looks.

Effects are put here by `edits`, in the action's own transaction. A claim is a lease: a worker that dies gives its
effects back when the lease ends, and one that comes late cannot say what became of an effect that is another's by
then. What sends mail and calls webhooks uses `effect_no` as the id of its message, so that a receiver can tell a
second try. How an effect is sent is decided by who takes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.stores.audit_chain import append, head_of, require_here
from palantir_assets.stores.database import Database
from palantir_assets.stores.edit_rows import Subject
from palantir_assets.stores.migrations.schema_edits import OutboxRow
from palantir_assets.stores.object_keys import Keys, keys_for, keys_to_read, pseudonym
from palantir_assets.stores.personal import opened_effect, text_subjects

State = Literal["waiting", "taken", "done", "dead", "dropped"]

LEASE: Final = timedelta(minutes=2)
FIRST_WAIT: Final = timedelta(seconds=10)
LONGEST_WAIT: Final = timedelta(hours=1)
MOST_ATTEMPTS: Final = 8
WORST_ERROR: Final = 500
"""Characters of an error that are kept."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A side effect and where it stands. `attempt` is the number of the claim, 0 before the first."""

    effect_no: int
    action_no: int
    kind: str
    target: str
    payload: Mapping[str, object]
    state: str
    attempt: int
    next_try_at: datetime
    last_error: str | None
    erased: bool = False
    """Whether what it says is gone for good; it never leaves then."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """An open outbox; safe to share between threads and processes. Every method raises LedgerError without the ledger."""

    database: Database
    most_attempts: int = MOST_ATTEMPTS

    def take_due(self, now: datetime, most: int = 10, *, lease: timedelta = LEASE, kinds: Sequence[str] = ()) -> Sequence[Effect]:
        """Claim up to `most` effects that are due, or whose worker's lease has ended; nobody else gets them meanwhile.

        With `kinds`, effects of these alone.
        """
        due = [OutboxRow.state.in_(("waiting", "taken")), OutboxRow.next_try_at <= now]
        due += [OutboxRow.kind.in_(kinds)] if kinds else []

        def take(session: Session) -> list[Effect]:
            require_here(head_of(session))
            query = sa.select(OutboxRow).where(*due).order_by(OutboxRow.next_try_at, OutboxRow.effect_no)
            rows = session.scalars(query.limit(most)).all()
            for row in rows:
                row.state, row.attempts, row.next_try_at = "taken", row.attempts + 1, now + lease
            session.flush()
            keys = keys_for(session, _subjects(rows))
            return [_effect(row, keys) for row in rows]

        return self.database.write(take) if self.database.select(sa.select(OutboxRow.effect_no).where(*due).limit(1)) else []

    def done(self, effect: Effect, *, at: datetime, actor: str, proof: str = "") -> bool:
        """It left; `proof` is the id of what came of it. False if the claim is not the last one any more: another worker
        answers for it now."""
        return self._settle(effect, "done", at=at, actor=actor, next_try_at=at, error=None, proof=proof)

    def failed(self, effect: Effect, error: str, *, at: datetime, actor: str, final: bool = False) -> bool:
        """It did not leave: it waits twice as long as the last time, or is dead after the last try, or at once if that is
        `final`. False as for `done`."""
        dead = final or effect.attempt >= self.most_attempts
        wait = min(FIRST_WAIT * 2 ** min(effect.attempt - 1, 20), LONGEST_WAIT)
        state: State = "dead" if dead else "waiting"
        return self._settle(effect, state, at=at, actor=actor, next_try_at=at + wait, error=error[:WORST_ERROR])

    def postponed(self, effect: Effect, until: datetime, why: str) -> bool:
        """It is not its time yet: it waits, and this was no try. False as for `done`. No change that is audited."""

        def write(session: Session) -> bool:
            row = session.get(OutboxRow, effect.effect_no)
            if row is None or row.state != "taken" or row.attempts != effect.attempt:
                return False
            row.state, row.attempts, row.next_try_at, row.last_error = "waiting", row.attempts - 1, until, why[:WORST_ERROR]
            return True

        return self.database.write(write)

    def unwanted(self, effect: Effect, why: str, *, at: datetime, actor: str) -> bool:
        """Who it is for does not want it: it never leaves. False as for `done`."""
        return self._settle(effect, "dropped", at=at, actor=actor, next_try_at=at, error=why)

    def drop(self, effect_no: int, *, at: datetime, actor: str) -> bool:
        """An effect that waits or is dead never leaves. False for any other."""

        def write(session: Session) -> bool:
            row = session.get(OutboxRow, effect_no)
            if row is None or row.state not in ("waiting", "dead"):
                return False
            row.state, row.next_try_at = "dropped", at
            _tell(session, row, "effect.dropped", at=at, actor=actor)
            return True

        return self.database.write(write)

    def find(self, effect_no: int) -> Effect | None:
        """One effect, or None."""
        found = self.database.select(sa.select(OutboxRow).where(OutboxRow.effect_no == effect_no))
        return _effect(found[0], keys_to_read(self.database, _subjects(found))) if found else None

    def count(self, state: State) -> int:
        """How many effects stand so."""
        return self.database.select(sa.select(sa.func.count()).select_from(OutboxRow).where(OutboxRow.state == state))[0]

    def sent_since(self, effect: Effect, since: datetime) -> Sequence[datetime]:
        """When the effects of the same kind and target left since then, newest first; those on their way before it count as
        leaving now. Sealed ones count by what stands for their target."""
        targets = {effect.target, pseudonym(self.database, effect.target) or effect.target}
        same = (OutboxRow.kind == effect.kind, OutboxRow.target.in_(targets))
        left = sa.and_(OutboxRow.state == "done", OutboxRow.next_try_at > since)
        leaving = sa.and_(OutboxRow.state == "taken", OutboxRow.effect_no < effect.effect_no)
        query = sa.select(OutboxRow.next_try_at).where(*same, sa.or_(left, leaving))
        return self.database.select(query.order_by(OutboxRow.next_try_at.desc()))

    def revive(self, effect_no: int, *, at: datetime, actor: str) -> bool:
        """Try a dead effect again from the start, at once. False if it is not dead."""

        def write(session: Session) -> bool:
            row = session.get(OutboxRow, effect_no)
            if row is None or row.state != "dead":
                return False
            row.state, row.attempts, row.next_try_at = "waiting", 0, at
            _tell(session, row, "effect.revived", at=at, actor=actor)
            return True

        return self.database.write(write)

    def list(self, state: State | None = None, *, after: int = 0, limit: int = 1000) -> Sequence[Effect]:
        """Up to `limit` effects with a number above `after`, in their order; on-call looks at `state="dead"`."""
        query = sa.select(OutboxRow).where(OutboxRow.effect_no > after).order_by(OutboxRow.effect_no).limit(limit)
        rows = self.database.select(query if state is None else query.where(OutboxRow.state == state))
        keys = keys_to_read(self.database, _subjects(rows))
        return [_effect(row, keys) for row in rows]

    def _settle(
        self, effect: Effect, state: State, *, at: datetime, actor: str, next_try_at: datetime, error: str | None, proof: str = ""
    ) -> bool:
        def write(session: Session) -> bool:
            row = session.get(OutboxRow, effect.effect_no)
            if row is None or row.state != "taken" or row.attempts != effect.attempt:
                return False
            row.state, row.next_try_at, row.last_error = state, next_try_at, error
            _tell(session, row, _TOLD[state], at=at, actor=actor, proof=proof)
            return True

        return self.database.write(write)


_TOLD: Final[Mapping[State, str]] = {
    "done": "effect.done", "dead": "effect.dead", "waiting": "effect.failed", "dropped": "effect.dropped",
}  # fmt: skip


def _tell(session: Session, row: OutboxRow, what: str, *, at: datetime, actor: str, proof: str = "") -> None:
    """The audit row: numbers and the id of what came of it, since a target or an error may name a person."""
    detail: dict[str, object] = {"effect_no": row.effect_no, "action_no": row.action_no, "kind": row.kind, "attempt": row.attempts}
    detail |= {"proof": proof} if proof else {}
    append(session, at=at, actor=actor, action=what, subject=f"effect {row.effect_no}", detail=detail)


def _subjects(rows: Sequence[OutboxRow]) -> set[Subject]:
    return {subject for row in rows for subject in text_subjects(row.payload)}


def _effect(row: OutboxRow, keys: Keys) -> Effect:
    target, payload, erased = opened_effect(row.target, row.payload, row.effect_no, keys)
    told = (row.effect_no, row.action_no, row.kind, target, payload, row.state, row.attempts)
    return Effect(*told, row.next_try_at, row.last_error, erased)
