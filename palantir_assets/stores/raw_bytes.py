"""Which kept files a value came from: every raw row names the bytes that it was read from.

Asked when an object is erased. That a value is found says where it is; that it is not, nothing: a key may be computed.
"""

from __future__ import annotations

import duckdb

from palantir_assets.names import literal, quoted
from palantir_assets.stores.warehouse import Warehouse

SHA256 = "_source_sha256"


def files_with(warehouse: Warehouse, value: str) -> list[str]:
    """The SHA-256 of every raw file with a row that holds a value in one of its columns. Raises as `Warehouse.read` does."""
    with warehouse.read() as con:
        return sorted({found for table in _raw_tables(con) for found in _found(con, table, value)})


def _raw_tables(con: duckdb.DuckDBPyConnection) -> list[str]:
    query = "SELECT table_name FROM duckdb_columns() WHERE schema_name = 'raw' AND column_name = ? ORDER BY table_name"
    return [name for (name,) in con.execute(query, [SHA256]).fetchall()]


def _found(con: duckdb.DuckDBPyConnection, table: str, value: str) -> list[str]:
    names = con.execute("SELECT column_name FROM duckdb_columns() WHERE schema_name = 'raw' AND table_name = ?", [table]).fetchall()
    texts = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for (name,) in names if name != SHA256)
    return [
        sha256
        for (sha256,) in con.execute(
            f"SELECT DISTINCT {quoted(SHA256)} FROM raw.{quoted(table)} WHERE {literal(value)} IN ({texts})"
        ).fetchall()
    ]
