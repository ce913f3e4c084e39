"""What is hidden from a caller: types, properties, titles and searched texts, as far as one follows from the other.

A value is as secret as what it was computed from, and a type without its key is none. How the rest of the ontology
is cut to fit is told in `restricting`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from palantir_assets.access.policy import Allowed, Rights, decide
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_access import LinkRule, PropertyRule, Reads, ServedAccess, TypeRules
from palantir_assets.ontology.served_parts import ServedLink

Wholly = Callable[[str], bool]
"""Whether the caller sees every row of a type."""


@dataclass
class Hidden:
    """What one caller may not know. `types` are those that may be read, `properties` those cut out of them."""

    types: set[str] = field(default_factory=set)
    properties: dict[str, set[str]] = field(default_factory=dict)
    untitled: frozenset[str] = frozenset()
    unsearched: frozenset[str] = frozenset()


def hidden_from(rights: Rights, ontology: ServedOntology, access: ServedAccess, wholly: Wholly) -> Hidden:
    """Everything that the rules hide, followed until nothing more comes of it. What has no rule is hidden."""
    found = Hidden()
    for name, kind in ontology.types.items():
        rules = access.types.get(name)
        if rules is not None and isinstance(decide(rights, rules.read, rules.needs), Allowed):
            found.types.add(name)
            found.properties[name] = {prop for prop in kind.properties if not _may(rights, rules, prop)}
    known = {name: wholly(name) for name in _summed(access) if name in found.types}
    while _spread(found, ontology, access, known):
        pass
    found.untitled = frozenset(name for name in found.types if not _readable(found, ontology, access.types[name].title, known))
    found.unsearched = found.untitled | {name for name in found.types if not _readable(found, ontology, access.types[name].search, known)}
    return found


def walkable(rights: Rights, hidden: Hidden, access: ServedAccess, source: str, name: str, link: ServedLink) -> bool:
    """Whether a link may be walked: its rule lets the caller, and nothing that it is made of is hidden.

    A link whose key property is hidden tells that property's values, and is hidden with it.
    """
    rule = access.types[source].links.get(name, LinkRule())
    there = link.to in hidden.types and (link.through is None or link.through in hidden.types)
    return there and link.by not in hidden.properties[source] and isinstance(decide(rights, rule.roles, rule.needs), Allowed)


def _may(rights: Rights, rules: TypeRules, prop: str) -> bool:
    rule = rules.properties.get(prop, PropertyRule())
    return isinstance(decide(rights, rule.roles, rule.needs), Allowed)


def _summed(access: ServedAccess) -> set[str]:
    """The types whose rows some value sums up: of these alone it matters whether all rows are seen."""
    parts = [reads for rules in access.types.values() for reads in (rules.title, rules.search)]
    parts += [rule.reads for rules in access.types.values() for rule in rules.properties.values()]
    return {name for reads in parts for name in reads.rows_of}


def _spread(found: Hidden, ontology: ServedOntology, access: ServedAccess, wholly: dict[str, bool]) -> bool:
    """Hide what was computed from something hidden, one step; whether anything was."""
    more = False
    for name in sorted(found.types):
        cut = found.properties[name]
        for prop, rule in access.types[name].properties.items():
            if prop in ontology.types[name].properties and prop not in cut and not _readable(found, ontology, rule.reads, wholly):
                cut.add(prop)
                more = True
        if ontology.types[name].key in cut:
            found.types.discard(name)
            del found.properties[name]
            more = True
    return more


def _readable(found: Hidden, ontology: ServedOntology, reads: Reads, wholly: dict[str, bool]) -> bool:
    for each in reads.properties:
        kind, _, prop = each.partition(".")
        if kind not in found.types or prop in found.properties[kind] or prop not in ontology.types[kind].properties:
            return False
    return all(name in found.types and wholly.get(name, False) for name in reads.rows_of)
