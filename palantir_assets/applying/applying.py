"""Applying: an action is planned by what its caller sees, and written with everything it does, or not at all.

What was read while planning must be as it was when it is written; else StaleVersion says what changed, and whoever
called may plan again. An action that others must agree to is written as a proposal (`proposing` goes on from there).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from palantir_assets.access.policy import Refusal
from palantir_assets.access.principal import Principal
from palantir_assets.actions.edits import Edit
from palantir_assets.actions.planning import Proposal, may_apply, propose_batch
from palantir_assets.actions.recording import subject, written
from palantir_assets.applying.desk import Desk, Json, Standpoint, naive
from palantir_assets.applying.differences import Differs, difference, digest
from palantir_assets.applying.effects import Occasion, following, once
from palantir_assets.engine.world import SeenWorld, completed, seen_row
from palantir_assets.errors import NotFound, NotPermitted, QueryError, StaleVersion
from palantir_assets.ontology.served_actions import ServedAction
from palantir_assets.stores.edit_rows import Appended, Batch, Idempotency, NewEdit, NewEffect, Reply, Subject

BATCH = "$batch"
"""Under which name a ledger holds the parameters of an action that was applied several times as one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An action and what it is told, once for each time it is to be applied. `expected` are versions that objects must have.

    With `accept`, the digest of a difference, it is applied only if it does exactly that. `key` and `body_hash` make
    asking again the same request; without a key every request is a new one.
    """

    action: str
    parameters: tuple[Mapping[str, object], ...]
    expected: Mapping[Subject, int] = field(default_factory=dict)
    key: str | None = None
    body_hash: str = ""
    batch: bool = False
    accept: str | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """What would be written: a proposal for each time, and the edits of all, complete."""

    action: ServedAction
    proposals: tuple[Proposal, ...]
    edits: tuple[Edit, ...]
    read: Mapping[Subject, int]

    @property
    def shown(self) -> Json:
        """The exact difference that the caller sees."""
        return difference([edit for proposal in self.proposals for edit in proposal.edits])


Replying = Callable[[Appended, Planned], Reply]


def planned(desk: Desk, at: Standpoint, asked: Asked) -> Planned:
    """What an action would do, as the caller sees it; nothing is written.

    Raises UnknownName, NotPermitted, ActionRefused with the whole verdict, or StaleVersion where `expected` is not so.
    """
    action = permitted(at, asked.action)
    return plan_as(desk, at, action, asked, now=desk.now())


def plan_as(desk: Desk, at: Standpoint, action: ServedAction, asked: Asked, *, now: object) -> Planned:
    """As `planned`, for an action that may be applied, at a moment."""
    world = at.world(desk)
    _expect(at, world, asked.expected)
    proposals = propose_batch(
        action,
        asked.parameters,
        ontology=at.view.ontology,
        world=world,
        caller=at.caller,
        now=naive(now),  # type: ignore[arg-type]
    )
    edits = completed([edit for proposal in proposals for edit in proposal.edits], at.release)
    return Planned(action, proposals, edits, dict(world.read))


def apply(desk: Desk, at: Standpoint, asked: Asked, reply: Replying) -> Reply:
    """Apply an action, or ask others to agree to it; the reply is kept under the request's key, and given again for it.

    Raises as `planned`, and Differs, StaleVersion, KeyReused, BeingAnswered or EditRefused; nothing was written then.
    """
    caller = at.caller
    if asked.key is not None and (kept := desk.log.replay(caller.id, asked.key, asked.body_hash)) is not None:
        return kept
    plan = planned(desk, at, asked)
    if asked.accept is not None and digest(plan.shown) != asked.accept:
        raise Differs(plan.action.name, plan.shown)
    if plan.action.approve and asked.batch:
        raise QueryError(f"{plan.action.name} is agreed to by others: ask for it one by one")
    batch = _proposed(desk, asked, plan, caller) if plan.action.approve else executed(desk, at, asked, plan, caller)
    return write(desk, batch, asked, caller, lambda done: reply(done, plan))


def write(desk: Desk, batch: Batch, asked: Asked, caller: Principal, reply: Callable[[Appended], Reply]) -> Reply:
    """Append a batch, and give its reply: the kept one where the same request was written before."""
    if asked.key is not None:
        batch = replace(batch, idempotency=Idempotency(caller.id, asked.key, asked.body_hash, reply))
    done = desk.log.append(batch)
    return done.reply if done.reply is not None else reply(done)


def executed(desk: Desk, at: Standpoint, asked: Asked, plan: Planned, caller: Principal) -> Batch:
    """The batch that does what was planned."""
    effects = once(
        effect
        for proposal, parameters in zip(plan.proposals, asked.parameters, strict=True)
        for effect in _effects(desk, at, plan.action, proposal, parameters, caller)
    )
    return Batch(
        plan.action.name, caller.id, desk.now(), parameters=recorded(asked), edits=new_edits(plan.edits), effects=effects,
        expected_versions=plan.read, concerns=_concerned(plan),
    )  # fmt: skip


def new_edits(edits: Sequence[Edit]) -> tuple[NewEdit, ...]:
    """Edits as the ledger takes them."""
    return tuple(NewEdit(*subject(edit), edit.kind, written(edit)) for edit in edits)


def recorded(asked: Asked) -> dict[str, object]:
    """What an action was told, as the ledger holds it; `told_of` takes it apart."""
    return {BATCH: [dict(each) for each in asked.parameters]} if asked.batch else dict(asked.parameters[0])


def told_of(parameters: Mapping[str, object]) -> tuple[Mapping[str, object], ...]:
    """What an action was told, once for each time it was applied."""
    batch = parameters.get(BATCH)
    return tuple(batch) if isinstance(batch, list) else (parameters,)


def permitted(at: Standpoint, name: str) -> ServedAction:
    """An action that the caller may apply. Raises UnknownName for one to be known nothing of, NotPermitted for one to approve."""
    action = at.view.ontology.find_action(name)
    if isinstance(may := may_apply(action, at.caller), Refusal):
        raise NotPermitted(may.reason)
    return action


def _proposed(desk: Desk, asked: Asked, plan: Planned, caller: Principal) -> Batch:
    """The batch that only asks. The versions are kept to be told, not to be held to: agreeing plans anew."""
    versions = [[*subject, version] for subject, version in sorted(plan.read.items())]
    shown = {**plan.shown, "versions": versions}
    return Batch(
        plan.action.name, caller.id, desk.now(), parameters=recorded(asked), status="proposed", shown=shown, concerns=_concerned(plan)
    )


def _concerned(plan: Planned) -> tuple[Subject, ...]:
    """The objects that are told of in what is kept of an action: whatever it read or would write."""
    return tuple(sorted({*plan.read, *(subject(edit) for edit in plan.edits)}))


def _effects(
    desk: Desk, at: Standpoint, action: ServedAction, proposal: Proposal, parameters: Mapping[str, object], caller: Principal
) -> tuple[NewEffect, ...]:
    occasion = Occasion(action, caller.id, parameters, difference(proposal.edits), proposal.names)
    return following(proposal.effects, occasion, at, mails=at.view.ontology.mails, people=desk.people)


def _expect(at: Standpoint, world: SeenWorld, expected: Mapping[Subject, int]) -> None:
    """Hold the caller's own expectations against what is there; an object that is hidden is one that is not there."""
    for (object_type, key), version in expected.items():
        at.view.ontology.find_type(object_type)
        if seen_row(at.asking, object_type, key) is None:
            if version:
                raise NotFound(object_type, key)
        elif (actual := world.version(object_type, key)) != version:
            raise StaleVersion(object_type, key, expected=version, actual=actual)
