"""The rows of a table's kept files, typed, and beside them the refused ones: a stream of Arrow batches, read once.

How bytes become records is decided in `formats`, how texts become values in `casting`; where rows go, in `loading`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pyarrow as pa

from palantir_assets.errors import SourceError
from palantir_assets.ontology.spec import SourceTable
from palantir_assets.sources.casting import cast
from palantir_assets.sources.formats import opened
from palantir_assets.sources.forms import form_of, said_of
from palantir_assets.sources.parts import Part, Refused
from palantir_assets.sources.raw_files import RawFile
from palantir_assets.sources.values import ARROW, Typed

SHOWN: Final = 5
SHA256: Final = pa.dictionary(pa.int32(), pa.string())
REFUSED: Final = pa.schema(
    {
        "line": pa.int64(),
        "record": pa.int64(),
        "reason": pa.string(),
        "raw": pa.string(),
        "column_name": pa.string(),
        "_source_sha256": SHA256,
    }
)


@dataclass(slots=True)
class TableRows:
    """The files of one table as they are read. `undeclared` and `refused` are whole when all batches were taken.

    Each row ends with the sha256 of its bytes and its ordinal among their records, from 1. Taking batches raises SourceError
    for an unreadable file, one that lacks a declared column, or, where the declaration says `on_bad_row: fail`, after
    the last for the first rows that were refused; their reasons as `told` lets them be told.
    """

    table: SourceTable
    kept: Sequence[RawFile]
    told: Callable[[str], str] = str
    undeclared: dict[str, None] = field(default_factory=dict)
    refused: list[pa.Table] = field(default_factory=list)
    error: SourceError | None = None
    """What stopped the stream: who reads it through another library finds it here."""

    @property
    def schema(self) -> pa.Schema:
        """Of the rows."""
        declared = {name: ARROW[column.type] for name, column in self.table.columns.items()}
        return pa.schema({**declared, "_source_sha256": SHA256, "_record": pa.int64()})

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows that were taken."""
        try:
            for file in self.kept:
                for rows in self._of_file(file):
                    yield from rows.to_batches()
            if self.table.on_bad_row == "fail" and self.refused:
                raise self._refusal()
        except SourceError as error:
            self.error = error
            raise

    def refused_batches(self) -> Iterator[pa.RecordBatch]:
        """The rows that were refused meanwhile."""
        for some in self.refused:
            yield from some.to_batches()

    def _of_file(self, file: RawFile) -> Iterator[pa.Table]:
        before, where = 0, file.name
        try:
            for piece in file.pieces(self.table.member):
                where = f"{file.name}: {piece}" if self.table.member is not None else file.name
                with file.unpacked(piece) as stream:
                    reading, records = opened(stream, piece or file.name, self.table), 0
                    for part in reading.parts():
                        yield self._taken(part, file.sha256, before)
                        records += len(part.records) + len(part.refused)
                    before += records
                    self.undeclared |= dict.fromkeys(reading.undeclared)
        except SourceError as error:
            raise SourceError(f"{where}: {error.message}", next_step=error.advice) from error

    def _taken(self, part: Part, sha256: str, before: int) -> pa.Table:
        columns = {name: cast(part.fields[name], column, self.table) for name, column in self.table.columns.items()}
        refused = {item.record: item for item in (*part.refused, *_untyped(part, columns, self.table))}
        if refused:
            self.refused.append(_refused_rows([refused[record] for record in sorted(refused)], sha256, before))
        return _good_rows(part, columns, refused, sha256, before)

    def _refusal(self) -> SourceError:
        first = [row for some in self.refused for row in some.slice(0, SHOWN).to_pylist()][:SHOWN]
        names = {file.sha256: f"{file.name}, " if len(self.kept) > 1 else "" for file in self.kept}
        shown = "\n".join(
            f"  {names[row['_source_sha256']]}{place(row['line'], row['record'])}: {self.told(row['reason'])}" for row in first
        )
        what, count = self.kept[0].name if len(self.kept) == 1 else f"{len(self.kept)} files", sum(map(len, self.refused))
        return SourceError(
            f"{what}: {count} row{'s' if count != 1 else ''} refused, and the declaration says on_bad_row: fail\n{shown}",
            next_step="mend the rows, or declare `on_bad_row: quarantine` to keep them aside",
        )


def place(line: object, record: object) -> str:
    """Where a refused record stands.

    >>> place(4, 3), place(None, 3)
    ('line 4', 'record 3')
    """
    return f"line {line}" if line is not None else f"record {record}"


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
        },
        REFUSED,
    )


def _repeated(text: str, count: int) -> pa.Array:
    """One text many times, stored once."""
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), count), pa.array([text]))
