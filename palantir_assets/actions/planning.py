"""From an action and what it is told to a verdict and, where all holds, to the edits that it makes and what follows.

`validate` explains, `propose` plans; both ask the same questions, so a preview is what will be done. Applying the
edits, and letting the effects out, is the ledger's affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from palantir_assets.access.policy import Allowed, Decision, Refusal
from palantir_assets.access.principal import Principal
from palantir_assets.actions.drafting import taken
from palantir_assets.actions.drafts import Draft
from palantir_assets.actions.edits import Change, Edit, Json, diff
from palantir_assets.actions.parameters import Told, each_of, told
from palantir_assets.actions.ports import World
from palantir_assets.actions.verdicts import ActionRefused, Finding, Verdict
from palantir_assets.ontology.criteria import reads
from palantir_assets.ontology.evaluating import holds
from palantir_assets.ontology.expressions import ExpressionError
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_actions import ServedAction, ServedCriterion, ServedEffect


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an action would do: its edits in order, the exact difference they make, what follows, and who must agree.

    `names` are the values that a mail's words are filled with.
    """

    action: str
    edits: tuple[Edit, ...]
    changes: tuple[Change, ...]
    effects: tuple[ServedEffect, ...]
    approve: tuple[str, ...]
    four_eyes: bool
    names: Mapping[str, Any]
    verdict: Verdict


def may_apply(action: ServedAction, caller: Principal) -> Decision:
    """Whether a caller may apply an action at all."""
    if caller.roles & set(action.allow):
        return Allowed()
    return Refusal(f"applying {action.name} needs one of the roles {', '.join(action.allow)}")


def may_approve(action: ServedAction, caller: Principal, *, asked_by: str) -> Decision:
    """Whether a caller may agree to what `asked_by` wants to apply."""
    if action.four_eyes and caller.id == asked_by:
        return Refusal(f"{action.name} must be approved by another person than the one who asked")
    if caller.roles & set(action.approve):
        return Allowed()
    return Refusal(f"approving {action.name} needs one of the roles {', '.join(action.approve)}")


def validate(
    action: ServedAction, parameters: Mapping[str, Json], *, ontology: ServedOntology, world: World, caller: Principal, now: datetime
) -> Verdict:
    """Every parameter, criterion and step, passed or not, with words in both languages. `now` is UTC without an offset."""
    return _considered(action, parameters, ontology, world, caller, now)[0]


def propose(
    action: ServedAction, parameters: Mapping[str, Json], *, ontology: ServedOntology, world: World, caller: Principal, now: datetime
) -> Proposal:
    """What an action would do; raises ActionRefused, with the whole verdict, where something does not hold."""
    verdict, draft, heard = _considered(action, parameters, ontology, world, caller, now)
    if not verdict.valid:
        raise ActionRefused(action.name, verdict)
    return Proposal(
        action.name, draft.edits, diff(draft.edits), action.then, action.approve, action.four_eyes, filling(heard), verdict
    )  # fmt: skip


def propose_batch(
    action: ServedAction,
    batch: Iterable[Mapping[str, Json]],
    *,
    ontology: ServedOntology,
    world: World,
    caller: Principal,
    now: datetime,
) -> tuple[Proposal, ...]:
    """What an action would do several times over, each seeing what those before it did.

    All of it or nothing: raises ActionRefused with the verdict on the first that does not hold.
    """
    draft, proposals = Draft(world, ontology), list[Proposal]()
    for parameters in batch:
        proposals.append(propose(action, parameters, ontology=ontology, world=draft, caller=caller, now=now))
        draft = draft.with_edits(proposals[-1].edits)
    return tuple(proposals)


def filling(heard: Told) -> dict[str, Any]:
    """What the places of a mail are filled with: every name, and the titles of objects, unless a property has that name."""
    return {**{f"{word}.title": found.title for word, (_, found) in heard.objects.items()}, **heard.names}


def _considered(
    action: ServedAction, parameters: Mapping[str, Json], ontology: ServedOntology, world: World, caller: Principal, now: datetime
) -> tuple[Verdict, Draft, Told]:
    access = may_apply(action, caller)
    draft = Draft(world, ontology)
    if isinstance(access, Refusal):  # who may not apply it learns nothing of objects by asking
        unasked = tuple(Finding(word, "unknown") for word in action.parameters)
        return Verdict(access, unasked, _unasked(action)), draft, Told({}, {}, {}, ())
    heard = told(action, parameters, ontology=ontology, world=world, caller=caller, now=now)
    verdict = Verdict(access, heard.findings, _unasked(action))
    if not verdict.valid:
        return verdict, draft, heard
    verdict = replace(verdict, criteria=tuple(_asked(criterion, heard) for criterion in action.require))
    if not verdict.valid:
        return verdict, draft, heard
    draft, findings = taken(action.do, heard, draft)
    return replace(verdict, steps=findings), draft, heard


def _unasked(action: ServedAction) -> tuple[Finding, ...]:
    return tuple(Finding(criterion.that, "unknown") for criterion in action.require)


def _asked(criterion: ServedCriterion, heard: Told) -> Finding:
    """A criterion on objects of a list must hold of each of them."""
    owners = {name.partition(".")[0] for name in reads(criterion.that) if "." in name}
    try:
        passed = all(holds(criterion.that, each.names) for each in each_of(heard, sorted(owners)))
    except ExpressionError:
        passed = False
    return Finding(criterion.that, "passed" if passed else "failed", None if passed else criterion.say)
