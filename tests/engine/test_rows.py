from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.engine.rows import RowSet, everything, nothing, of_mask, of_rows

SIZE = 300


def made(members: set[int], way: int) -> RowSet:
    rows = np.asarray(sorted(members), dtype=np.int32)
    if way == 0:
        return RowSet(SIZE, array=rows)
    if way == 1:
        return of_rows(np.concatenate([rows, rows[::-1]]), SIZE)
    mask = np.zeros(SIZE, dtype=np.bool_)
    mask[rows] = True
    return of_mask(mask)


MEMBERS = st.one_of(st.sets(st.integers(0, SIZE - 1), max_size=8), st.sets(st.integers(0, SIZE - 1)), st.just(set(range(SIZE))))


@given(left=MEMBERS, right=MEMBERS, ways=st.tuples(st.integers(0, 2), st.integers(0, 2)))
def test_row_sets_are_sets(left: set[int], right: set[int], ways: tuple[int, int]) -> None:
    a, b = made(left, ways[0]), made(right, ways[1])
    for found, expected in ((a & b, left & right), (a | b, left | right), (a - b, left - right)):
        assert found.rows().tolist() == sorted(expected)
        assert found.rows().dtype == np.int32
        assert len(found) == len(expected)
    asked = np.asarray([7, 3, 3, 299], dtype=np.int32)
    assert a.holds(asked).tolist() == [row in left for row in asked.tolist()]
    assert a.page(2, 5).tolist() == sorted(left)[2:7]


def test_all_and_nothing() -> None:
    assert len(everything(SIZE)) == SIZE and len(nothing(SIZE)) == 0
    assert (everything(SIZE) - everything(SIZE)).rows().tolist() == []
