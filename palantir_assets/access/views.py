"""What one caller may see of one release: the only thing that names are taken from, and that plans are made of.

A `View` is made of a Principal, an ontology and the rules of a release. It holds the ontology without all that is
hidden, what to cut out of ready JSON, and the row rules; which rows they find is `engine.visibility`'s affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from palantir_assets.access.hiding import Hidden, Wholly, hidden_from
from palantir_assets.access.noting import Noted, sensitive_types
from palantir_assets.access.policy import Decision, Refusal, Rights, decide, rights_of
from palantir_assets.access.principal import BUILD, Principal
from palantir_assets.access.restricting import restricted
from palantir_assets.names import fingerprint
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_access import AttributeType, PropertyRule, ServedAccess

_MADE_HERE: Final = object()


@dataclass(frozen=True, slots=True, eq=False)
class Withheld:
    """What the caller may not read and may know to be there: names and nothing else."""

    types: tuple[str, ...] = ()
    properties: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A caller's view. `signature` names the rights it was made of: what differs in it is never the same answer.

    `hidden` are by type the properties to cut out of its objects, `untitled` the types whose titles are cut to the
    key, `rules` the row rules by type, over `caller` (values by name) and `attributes` (their declared types).
    Of `sensitive` types it is `noted` what is read, where somebody takes note.
    """

    principal: Principal
    ontology: ServedOntology
    hidden: Mapping[str, frozenset[str]]
    untitled: frozenset[str]
    rules: Mapping[str, str]
    caller: Mapping[str, object]
    attributes: Mapping[str, AttributeType]
    withheld: Withheld
    signature: str
    sensitive: frozenset[str] = frozenset()
    noted: Noted | None = None
    made_by: object = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.made_by is not _MADE_HERE:
            raise TypeError("a View is made by access.views.view_of, which asks for a Principal")


def view_of(principal: Principal, ontology: ServedOntology, access: ServedAccess, wholly: Wholly) -> View:
    """The caller's view; `wholly` tells whether every row of a type is seen, and is asked only where a value sums rows up."""
    rights = rights_of(principal, access)
    hidden = hidden_from(rights, ontology, access, wholly)
    return View(
        principal=principal,
        ontology=restricted(rights, hidden, ontology, access),
        hidden={name: frozenset(cut) for name, cut in hidden.properties.items() if cut},
        untitled=hidden.untitled,
        rules={name: rows for name in hidden.types if (rows := access.types[name].rows) is not None},
        caller=caller_values(principal, rights),
        attributes=access.attributes,
        withheld=_withheld(hidden, ontology, access),
        signature=_signature(principal, access),
        sensitive=sensitive_types(hidden, access),
        made_by=_MADE_HERE,
    )


def on_record(view: View) -> View:
    """The same view for one answer, which notes what of it is sensitive; itself where nothing is."""
    return replace(view, noted=Noted()) if view.sensitive else view


def whole(ontology: ServedOntology) -> View:
    """A view from which nothing is hidden, for the build that asks its own candidate: no caller is ever given it."""
    return View(BUILD, ontology, {}, frozenset(), {}, {}, {}, Withheld(), fingerprint("whole"), made_by=_MADE_HERE)


def actor(view: View) -> Principal:
    """The caller as actions know one: the roles are those held in the end, included ones too."""
    held = view.caller.get("roles", ())
    return replace(view.principal, roles=frozenset(held if isinstance(held, list) else ()))


def caller_values(principal: Principal, rights: Rights) -> dict[str, object]:
    """What a row rule may ask of the caller, by name; lists as lists."""
    told = {name: list(value) if isinstance(value, tuple) else value for name, value in principal.attributes.items()}
    return {**told, "id": principal.id, "roles": sorted(rights.roles)}


def explain(principal: Principal, access: ServedAccess, object_type: str, prop: str | None = None) -> tuple[str, ...]:
    """Why the caller may not read a type, or one of its properties; nothing where no rule refuses it.

    For who may know of the rules, not for the caller. What follows from a rule elsewhere is named, not decided.
    """
    rules, rights = access.types.get(object_type), rights_of(principal, access)
    if rules is None:
        return (f"no rule lets anybody read {object_type}",)
    decisions: list[tuple[str, Decision]] = [(f"to read {object_type}", decide(rights, rules.read, rules.needs))]
    reasons = []
    if prop is not None:
        rule = rules.properties.get(prop, PropertyRule())
        decisions.append((f"to read {object_type}.{prop}", decide(rights, rule.roles, rule.needs)))
        reasons += [f"{object_type}.{prop} was computed from {each}" for each in rule.reads.properties]
        reasons += [f"{object_type}.{prop} sums up the rows of {each}" for each in rule.reads.rows_of]
    refused = [f"{what}: {decision.reason}" for what, decision in decisions if isinstance(decision, Refusal)]
    rows = [f"of {object_type} only rows where {rules.rows}"] if rules.rows is not None else []
    return (*refused, *rows, *reasons)


def _withheld(hidden: Hidden, ontology: ServedOntology, access: ServedAccess) -> Withheld:
    types = tuple(name for name in ontology.types if name not in hidden.types and name in access.types and access.types[name].discover)
    properties = {}
    for name, cut in hidden.properties.items():
        rules = access.types[name].properties
        if found := tuple(sorted(prop for prop in cut if rules.get(prop, PropertyRule()).discover)):
            properties[name] = found
    return Withheld(types, properties)


def _signature(principal: Principal, access: ServedAccess) -> str:
    attributes = sorted((name, repr(value)) for name, value in principal.attributes.items())
    return fingerprint(principal.id, sorted(principal.roles), sorted(principal.markings), attributes, access.model_dump(mode="json"))
