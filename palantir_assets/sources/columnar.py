"""Parquet and Arrow: files with types of their own. Columns are names, or paths into structs such as `customer.id`."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc

from palantir_assets.errors import SourceError, did_you_mean
from palantir_assets.ontology.spec import SourceTable
from palantir_assets.sources.parts import Part

ROWS: Final = 64_000


class ColumnarFile:
    """A Parquet or Arrow file that is being read. Raises SourceError for a damaged one, or one that lacks a declared column."""

    def __init__(self, stream: BinaryIO, table: SourceTable, *, parquet: bool) -> None:
        self._schema, self._batches = (_parquet if parquet else _arrow)(_seekable(stream))
        self._paths = {name: column.header or name for name, column in table.columns.items()}
        problems = []
        for name, path in list(self._paths.items()):
            if _has(self._schema, path):
                continue
            if table.columns[name].optional:
                del self._paths[name]
                continue
            hint = did_you_mean(path, self._schema.names)
            problems.append(f"there is no column {path}" + (f"; {hint}" if hint else ""))
        if problems:
            raise SourceError("its columns do not fit the declaration:\n" + "\n".join(f"  {problem}" for problem in problems))
        self._missing = [name for name in table.columns if name not in self._paths]

    @property
    def undeclared(self) -> Sequence[str]:
        """The columns that are not wanted."""
        wanted = {path if path in self._schema.names else path.split(".")[0] for path in self._paths.values()}
        return [name for name in self._schema.names if name not in wanted]

    def parts(self) -> Iterator[Part]:
        """The rows, batch by batch."""
        first = 1
        batches = iter(self._batches)
        while (batch := _next(batches)) is not None:
            yield self._part(batch, first)
            first += batch.num_rows

    def _part(self, batch: pa.RecordBatch, first: int) -> Part:
        fields = {name: _column(batch, path) for name, path in self._paths.items()}
        fields |= {name: pa.nulls(batch.num_rows) for name in self._missing}

        def raw(index: int) -> str:
            return json.dumps(batch.slice(index, 1).to_pylist()[0], ensure_ascii=False, default=str)

        return Part(fields, range(first, first + batch.num_rows), lambda _: None, raw)


Batches = Iterator[pa.RecordBatch]


def _parquet(stream: BinaryIO | pa.BufferReader) -> tuple[pa.Schema, Batches]:
    from pyarrow import parquet  # brought in where a file needs it

    try:
        file = parquet.ParquetFile(stream)
        return file.schema_arrow, file.iter_batches(ROWS)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"it is no Parquet file that can be read: {_first(error)}") from error


def _arrow(stream: BinaryIO | pa.BufferReader) -> tuple[pa.Schema, Batches]:
    try:
        file = pa.ipc.open_file(stream)
        return file.schema, (file.get_batch(place) for place in range(file.num_record_batches))
    except pa.ArrowInvalid:
        stream.seek(0)
    try:
        reader = pa.ipc.open_stream(stream)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"it is no Arrow file that can be read: {_first(error)}") from error
    return reader.schema, iter(reader)


def _next(batches: Batches) -> pa.RecordBatch | None:
    try:
        return next(batches, None)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"it is damaged: {_first(error)}") from error


def _has(schema: pa.Schema, path: str) -> bool:
    if path in schema.names:
        return True
    head, *rest = path.split(".")
    kind = schema.field(head).type if head in schema.names else None
    for name in rest:
        if kind is None or not pa.types.is_struct(kind) or kind.get_field_index(name) < 0:
            return False
        kind = kind.field(name).type
    return kind is not None


def _column(batch: pa.RecordBatch, path: str) -> pa.Array:
    if path in batch.schema.names:
        return batch.column(path)
    head, *rest = path.split(".")
    return pc.struct_field(batch.column(head), rest)


def _seekable(stream: BinaryIO) -> BinaryIO | pa.BufferReader:
    """A stream that can be read from its end, as these files are: what is packed is unpacked into memory."""
    plain = isinstance(stream, io.BufferedReader) and isinstance(stream.raw, io.FileIO)
    return stream if plain else pa.BufferReader(stream.read())


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
