"""When a property is computed: with its object's table, in the candidate, or with the indexes of a release.

A column, and an expression over such, stands in the table of objects. An aggregate over links needs links, which
come after objects: it joins in the candidate, as measures and scores do. What is not materialised is computed when
indexes are built, from all that is released.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal

from palantir_assets.ontology.aggregates import Ground, Parted, Way, take_apart
from palantir_assets.ontology.describing import added_properties
from palantir_assets.ontology.expressions import ExpressionError
from palantir_assets.ontology.spec import PROPERTY_TYPES, ObjectType, Ontology, PropertyType

Stage = Literal["table", "candidate", "indexes"]
STAGES: Final[tuple[Stage, ...]] = ("table", "candidate", "indexes")


def stages_of(object_type: ObjectType) -> Mapping[str, Stage]:
    """The stage of every property, in spec order; one whose expression cannot be parsed is taken for a column's."""
    stages: dict[str, Stage] = {}
    parted: dict[str, Parted] = {}
    for name, prop in object_type.properties.items():
        if prop.derived is not None:
            parted |= _parted(name, prop.derived)
        over_links = name in parted and bool(parted[name].aggregates)
        stages[name] = "indexes" if not prop.materialised else "candidate" if over_links else "table"
    changed = True
    while changed:
        late = [
            name
            for name, found in parted.items()
            if stages[name] == "table" and any(stages.get(read) in ("candidate", "indexes") for read in found.reads)
        ]
        stages |= dict.fromkeys(late, "candidate")
        changed = bool(late)
    return stages


def computed(object_type: ObjectType, stage: Stage) -> list[str]:
    """The derived properties of one stage, each after those it reads."""
    stages = stages_of(object_type)
    waiting = {
        name: take_apart(prop.derived).reads for name, prop in object_type.properties.items() if prop.derived and stages[name] == stage
    }
    ordered: list[str] = []
    while waiting:
        ready = [name for name, reads in waiting.items() if not reads & waiting.keys()]
        if not ready:
            raise AssertionError("rules.derivations_end lets no circle through")
        ordered += ready
        waiting = {name: reads for name, reads in waiting.items() if name not in ready}
    return ordered


def ground_of(ontology: Ontology, stage: Stage) -> Ground:
    """What expressions of a stage stand on: before the indexes are built nothing but what is in the tables of objects."""
    properties: dict[str, dict[str, PropertyType]] = {}
    for name, object_type in ontology.objects.items():
        stages = stages_of(object_type)
        own = {prop: ontology.base_type(found) for prop, found in object_type.properties.items() if stages[prop] == "table"}
        if stage == "indexes":
            own |= {prop: ontology.base_type(found) for prop, found in object_type.properties.items() if stages[prop] == "candidate"}
            own |= {prop: found.type for prop, found in added_properties(ontology, name).items()}
        properties[name] = {prop: type_ for prop, type_ in own.items() if type_ in PROPERTY_TYPES}
    return Ground(properties, ways_of(ontology))


def ways_of(ontology: Ontology) -> dict[str, dict[str, Way]]:
    """Every link that leaves a type, forward or in reverse, by name."""
    ways: dict[str, dict[str, Way]] = {name: {} for name in ontology.objects}
    for source in ontology.objects.values():
        for name, link in source.links.items():
            stored = f"{source.name}__{name}"
            ways[source.name][name] = Way(link.to, stored, "source_row", "target_row")
            ways.setdefault(link.to, {})[link.reverse] = Way(source.name, stored, "target_row", "source_row")
    return ways


def _parted(name: str, text: str) -> dict[str, Parted]:
    try:
        return {name: _taken_apart(text)}
    except ExpressionError:
        return {}  # told by `ontology.rules`


@lru_cache(maxsize=4096)
def _taken_apart(text: str) -> Parted:
    return take_apart(text)
