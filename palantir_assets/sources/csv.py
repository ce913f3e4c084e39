"""One declared CSV table into `raw`: its rows, and beside them every row that was refused.

Each row carries `_source_sha256` (the bytes it came from) and `_record` (its ordinal among the file's
records, from 1). Rows and refused rows are replaced together, and add up to the records of the file. How
bytes become records is `records`' work, how texts become values `values`'; where the bytes come from is
`fetching`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

import duckdb
import pyarrow as pa

from palantir_assets.errors import SourceError, did_you_mean
from palantir_assets.names import Name, quoted
from palantir_assets.ontology.spec import SourceTable
from palantir_assets.sources.forms import Form, canonical, form_of, said_of
from palantir_assets.sources.raw_files import RawFile
from palantir_assets.sources.records import Block, Dialect, Records, Refused
from palantir_assets.sources.values import DUCKDB, Typed, typed
from palantir_assets.stores.warehouse import FaultHook, content_version, no_fault, replace_tables

SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded. `undeclared` are the file's columns that the declaration leaves out; `version` is of the content."""

    name: Name
    rows: int
    refused: int
    sha256: str
    bytes: int
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
    kept: RawFile,
    *,
    told: Callable[[str], str] = str,
    at: FaultHook = no_fault,
) -> Loaded:
    """Load kept bytes as `name` and `name`__refused; what was there before stays until both are whole.

    Raises SourceError for an unreadable file, a header that lacks a declared column, or, where the
    declaration says `on_bad_row: fail`, for the first rows that were refused; their reasons as `told` lets them be told.
    """
    _make_loading_tables(con, table)
    try:
        undeclared = _fill(con, table, kept)
        if table.on_bad_row == "fail":
            _refuse_refused(con, kept, told)
        loading = {name: f"SELECT * FROM {_ROWS}", refused_table(name): f"SELECT * FROM {_REFUSED}"}
        counts = replace_tables(con, loading, at=at)
    finally:
        con.execute(f"DROP TABLE IF EXISTS {_ROWS}")
        con.execute(f"DROP TABLE IF EXISTS {_REFUSED}")
    refused = counts[refused_table(name)]
    return Loaded(name, counts[name], refused, kept.sha256, kept.bytes, undeclared, content_version(con, name))


def find_columns(header: Sequence[str], table: SourceTable) -> dict[str, int]:
    """Declared column → its place in the file. Raises SourceError with every column that is missing or double."""
    declared = enumerate(table.columns.items(), 1)
    if table.csv.header:
        placed = {name: column.position for _, (name, column) in declared if column.position is not None}
    else:
        placed = {name: column.position or place for place, (name, column) in declared}
    heads = [head.strip() for head in header]
    wanted = {name: column.header or name for name, column in table.columns.items() if name not in placed}
    problems = [
        f"column {head!r} occurs {heads.count(head)} times; tell which by its `position`"
        for head in wanted.values()
        if heads.count(head) > 1
    ]
    problems += [f"column {name} is to be the {place}. of {len(heads)}" for name, place in placed.items() if place > len(heads)]
    for column, head in wanted.items():
        if head not in heads:
            hint = did_you_mean(head, set(heads) - set(wanted.values()))
            called = f"{column} (header {head!r})" if head != column else head
            problems.append(f"there is no column {called}" + (f"; {hint}" if hint else ""))
    if problems:
        what = "header" if table.csv.header else "first record"
        raise SourceError(f"its {what} does not fit the declaration:\n" + "\n".join(f"  {problem}" for problem in problems))
    return {name: placed[name] - 1 if name in placed else heads.index(wanted[name]) for name in table.columns}


_ROWS: Final = "loading_rows"
_REFUSED: Final = "loading_refused"


def _make_loading_tables(con: duckdb.DuckDBPyConnection, table: SourceTable) -> None:
    declared = ", ".join(f"{quoted(name)} {DUCKDB[column.type]}" for name, column in table.columns.items())
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_ROWS} ({declared}, _source_sha256 VARCHAR, _record BIGINT)")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_REFUSED} "
        "(line BIGINT, record BIGINT, reason VARCHAR, raw VARCHAR, column_name VARCHAR, _source_sha256 VARCHAR)"
    )


