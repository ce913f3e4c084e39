"""Tables as files of a release: Parquet pieces that are byte-equal whenever the data is.

Which columns an object type has is decided in `ontology.compiling`; that the files are hashed and kept, in
`sealing`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from palantir_assets.ontology.served import ServedType
from palantir_assets.ontology.spec import PropertyType

PIECE_ROWS: Final = 50_000

ARROW_TYPES: Final[Mapping[PropertyType, pa.DataType]] = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


def object_schema(kind: ServedType) -> pa.Schema:
    """`_row`, `_title`, then the properties in the order of the spec."""
    fields = [pa.field("_row", pa.int32(), nullable=False), pa.field("_title", pa.string())]
    return pa.schema([*fields, *(pa.field(name, ARROW_TYPES[prop.type]) for name, prop in kind.properties.items())])


def write_objects(table: pa.Table, folder: Path, kind: ServedType) -> int:
    """Write all objects of a type to `folder/part-00000.parquet`, …; return how many there are.

    `table` has the columns of `object_schema` in any order, `_row` dense from 0 and ascending. A table
    without rows makes one empty piece. Raises pyarrow.ArrowInvalid where a value does not fit its type.
    """
    fitted = _fitted(table, object_schema(kind))
    folder.mkdir(parents=True, exist_ok=True)
    for number, piece in enumerate(_pieces(fitted)):
        write_table(piece, folder / f"part-{number:05d}.parquet")
    return int(fitted.num_rows)


def write_table(table: pa.Table, path: Path) -> None:
    """One Parquet file. The same rows make the same bytes, however they were chunked before."""
    pq.write_table(
        table.replace_schema_metadata(None),
        path,
        compression="zstd",
        compression_level=3,
        row_group_size=PIECE_ROWS,
        version="2.6",
        data_page_version="2.0",
        store_schema=False,
    )


def write_json(value: object, path: Path) -> None:
    """One JSON file, its keys in the order given, because the order of properties is content too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n", encoding="utf-8")


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    if not np.array_equal(table.column("_row").to_numpy(), np.arange(table.num_rows)):
        raise pa.ArrowInvalid("_row does not count from 0 without a gap")
    return table.select(schema.names).cast(schema)


def _pieces(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, max(table.num_rows, 1), PIECE_ROWS):
        yield table.slice(start, PIECE_ROWS)
