"""From a link's spec to SQL: which pairs of rows it is, and which keys lead nowhere.

A link goes by a property, via a join table, or through objects that stand for it. One through objects also tells
the row of the object that stands for each pair; one that is dated, from when until when it holds: an end that is open
is null.
"""

from __future__ import annotations

from palantir_assets.names import Name, dbt_table, link_table, object_table, quoted, said_table
from palantir_assets.ontology.describing import served_property
from palantir_assets.ontology.spec import Link, ObjectType, Ontology, Through, Via
from palantir_assets.ontology.storing import sql_type


def link_select(ontology: Ontology, source: ObjectType, link: Link) -> str:
    """The SELECT that makes `links.<type>__<link>`: `source_row`, `target_row`, and what else there is to a pair.

    That is `through_row` where an object stands for it, and `valid_from`, `valid_until` where it is dated.
    """
    if link.via:
        return _via(ontology, source, link, link.via)
    if link.through:
        return _through(ontology, link, link.through)
    target = ontology.objects[link.to]
    return (
        f"SELECT s._row AS source_row, t._row AS target_row FROM {object_table(source.name).sql} s "
        f"JOIN {object_table(target.name).sql} t ON s.{quoted(link.by or '')} = t.{quoted(target.key)} ORDER BY s._row"
    )


def folded_link_select(ontology: Ontology, source: ObjectType, name: str, link: Link) -> str:
    """As `link_select`, of a link via a table, with what edits say of its pairs: people's word holds. Their links have no dates."""
    ends = (
        f"{said_table(link_table(source.name, name)).sql} e "
        f"JOIN {object_table(source.name).sql} s ON CAST(s.{quoted(source.key)} AS VARCHAR) = e.source "
        f"JOIN {object_table(link.to).sql} t ON CAST(t.{quoted(ontology.objects[link.to].key)} AS VARCHAR) = e.target"
    )
    dates = ", CAST(NULL AS TIMESTAMP), CAST(NULL AS TIMESTAMP)" if link.valid else ""
    same = "b.source_row = w.source_row AND b.target_row = w.target_row"
    return (
        f"WITH b AS ({link_select(ontology, source, link)}), "
        f"w AS (SELECT s._row AS source_row, t._row AS target_row, e.linked FROM {ends}) "
        f"SELECT * FROM b WHERE NOT EXISTS (SELECT 1 FROM w WHERE {same} AND NOT w.linked) "
        f"UNION ALL SELECT w.source_row, w.target_row{dates} FROM w "
        f"WHERE w.linked AND NOT EXISTS (SELECT 1 FROM b WHERE {same}) ORDER BY ALL"
    )


def orphans_select(ontology: Ontology, source: ObjectType, link: Link) -> str:
    """The SELECT that makes `…__orphans`: each key that leads nowhere, and how many objects or rows hold it.

    Where a link has two ends that may fail, `side` tells which: `source` or `target`.
    """
    if link.via:
        return _via_orphans(ontology, source, link, link.via)
    if link.through:
        return _through_orphans(ontology, link, link.through)
    target = ontology.objects[link.to]
    by = f"s.{quoted(link.by or '')}"
    return (
        f"SELECT CAST({by} AS VARCHAR) AS key, count(*) AS objects FROM {object_table(source.name).sql} s "
        f"WHERE {by} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {object_table(target.name).sql} t WHERE t.{quoted(target.key)} = {by}) "
        f"GROUP BY ALL ORDER BY objects DESC, key"
    )


def folded_orphans_select(ontology: Ontology, source: ObjectType, link: Link) -> str:
    """As `orphans_select`, with `gone`: whether an edit deleted or erased where the key leads, which is no fault of the data."""
    backing = ontology.objects[link.through.object] if link.through else None

    def gone(name: str, end: ObjectType) -> str:
        said = f"SELECT 1 FROM {said_table(object_table(end.name)).sql} e WHERE (e.erased OR NOT e.present) AND e.key"
        if backing is None:
            return f"EXISTS ({said} = o.key)"
        if (by := backing.links[name].by) is None:
            return "false"
        held = f"SELECT CAST(v.{quoted(by)} AS VARCHAR) FROM {object_table(backing.name).sql} v"
        return f"EXISTS ({said} IN ({held} WHERE CAST(v.{quoted(backing.key)} AS VARCHAR) = o.key))"

    first, second = (link.through.source, link.through.target) if link.through else ("", "")
    target = gone(second, ontology.objects[link.to])
    told = target if link.by else f"CASE side WHEN 'source' THEN {gone(first, source)} ELSE {target} END"
    return f"SELECT o.*, {told} AS gone FROM ({orphans_select(ontology, source, link)}) o ORDER BY gone, objects DESC, key"


