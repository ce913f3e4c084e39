"""From specs to SQL and to the served form: what a table of objects or links contains is decided here.

Pure: text in, text out. When a table is made, and by whom, is decided in `assets.objects`; identifiers and
values reach SQL only through `names.quoted`, `names.literal` and `ontology.expressions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from palantir_assets.errors import Problem, did_you_mean
from palantir_assets.names import dbt_table, link_table, literal, object_table, quoted
from palantir_assets.ontology.expressions import names_in, parse
from palantir_assets.ontology.paths import follow, split_template
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.served import (
    Origin,
    ServedGraph,
    ServedLink,
    ServedModel,
    ServedOntology,
    ServedProperty,
    ServedType,
)
from palantir_assets.ontology.spec import Label, Link, ObjectType, Ontology, Property, PropertyType

SQL_TYPES: Mapping[PropertyType, str] = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "integer": "INTEGER",
    "long": "BIGINT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}


def object_select(ontology: Ontology, object_type: ObjectType) -> str:
    """The SELECT that makes `objects.<type>`: `_row` (dense, in key order), `_title`, then every property in spec order."""
    types = {name: ontology.base_type(prop) for name, prop in object_type.properties.items()}
    stored = ", ".join(
        f"CAST({quoted(name)} AS {SQL_TYPES[types[name]]}) AS {quoted(name)}"
        for name, prop in object_type.properties.items()
        if not prop.derived
    )
    select = f"SELECT {stored} FROM {dbt_table(object_type.table).sql}"
    for name in derivation_order(object_type):
        expression = parse(object_type.properties[name].derived or "", types)
        select = f"SELECT *, CAST({expression.sql} AS {SQL_TYPES[types[name]]}) AS {quoted(name)} FROM ({select})"
    columns = ", ".join(quoted(name) for name in object_type.properties)
    key = quoted(object_type.key)
    row = f"CAST(row_number() OVER (ORDER BY {key}) - 1 AS INTEGER)"
    return f"SELECT {row} AS _row, {_title_sql(object_type)} AS _title, {columns} FROM ({select}) ORDER BY {key}"


def derivation_order(object_type: ObjectType) -> list[str]:
    """The derived properties so that each comes after those it reads."""
    waiting = {name: names_in(prop.derived) for name, prop in object_type.properties.items() if prop.derived}
    ordered: list[str] = []
    while waiting:
        ready = [name for name, reads in waiting.items() if not reads & waiting.keys()]
        if not ready:
            raise AssertionError("rules.derivations_end lets no circle through")
        ordered += ready
        waiting = {name: reads for name, reads in waiting.items() if name not in ready}
    return ordered


def missing_columns(loaded: Loaded, object_type: ObjectType, columns: Iterable[str]) -> list[Problem]:
    """A problem for every property that has no column in the table it is read from."""
    known = list(columns)
    return [
        Problem(
            f"property {name!r} has no column in {object_type.table}",
            loaded.place("objects", object_type.name, "properties", name),
            did_you_mean(name, known),
        )
        for name, prop in object_type.properties.items()
        if not prop.derived and name not in known
    ]


def link_select(ontology: Ontology, source: ObjectType, link: Link) -> str:
    """The SELECT that makes `links.<type>__<link>`: `source_row`, `target_row`, in source order."""
    target = ontology.objects[link.to]
    return (
        f"SELECT s._row AS source_row, t._row AS target_row FROM {object_table(source.name).sql} s "
        f"JOIN {object_table(target.name).sql} t ON s.{quoted(link.by)} = t.{quoted(target.key)} ORDER BY s._row"
    )


def orphans_select(ontology: Ontology, source: ObjectType, link: Link) -> str:
    """The SELECT that makes `…__orphans`: each key that leads nowhere, and how many objects hold it."""
    target = ontology.objects[link.to]
    by = f"s.{quoted(link.by)}"
    return (
        f"SELECT CAST({by} AS VARCHAR) AS key, count(*) AS objects FROM {object_table(source.name).sql} s "
        f"WHERE {by} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {object_table(target.name).sql} t WHERE t.{quoted(target.key)} = {by}) "
        f"GROUP BY ALL ORDER BY objects DESC, key"
    )


def paths_select(ontology: Ontology, object_type: str, paths: Iterable[str], *, also: Iterable[str] = ()) -> str:
    """`_row`, the columns in `also`, and one column per path, along to-one links; one row per object, in row order."""
    joins: dict[tuple[str, ...], str] = {(): "o"}
    clauses: list[str] = []
    columns = ["o._row AS _row", *(f"o.{quoted(name)} AS {quoted(name)}" for name in also)]
    for path in dict.fromkeys(paths):
        found = follow(ontology, object_type, path)
        if found is None:
            raise AssertionError(f"rules let no unknown path through: {path}")
        trail: tuple[str, ...] = ()
        for step in found.steps:
            before, trail = joins[trail], (*trail, step.link)
            if trail not in joins:
                joins[trail] = there = f"t{len(joins)}"
                clauses.append(
                    f"LEFT JOIN {link_table(step.from_type, step.link).sql} l_{there} ON l_{there}.source_row = {before}._row "
                    f"LEFT JOIN {object_table(step.to_type).sql} {there} ON {there}._row = l_{there}.target_row"
                )
        columns.append(f"{joins[trail]}.{quoted(found.property)} AS {quoted(path)}")
    return f"SELECT {', '.join(columns)} FROM {object_table(object_type).sql} o {' '.join(clauses)} ORDER BY o._row"


def served_ontology(ontology: Ontology) -> ServedOntology:
    """What a release holds of the specs: everything a reader needs, and no constraint or source."""
    return ServedOntology(
        types={name: _served_type(ontology, object_type) for name, object_type in ontology.objects.items()},
        graphs={
            name: ServedGraph(label=graph.label, description=graph.description, nodes=graph.nodes, measures=tuple(graph.measures))
            for name, graph in ontology.graphs.items()
        },
        models={
            name: ServedModel(label=model.label, description=model.description, object=model.object, writes=next(iter(model.writes)))
            for name, model in ontology.models.items()
        },
    )


def added_properties(ontology: Ontology, object_type: str) -> dict[str, ServedProperty]:
    """The properties that graphs and models add to a type in the release, in spec order."""
    added: dict[str, ServedProperty] = {}
    for graph in ontology.graphs.values():
        if graph.nodes == object_type:
            for name, measure in graph.measures.items():
                whole = measure.kind == "community" or (measure.kind != "pagerank" and not measure.weighted)
                type_: PropertyType = "integer" if whole else "double"
                added[name] = ServedProperty(type=type_, label=measure.label, description=measure.description, origin="graph")
    for model in ontology.models.values():
        if model.object == object_type:
            for name, writes in model.writes.items():
                added[name] = ServedProperty(type=writes.type, label=writes.label, description=writes.description, origin="model")
    return added


def _served_type(ontology: Ontology, object_type: ObjectType) -> ServedType:
    own = {name: _served_property(ontology, prop) for name, prop in object_type.properties.items()}
    links = {
        name: ServedLink(
            to=link.to,
            reverse=link.reverse,
            cardinality=link.cardinality,
            optional=link.optional,
            label=link.label,
            reverse_label=link.reverse_label,
        )
        for name, link in object_type.links.items()
    }
    return ServedType(
        name=object_type.name,
        label=object_type.label,
        plural=object_type.plural,
        description=object_type.description,
        key=object_type.key,
        title=object_type.title,
        owner=object_type.owner,
        properties=own | added_properties(ontology, object_type.name),
        links=links,
        searchable=object_type.search is not None,
        indexes=object_type.indexes,
    )


def _served_property(ontology: Ontology, prop: Property) -> ServedProperty:
    value_type = ontology.value_types.get(prop.type)
    label: Label | None = prop.label or (value_type.label if value_type else None)
    origin: Origin = "derived" if prop.derived else "table"
    return ServedProperty(
        type=ontology.base_type(prop),
        label=label,
        description=prop.description or (value_type.description if value_type else ""),
        unit=prop.unit or (value_type.unit if value_type else None),
        optional=prop.optional,
        origin=origin,
    )


def _title_sql(object_type: ObjectType) -> str:
    """A template as SQL; a property that is null leaves its place empty."""
    parts: list[str] = []
    for text, path in split_template(object_type.title):
        parts += [literal(text)] if text else []
        parts += [f"coalesce(CAST({quoted(path)} AS VARCHAR), '')"] if path else []
    return "trim(" + " || ".join(parts or ["''"]) + ")"
