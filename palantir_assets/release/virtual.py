"""Virtual properties: computed from a release's objects and links when its indexes are built, and no part of its truth.

How they are computed is decided in `ontology.virtual`; when, in `indexing`.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from palantir_assets.graph.building import load
from palantir_assets.names import quoted
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_parts import ServedType
from palantir_assets.ontology.storing import sql_type
from palantir_assets.ontology.virtual import virtual_select


def table_select(kind: ServedType, source: str) -> str:
    """The SELECT of a type's Parquet pieces as they are indexed: Parquet knows lists only where a vector has a size."""
    vectors = [
        f"CAST({quoted(name)} AS {sql_type(prop)}) AS {quoted(name)}" for name, prop in kind.properties.items() if prop.type == "vector"
    ]
    replaced = f" REPLACE ({', '.join(vectors)})" if vectors else ""
    return f"SELECT *{replaced} FROM {source}"


def add_virtual(con: duckdb.DuckDBPyConnection, folder: Path, ontology: ServedOntology) -> None:
    """Add the virtual properties to the tables of objects, one a type, that the connection holds."""
    selects = {name: virtual_select(ontology, kind) for name, kind in ontology.types.items()}
    if not any(selects.values()):
        return
    known = _register_links(con, folder, ontology, [sql for sql in selects.values() if sql])
    for name, sql in selects.items():
        if sql:
            con.execute(f"CREATE TEMP TABLE {quoted(f'_virtual_{name}')} AS {sql}")
    for name, sql in selects.items():
        if sql:
            joined = f"SELECT * FROM {quoted(name)} JOIN {quoted(f'_virtual_{name}')} USING (_row) ORDER BY _row"
            con.execute(f"CREATE OR REPLACE TABLE {quoted(name)} AS {joined}")
            con.execute(f"DROP TABLE {quoted(f'_virtual_{name}')}")
    for view in known:
        con.unregister(view)


def ready_source(kind: ServedType, piece: str) -> str:
    """Where the ready JSON of one piece is read from: the piece, or the table where the type has virtual properties."""
    if all(prop.virtual is None for prop in kind.properties.values()):
        return piece
    return f"(SELECT * FROM {quoted(kind.name)} SEMI JOIN {piece} USING (_row) ORDER BY _row)"


def _register_links(con: duckdb.DuckDBPyConnection, folder: Path, ontology: ServedOntology, selects: list[str]) -> list[str]:
    """Every link that a select reads, as a view of row pairs called `_links_<type>__<link>`."""
    views = []
    for source in ontology.types:
        for name in ontology.types[source].links:
            view = f"_links_{source}__{name}"
            if any(quoted(view) in sql for sql in selects):
                forward = load(folder / "links" / f"{source}__{name}").forward
                sources = np.repeat(np.arange(forward.rows, dtype=np.int32), forward.degrees())
                con.register(view, pa.table({"source_row": sources, "target_row": forward.targets}))
                views.append(view)
    return views
