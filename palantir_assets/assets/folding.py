"""Edits and the source, folded into the rows of one type; and up to which edit a candidate holds them.

By which rule is decided in `actions.replay`. Rows of which nobody said anything stay in SQL; only the others come here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from palantir_assets.actions.edits import Json
from palantir_assets.actions.replay import Said, replay, rules_of
from palantir_assets.actions.values import python_value
from palantir_assets.assets.keys import INPUT_VERSION, key, last_made
from palantir_assets.assets.ledger import MOMENT, said_of
from palantir_assets.assets.project import Project
from palantir_assets.errors import BuildError
from palantir_assets.names import Name, object_table, said_table
from palantir_assets.ontology.compiling import edited_select, folded_select, source_select, stored_properties
from palantir_assets.ontology.describing import served_property
from palantir_assets.ontology.spec import ObjectType
from palantir_assets.stores.warehouse import columns, content_version

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

FOLDED: Final = "folded_rows"
"""Under which name a connection knows the rows that edits had a say in."""


@dataclass(frozen=True, slots=True)
class Fold:
    """What edits say of a type, by key, up to which edit; and the SELECT of its rows with that folded in."""

    said: Mapping[str, Said]
    edit_no: int
    rows: str


def folded(con: duckdb.DuckDBPyConnection, project: Project, object_type: ObjectType) -> Fold | None:
    """The rows of a type with edits folded in, known to this connection; None where nobody said anything.

    Raises BuildError for an edit whose value its property cannot hold.
    """
    said = _under_names_of_today(said_by_key(con, object_table(object_type.name)), object_type)
    if not said:
        return None
    ontology = project.ontology
    schema = con.sql(f"SELECT * FROM ({source_select(ontology, object_type)}) LIMIT 0").to_arrow_table().schema
    before = con.sql(edited_select(ontology, object_type)).to_arrow_table().to_pylist()
    kinds = {name: served_property(ontology, prop).type for name, prop in stored_properties(object_type).items()}

    def decoded(name: str, value: Json) -> Any:
        return python_value(kinds[name], value) if name in kinds else None

    after = replay(before, said, rules_of(object_type), decoded=decoded)
    defaults = {name: decoded(name, prop.default) for name, prop in stored_properties(object_type).items() if prop.by_edits}
    con.register(FOLDED, _table(object_type.name, [{**defaults, **row} for row in after], schema))
    return Fold(said, _until(con), folded_select(ontology, object_type, FOLDED))


def said_by_key(con: duckdb.DuckDBPyConnection, made: Name) -> dict[str, Said]:
    """What edits say of the objects of a type, as the ledger was last read."""
    told = con.execute(f'SELECT key, present, said_at, erased, edit_no, "values" FROM {said_table(made).sql} ORDER BY key').fetchall()
    return {key: Said(exists, at or datetime.min, _values(values), erased, edit_no) for key, exists, at, erased, edit_no, values in told}


def folded_until(project: Project, instance: dg.DagsterInstance) -> int:
    """The last edit that is in every table of objects and links; 0 where the ledger was never read.

    Raises BuildError where one was made of other edits than were read last: the number would promise what is not there.
    """
    pairs = said_of(project.ontology)
    made = last_made(instance, [key(name) for name in pairs])
    with project.warehouse.read() as con:
        if not columns(con, MOMENT):
            return 0
        versions = {name: content_version(con, said) for name, said in pairs.items()}
        until = _until(con)
    old = [
        str(name)
        for name, version in versions.items()
        if str(name) in made and (made[str(name)].tags or {}).get(f"{INPUT_VERSION}{pairs[name]}") != version
    ]
    if old:
        raise BuildError(f"these were made of other edits than were read last: {', '.join(old)}", next_step="run `palantir build`")
    return until


def _under_names_of_today(said: Mapping[str, Said], object_type: ObjectType) -> dict[str, Said]:
    """What was said of a property before it was renamed is said of it; what was said since counts more."""
    new = {prop.renamed_from: name for name, prop in object_type.properties.items() if prop.renamed_from}
    return {
        key: replace(one, values={new[name]: told for name, told in one.values.items() if name in new} | dict(one.values))
        for key, one in said.items()
    }


def _values(text: str) -> dict[str, tuple[Json, datetime]]:
    return {name: (value, datetime.fromisoformat(at)) for name, (value, at) in json.loads(text).items()}


def _table(name: str, rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    try:
        return pa.Table.from_pylist(rows, schema=schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, OverflowError) as error:
        raise BuildError(
            f"an edit of {name} holds a value that its property cannot hold",
            next_step="if the type of a property has changed, give it another name and let a new one be set",
        ) from error


def _until(con: duckdb.DuckDBPyConnection) -> int:
    return int(con.execute(f"SELECT edit_no FROM {MOMENT.sql}").fetchall()[0][0])
