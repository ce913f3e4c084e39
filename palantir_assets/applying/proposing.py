"""Agreeing: what waits for others is planned again as it would be now, and done if it is what was shown, or as accepted.

It is planned under the rights that who asked has now, at the moment when it was asked: so what depends on the clock
is what was shown. Only the objects may have changed in between, and then another difference is shown first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from palantir_assets.access.policy import Refusal
from palantir_assets.actions.planning import may_approve
from palantir_assets.actions.verdicts import ActionRefused, for_others
from palantir_assets.applying.applying import Asked, Planned, Replying, executed, permitted, plan_as, told_of, write
from palantir_assets.applying.desk import Desk, Json, Standpoint
from palantir_assets.applying.differences import Differs, as_seen, digest
from palantir_assets.applying.telling import sees_all, touched
from palantir_assets.errors import NotDecidable, NotPermitted, UnknownName
from palantir_assets.stores.edit_rows import ActionRecord, Appended, Batch, Reply

PROPOSED = "proposed"


def waiting(desk: Desk, at: Standpoint, number: int) -> tuple[ActionRecord, Json]:
    """A proposal that the caller may know of, with what it shows. Raises UnknownName for any other number."""
    record = desk.log.action(number)
    shown = desk.log.shown(number) if record is not None else None
    if record is None or shown is None or not _may_know(at, record, shown):
        raise UnknownName("proposal", str(number))
    return record, dict(shown)


def approve(desk: Desk, at: Standpoint, number: int, asked: Asked, reply: Replying, *, accept: str | None = None) -> Reply:
    """Agree to a proposal, which is then done in the same transaction. `accept` is the digest of another difference to agree to.

    Raises NotPermitted, NotDecidable, Differs, ActionRefused where a criterion holds no longer, or what `apply` raises.
    """
    if asked.key is not None and (kept := desk.log.replay(at.caller.id, asked.key, asked.body_hash)) is not None:
        return kept
    record, shown = _to_decide(desk, at, number)
    there = _asker(desk, at, record)
    told = replace(asked, action=record.action, parameters=told_of(record.parameters))
    plan = _as_of_now(desk, at, there, record, told)
    if digest(plan.shown) != digest(shown):
        _compare(at, number, plan.shown, accept)
    batch = _decided(executed(desk, there, told, plan, there.caller), at, number)
    return write(desk, batch, asked, at.caller, lambda done: reply(done, plan))


def _as_of_now(desk: Desk, at: Standpoint, there: Standpoint, record: ActionRecord, told: Asked) -> Planned:
    try:
        return plan_as(desk, there, permitted(there, record.action), told, now=record.at)
    except ActionRefused as refused:
        if there.caller.id == at.caller.id:
            raise
        raise ActionRefused(refused.action, for_others(refused.verdict)) from None


def _compare(at: Standpoint, number: int, now: Json, accept: str | None) -> None:
    """Raises Differs for a difference that was not agreed to; NotPermitted for one that is not all seen by who is to agree."""
    if not sees_all(at, touched(now, at), mine=False):
        step = "reject it, or leave it to somebody who sees all of it"
        raise NotPermitted(f"what was proposed as {number} would now change what you do not see", next_step=step)
    seen = as_seen(now, at.view)
    if digest(seen) != accept:
        raise Differs(f"what was proposed as {number}", seen)


def reject(desk: Desk, at: Standpoint, number: int) -> Appended:
    """Refuse a proposal for good. Raises NotPermitted or NotDecidable."""
    record, _ = _to_decide(desk, at, number)
    batch = Batch(record.action, record.actor, desk.now(), status="rejected", approver=at.caller.id, decides=number)
    return desk.log.append(batch)


def may_decide(at: Standpoint, record: ActionRecord) -> bool:
    """Whether the caller may approve or reject a proposal."""
    action = at.view.ontology.actions.get(record.action)
    return action is not None and not isinstance(may_approve(action, at.caller, asked_by=record.actor), Refusal)


def _to_decide(desk: Desk, at: Standpoint, number: int) -> tuple[ActionRecord, Json]:
    record, shown = waiting(desk, at, number)
    action = at.view.ontology.find_action(record.action)
    if isinstance(may := may_approve(action, at.caller, asked_by=record.actor), Refusal):
        raise NotPermitted(may.reason)
    if record.status != PROPOSED:
        raise NotDecidable(number, record.status)
    return record, shown


def _asker(desk: Desk, at: Standpoint, record: ActionRecord) -> Standpoint:
    """Who asked, as that person stands now."""
    who = at.view.principal if record.actor == at.view.principal.id else desk.people.principal(record.actor)
    if who is None:
        raise NotPermitted("who asked for it is not here any more", next_step="reject it")
    there = at.of(who)
    if record.action not in there.view.ontology.actions:
        raise NotPermitted("who asked for it may not apply it any more", next_step="reject it")
    return there


def _decided(batch: Batch, at: Standpoint, number: int) -> Batch:
    return replace(batch, status="approved", approver=at.caller.id, decides=number)


def _may_know(at: Standpoint, record: ActionRecord, shown: Any) -> bool:
    action = at.view.ontology.actions.get(record.action)
    if action is None or not (record.actor == at.caller.id or at.caller.roles & set(action.approve)):
        return False
    return sees_all(at, touched(shown, at), mine=record.actor == at.caller.id)
