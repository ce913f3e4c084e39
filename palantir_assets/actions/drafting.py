"""The steps of an action, taken one after the other on a draft of the world: each sees what those before it did.

What may be done to the world is told in `drafts`; a step that calls a function is taken in `calling`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from palantir_assets.actions.calling import called
from palantir_assets.actions.declared import evaluated, value_of
from palantir_assets.actions.drafts import Draft, Wrong, created, deleted, fitted, modified, paired
from palantir_assets.actions.edits import Json
from palantir_assets.actions.parameters import Told, each_of
from palantir_assets.actions.ports import Found
from palantir_assets.actions.verdicts import Finding, failed
from palantir_assets.ontology.served_actions import ServedStep
from palantir_assets.ontology.served_parts import ServedType


def taken(steps: tuple[ServedStep, ...], heard: Told, draft: Draft) -> tuple[Draft, tuple[Finding, ...]]:
    """The draft after all steps, and a finding for each; after one that failed nothing more is taken.

    A step whose `when` is not true is left out, and passes. A step on a list is taken with each of its objects. Raises
    FunctionsBusy where a function is to be asked later.
    """
    findings: list[Finding] = []
    for step in steps:
        what = f"{step.verb} {step.what}"
        if any(finding.outcome == "failed" for finding in findings):
            findings.append(Finding(what, "unknown"))
            continue
        try:
            for told in each_of(heard, _objects(step)):
                draft = _taken(step, told, draft) if _is_due(step, told) else draft
            findings.append(Finding(what, "passed"))
        except Wrong as wrong:
            findings.append(failed(what, wrong.en, wrong.ko))
    return draft, tuple(findings)


def _objects(step: ServedStep) -> tuple[str, ...]:
    """The parameters that a step changes or links."""
    if step.verb in ("link", "unlink"):
        return (step.source or "", step.target or "")
    return (step.what,) if step.verb in ("modify", "delete") else ()


def _is_due(step: ServedStep, heard: Told) -> bool:
    return step.when is None or evaluated(step.when, heard) is True


def _taken(step: ServedStep, heard: Told, draft: Draft) -> Draft:
    match step.verb:
        case "create" | "create_or_modify":
            return _made(step, heard, draft)
        case "modify" | "delete":
            return _changed(step, heard, draft)
        case "function":
            return called(step, heard, draft)
        case verb:
            return _linked(step, verb, heard, draft)


def _made(step: ServedStep, heard: Told, draft: Draft) -> Draft:
    kind = draft.ontology.find_type(step.what)
    key = value_of(step.key, kind.properties[kind.key].type, heard)
    return created(draft, kind, key, _values(kind, step.set, heard, draft), or_modified=step.verb == "create_or_modify")


def _changed(step: ServedStep, heard: Told, draft: Draft) -> Draft:
    if step.what not in heard.objects:
        return draft  # an optional object that was left out
    kind, key, found = _there(step.what, heard, draft)
    if step.verb == "modify":
        return modified(draft, kind, key, found, _values(kind, step.set, heard, draft))
    return deleted(draft, kind, key, found)


def _linked(step: ServedStep, verb: Literal["link", "unlink"], heard: Told, draft: Draft) -> Draft:
    ends = (step.source or "", step.target or "")
    if any(end not in heard.objects for end in ends):
        return draft
    (kind, key, found), (_, target, _) = (_there(end, heard, draft) for end in ends)
    link = kind.links[step.what]
    if link.by is None:
        return paired(draft, verb, kind, step.what, key, target)
    if verb == "unlink" and found.values.get(link.by) is None:
        raise Wrong("they are not linked", "연결되어 있지 않습니다")
    wanted = None if verb == "unlink" else heard.names[step.target or ""]
    return modified(draft, kind, key, found, {link.by: fitted(draft, kind, link.by, wanted)})


def _there(parameter: str, heard: Told, draft: Draft) -> tuple[ServedType, str, Found]:
    key, _ = heard.objects[parameter]
    kind = draft.ontology.find_type(heard.types[parameter])
    found = draft.find(kind.name, key)
    if found is None:
        raise Wrong(f"the {kind.name} {key!r} is no longer there", f"{kind.name} {key!r}이(가) 더 이상 없습니다")
    return kind, key, found


def _values(kind: ServedType, declared: Mapping[str, Json], heard: Told, draft: Draft) -> dict[str, Json]:
    return {name: fitted(draft, kind, name, value_of(said, kind.properties[name].type, heard)) for name, said in declared.items()}
