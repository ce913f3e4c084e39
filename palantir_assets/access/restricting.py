"""An ontology that holds only what a caller may know: a hidden name is an unknown name, in the same words.

What is hidden was decided in `hiding`; here the rest is cut so that nothing in it names what is hidden. An interface
stays while one of its implementers may be read (or none implements it at all), and so do each of its properties and links.
Metrics stay: each is planned under the caller's view, and is unknown where that cannot be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from palantir_assets.access.acting import known_actions, used_mails
from palantir_assets.access.hiding import Hidden, walkable
from palantir_assets.access.policy import Allowed, Rights, decide
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_access import CallRule, ServedAccess
from palantir_assets.ontology.served_parts import ServedFunction, ServedInterface, ServedModel, ServedType


def restricted(rights: Rights, hidden: Hidden, ontology: ServedOntology, access: ServedAccess) -> ServedOntology:
    """The part of an ontology that is not hidden."""
    types = {name: _type(rights, hidden, access, kind) for name, kind in ontology.types.items() if name in hidden.types}
    interfaces = _interfaces(ontology, types)
    used, ever = set(_named(types.values(), interfaces.values())), set(_named(ontology.types.values(), ontology.interfaces.values()))
    shared = {name: prop for name, prop in ontology.shared_properties.items() if ("shared", name) in used or ("shared", name) not in ever}
    used |= {("value", prop.value_type) for prop in shared.values()}
    ever |= {("value", prop.value_type) for prop in ontology.shared_properties.values()}
    graphs = {
        name: graph.model_copy(update={"measures": tuple(each for each in graph.measures if each not in hidden.properties[graph.nodes])})
        for name, graph in ontology.graphs.items()
        if graph.nodes in hidden.types
    }
    functions = {name: each for name, each in ontology.functions.items() if _callable(rights, access, types, interfaces, name, each)}
    actions = known_actions(rights, ontology, types, functions)
    return ServedOntology(
        types=types,
        interfaces=interfaces,
        shared_properties=shared,
        value_types={name: kind for name, kind in ontology.value_types.items() if ("value", name) in used or ("value", name) not in ever},
        functions=functions,
        metrics=ontology.metrics,
        graphs={name: graph for name, graph in graphs.items() if graph.measures or not ontology.graphs[name].measures},
        models={name: each for name, each in ontology.models.items() if _model(rights, access, types, name, each)},
        actions=actions,
        mails=used_mails(ontology, actions),
    )


def _type(rights: Rights, hidden: Hidden, access: ServedAccess, kind: ServedType) -> ServedType:
    cut = hidden.properties[kind.name]
    changed: dict[str, object] = {
        "properties": {name: prop for name, prop in kind.properties.items() if name not in cut},
        "links": {name: link for name, link in kind.links.items() if walkable(rights, hidden, access, kind.name, name, link)},
        "indexes": tuple(name for name in kind.indexes if name not in cut),
        "implements": {
            interface: {shown: own for shown, own in mapping.items() if own not in cut} for interface, mapping in kind.implements.items()
        },
        "searchable": kind.searchable and kind.name not in hidden.unsearched,
        "title": f"{{{kind.key}}}" if kind.name in hidden.untitled else kind.title,
    }
    return kind.model_copy(update=changed)


def _interfaces(ontology: ServedOntology, types: dict[str, ServedType]) -> dict[str, ServedInterface]:
    told = {}
    for name, interface in ontology.interfaces.items():
        every = [ontology.types[each] for each in ontology.implementers(name)]
        left = [types[kind.name] for kind in every if kind.name in types]
        if every and not left:
            continue
        kept = {
            prop: what
            for prop, what in interface.properties.items()
            if any(prop in kind.implements[name] for kind in left) or not any(prop in kind.implements[name] for kind in every)
        }
        told[name] = interface.model_copy(update={"properties": kept})
    for name, interface in list(told.items()):
        left = [types[each] for each in ontology.implementers(name) if each in types]
        links = {
            link: what
            for link, what in interface.links.items()
            if (what.to in types or what.to in told) and (not left or any(_walks(types, kind, link) for kind in left))
        }
        extends = tuple(parent for parent in interface.extends if parent in told)
        told[name] = interface.model_copy(update={"links": links, "extends": extends})
    return told


def _walks(types: dict[str, ServedType], kind: ServedType, name: str) -> bool:
    """Whether a type still has a link, its own or the other end of one."""
    return name in kind.links or any(
        link.reverse == name and link.to == kind.name for source in types.values() for link in source.links.values()
    )


def _named(types: Iterable[ServedType], interfaces: Iterable[ServedInterface]) -> Iterator[tuple[str, str | None]]:
    """The shared properties and value types that properties are of."""
    holders: tuple[ServedType | ServedInterface, ...] = (*types, *interfaces)
    for holder in holders:
        for prop in holder.properties.values():
            yield "shared", prop.shared
            yield "value", prop.value_type


def _callable(
    rights: Rights,
    access: ServedAccess,
    types: dict[str, ServedType],
    interfaces: dict[str, ServedInterface],
    name: str,
    function: ServedFunction,
) -> bool:
    rule = access.functions.get(name, CallRule())
    if not isinstance(decide(rights, rule.roles, rule.needs), Allowed):
        return False
    parts = (*function.parameters.values(), function.output)
    return all(part.object is None or part.object in types or part.object in interfaces for part in parts)


def _model(rights: Rights, access: ServedAccess, types: dict[str, ServedType], name: str, model: ServedModel) -> bool:
    rule = access.models.get(name, CallRule())
    there = model.object in types and model.writes in types[model.object].properties
    return there and isinstance(decide(rights, rule.roles, rule.needs), Allowed)
