"""Sets of row numbers of one object type: what every leaf of a plan yields and sets are combined of.

A `RowSet` holds all rows, an ascending array, or a mask with a byte a row, whichever is small; what it holds is never
changed. Few rows stay an array, so that a lookup costs what it finds; many become a mask, where union and
intersection cost a pass over bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int32]
Mask = NDArray[np.bool_]

_DENSE = 32
"""From one row in so many on, a mask is cheaper than an array."""
_PIECE = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """How a set was put together: of which rows of a release, which positions in each segment, and out of which rows."""

    base: RowSet
    inside: tuple[RowSet, ...]
    whole: RowSet


@dataclass(frozen=True, slots=True, eq=False)
class RowSet:
    """Rows out of `0..size-1`: `array` or `mask`, or all of them where both are None. Make one by the functions below.

    `parts` is kept of a set that `patches` put together, so that it need not be taken apart again.
    """

    size: int
    array: Rows | None = None
    mask: Mask | None = None
    parts: Parts | None = None
    counted: int = field(default=-1, init=False, repr=False)
    """How many rows a mask holds, once that was asked."""

    def __len__(self) -> int:
        if self.array is not None:
            return len(self.array)
        if self.mask is None:
            return self.size
        if self.counted < 0:
            object.__setattr__(self, "counted", int(np.count_nonzero(self.mask)))
        return self.counted

    @property
    def is_all(self) -> bool:
        return self.array is None and self.mask is None

    def rows(self) -> Rows:
        """The row numbers, ascending, int32."""
        if self.array is not None:
            return self.array
        if self.mask is None:
            return np.arange(self.size, dtype=np.int32)
        return np.flatnonzero(self.mask).astype(np.int32)

    def as_mask(self) -> Mask:
        """One byte a row; not to be written to."""
        if self.mask is not None:
            return self.mask
        if self.array is None:
            return np.ones(self.size, dtype=np.bool_)
        mask = np.zeros(self.size, dtype=np.bool_)
        mask[self.array] = True
        return mask

    def holds(self, rows: Rows) -> Mask:
        """For each of some row numbers, whether it is in the set."""
        if self.is_all:
            return np.ones(len(rows), dtype=np.bool_)
        return _held(self, rows)

    def has(self, row: int) -> bool:
        """Whether one row is in the set: a look into the mask, or one binary search."""
        if self.mask is not None:
            return bool(self.mask[row])
        if self.array is None:
            return True
        at = int(self.array.searchsorted(np.int32(row)))
        return at < len(self.array) and bool(self.array[at] == row)

    def page(self, offset: int, limit: int) -> Rows:
        """The rows from the offset-th on, at most so many."""
        if self.is_all:
            return np.arange(min(offset, self.size), min(offset + limit, self.size), dtype=np.int32)
        if self.array is not None:
            return self.array[offset : offset + limit]
        return _walked(self.as_mask(), offset, limit)

    def __and__(self, other: RowSet) -> RowSet:
        if self.is_all or (other.parts is not None and other.parts.whole is self):
            return other
        if other.is_all or (self.parts is not None and self.parts.whole is other):
            return self
        if self.array is None and other.array is None:
            return of_mask(self.as_mask() & other.as_mask())
        swap = self.array is None or (other.array is not None and len(other.array) < len(self.array))
        small, large = (other, self) if swap else (self, other)
        rows = small.rows()
        return RowSet(self.size, array=rows[_held(large, rows)])

    def __or__(self, other: RowSet) -> RowSet:
        if self.is_all or other.is_all:
            return everything(self.size)
        if self.array is not None and other.array is not None and (len(self.array) + len(other.array)) * _DENSE < self.size:
            return RowSet(self.size, array=np.union1d(self.array, other.array))
        return of_mask(self.as_mask() | other.as_mask())

    def __sub__(self, other: RowSet) -> RowSet:
        if self.array is not None:
            return RowSet(self.size, array=self.array[~_held(other, self.array)])
        return of_mask(self.as_mask() & ~other.as_mask())


class Together(RowSet):
    """A set put together of parts, which is made a mask only where it is asked for as one."""

    __slots__ = ("_made",)
    _made: Mask | Callable[[], Mask]

    def __init__(self, size: int, parts: Parts, make: Callable[[], Mask]) -> None:
        for name, value in (("size", size), ("array", None), ("parts", parts), ("_made", make)):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        parts = self.parts
        return 0 if parts is None else len(parts.base) + sum(map(len, parts.inside))

    @property
    def is_all(self) -> bool:
        return False

    @property
    def mask(self) -> Mask:
        made = self._made
        if callable(made):
            made = made()
            object.__setattr__(self, "_made", made)
        return made


def _walked(mask: Mask, offset: int, limit: int) -> Rows:
    """The rows from the offset-th true one on: counted a piece at a time, and looked at only where the page lies."""
    found: list[Rows] = []
    for start in range(0, len(mask), _PIECE):
        piece = mask[start : start + _PIECE]
        count = int(np.count_nonzero(piece))
        if offset < count:
            run = np.flatnonzero(piece)[offset : offset + limit].astype(np.int32) + np.int32(start)
            found.append(run)
            limit -= len(run)
        offset = max(offset - count, 0)
        if not limit:
            break
    return np.concatenate(found) if found else np.empty(0, dtype=np.int32)


def _held(rows: RowSet, asked: Rows) -> Mask:
    """A binary search for each row asked for, or a look into the mask."""
    if rows.array is None:
        found: Mask = rows.as_mask()[asked]
        return found
    if not len(rows.array):
        return np.zeros(len(asked), dtype=np.bool_)
    at = np.searchsorted(rows.array, asked)
    there: Mask = rows.array[np.minimum(at, len(rows.array) - 1)] == asked
    return there


def everything(size: int) -> RowSet:
    """All rows."""
    return RowSet(size)


def nothing(size: int) -> RowSet:
    """No row."""
    return RowSet(size, array=np.empty(0, dtype=np.int32))


def of_rows(rows: NDArray[np.integer], size: int) -> RowSet:
    """Rows in any order, repeated or not."""
    if len(rows) * _DENSE < size:
        return RowSet(size, array=np.unique(rows).astype(np.int32, copy=False))
    mask = np.zeros(size, dtype=np.bool_)
    mask[rows] = True
    return RowSet(size, mask=mask)


def of_mask(mask: Mask) -> RowSet:
    """The rows where the mask is true."""
    return RowSet(len(mask), mask=mask)
