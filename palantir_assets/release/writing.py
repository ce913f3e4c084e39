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

from palantir_assets.ontology.served_parts import ServedProperty, ServedType
from palantir_assets.ontology.spec import ScalarType

PIECE_ROWS: Final = 50_000

ARROW_SCALARS: Final[Mapping[ScalarType, pa.DataType]] = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}
GEOPOINT: Final = pa.struct([("latitude", pa.float64()), ("longitude", pa.float64())])


def arrow_type(prop: ServedProperty) -> pa.DataType:
    """The Arrow type of a property's column.

    >>> arrow_type(ServedProperty(type="array", of="date"))
    ListType(list<item: date32[day]>)
    """
    match prop.type:
        case "geopoint":
            return GEOPOINT
        case "array":
            return pa.list_(_scalar(prop.of or "string", prop.digits))
        case "struct":
            return pa.struct([(name, _scalar(of, prop.digits)) for name, of in (prop.fields or {}).items()])
        case "vector":
            return pa.list_(pa.float32(), prop.size or 1)
        case "timeseries" | "attachment" | "marking":
            return pa.string()
        case _:
            return _scalar(prop.type, prop.digits)


def object_schema(kind: ServedType) -> pa.Schema:
    """`_row`, `_title`, then the properties in the order of the spec, without the virtual ones."""
    fields = [pa.field("_row", pa.int32(), nullable=False), pa.field("_title", pa.string())]
    stored = {name: prop for name, prop in kind.properties.items() if prop.virtual is None}
    return pa.schema([*fields, *(pa.field(name, arrow_type(prop)) for name, prop in stored.items())])


def write_objects(table: pa.Table, folder: Path, kind: ServedType) -> int:
    """Write all objects of a type to `folder/part-00000.parquet`, …; return how many there are.

    `table` has the columns of `object_schema` in any order, `_row` dense from 0 and ascending. A table
    without rows makes one empty piece. Raises pyarrow.ArrowInvalid where a value does not fit its type.
    """
    return write_pieces(_fitted(table, object_schema(kind)), folder)


def write_pieces(table: pa.Table, folder: Path) -> int:
    """Write any table, in its order, to `folder/part-00000.parquet`, …; return how many rows there are."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, piece in enumerate(_pieces(table)):
        write_table(piece, folder / f"part-{number:05d}.parquet")
    return int(table.num_rows)


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


def _scalar(of: ScalarType, digits: tuple[int, int] | None) -> pa.DataType:
    return pa.decimal128(*(digits or (38, 9))) if of == "decimal" else ARROW_SCALARS[of]


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    if not np.array_equal(table.column("_row").to_numpy(), np.arange(table.num_rows)):
        raise pa.ArrowInvalid("_row does not count from 0 without a gap")
    return table.select(schema.names).cast(schema)


def _pieces(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, max(table.num_rows, 1), PIECE_ROWS):
        yield table.slice(start, PIECE_ROWS)
