"""From what edits say of objects to a segment: each object whole, as its table and its ready JSON would have it.

Titles and what is computed of an object's own properties are made anew. What an edit means is decided in `actions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa

from palantir_assets.actions.edits import Json
from palantir_assets.actions.overlay import APPENDED, State
from palantir_assets.actions.values import python_value
from palantir_assets.engine.ports import Released
from palantir_assets.engine.rows import Rows, of_rows
from palantir_assets.engine.segments import Segment
from palantir_assets.engine.sources import source
from palantir_assets.engine.spelling import plain
from palantir_assets.engine.statements import Sql, columns
from palantir_assets.names import literal, quoted
from palantir_assets.ontology.aggregates import take_apart
from palantir_assets.ontology.expressions import parse
from palantir_assets.ontology.paths import split_template
from palantir_assets.ontology.served_parts import ServedProperty, ServedType
from palantir_assets.ontology.storing import sql_type

_FEW: Final = 100


def make_segment(release: Released, object_type: str, states: Mapping[int, tuple[str, State]]) -> Segment:
    """The segment of some objects by row number, each with its key and what edits made of it. Raises QueryTooLong."""
    kind = release.ontology.types[object_type]
    rows = np.asarray(sorted(states), dtype=np.int32)
    ordered = [states[row] for row in rows.tolist()]
    stored = np.asarray([state.kind != APPENDED for _, state in ordered], dtype=np.bool_)
    held = _stored(release, object_type, rows[stored])
    place = np.where(stored, np.cumsum(stored) - 1, 0)
    table = held.take(pa.array(place, mask=~stored)) if len(held) else pa.table({f.name: pa.nulls(len(rows), f.type) for f in held.schema})
    table = _set(table, "_row", pa.array(rows, held.schema.field("_row").type))
    computed = expressions(kind)
    for name in dict.fromkeys(name for _, state in ordered for name in state.values):
        if name in kind.properties and name in held.schema.names and name not in computed:
            table = _edited(table, kind.properties[name], name, [state for _, state in ordered])
    if not stored.all() or _reads(kind) & {name for _, state in ordered for name in state.values}:
        told = columns(release, Sql(f"SELECT * FROM ({_computed(kind)}) ORDER BY _row"), {"edited_rows": table})
        table = told.select(held.schema.names).cast(held.schema)
    return Segment(kind, rows, table, dict(zip(rows.tolist(), _bodies(release, kind, rows, ordered, table), strict=True)))


def _reads(kind: ServedType) -> frozenset[str]:
    """The properties that titles and computed values are made of."""
    titled = frozenset(name for _, name in split_template(kind.title))
    return titled.union(*(take_apart(prop.computed_by or "").reads for prop in expressions(kind).values()))


def _stored(release: Released, object_type: str, rows: Rows) -> pa.Table:
    """Rows of the release as it has them; of few, only the pieces that they lie in are read."""
    if len(rows) > _FEW:
        own = source(release, object_type, of_rows(rows, release.count(object_type)))
        return columns(release, Sql(f"SELECT own.* FROM {own.text} WHERE {own.test} ORDER BY own._row"), own.tables)
    span = (int(rows.min(initial=2**31 - 1)), int(rows.max(initial=0)), rows.tolist())
    text = f"SELECT * FROM {quoted(object_type)} WHERE _row BETWEEN ? AND ? AND _row = ANY(?::INTEGER[]) ORDER BY _row"
    return columns(release, Sql(text, span))


def _set(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.names.index(name), table.schema.field(name), values)


def _edited(table: pa.Table, prop: ServedProperty, name: str, states: Sequence[State]) -> pa.Table:
    """The table with the values that edits set in one column."""
    kind = table.schema.field(name).type
    set_here = [at for at, state in enumerate(states) if name in state.values]
    values = pa.array([_typed(prop, states[at].values[name]) for at in set_here], kind)
    places = np.arange(len(states))
    places[set_here] = len(states) + np.arange(len(set_here))
    both = pa.chunked_array([*table.column(name).chunks, values], type=kind)
    return _set(table, name, both.take(pa.array(places)))


def _typed(prop: ServedProperty, value: Json) -> Any:
    """A value of an object's JSON as Arrow takes it."""
    if value is None:
        return None
    match prop.type:
        case "array":
            return [python_value(prop.of or "string", item) for item in value]
        case "struct":
            return {name: python_value(of, value.get(name)) for name, of in (prop.fields or {}).items()}
        case "double":
            return float(value)
        case _:
            return python_value(prop.type, value)


def _computed(kind: ServedType) -> str:
    """The rows with titles, and with what is computed of an object's own properties, as they are now."""
    title: list[str] = []
    for text, name in split_template(kind.title):
        title += [literal(text)] if text else []
        title += [f"coalesce(CAST({quoted(name)} AS VARCHAR), '')"] if name in kind.properties else []
    select = "SELECT * FROM edited_rows"
    for name, prop in expressions(kind).items():
        types = {other: each.type for other, each in kind.properties.items() if other != name}
        value = f"TRY(CAST({parse(prop.computed_by or '', types).sql} AS {sql_type(prop)}))"
        select = f"SELECT * REPLACE ({value} AS {quoted(name)}) FROM ({select})"
    return f"SELECT * REPLACE (trim({' || '.join(title) or literal('')}) AS _title) FROM ({select})"


def expressions(kind: ServedType) -> dict[str, ServedProperty]:
    """What is computed of an object's own properties, each after those it reads: current in every answer."""
    waiting = {name: prop for name, prop in kind.properties.items() if prop.computed_by is not None}
    waiting = {name: prop for name, prop in waiting.items() if not take_apart(prop.computed_by or "").aggregates}
    found: dict[str, ServedProperty] = {}
    while ready := {name: p for name, p in waiting.items() if not take_apart(p.computed_by or "").reads & (waiting.keys() - {name})}:
        found |= ready
        waiting = {name: prop for name, prop in waiting.items() if name not in ready}
    return found


def _bodies(release: Released, kind: ServedType, rows: Rows, ordered: Sequence[tuple[str, State]], table: pa.Table) -> list[bytes]:
    stored = [row for row, (_, state) in zip(rows.tolist(), ordered, strict=True) if state.kind != APPENDED]
    ready = iter(release.json_rows(kind.name, stored))
    titles = table.column("_title").to_pylist()
    computed = {name: table.column(name).to_pylist() for name in expressions(kind)}
    found = []
    for at, (key, state) in enumerate(ordered):
        before = _blank(kind, key, state) if state.kind == APPENDED else orjson.loads(next(ready))
        now = {**before, **state.values, **{name: _told(kind.properties[name], values[at]) for name, values in computed.items()}}
        head = {name: before[name] for name in ("__rid", "__primaryKey", "__apiName")}
        told = {name: now[name] for name in kind.properties if now.get(name) is not None}
        found.append(orjson.dumps({**head, "__title": titles[at], **told}))
    return found


def _blank(kind: ServedType, key: str, state: State) -> dict[str, Json]:
    return {
        "__rid": f"ri.ontology.main.object.{kind.name}.{key}",
        "__primaryKey": state.values.get(kind.key, key),
        "__apiName": kind.name,
    }


def _told(prop: ServedProperty, value: Any) -> Json:
    return None if value is None else plain(prop.type, value)
