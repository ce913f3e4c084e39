"""One property in order: what declared indexes are, and what is asked of them by rank and by value.

Those of a release are mapped from files that `release.postings` writes; those of edited objects are made in memory, in
`segments`. What filters make of them is told in `indexed`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MISSING: Final = 2**31 - 1
"""The rank of a missing value."""
_EPOCH_DAY: Final = date(1970, 1, 1)
_EPOCH: Final = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """One property in order. `values` holds numbers; texts lie in `texts`, one after the other, at the places of `values`."""

    ranks: NDArray[np.int32]
    order: NDArray[np.int32]
    offsets: NDArray[np.int64]
    values: NDArray[Any]
    texts: NDArray[np.uint8] | None
    scale: int = 0

    def between(self, value: object) -> tuple[int, int]:
        """The ranks of what equals a value: from the first, to before the second. Empty where it would stand."""
        if self.texts is not None:
            wanted = str(value).encode()
            at = range(len(self.offsets) - 1)
            return bisect_left(at, wanted, key=self._text), bisect_right(at, wanted, key=self._text)
        number = _number(value, self.scale)
        return int(np.searchsorted(self.values, number, "left")), int(np.searchsorted(self.values, number, "right"))

    def values_of(self, ranks: NDArray[np.int32]) -> NDArray[Any]:
        """The values of some ranks: numbers, or the bytes of texts. They compare as the values do."""
        if self.texts is None:
            return np.asarray(self.values[ranks])
        found = np.empty(len(ranks), dtype=object)
        found[:] = [self._text(rank) for rank in ranks.tolist()]
        return found

    def _text(self, rank: int) -> bytes:
        texts = self.texts
        return b"" if texts is None else texts[self.values[rank] : self.values[rank + 1]].tobytes()


def in_order(column: pa.ChunkedArray, *, scale: int = 0) -> Postings:
    """The index of a column in memory; `scale` counts the digits of a decimal after its point."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _of_texts(column.cast(pa.string()).combine_chunks())
    values = _numbers(column, scale)
    there = column.is_valid().to_numpy(zero_copy_only=False) if column.null_count else np.ones(len(column), dtype=np.bool_)
    distinct, inverse = np.unique(values[there], return_inverse=True)
    return _ranked(there, inverse, distinct, None, scale)


def _of_texts(column: pa.Array) -> Postings:
    there = column.is_valid().to_numpy(zero_copy_only=False)
    distinct = sorted(text.encode() for text in pc.unique(column.drop_null()).to_pylist())
    known = pa.array([text.decode() for text in distinct], pa.string())
    inverse = pc.index_in(column.drop_null(), value_set=known).to_numpy(zero_copy_only=False)
    places = np.cumsum([0, *map(len, distinct)], dtype=np.int64)
    return _ranked(there, inverse, places, np.frombuffer(b"".join(distinct), dtype=np.uint8), 0)


def _ranked(there: NDArray[np.bool_], inverse: NDArray[Any], values: NDArray[Any], texts: NDArray[np.uint8] | None, scale: int) -> Postings:
    count = len(values) - (texts is not None)
    ranks = np.full(len(there), MISSING, dtype=np.int32)
    ranks[there] = inverse.reshape(-1)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(inverse.reshape(-1), minlength=count))]).astype(np.int64)
    return Postings(ranks, np.argsort(ranks, kind="stable").astype(np.int32), offsets, values, texts, scale)


def _numbers(column: pa.ChunkedArray, scale: int) -> NDArray[Any]:
    """As an index of a release keeps them: whole numbers, days and microseconds since 1970, decimals without their point."""
    if pa.types.is_decimal(column.type):
        return np.asarray([0 if value is None else int(value.scaleb(scale)) for value in column.to_pylist()], dtype=np.int64)
    if pa.types.is_floating(column.type):
        return np.asarray(pc.fill_null(column, 0.0).to_numpy(), dtype=np.float64)
    if pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    elif pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return np.asarray(pc.fill_null(column.cast(pa.int64()), 0).to_numpy())


def _number(value: object, scale: int) -> int | float:
    match value:
        case bool():
            return int(value)
        case datetime():
            passed = value - _EPOCH
            return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
        case date():
            return (value - _EPOCH_DAY).days
        case Decimal():
            return int(value.scaleb(scale))
        case int() | float():
            return value
        case _:
            raise TypeError(f"{type(value).__name__} is not in an index of numbers")
