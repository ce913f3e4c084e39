"""The steps of an action, taken one after the other on a draft of the world: each sees what those before it did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from palantir_assets.actions.edits import Edit, Json, LinkEdit, ObjectEdit, Values, after
from palantir_assets.actions.parameters import Told, each_of
from palantir_assets.actions.ports import Found, World
from palantir_assets.actions.values import Unfit, json_value, key_text, python_value
from palantir_assets.actions.verdicts import Finding, failed
from palantir_assets.ontology.criteria import expression_of, plain_of
from palantir_assets.ontology.evaluating import evaluate
from palantir_assets.ontology.expressions import ExpressionError
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_actions import ServedStep
from palantir_assets.ontology.served_parts import ServedProperty, ServedType
from palantir_assets.ontology.spec import PropertyType

EDITED = frozenset({"table", "edits"})
"""Where values come from that edits can set; the others are computed."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The world with the edits so far, itself a `World`. `find` gives None for what is not there, or no longer."""

    world: World
    ontology: ServedOntology
    edits: tuple[Edit, ...] = ()
    objects: Mapping[tuple[str, str], Found | None] = field(default_factory=dict)

    def find(self, object_type: str, key: str) -> Found | None:
        here = (object_type, key)
        return self.objects[here] if here in self.objects else self.world.find(object_type, key)

    def linked(self, link: str, source: str, target: str) -> bool:
        for edit in reversed(self.edits):
            if isinstance(edit, LinkEdit) and (edit.link, edit.source, edit.target) == (link, source, target):
                return edit.kind == "link"
        return self.world.linked(link, source, target)

    def version(self, object_type: str, key: str) -> int:
        """How often an object was edited, those edits of the draft included."""
        here = [edit for edit in self.edits if isinstance(edit, ObjectEdit) and (edit.type, edit.key) == (object_type, key)]
        if here:
            return here[-1].version + 1
        return self.world.version(object_type, key)

    def having(self, object_type: str, name: str, value: Json) -> Iterator[Values]:
        key = self.ontology.find_type(object_type).key
        for values in self.world.having(object_type, name, value):
            if (object_type, key_text(values[key])) not in self.objects:
                yield values
        for (of, _), found in self.objects.items():
            if of == object_type and found is not None and found.values.get(name) == value:
                yield found.values

    def with_edits(self, edits: Iterable[Edit]) -> Draft:
        """The draft with edits that were planned before."""
        draft = self
        for edit in edits:
            draft = draft.edited(edit) if isinstance(edit, ObjectEdit) else replace(draft, edits=(*draft.edits, edit))
        return draft

    def edited(self, edit: ObjectEdit) -> Draft:
        found = self.find(edit.type, edit.key)
        values = after(found.values if found else None, edit)
        now = None if values is None else Found(values, edit.version + 1, found.title if found else "")
        return replace(self, edits=(*self.edits, edit), objects={**self.objects, (edit.type, edit.key): now})


class _Wrong(ValueError):
    def __init__(self, en: str, ko: str) -> None:
        super().__init__(en)
        self.en, self.ko = en, ko


