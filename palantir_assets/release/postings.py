"""Declared indexes: for each indexed property its rows in order, and for each vector property a matrix, as files mapped into memory.

An index is four arrays: `ranks` (by row), `order` (rows by rank), `offsets` (where each rank begins in `order`), and the distinct
values, ascending. Equal values share a rank, so that a comparison is a range of ranks, a sort is the ranks, and both are one
look into an array. When they are built is told in `indexing`; what they answer, in `engine.postings`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from palantir_assets.engine.postings import MISSING, Postings
from palantir_assets.names import quoted
from palantir_assets.ontology.served_parts import ServedProperty, ServedType

POSTINGS: Final = "postings"
_NUMBERS: Final = {
    "integer": np.int64, "long": np.int64, "double": np.float64, "date": np.int64, "timestamp": np.int64, "boolean": np.int64,
}  # fmt: skip
_TEXTS: Final = ("string", "attachment", "marking", "timeseries")
_WIDEST_DECIMAL: Final = 18


def indexable(prop: ServedProperty) -> bool:
    """Whether values of a property can be put in order by an index."""
    if prop.type == "decimal":
        return (prop.digits or (38, 9))[0] <= _WIDEST_DECIMAL
    return prop.type in _NUMBERS or prop.type in _TEXTS


def write_postings(con: duckdb.DuckDBPyConnection, kind: ServedType, folder: Path) -> None:
    """The indexes of one object type, from its table in the index database."""
    for name, prop in kind.properties.items():
        if prop.type == "vector":
            _write_vectors(con, kind.name, name, prop.size or 0, folder)
        elif name in kind.indexes and indexable(prop):
            _write_order(con, kind.name, name, prop, _made(folder / kind.name / name))


def read_postings(kind: ServedType, folder: Path) -> Mapping[str, Postings]:
    """The indexes of one object type, by property. Raises OSError or ValueError for files that are missing or damaged."""
    indexed = {name: prop for name, prop in kind.properties.items() if name in kind.indexes and indexable(prop)}
    return {name: _read_order(prop, folder / kind.name / name) for name, prop in indexed.items()}


def read_vectors(kind: ServedType, folder: Path) -> Mapping[str, NDArray[np.float32]]:
    """The matrices of one object type, by property."""
    vectors = [name for name, prop in kind.properties.items() if prop.type == "vector"]
    return {name: _mapped(folder / kind.name / f"{name}.vectors.npy") for name in vectors}


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write_order(con: duckdb.DuckDBPyConnection, object_type: str, name: str, prop: ServedProperty, folder: Path) -> None:
    table, column = quoted(object_type), quoted(name)
    order = con.execute(f"SELECT _row FROM {table} ORDER BY {column} NULLS LAST, _row").fetchnumpy()["_row"].astype(np.int32)
    distinct = f"SELECT {_stored(prop, column)} AS value, count(*) AS held FROM {table}"
    groups = con.execute(f"{distinct} WHERE {column} IS NOT NULL GROUP BY {column} ORDER BY {column}").to_arrow_table()
    counts = groups.column("held").to_numpy()
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    ranks = np.full(len(order), MISSING, dtype=np.int32)
    ranks[order[: offsets[-1]]] = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    for part, array in (("order", order), ("offsets", offsets), ("ranks", ranks)):
        np.save(folder / f"{part}.npy", array, allow_pickle=False)
    _write_values(groups.column("value"), prop, folder)


def _stored(prop: ServedProperty, column: str) -> str:
    """A value as it is kept: numbers as numbers, days and microseconds since 1970, decimals without their point."""
    match prop.type:
        case "boolean" | "integer" | "long":
            return f"{column}::BIGINT"
        case "date":
            return _finite(column, f"({column} - DATE '1970-01-01')::BIGINT", "DATE '1970-01-01'")
        case "timestamp":
            return _finite(column, f"epoch_us({column})", "TIMESTAMP '1970-01-01'")
        case "decimal":
            return f"replace({column}::VARCHAR, '.', '')::BIGINT"
        case _:
            return column


def _finite(column: str, stored: str, zero: str) -> str:
    """Infinite times, which no question can name, lie beyond all others."""
    return f"CASE WHEN isfinite({column}) THEN {stored} WHEN {column} > {zero} THEN {2**62} ELSE {-(2**62)} END"


def _scale(prop: ServedProperty) -> int:
    return (prop.digits or (38, 9))[1] if prop.type == "decimal" else 0


def _write_values(values: pa.ChunkedArray, prop: ServedProperty, folder: Path) -> None:
    if prop.type in _TEXTS:
        data = [text.encode() for text in values.to_pylist()]
        np.save(folder / "values.npy", np.cumsum([0, *map(len, data)], dtype=np.int64), allow_pickle=False)
        np.save(folder / "texts.npy", np.frombuffer(b"".join(data), dtype=np.uint8), allow_pickle=False)
    else:
        numbers = values.to_numpy().astype(_NUMBERS.get(prop.type, np.int64))
        np.save(folder / "values.npy", numbers, allow_pickle=False)


def _read_order(prop: ServedProperty, folder: Path) -> Postings:
    ranks, order, offsets, values = (_mapped(folder / f"{part}.npy") for part in ("ranks", "order", "offsets", "values"))
    texts = _mapped(folder / "texts.npy") if prop.type in _TEXTS else None
    if len(ranks) != len(order) or not len(offsets) or offsets[-1] > len(order):
        raise ValueError(f"the index of {folder.name} does not fit together")
    return Postings(ranks, order, offsets, values, texts, _scale(prop))


def _mapped(path: Path) -> NDArray[Any]:
    """A plain view: slicing an np.memmap costs three times as much. An empty array cannot be mapped."""
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except ValueError:
        return np.asarray(np.load(path, allow_pickle=False))


def _write_vectors(con: duckdb.DuckDBPyConnection, object_type: str, name: str, size: int, folder: Path) -> None:
    """Row by row in pieces, so that memory is bounded."""
    count = con.execute(f"SELECT count(*) FROM {quoted(object_type)}").fetchall()[0][0]
    _made(folder / object_type)
    matrix = np.lib.format.open_memmap(folder / object_type / f"{name}.vectors.npy", mode="w+", dtype=np.float32, shape=(count, size))
    reader = con.execute(f"SELECT _row, {quoted(name)} AS vector FROM {quoted(object_type)} ORDER BY _row").to_arrow_reader(10_000)
    for batch in reader:
        rows, vectors = batch.column("_row").to_numpy(), batch.column("vector")
        piece = np.full((len(rows), size), np.nan, dtype=np.float32)
        there = vectors.is_valid().to_numpy(zero_copy_only=False)
        piece[there] = np.asarray(vectors.drop_null().flatten().to_numpy(zero_copy_only=False), dtype=np.float32).reshape(-1, size)
        matrix[rows] = piece
    matrix.flush()


def sizes(folder: Path) -> dict[str, int]:
    """The size of every file, to tell whether they are whole."""
    files: Sequence[Path] = sorted(path for path in (folder / POSTINGS).rglob("*.npy"))
    return {str(path.relative_to(folder)): path.stat().st_size for path in files}
