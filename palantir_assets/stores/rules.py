"""Rules that are armed, how far each has looked, and what they fired on.

Looking on, a firing, its effects and its audit row are one transaction, and it counts only from where the rule had looked
to: of two that look, or of one that is killed and looks again, one fires. What a rule is met by is decided in `effects.rules`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.stores.audit_chain import append, canonical
from palantir_assets.stores.database import Database
from palantir_assets.stores.edit_rows import Batch, NewEffect
from palantir_assets.stores.edit_writing import write_batches
from palantir_assets.stores.migrations.schema_effects import ArmedRuleRow, RuleFiringRow

MOST_EVIDENCE = 10_000
"""Objects of one firing that are kept by name; how many there were is kept whatever it is."""


@dataclass(frozen=True, slots=True)
class Armed:
    """A rule that may fire, under the digest it was backtested as; it has looked up to `release_no` and `edit_no`."""

    name: str
    digest: str
    backtest: Mapping[str, object]
    armed_at: datetime
    actor: str
    release_no: int
    edit_no: int


@dataclass(frozen=True, slots=True)
class NewFiring:
    """What a rule was met by: `span` names the difference; `evidence` is each object with how it changed, without values."""

    span: str
    evidence: Sequence[Mapping[str, object]]
    effects: Sequence[NewEffect]


@dataclass(frozen=True, slots=True)
class Fired:
    """A firing as it stands in the ledger; `action_no` is what its effects stand under."""

    action_no: int
    rule: str
    span: str
    objects: int
    evidence: Sequence[Mapping[str, object]]
    at: datetime


@dataclass(frozen=True, slots=True)
class ArmedRules:
    """Rules over an open database; safe to share. Every method raises LedgerError without one."""

    database: Database
    reach: Callable[[str], None] = lambda point: None

    def all(self) -> Mapping[str, Armed]:
        """Every armed rule by name."""
        return {row.name: _armed(row) for row in self.database.select(sa.select(ArmedRuleRow).order_by(ArmedRuleRow.name))}

    def arm(self, rule: Armed) -> None:
        """Let a rule fire from now on, in these words; what happened before is not looked at."""

        def write(session: Session) -> None:
            told = {"digest": rule.digest, "backtest": dict(rule.backtest)}
            row = session.get(ArmedRuleRow, rule.name) or ArmedRuleRow(name=rule.name)
            row.digest, row.backtest, row.armed_at, row.actor = rule.digest, canonical(rule.backtest), rule.armed_at, rule.actor
            row.release_no, row.edit_no = rule.release_no, rule.edit_no
            session.add(row)
            append(session, at=rule.armed_at, actor=rule.actor, action="rule.armed", subject=rule.name, detail=told)

        self.database.write(write)

    def disarm(self, name: str, *, actor: str, at: datetime) -> bool:
        """It fires no more; False if it was not armed."""

        def write(session: Session) -> bool:
            row = session.get(ArmedRuleRow, name)
            if row is None:
                return False
            session.delete(row)
            append(session, at=at, actor=actor, action="rule.disarmed", subject=name, detail={})
            return True

        return self.database.write(write)

    def looked(
        self, rule: Armed, firing: NewFiring | None, *, at: datetime, release_no: int | None = None, edit_no: int | None = None
    ) -> bool:
        """The rule has looked this far, and fired or not. False, and nothing is written, if somebody else has looked meanwhile."""

        def write(session: Session) -> bool:
            row = session.get(ArmedRuleRow, rule.name)
            if row is None or (row.digest, row.release_no, row.edit_no) != (rule.digest, rule.release_no, rule.edit_no):
                return False
            row.release_no, row.edit_no = release_no or row.release_no, edit_no or row.edit_no
            if firing is not None:
                _fire(session, rule, firing, at)
            self.reach("rule.before_commit")
            return True

        done = self.database.write(write)
        self.reach("rule.after_commit")
        return done

    def firings(self, name: str | None = None, *, limit: int = 100) -> Sequence[Fired]:
        """The last firings, newest first."""
        query = sa.select(RuleFiringRow).order_by(RuleFiringRow.action_no.desc()).limit(limit)
        rows = self.database.select(query if name is None else query.where(RuleFiringRow.rule == name))
        return [Fired(row.action_no, row.rule, row.span, row.objects, json.loads(row.evidence), row.at) for row in rows]


def _fire(session: Session, rule: Armed, firing: NewFiring, at: datetime) -> None:
    told = {"span": firing.span, "objects": len(firing.evidence), "digest": rule.digest}
    batch = Batch(f"rule:{rule.name}", f"rule:{rule.name}", at, parameters=told, effects=firing.effects)
    [answer] = write_batches(session, [batch], lambda point: None)
    if isinstance(answer, Exception):
        raise answer
    session.add(
        RuleFiringRow(
            action_no=answer.action_no, rule=rule.name, digest=rule.digest, span=firing.span, objects=len(firing.evidence), at=at,
            evidence=canonical(list(firing.evidence[:MOST_EVIDENCE])),
        )
    )  # fmt: skip


def _armed(row: ArmedRuleRow) -> Armed:
    return Armed(row.name, row.digest, json.loads(row.backtest), row.armed_at, row.actor, row.release_no, row.edit_no)
