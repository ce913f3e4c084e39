"""From specs to SQL: what a table of objects or links contains is decided here and in `link_sql`.

Pure: text in, text out. When a table is made, and by whom, is decided in `assets`; identifiers and
values reach SQL only through `names.quoted`, `names.literal` and `ontology.expressions`.
"""

from __future__ import annotations

from collections.abc import Iterable

from palantir_assets.errors import Problem, did_you_mean
from palantir_assets.names import Name, dbt_table, link_table, literal, object_table, quoted, said_table
from palantir_assets.ontology.aggregates import Asked, links_select
from palantir_assets.ontology.describing import added_properties, served_ontology, served_property
from palantir_assets.ontology.expressions import parse
from palantir_assets.ontology.link_sql import link_select, orphans_select
from palantir_assets.ontology.paths import follow, split_template
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import ObjectType, Ontology, Points, Property
from palantir_assets.ontology.stages import computed, ground_of, stages_of
from palantir_assets.ontology.storing import columns_of, scalar_sql, sql_type, stored_value

__all__ = [
    "added_properties", "candidate_select", "edited_select", "folded_select", "link_select", "missing_columns", "missing_link_columns",
    "missing_point_columns", "object_select", "orphans_select", "paths_select",
    "series_of", "series_select", "served_ontology", "source_select", "stored_properties",
]  # fmt: skip


def object_select(ontology: Ontology, object_type: ObjectType, rows: str = "") -> str:
    """The SELECT that makes `objects.<type>`: `_row` (dense, in key order), `_title`, then the properties of its stage in spec order.

    `rows` is a SELECT of what people said and the source says (`folded_select`); without it the source is alone.
    """
    stages = stages_of(object_type)
    own = {name: prop for name, prop in object_type.properties.items() if stages[name] == "table"}
    served = {name: served_property(ontology, prop) for name, prop in own.items()}
    types = {name: prop.type for name, prop in served.items()}
    select = rows or source_select(ontology, object_type)
    for name in computed(object_type, "table"):
        expression = parse(own[name].derived or "", types)
        select = f"SELECT *, CAST({expression.sql} AS {sql_type(served[name])}) AS {quoted(name)} FROM ({select})"
    columns = ", ".join(quoted(name) for name in own)
    key = quoted(object_type.key)
    row = f"CAST(row_number() OVER (ORDER BY {key}) - 1 AS INTEGER)"
    return f"SELECT {row} AS _row, {_title_sql(object_type)} AS _title, {columns} FROM ({select}) ORDER BY {key}"


def source_select(ontology: Ontology, object_type: ObjectType) -> str:
    """The SELECT of what the source says of a type's objects: a column for every property that is not derived."""
    own = stored_properties(object_type)
    stored = ", ".join(f"{stored_value(name, prop, served_property(ontology, prop))} AS {quoted(name)}" for name, prop in own.items())
    return f"SELECT {stored} FROM {dbt_table(object_type.table).sql}"


def stored_properties(object_type: ObjectType) -> dict[str, Property]:
    """The properties that the source or edits give a value to."""
    stages = stages_of(object_type)
    return {name: prop for name, prop in object_type.properties.items() if stages[name] == "table" and prop.derived is None}


def edited_select(ontology: Ontology, object_type: ObjectType) -> str:
    """The SELECT of those rows of the source of which edits say anything."""
    said = said_table(object_table(object_type.name)).sql
    key = f"CAST(s.{quoted(object_type.key)} AS VARCHAR)"
    return f"SELECT s.* FROM ({source_select(ontology, object_type)}) s SEMI JOIN {said} e ON {key} = e.key ORDER BY ALL"


def folded_select(ontology: Ontology, object_type: ObjectType, folded: str) -> str:
    """The SELECT of the source's rows of which edits say nothing, and of the rows in `folded`, a relation with the same columns."""
    said = said_table(object_table(object_type.name)).sql
    key = f"CAST(s.{quoted(object_type.key)} AS VARCHAR)"
    untouched = f"SELECT s.* FROM ({source_select(ontology, object_type)}) s ANTI JOIN {said} e ON {key} = e.key"
    return f"{untouched} UNION ALL BY NAME SELECT * FROM {quoted(folded)}"


