"""Many values in questions of a size that every database takes, and pairs of them so that an index finds each.

What is asked is decided by the stores that ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final, TypeVar

import sqlalchemy as sa

T = TypeVar("T")

AT_ONCE: Final = 400
"""Values in one question: SQLite takes so many variables and no more."""


def lots(values: Iterable[T]) -> Iterator[list[T]]:
    """Values in lots that fit into one question."""
    waiting = iter(values)
    while some := list(islice(waiting, AT_ONCE)):
        yield some


def of_pairs(first: Any, second: Any, pairs: Iterable[tuple[str, str]]) -> Iterator[sa.ColumnElement[bool]]:
    """Conditions on two columns, one for each lot: the row is one of its pairs. No pair is in two of them.

    Not `(first, second) IN (…)`: SQLite takes no index for it, and reads the whole table.
    """
    for some in lots(sorted(set(pairs))):
        yield sa.or_(*(sa.and_(first == value, second.in_([pair[1] for pair in same])) for value, same in groupby(some, itemgetter(0))))
