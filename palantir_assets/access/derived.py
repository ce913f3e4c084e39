"""How markings go on from the warehouse: objects, links, measures, texts and models as tables that were made of others.

What a value was computed from is told by `ontology.derivation`; how markings travel, by `access.markings`. A type's
objects are the table `objects.<type>` here, with a column for every property whenever it is computed.
"""

from __future__ import annotations

from collections.abc import Mapping

from palantir_assets.access.markings import ROWS, Made, Markings, Place, union
from palantir_assets.names import Name, link_table, object_table
from palantir_assets.ontology.derivation import Trail, link_trail, model_trail, origins_of, search_trail, title_trail
from palantir_assets.ontology.spec import Link, ObjectType, Ontology
from palantir_assets.ontology.storing import columns_of

TITLE = "_title"
DOCUMENTS = "search.documents"


def made_of_tables(ontology: Ontology) -> dict[str, Made]:
    """Everything that is made of the warehouse's tables, as `schema.name` of its asset."""
    origins = origins_of(ontology)
    made = {
        object_table(object_type.name).table: _objects(object_type, origins.get(object_type.name, {}))
        for object_type in ontology.objects.values()
    }
    for object_type in ontology.objects.values():
        for name, link in object_type.links.items():
            made[link_table(object_type.name, name).table] = _link(ontology, object_type, name, link)
    for name, graph in ontology.graphs.items():
        nodes = object_table(graph.nodes).table
        measures = {measure: frozenset({Place(nodes, measure)}) for measure in graph.measures}
        made[Name("graph", name).table] = Made(measures, frozenset({Place(nodes, ROWS)}))
    for name, model in ontology.models.items():
        used = places(model_trail(ontology, model))
        made[Name("learning", name).table] = Made(
            dict.fromkeys(model.writes, used), frozenset({Place(object_table(model.object).table, ROWS)})
        )
    made[DOCUMENTS] = _documents(ontology)
    return made


def places(trail: Trail) -> frozenset[Place]:
    """Where the markings of a value come from: properties, links that were walked, types whose objects were counted."""
    read = {Place(object_table(owner).table, name) for owner, _, name in (one.partition(".") for one in trail.properties)}
    walked = {Place(link_table(source, link).table, ROWS) for source, link in trail.links}
    return frozenset(read | walked | {Place(object_table(owner).table, ROWS) for owner in trail.rows_of})


def column_markings(ontology: Ontology, borne: Mapping[Place, Markings]) -> dict[str, dict[str, Markings]]:
    """By object type: the markings of each property's columns, and under a link's name those of its join table's.

    Only what bears a marking is named. Declassifications have not been taken off: `served_access` does that.
    """
    found: dict[str, dict[str, Markings]] = {}
    for object_type in ontology.objects.values():
        read = {name: _columns(object_type, name) for name in object_type.properties}
        read |= {name: _via(link) for name, link in object_type.links.items() if link.via}
        markings = {name: union(borne, of) for name, of in read.items()}
        found[object_type.name] = {name: one for name, one in markings.items() if one}
    return {name: one for name, one in found.items() if one}


def _objects(object_type: ObjectType, origins: Mapping[str, Trail]) -> Made:
    values = {name: _columns(object_type, name) for name in object_type.properties}
    values |= {name: places(trail) for name, trail in origins.items()}
    values[TITLE] = places(title_trail(object_type))
    return Made(values, frozenset({Place(object_type.table, ROWS)}))


def _columns(object_type: ObjectType, name: str) -> frozenset[Place]:
    """The columns that a property is read from: of its type's table, or of that of its points."""
    prop = object_type.properties[name]
    own = frozenset(Place(object_type.table, column) for column in columns_of(name, prop))
    points = prop.points
    return own | {Place(points.table, column) for column in (points.by, points.at, points.value)} if points else own


def _link(ontology: Ontology, source: ObjectType, name: str, link: Link) -> Made:
    """A link's rows tell who is at its ends; its dates and the objects that stand for it are columns."""
    ends = {Place(object_table(end).table, ROWS) for end in (source.name, link.to)}
    trail = link_trail(ontology, source.name, name)
    rows = _via(link) if link.via else places(Trail(trail.properties, trail.links - {(source.name, name)}, trail.rows_of))
    dates: dict[str, frozenset[Place]] = {}
    if link.valid and link.through:
        owner = object_table(link.through.object).table
        named = (("valid_from", link.valid.from_), ("valid_until", link.valid.until))
        dates = {column: frozenset({Place(owner, prop)}) for column, prop in named if prop}
    between = _key(ontology.objects[link.through.object]) if link.through else frozenset()
    return Made({"source_row": frozenset(), "target_row": frozenset(), "through_row": between, **dates}, frozenset(ends | rows))


def _via(link: Link) -> frozenset[Place]:
    """The columns of a join table that make a link."""
    via, valid = link.via, link.valid
    if via is None:
        return frozenset()
    named = (via.source, via.target, *((valid.from_, valid.until) if valid else ()))
    return frozenset(Place(via.table, column) for column in named if column)


def _documents(ontology: Ontology) -> Made:
    searchable = [object_type for object_type in ontology.objects.values() if object_type.search]
    texts = {one.name: places(search_trail(ontology, one)) | places(title_trail(one)) | _key(one) for one in searchable}
    return Made(texts, frozenset(Place(object_table(one.name).table, ROWS) for one in searchable))


def _key(object_type: ObjectType) -> frozenset[Place]:
    return frozenset({Place(object_table(object_type.name).table, object_type.key)})