def candidate_select(ontology: Ontology, object_type: ObjectType) -> str | None:
    """The SELECT of what is computed over links in the candidate: `_row` and a column for each; None where there is nothing."""
    names = computed(object_type, "candidate")
    if not names:
        return None
    asked = [_asked(name, object_type.properties[name], ontology) for name in names]
    ground = ground_of(ontology, "candidate")
    return links_select(
        ground, object_type.name, asked, objects=lambda name: object_table(name).sql, links=lambda name: Name("links", name).sql
    )


def series_of(ontology: Ontology) -> dict[tuple[str, str], tuple[Points, Property]]:
    """(object type, property) of every time series, with where its points are."""
    return {
        (object_type.name, name): (prop.points, prop)
        for object_type in ontology.objects.values()
        for name, prop in object_type.properties.items()
        if prop.points is not None
    }


def series_select(points: Points, prop: Property) -> str:
    """The SELECT of a time series' points: `series`, `at`, `value`, in that order; a point without series or time is left out."""
    by, at, value = quoted(points.by), quoted(points.at), quoted(points.value)
    return (
        f"SELECT CAST({by} AS VARCHAR) AS series, CAST({at} AS TIMESTAMP) AS at, "
        f"CAST({value} AS {scalar_sql(prop.of or 'double', prop.digits)}) AS value "
        f"FROM {dbt_table(points.table).sql} WHERE {by} IS NOT NULL AND {at} IS NOT NULL ORDER BY ALL"
    )


def missing_columns(loaded: Loaded, object_type: ObjectType, columns: Iterable[str]) -> list[Problem]:
    """A problem for every property that has no column in the table it is read from."""
    known = list(columns)
    return [
        Problem(
            f"property {name!r} has no column {column!r} in {object_type.table}"
            if prop.columns
            else f"property {name!r} has no column in {object_type.table}",
            loaded.place("objects", object_type.name, "properties", name),
            did_you_mean(column, known),
        )
        for name, prop in object_type.properties.items()
        for column in columns_of(name, prop)
        if column not in known
    ]


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


def missing_link_columns(loaded: Loaded, source: ObjectType, name: str, columns: Iterable[str]) -> list[Problem]:
    """A problem for every column that a link via a table reads and the table does not have."""
    link, known = source.links[name], list(columns)
    if link.via is None:
        return []
    dates = (
        [(("valid", word), column) for word, column in (("from", link.valid.from_), ("until", link.valid.until)) if column]
        if link.valid
        else []
    )
    read = [(("via", "source"), link.via.source), (("via", "target"), link.via.target), *dates]
    return [
        Problem(
            f"link {name!r} reads column {column!r}, which {link.via.table} does not have",
            loaded.place("objects", source.name, "links", name, *path),
            did_you_mean(column, known),
        )
        for path, column in read
        if column not in known
    ]


def missing_point_columns(loaded: Loaded, object_type: str, name: str, columns: Iterable[str]) -> list[Problem]:
    """A problem for every column that a time series reads and its table does not have."""
    points, known = loaded.ontology.objects[object_type].properties[name].points, list(columns)
    if points is None:
        return []
    return [
        Problem(
            f"property {name!r} reads column {column!r}, which {points.table} does not have",
            loaded.place("objects", object_type, "properties", name, "points", word),
            did_you_mean(column, known),
        )
        for word, column in (("by", points.by), ("at", points.at), ("value", points.value))
        if column not in known
    ]


def _asked(name: str, prop: Property, ontology: Ontology) -> Asked:
    served = served_property(ontology, prop)
    return Asked(name, prop.derived or "", sql_type(served), served.type)


def _title_sql(object_type: ObjectType) -> str:
    """A template as SQL; a property that is null leaves its place empty."""
    parts: list[str] = []
    for text, path in split_template(object_type.title):
        parts += [literal(text)] if text else []
        parts += [f"coalesce(CAST({quoted(path)} AS VARCHAR), '')"] if path else []
    return "trim(" + " || ".join(parts or ["''"]) + ")"