def tables_read(ontology: Ontology, source: ObjectType, link: Link) -> list[Name]:
    """The tables that a link is made of, each once."""
    made = [object_table(source.name), object_table(link.to)]
    if link.via:
        made.append(dbt_table(link.via.table))
    if link.through:
        through = link.through
        made += [object_table(through.object), link_table(through.object, through.source), link_table(through.object, through.target)]
    return list(dict.fromkeys(made))


def _via(ontology: Ontology, source: ObjectType, link: Link, via: Via) -> str:
    left, right = _key(ontology, source, f"v.{quoted(via.source)}"), _key(ontology, ontology.objects[link.to], f"v.{quoted(via.target)}")
    return (
        f"SELECT s._row AS source_row, t._row AS target_row{_dates(link, 'v')} FROM {dbt_table(via.table).sql} v "
        f"JOIN {object_table(source.name).sql} s ON s.{quoted(source.key)} = {left} "
        f"JOIN {object_table(link.to).sql} t ON t.{quoted(ontology.objects[link.to].key)} = {right} ORDER BY ALL"
    )


def _via_orphans(ontology: Ontology, source: ObjectType, link: Link, via: Via) -> str:
    def lost(side: str, column: str, end: ObjectType) -> str:
        held = f"v.{quoted(column)}"
        return (
            f"SELECT '{side}' AS side, CAST({held} AS VARCHAR) AS key, count(*) AS objects "
            f"FROM {dbt_table(via.table).sql} v WHERE NOT EXISTS "
            f"(SELECT 1 FROM {object_table(end.name).sql} t WHERE t.{quoted(end.key)} = {_key(ontology, end, held)}) GROUP BY ALL"
        )

    both = f"{lost('source', via.source, source)} UNION ALL {lost('target', via.target, ontology.objects[link.to])}"
    return f"SELECT * FROM ({both}) ORDER BY objects DESC, side, key"


def _through(ontology: Ontology, link: Link, through: Through) -> str:
    first, second = link_table(through.object, through.source), link_table(through.object, through.target)
    dated = f" JOIN {object_table(through.object).sql} v ON v._row = a.source_row" if link.valid else ""
    return (
        f"SELECT a.target_row AS source_row, b.target_row AS target_row, a.source_row AS through_row{_dates(link, 'v')} FROM {first.sql} a "
        f"JOIN {second.sql} b ON b.source_row = a.source_row{dated} ORDER BY ALL"
    )


def _through_orphans(ontology: Ontology, link: Link, through: Through) -> str:
    """Objects that stand for a link and have one of its ends only; with `optional`, none of them is lost."""
    backing = ontology.objects[through.object]

    def lost(side: str, name: str) -> str:
        return (
            f"SELECT '{side}' AS side, CAST(v.{quoted(backing.key)} AS VARCHAR) AS key, 1 AS objects "
            f"FROM {object_table(backing.name).sql} v "
            f"WHERE {'false' if link.optional else 'true'} AND NOT EXISTS "
            f"(SELECT 1 FROM {link_table(backing.name, name).sql} l WHERE l.source_row = v._row)"
        )

    return f"SELECT * FROM ({lost('source', through.source)} UNION ALL {lost('target', through.target)}) ORDER BY side, key"


def _key(ontology: Ontology, end: ObjectType, column: str) -> str:
    """A column of a join table as a key of a type; a text that cannot be one leads nowhere."""
    return f"TRY_CAST({column} AS {sql_type(served_property(ontology, end.properties[end.key]))})"


def _dates(link: Link, table: str) -> str:
    if link.valid is None:
        return ""
    ends = ((link.valid.from_, "valid_from"), (link.valid.until, "valid_until"))
    return "".join(
        f", {f'CAST({table}.{quoted(column)} AS TIMESTAMP)' if column else 'CAST(NULL AS TIMESTAMP)'} AS {name}" for column, name in ends
    )