def _fill(con: duckdb.DuckDBPyConnection, table: SourceTable, kept: RawFile) -> tuple[str, ...]:
    """Read the file into the loading tables; returns the undeclared columns."""
    forms = {name: form_of(column, table.csv) for name, column in table.columns.items()}
    with kept.text() as stream:
        records, places = _opened(stream, table, kept)
        for block in records.blocks():
            columns = {name: _typed(block.fields[place], table, name, forms[name]) for name, place in places.items()}
            refused = {item.record: item for item in (*block.refused, *_untyped(block, columns, table, places))}
            _insert(con, _ROWS, _good_rows(block, columns, refused, kept.sha256))
            _insert(con, _REFUSED, _refused_rows([refused[record] for record in sorted(refused)], kept.sha256))
    heads = [head.strip() if table.csv.header else "" for head in records.header]
    left_out = [(place, head) for place, head in enumerate(heads) if place not in places.values()]
    return tuple(head or f"(column {place + 1}, without a name)" for place, head in left_out)


def _typed(texts: pa.Array, table: SourceTable, name: str, form: Form) -> Typed:
    kind = table.columns[name].type
    return typed(canonical(texts, kind, form, nulls=table.empty_is), kind, nulls=table.empty_is)


def _opened(stream: BinaryIO, table: SourceTable, kept: RawFile) -> tuple[Records, dict[str, int]]:
    try:
        said = table.csv
        records = Records(stream, Dialect(said.delimiter, said.quote, said.encoding, said.header, said.multiline))
        return records, find_columns(records.header, table)
    except SourceError as error:
        raise SourceError(f"{kept.name}: {error.message}", next_step=error.advice) from error


def _untyped(block: Block, columns: Mapping[str, Typed], table: SourceTable, places: Mapping[str, int]) -> Iterator[Refused]:
    """The records of which some text is none of its column's type, each once, with every reason."""
    reasons: dict[int, list[tuple[str, str]]] = {}
    for name, column in columns.items():
        for index in column.bad:
            text = block.fields[places[name]][index].as_py()
            declared = table.columns[name]
            wanted = f"{_a(declared.type)}{said_of(form_of(declared, table.csv))}"
            reasons.setdefault(index, []).append((name, f"{name}: {text[:100]!r} is not {wanted}"))
    for index, found in reasons.items():
        reason = "; ".join(words for _, words in found)
        yield Refused(block.lines[index], block.records[index], reason, block.raw(index), found[0][0])


def _a(kind: str) -> str:
    return f"an {kind}" if kind == "integer" else f"a {kind}"


def _good_rows(block: Block, columns: Mapping[str, Typed], refused: Mapping[int, Refused], sha256: str) -> pa.Table:
    records = pa.array(block.records, pa.int64())
    rows = pa.table({name: column.values for name, column in columns.items()})
    rows = rows.append_column("_source_sha256", _repeated(sha256, len(records))).append_column("_record", records)
    if any(column.bad for column in columns.values()):
        rows = rows.filter(pa.array([record not in refused for record in block.records], pa.bool_()))
    return rows


def _refused_rows(refused: Sequence[Refused], sha256: str) -> pa.Table:
    return pa.table(
        {
            "line": pa.array([item.line for item in refused], pa.int64()),
            "record": pa.array([item.record for item in refused], pa.int64()),
            "reason": pa.array([item.reason for item in refused], pa.string()),
            "raw": pa.array([item.raw for item in refused], pa.string()),
            "column_name": pa.array([item.column for item in refused], pa.string()),
            "_source_sha256": _repeated(sha256, len(refused)),
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


def _refuse_refused(con: duckdb.DuckDBPyConnection, kept: RawFile, told: Callable[[str], str]) -> None:
    count = con.execute(f"SELECT count(*) FROM {_REFUSED}").fetchall()[0][0]
    if count:
        first = con.execute(f"SELECT line, reason FROM {_REFUSED} ORDER BY line LIMIT {SHOWN}").fetchall()
        shown = "\n".join(f"  line {line}: {told(reason)}" for line, reason in first)
        raise SourceError(
            f"{kept.name}: {count} row{'s' if count != 1 else ''} refused, and the declaration says on_bad_row: fail\n{shown}",
            next_step="mend the rows, or declare `on_bad_row: quarantine` to keep them aside",
        )
