"""A declared table into `raw`: its rows, and beside them every row that was refused.

Each row carries `_source_sha256` (the bytes it came from) and `_record` (its ordinal among the records of these
bytes, from 1). Rows and refused rows are replaced together, and add up to the records of all files. How bytes become
records is decided in `rows`; where the bytes come from, in `fetching`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb
import pyarrow as pa

from palantir_assets.names import Name
from palantir_assets.ontology.spec import SourceTable
from palantir_assets.sources.raw_files import RawFile, sha256_of
from palantir_assets.sources.rows import REFUSED, TableRows
from palantir_assets.stores.warehouse import FaultHook, content_version, no_fault, replace_tables


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded. `undeclared` are the files' columns that the declaration leaves out; `version` is of the content.

    `sha256` is that of the file, or of several files' sorted ones.
    """

    name: Name
    rows: int
    refused: int
    sha256: str
    bytes: int
    files: int
    undeclared: tuple[str, ...]
    version: str


def refused_table(name: Name) -> Name:
    """Where the refused rows of a raw table are kept.

    >>> refused_table(Name("raw", "shop__orders")).table
    'raw.shop__orders__refused'
    """
    return Name(name.station, f"{name.local}__refused")


def load(
    con: duckdb.DuckDBPyConnection,
    name: Name,
    table: SourceTable,
    kept: Sequence[RawFile],
    *,
    told: Callable[[str], str] = str,
    at: FaultHook = no_fault,
) -> Loaded:
    """Load kept bytes as `name` and `name`__refused; what was there before stays until both are whole.

    Raises SourceError for an unreadable file, one that lacks a declared column, or, where the declaration says
    `on_bad_row: fail`, for the first rows that were refused; their reasons as `told` lets them be told.
    """
    found = TableRows(table, kept, told)
    counts = _written(con, name, found, at)
    return Loaded(
        name,
        counts[name],
        counts[refused_table(name)],
        sha256_of([file.sha256 for file in kept]),
        sum(file.bytes for file in kept),
        len(kept),
        tuple(found.undeclared),
        content_version(con, name),
    )


_ROWS: Final = "loading_rows"
_REFUSED: Final = "loading_refused"


def _written(con: duckdb.DuckDBPyConnection, name: Name, found: TableRows, at: FaultHook) -> dict[Name, int]:
    """Both tables, straight from the stream: the rows first, and then what was refused while they were read."""
    streams = {
        _ROWS: pa.RecordBatchReader.from_batches(found.schema, found.batches()),
        _REFUSED: pa.RecordBatchReader.from_batches(REFUSED, found.refused_batches()),
    }
    one = found.kept[0].sha256 if len(found.kept) == 1 else None  # as a constant it costs a third of what it costs as a column
    text = f"REPLACE ('{one}' AS _source_sha256)" if one else "REPLACE (_source_sha256::VARCHAR AS _source_sha256)"
    selects = {name: f"SELECT * {text} FROM {_ROWS}", refused_table(name): f"SELECT * {text} FROM {_REFUSED}"}
    try:
        for stream, batches in streams.items():
            con.register(stream, batches)
        return replace_tables(con, selects, at=at)
    except duckdb.Error:
        if found.error is not None:
            raise found.error from None
        raise
    finally:
        for stream in streams:
            con.unregister(stream)
