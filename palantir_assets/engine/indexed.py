"""Filters that declared indexes answer without reading a value: ranges of ranks become rows."""

from __future__ import annotations

import numpy as np

from palantir_assets.engine.ports import ColumnIndex, Released
from palantir_assets.engine.postings import MISSING
from palantir_assets.engine.rows import RowSet, nothing, of_mask, of_rows
from palantir_assets.query.fields import Column
from palantir_assets.query.predicates import Compare, IsNull, Leaf, Nothing, OneOf

_DENSE = 32


def index_of(release: Released, object_type: str, column: Column) -> ColumnIndex | None:
    """The index of a column, if it is a property that has one."""
    if column.column is None or column.member is not None or column.derived is not None:
        return None
    return release.index(object_type, column.column)


def answers(release: Released, object_type: str, leaf: Leaf) -> bool:
    """Whether an index can answer a test."""
    return isinstance(leaf, Compare | OneOf | IsNull | Nothing) and index_of(release, object_type, leaf.column) is not None


def by_index(release: Released, object_type: str, leaf: Leaf, *, negated: bool) -> RowSet:
    """The rows where a test is true or, negated, where it is false: a missing value is neither."""
    index = index_of(release, object_type, leaf.column)
    if index is None:
        raise LookupError(leaf.column.name)
    found, patch = _answer(index, leaf, negated=negated), release.patch(object_type)
    if patch is None:
        return found
    name = leaf.column.column or leaf.column.name
    return patch.together(found, [_answer(segment.index(name), leaf, negated=negated) for segment, _ in patch.segments])


def _answer(index: ColumnIndex, leaf: Leaf, *, negated: bool) -> RowSet:
    last = len(index.offsets) - 1
    match leaf:
        case IsNull():
            missing = index.order[index.offsets[-1] :]
            return _ranks(index, 0, last) if negated else of_rows(missing, len(index.order))
        case Nothing():
            return _ranks(index, 0, last) if negated else nothing(len(index.order))
        case OneOf(_, values):
            return _one_of(index, values, negated=negated)
        case Compare():
            low, high = _range(index, leaf, last)
            return _ranks(index, 0, low) | _ranks(index, high, last) if negated else _ranks(index, low, high)
        case _:
            raise TypeError(type(leaf).__name__)


def _range(index: ColumnIndex, leaf: Compare, last: int) -> tuple[int, int]:
    first, after = index.between(leaf.value)
    return {"eq": (first, after), "lt": (0, first), "lte": (0, after), "gt": (after, last), "gte": (first, last)}[leaf.op]


def _ranks(index: ColumnIndex, low: int, high: int) -> RowSet:
    """The rows of the ranks from `low` to before `high`."""
    size = len(index.order)
    if low >= high:
        return nothing(size)
    rows = index.order[index.offsets[low] : index.offsets[high]]
    if high - low == 1:
        return RowSet(size, array=rows)  # within a rank rows ascend
    if len(rows) * _DENSE < size:
        return RowSet(size, array=np.sort(rows))
    if low == 0:
        return of_mask(index.ranks < high)
    if high == len(index.offsets) - 1:
        return of_mask((index.ranks >= low) & (index.ranks != MISSING))
    return of_mask((index.ranks >= low) & (index.ranks < high))


def _one_of(index: ColumnIndex, values: tuple[object, ...], *, negated: bool) -> RowSet:
    ranks = np.unique([rank for value in values for rank in range(*index.between(value))])
    if negated:
        ranks = np.setdiff1d(np.arange(len(index.offsets) - 1), ranks)
    if not len(ranks):
        return nothing(len(index.order))
    wanted = np.zeros(len(index.offsets), dtype=np.bool_)  # the last place stands for what is missing
    wanted[ranks] = True
    counts = np.diff(index.offsets)[ranks].sum()
    if counts * _DENSE < len(index.order):
        pieces = [index.order[index.offsets[rank] : index.offsets[rank + 1]] for rank in ranks]
        return of_rows(np.concatenate(pieces), len(index.order))
    return of_mask(wanted[np.minimum(index.ranks, len(wanted) - 1)])
