"""What every value in a release was computed from: the properties read, the links walked, the types summed up.

A value that goes through a link tells who is at its other end, so the link is among what was read. What follows
from it for a caller is worked out in `ontology.serving_access` and `access`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

from palantir_assets.ontology.aggregates import Aggregate, Parted, take_apart
from palantir_assets.ontology.paths import follow, template_fields
from palantir_assets.ontology.served_access import Reads
from palantir_assets.ontology.spec import Graph, Model, ObjectType, Ontology

Origins = Mapping[str, Mapping[str, "Trail"]]
"""Object type → property → what its value was computed from; a property that is a column has none."""


@dataclass(frozen=True, slots=True)
class Trail:
    """What a value was computed from: `type.property`, (source type, link), and types more than one object of which counts."""

    properties: frozenset[str] = frozenset()
    links: frozenset[tuple[str, str]] = frozenset()
    rows_of: frozenset[str] = frozenset()

    def __or__(self, other: Trail) -> Trail:
        return Trail(self.properties | other.properties, self.links | other.links, self.rows_of | other.rows_of)

    @property
    def reads(self) -> Reads:
        return Reads(properties=tuple(sorted(self.properties)), rows_of=tuple(sorted(self.rows_of)))


def reads_of(ontology: Ontology) -> dict[str, dict[str, Reads]]:
    """Object type → property → what it was computed from, for each that is not a column."""
    return {name: {prop: trail.reads for prop, trail in found.items()} for name, found in origins_of(ontology).items()}


def origins_of(ontology: Ontology) -> dict[str, dict[str, Trail]]:
    """The same with the links that were walked: expressions, graph measures and scores."""
    found: dict[str, dict[str, Trail]] = {}
    for name, object_type in ontology.objects.items():
        derived = {prop: declared.derived for prop, declared in object_type.properties.items() if declared.derived}
        found[name] = {prop: _of_expression(ontology, object_type, text) for prop, text in derived.items()}
    for graph in ontology.graphs.values():
        for name in graph.measures:
            found.setdefault(graph.nodes, {})[name] = _of_measure(ontology, graph, name)
    for model in ontology.models.values():
        found.setdefault(model.object, {}).update(dict.fromkeys(model.writes, model_trail(ontology, model)))
    return found


def title_trail(object_type: ObjectType) -> Trail:
    """What an object's title was made of."""
    return _own(object_type, template_fields(object_type.title))


def search_trail(ontology: Ontology, object_type: ObjectType) -> Trail:
    """What the text was made of by which an object is found."""
    fields = template_fields(object_type.search.text) if object_type.search else ()
    title = title_trail(object_type) if "title" in fields else Trail()
    return _joined((_of_path(ontology, object_type.name, path) for path in fields if path != "title"), title)


def model_trail(ontology: Ontology, model: Model) -> Trail:
    """What a model learned from: its features, what it predicts, and when."""
    paths = (*model.features, model.predict, model.at, model.split.by)
    return _joined(_of_path(ontology, model.object, path) for path in paths)


def link_trail(ontology: Ontology, source: str, link: str) -> Trail:
    """What tells who is at the ends of a link: the property that holds the key, or the objects that stand for it."""
    spec = ontology.objects[source].links[link]
    walked = Trail(links=frozenset({(source, link)}))
    if spec.by:
        return walked | Trail(frozenset({f"{source}.{spec.by}"}))
    backing = ontology.objects.get(spec.through.object) if spec.through else None
    if spec.through is None or backing is None:
        return walked
    ends = (end for end in (spec.through.source, spec.through.target) if end in backing.links)
    return _joined((link_trail(ontology, backing.name, end) for end in ends), walked | Trail(rows_of=frozenset({backing.name})))


def _of_expression(ontology: Ontology, object_type: ObjectType, text: str) -> Trail:
    parted = take_apart(text)
    return _joined((_of_aggregate(ontology, object_type.name, one) for one in parted.aggregates), _own(object_type, parted.reads))


def _of_aggregate(ontology: Ontology, object_type: str, one: Aggregate) -> Trail:
    source, link, there = _walked(ontology, object_type, one.link)
    condition = Parted(one.condition, ()).reads if one.condition is not None else frozenset()
    read = condition | ({one.property} if one.property else set())
    return link_trail(ontology, source, link) | Trail(frozenset(f"{there}.{name}" for name in read), rows_of=frozenset({there}))


def _walked(ontology: Ontology, object_type: str, name: str) -> tuple[str, str, str]:
    """(source type, link, type it leads to) of a link by the name it has here."""
    if name in ontology.objects[object_type].links:
        return object_type, name, ontology.objects[object_type].links[name].to
    for source in ontology.objects.values():
        for link, spec in source.links.items():
            if spec.to == object_type and spec.reverse == name:
                return source.name, link, source.name
    raise AssertionError(f"rules let no unknown link through: {object_type}.{name}")


def _of_measure(ontology: Ontology, graph: Graph, name: str) -> Trail:
    edges = graph.edges
    walked = _joined(link_trail(ontology, edges.object, link) for link in (edges.source, edges.target))
    weight = {f"{edges.object}.{edges.weight}"} if edges.weight and graph.measures[name].weighted else set()
    return walked | Trail(frozenset(weight), rows_of=frozenset({graph.nodes, edges.object}))


def _of_path(ontology: Ontology, object_type: str, path: str) -> Trail:
    """A path along to-one links; the object at its end may be hidden where this one is not."""
    found = follow(ontology, object_type, path)
    if found is None:
        raise AssertionError(f"rules let no unknown path through: {path}")
    passed = Trail(frozenset({f"{found.object_type}.{found.property}"}), rows_of=frozenset(step.to_type for step in found.steps))
    return _joined((link_trail(ontology, step.from_type, step.link) for step in found.steps), passed)


def _own(object_type: ObjectType, names: Iterable[str]) -> Trail:
    return Trail(frozenset(f"{object_type.name}.{name}" for name in names))


def _joined(trails: Iterable[Trail], first: Trail | None = None) -> Trail:
    return reduce(Trail.__or__, trails, first or Trail())
