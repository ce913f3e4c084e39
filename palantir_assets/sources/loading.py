"""A declared table into `raw`: its rows, and beside them every row that was refused.

Each row carries `_source_sha256` (the bytes it came from) and `_record` (its ordinal among the records of these
bytes, from 1). Rows and refused rows are replaced together, and add up to the records of all files. How bytes become
records is decided in `formats`, how texts become values in `casting`; where the bytes come from, in `fetching`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import duckdb
import pyarrow as pa

from palantir_assets.errors import SourceError
from palantir_assets.names import Name, quoted
from palantir_assets.ontology.spec import SourceTable
from palantir_assets.sources.casting import cast
from palantir_assets.sources.formats import opened
from palantir_assets.sources.forms import form_of, said_of
from palantir_assets.sources.parts import Part, Refused
from palantir_assets.sources.raw_files import RawFile, sha256_of
from palantir_assets.sources.values import DUCKDB, Typed
from palantir_assets.stores.warehouse import FaultHook, content_version, no_fault, replace_tables

SHOWN: Final = 5


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
    _make_loading_tables(con, table)
    try:
        undeclared = dict.fromkeys(column for file in kept for column in _fill(con, table, file))
        if table.on_bad_row == "fail":
            _refuse_refused(con, kept, told)
        loading = {name: f"SELECT * FROM {_ROWS}", refused_table(name): f"SELECT * FROM {_REFUSED}"}
        counts = replace_tables(con, loading, at=at)
    finally:
        con.execute(f"DROP TABLE IF EXISTS {_ROWS}")
        con.execute(f"DROP TABLE IF EXISTS {_REFUSED}")
    size, version = sum(file.bytes for file in kept), content_version(con, name)
    return Loaded(
        name,
        counts[name],
        counts[refused_table(name)],
        sha256_of([file.sha256 for file in kept]),
        size,
        len(kept),
        tuple(undeclared),
        version,
    )


_ROWS: Final = "loading_rows"
_REFUSED: Final = "loading_refused"


def _make_loading_tables(con: duckdb.DuckDBPyConnection, table: SourceTable) -> None:
    declared = ", ".join(f"{quoted(name)} {DUCKDB[column.type]}" for name, column in table.columns.items())
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_ROWS} ({declared}, _source_sha256 VARCHAR, _record BIGINT)")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_REFUSED} "
        "(line BIGINT, record BIGINT, reason VARCHAR, raw VARCHAR, column_name VARCHAR, _source_sha256 VARCHAR)"
    )


def _fill(con: duckdb.DuckDBPyConnection, table: SourceTable, kept: RawFile) -> list[str]:
    """Read a file into the loading tables; returns the undeclared columns."""
    undeclared, before, where = list[str](), 0, kept.name
    try:
        for piece in kept.pieces(table.member):
            where = f"{kept.name}: {piece}" if table.member is not None else kept.name
            with kept.unpacked(piece) as stream:
                reading = opened(stream, piece or kept.name, table)
                records = [_insert_part(con, table, part, kept.sha256, before) for part in reading.parts()]
                undeclared += reading.undeclared
                before += sum(records)
    except SourceError as error:
        raise SourceError(f"{where}: {error.message}", next_step=error.advice) from error
    return undeclared


def _insert_part(con: duckdb.DuckDBPyConnection, table: SourceTable, part: Part, sha256: str, before: int) -> int:
    """Insert some records, numbered after those `before`; how many there were."""
    columns = {name: cast(part.fields[name], column, table) for name, column in table.columns.items()}
    refused = {item.record: item for item in (*part.refused, *_untyped(part, columns, table))}
    _insert(con, _ROWS, _good_rows(part, columns, refused, sha256, before))
    _insert(con, _REFUSED, _refused_rows([refused[record] for record in sorted(refused)], sha256, before))
    return len(part.records) + len(part.refused)


def _untyped(part: Part, columns: Mapping[str, Typed], table: SourceTable) -> Iterator[Refused]:
    """The records of which some value is none of its column's type, each once, with every reason."""
    reasons: dict[int, list[tuple[str, str]]] = {}
    for name, column in columns.items():
        for index in column.bad:
            declared, held = table.columns[name], part.fields[name][index]
            value = held.as_py() if isinstance(held, pa.Scalar) else held
            wanted = f"{_a(declared.type)}{said_of(form_of(declared, table.csv))}"
            shown = repr(value[:100]) if isinstance(value, str) else str(value)[:100]
            reasons.setdefault(index, []).append((name, f"{name}: {shown} is not {wanted}"))
    for index, found in reasons.items():
        reason = "; ".join(words for _, words in found)
        yield Refused(part.line(index), part.records[index], reason, part.raw(index), found[0][0])


def _a(kind: str) -> str:
    return f"an {kind}" if kind == "integer" else f"a {kind}"


def _good_rows(part: Part, columns: Mapping[str, Typed], refused: Mapping[int, Refused], sha256: str, before: int) -> pa.Table:
    records = pa.array([before + record for record in part.records] if before else part.records, pa.int64())
    rows = pa.table({name: column.values for name, column in columns.items()})
    rows = rows.append_column("_source_sha256", _repeated(sha256, len(records))).append_column("_record", records)
    if any(column.bad for column in columns.values()):
        rows = rows.filter(pa.array([record not in refused for record in part.records], pa.bool_()))
    return rows


def _refused_rows(refused: Sequence[Refused], sha256: str, before: int) -> pa.Table:
    told = [replace(item, record=item.record + before) for item in refused] if before else refused
    return pa.table(
        {
            "line": pa.array([item.line for item in told], pa.int64()),
            "record": pa.array([item.record for item in told], pa.int64()),
            "reason": pa.array([item.reason for item in told], pa.string()),
            "raw": pa.array([item.raw for item in told], pa.string()),
            "column_name": pa.array([item.column for item in told], pa.string()),
            "_source_sha256": _repeated(sha256, len(told)),
        }
    )


def _repeated(text: str, count: int) -> pa.Array:
    """One text many times, stored once."""
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), count), pa.array([text]))


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    if not rows.num_rows:
        return
    con.register("loading_block", rows)
    try:
        con.execute(f"INSERT INTO {table} SELECT * FROM loading_block")
    finally:
        con.unregister("loading_block")


def _refuse_refused(con: duckdb.DuckDBPyConnection, kept: Sequence[RawFile], told: Callable[[str], str]) -> None:
    count = con.execute(f"SELECT count(*) FROM {_REFUSED}").fetchall()[0][0]
    if count:
        first = con.execute(
            f"SELECT _source_sha256, line, record, reason FROM {_REFUSED} ORDER BY _source_sha256, record LIMIT {SHOWN}"
        ).fetchall()
        names = {file.sha256: f"{file.name}, " if len(kept) > 1 else "" for file in kept}
        shown = "\n".join(f"  {names[sha256]}{place(line, record)}: {told(reason)}" for sha256, line, record, reason in first)
        what = kept[0].name if len(kept) == 1 else f"{len(kept)} files"
        raise SourceError(
            f"{what}: {count} row{'s' if count != 1 else ''} refused, and the declaration says on_bad_row: fail\n{shown}",
            next_step="mend the rows, or declare `on_bad_row: quarantine` to keep them aside",
        )


def place(line: object, record: object) -> str:
    """Where a refused record stands.

    >>> place(4, 3), place(None, 3)
    ('line 4', 'record 3')
    """
    return f"line {line}" if line is not None else f"record {record}"