def taken(steps: tuple[ServedStep, ...], heard: Told, draft: Draft) -> tuple[Draft, tuple[Finding, ...]]:
    """The draft after all steps, and a finding for each; after one that failed nothing more is taken.

    A step whose `when` is not true is left out, and passes. A step on a list is taken with each of its objects.
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
        except _Wrong as wrong:
            findings.append(failed(what, wrong.en, wrong.ko))
    return draft, tuple(findings)


def _objects(step: ServedStep) -> tuple[str, ...]:
    """The parameters that a step changes or links."""
    if step.verb in ("link", "unlink"):
        return (step.source or "", step.target or "")
    return (step.what,) if step.verb in ("modify", "delete") else ()


def _is_due(step: ServedStep, heard: Told) -> bool:
    return step.when is None or _evaluated(step.when, heard) is True


def _taken(step: ServedStep, heard: Told, draft: Draft) -> Draft:
    match step.verb:
        case "create" | "create_or_modify":
            return _made(step, heard, draft)
        case "modify" | "delete":
            return _changed(step, heard, draft)
        case _:
            return _linked(step, heard, draft)


def _made(step: ServedStep, heard: Told, draft: Draft) -> Draft:
    kind = draft.ontology.find_type(step.what)
    value = _value(step.key, kind.properties[kind.key].type, heard)
    if value is None or value == "":
        raise _Wrong("it has no key", "키가 없습니다")
    key = key_text(value)
    found = draft.find(kind.name, key)
    if found is not None and step.verb == "create":
        raise _Wrong(f"there is a {kind.name} {key!r} already", f"{kind.name} {key!r}이(가) 이미 있습니다")
    if found is not None:
        return _modified(draft, kind, key, found, _values(kind, step.set, heard, draft))
    blank = {name: prop.default for name, prop in own(kind).items()}
    values = {**blank, kind.key: json_value(kind.properties[kind.key], value), **_values(kind, step.set, heard, draft)}
    return draft.edited(ObjectEdit("create", kind.name, key, values, {}, draft.version(kind.name, key)))


def _changed(step: ServedStep, heard: Told, draft: Draft) -> Draft:
    if step.what not in heard.objects:
        return draft  # an optional object that was left out
    kind, key, found = _there(step.what, heard, draft)
    if step.verb == "modify":
        return _modified(draft, kind, key, found, _values(kind, step.set, heard, draft))
    previous = {name: found.values.get(name) for name in own(kind)}
    return draft.edited(ObjectEdit("delete", kind.name, key, {}, previous, found.version))


def _linked(step: ServedStep, heard: Told, draft: Draft) -> Draft:
    ends = (step.source or "", step.target or "")
    if any(end not in heard.objects for end in ends):
        return draft
    (kind, key, found), (_, target, _) = (_there(end, heard, draft) for end in ends)
    link = kind.links[step.what]
    if link.by is not None:
        held = found.values.get(link.by)
        if step.verb == "unlink" and held is None:
            raise _Wrong("they are not linked", "연결되어 있지 않습니다")
        wanted = None if step.verb == "unlink" else heard.names[step.target or ""]
        return _modified(draft, kind, key, found, {link.by: _fitted(kind.properties[link.by], link.by, wanted, draft)})
    stored = f"{kind.name}__{step.what}"
    if draft.linked(stored, key, target) == (step.verb == "link"):
        told = (
            ("they are linked already", "이미 연결되어 있습니다")
            if step.verb == "link"
            else ("they are not linked", "연결되어 있지 않습니다")
        )
        raise _Wrong(*told)
    return replace(
        draft, edits=(*draft.edits, LinkEdit("link" if step.verb == "link" else "unlink", stored, key, target, (kind.name, link.to)))
    )


def own(kind: ServedType) -> dict[str, ServedProperty]:
    """The properties of a type that edits can set."""
    return {name: prop for name, prop in kind.properties.items() if prop.origin in EDITED}


def _there(parameter: str, heard: Told, draft: Draft) -> tuple[ServedType, str, Found]:
    key, _ = heard.objects[parameter]
    kind = draft.ontology.find_type(heard.types[parameter])
    found = draft.find(kind.name, key)
    if found is None:
        raise _Wrong(f"the {kind.name} {key!r} is no longer there", f"{kind.name} {key!r}이(가) 더 이상 없습니다")
    return kind, key, found


def _modified(draft: Draft, kind: ServedType, key: str, found: Found, values: Values) -> Draft:
    previous = {name: found.values.get(name) for name in values}
    return draft.edited(ObjectEdit("modify", kind.name, key, values, previous, found.version))


def _values(kind: ServedType, declared: Mapping[str, Json], heard: Told, draft: Draft) -> dict[str, Json]:
    return {
        name: _fitted(kind.properties[name], name, _value(said, kind.properties[name].type, heard), draft)
        for name, said in declared.items()
    }


def _fitted(prop: ServedProperty, name: str, value: Any, draft: Draft) -> Json:
    try:
        return json_value(prop, value, draft.ontology.value_types.get(prop.value_type or ""))
    except Unfit as error:
        raise _Wrong(f"{name} {error}", f"{name} 값이 맞지 않습니다: {error}") from None


def _value(declared: Json, kind: PropertyType, heard: Told) -> Any:
    """A declared value, or what the expression that it is gives."""
    text = expression_of(declared)
    return python_value(kind, plain_of(declared)) if text is None else _evaluated(text, heard)


def _evaluated(text: str, heard: Told) -> Any:
    try:
        return evaluate(text, heard.names)
    except ExpressionError as error:
        raise _Wrong(str(error), f"식을 계산할 수 없습니다: {error}") from None
