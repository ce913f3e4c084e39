"""The values of a database as Arrow columns, none of them changed: whole numbers, doubles, truth, and text for all else.

A decimal, a date or a moment stands as the text that says it exactly; what it is as the declared type is decided in
`casting`, as for every other source. Bytes are no value that a column can be declared as.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from palantir_assets.errors import SourceError
from palantir_assets.ontology.spec import SourceType

HELD: Final[dict[type, pa.DataType]] = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
OF_NULLS: Final[dict[SourceType, type]] = {"boolean": bool, "integer": int, "long": int, "double": float}
"""As what a column without any value is kept, by its declared type; as text otherwise."""
WIDEST: Final = 1 << 63


def batch_of(rows: Sequence[Sequence[Any]], columns: Mapping[str, SourceType]) -> pa.RecordBatch:
    """Some rows, whose columns are these in their order. Raises SourceError for a column of bytes."""
    values = zip(*rows, strict=True) if rows else iter([()] * len(columns))
    arrays = []
    for column, (name, kind) in zip(values, columns.items(), strict=True):
        arrays.append(_array([held(value, name, kind) for value in column], kind))
    return pa.record_batch(arrays, names=list(columns))


def held(value: Any, name: str, kind: SourceType) -> Any:
    """A value as one of the four types that are kept, or null."""
    if value is None or isinstance(value, bool | float | str):
        return value
    if isinstance(value, int):
        return value if -WIDEST <= value < WIDEST else str(value)
    if isinstance(value, Decimal):
        return _decimal(value, kind)
    if isinstance(value, bytes | bytearray | memoryview):
        advice = "leave it out of the declaration, or write it as text in a `query`, such as encode(photo, 'hex')"
        raise SourceError(f"column {name} holds bytes, which no declared type does", next_step=advice)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _array(values: Sequence[Any], kind: SourceType) -> pa.Array:
    """A column as its values' type, or where they have several, which SQLite allows, as each its own."""
    kinds = sorted({type(value) for value in values if value is not None}, key=list(HELD).index)
    if len(kinds) < 2:
        return pa.array(values, HELD[kinds[0] if kinds else OF_NULLS.get(kind, str)])
    each = [pa.array([value if type(value) is one else None for value in values], HELD[one]) for one in kinds]
    which = [kinds.index(type(value)) if value is not None else 0 for value in values]
    return pa.UnionArray.from_sparse(pa.array(which, pa.int8()), each, [one.__name__ for one in kinds])


def _decimal(value: Decimal, kind: SourceType) -> str:
    """The digits as they are; in a column of whole numbers 12.00 is 12, which it is exactly."""
    if not value.is_finite():
        return str(value)
    whole = kind in ("integer", "long") and value == value.to_integral_value()
    return format(value.to_integral_value() if whole else value, "f")
