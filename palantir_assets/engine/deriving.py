"""Values that a question derives: for some rows of an object type, a table with `_row` and a column for each.

What is selected from linked objects is found by following links as arrays and aggregating once in SQL; arithmetic
is done on the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from palantir_assets.engine.asking import Asking
from palantir_assets.engine.filtering import found
from palantir_assets.engine.hops import pairs
from palantir_assets.engine.predicates import reference
from palantir_assets.engine.rows import RowSet
from palantir_assets.engine.sources import source
from palantir_assets.engine.statements import Sql, columns
from palantir_assets.query.derived import Computed, Extracted, Hop, Own, Selected
from palantir_assets.query.fields import Column

_Numbers = NDArray[np.float64]

_FOLDS: Final[dict[str, Callable[[_Numbers, _Numbers], _Numbers]]] = {
    "add": np.add, "multiply": np.multiply, "subtract": np.subtract, "divide": np.divide, "least": np.fmin, "greatest": np.fmax,
}  # fmt: skip
_PARTS: Final[dict[str, Callable[[pa.Array], pa.Array]]] = {"DAYS": pc.day, "MONTHS": pc.month, "QUARTERS": pc.quarter, "YEARS": pc.year}
_AGGREGATES: Final = {
    "sum": "sum({0})",
    "avg": "avg({0}::DOUBLE)",
    "min": "min({0})",
    "max": "max({0})",
    "get": "first({0} ORDER BY own._row)",
    "exactDistinct": "count(DISTINCT {0})",
    "approximateDistinct": "count(DISTINCT {0})",
    "approximatePercentile": "quantile_cont({0}::DOUBLE, ?)",
    "collectList": "list({0} ORDER BY own._row) FILTER (WHERE {0} IS NOT NULL)",
    "collectSet": "list(DISTINCT {0} ORDER BY {0}) FILTER (WHERE {0} IS NOT NULL)",
}


def derive(asking: Asking, object_type: str, wanted: Sequence[Column], rows: RowSet) -> pa.Table:
    """`_row` and, for each derived column by its name, the value of each of the rows, ascending."""
    numbers = np.ascontiguousarray(rows.rows())
    return pa.table({"_row": numbers, **{column.name: _values(asking, object_type, column, numbers, rows) for column in wanted}})


def _values(asking: Asking, object_type: str, column: Column, numbers: NDArray[np.int32], rows: RowSet) -> pa.Array:
    match column.derived:
        case None:
            return _own(asking, object_type, column, rows)
        case Own(inner):
            return _own(asking, object_type, inner, rows)
        case Selected():
            return _selected(asking, column, column.derived, numbers)
        case Extracted(part, inner):
            return _PARTS[part](_values(asking, object_type, inner, numbers, rows)).cast(pa.int32())
        case Computed(operation, parts):
            inner_values = [_values(asking, object_type, inner, numbers, rows) for inner in parts]
            return _dates(operation, inner_values) if column.type in ("date", "timestamp") else _computed(operation, inner_values)
    raise TypeError(type(column.derived).__name__)


def _own(asking: Asking, object_type: str, column: Column, rows: RowSet) -> pa.Array:
    origin = source(asking.release, object_type, rows)
    statement = Sql(f"SELECT {reference(column)} AS value FROM {origin.text} WHERE {origin.test} ORDER BY own._row")
    return columns(asking.release, statement, origin.tables).column("value").combine_chunks()


def _computed(operation: str, parts: list[pa.Array]) -> pa.Array:
    """Missing operands are NaN on the way, which `fmin` and `fmax` leave out; what is no number at the end is missing."""
    numbers = [part.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False) for part in parts]
    with np.errstate(all="ignore"):
        if operation == "negate":
            result = -numbers[0]
        elif operation == "absoluteValue":
            result = np.abs(numbers[0])
        else:
            result = reduce(_FOLDS[operation], numbers)
    return pa.array(result, mask=~np.isfinite(result))


def _dates(operation: str, parts: list[pa.Array]) -> pa.Array:
    fold = pc.min_element_wise if operation == "least" else pc.max_element_wise
    return fold(*parts, skip_nulls=True)


def _selected(asking: Asking, column: Column, way: Selected, numbers: NDArray[np.int32]) -> pa.Array:
    starts, targets = _ends(asking, way, numbers)
    if way.operation == "count":
        return pa.array(np.bincount(starts, minlength=len(numbers)).astype(np.int64))
    if way.column is None:
        raise TypeError(way.operation)
    value = reference(way.column)
    values = (way.argument,) if way.operation == "approximatePercentile" else ()
    aggregate = _AGGREGATES[way.operation].format(value)
    if way.operation == "sum" and column.type == "long":
        aggregate += "::BIGINT"
    if way.operation in ("collectList", "collectSet"):
        aggregate = f"list_slice({aggregate}, 1, {int(way.argument or 1)})"
    there = source(asking.release, way.target)
    statement = Sql(
        f"SELECT linked.start AS start, {aggregate} AS value FROM {there.text} JOIN linked ON own._row = linked.there "
        f"WHERE {there.test} GROUP BY linked.start",
        values,
    )
    linked = pa.table({"start": starts, "there": targets})
    return _aligned(columns(asking.release, statement, {**there.tables, "linked": linked}), len(numbers), way)


def _ends(asking: Asking, way: Selected, numbers: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Every row that the steps lead to, once for each start: the start's position, and the row."""
    starts, here = np.arange(len(numbers), dtype=np.int64), numbers
    for step in way.steps:
        if isinstance(step, Hop):
            at, here = pairs(asking, step.end, here, step.at)
            starts, here = _distinct(starts[at], here, asking.size(step.end.to_type))
        else:
            passing = found(asking, step.type, step.test, asking.visible(step.type), derive)
            keep = passing.as_mask()[here]
            starts, here = starts[keep], here[keep]
    return starts, here


def _distinct(starts: NDArray[np.int64], rows: NDArray[np.int32], size: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    both = np.unique(starts * max(size, 1) + rows)
    return both // max(size, 1), (both % max(size, 1)).astype(np.int32)


def _aligned(table: pa.Table, length: int, way: Selected) -> pa.Array:
    """The aggregates in the order of the starts; a start that leads nowhere counts nothing, collects nothing, and has no value else."""
    place = np.full(length, -1, dtype=np.int64)
    place[table.column("start").to_numpy()] = np.arange(table.num_rows)
    values = table.column("value").combine_chunks()
    aligned = values.take(pa.array(place, mask=place < 0))
    if way.operation in ("exactDistinct", "approximateDistinct"):
        return pc.fill_null(aligned, 0)
    if way.operation in ("collectList", "collectSet"):
        return pa.array([value or [] for value in aligned.to_pylist()], type=values.type)
    return aligned
