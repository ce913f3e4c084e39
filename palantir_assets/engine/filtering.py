"""A filter becomes the rows where it is true.

Each test goes to whoever answers it best: an index, one SQL statement for all that SQL can say, or a
function over values for what it cannot. Tests are combined as row sets. To keep SQL's three values without
a third kind of set, a negation is carried down to the tests, each of which knows the rows where it is *false*.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from palantir_assets.engine.asking import Asking
from palantir_assets.engine.indexed import answers, by_index
from palantir_assets.engine.polygons import within
from palantir_assets.engine.predicates import condition, in_sql, reference
from palantir_assets.engine.rows import RowSet, everything, nothing, of_rows
from palantir_assets.engine.sources import Source, source
from palantir_assets.engine.statements import TIME_LIMIT_SECONDS, Sql, columns, row_numbers
from palantir_assets.engine.words import text_test
from palantir_assets.errors import QueryTooLong
from palantir_assets.query.fields import Column
from palantir_assets.query.predicates import AnyOf, Every, InPolygon, Interval, Leaf, Not, Predicate, Terms, leaves

Derive = Callable[[Asking, str, Sequence[Column], RowSet], pa.Table]
"""Computes derived values; given from outside, because what it computes may be filtered in turn."""

_LOOK_EVERY: Final = 20_000_000
"""After how many pairs of a point and an edge the clock is looked at: a fraction of a second."""


def found(asking: Asking, object_type: str, predicate: Predicate, rows: RowSet, derive: Derive) -> RowSet:
    """Those of `rows` for which the filter is true."""
    derived = list(dict.fromkeys(leaf.column for leaf in leaves(predicate) if leaf.column.derived is not None))
    if not derived:
        return rows & _Finder(asking, object_type, None).true(predicate, negated=False)
    values = derive(asking, object_type, derived, rows)
    return rows & _Finder(asking, object_type, source(asking.release, object_type, rows, values)).true(predicate, negated=False)


class _Finder:
    """One filter over one object type; `derived` is the source to ask where derived values are compared."""

    def __init__(self, asking: Asking, object_type: str, derived: Source | None) -> None:
        self.asking, self.type, self.derived = asking, object_type, derived
        self.size = asking.size(object_type)

    def true(self, predicate: Predicate, *, negated: bool) -> RowSet:
        """Where the filter is true or, negated, false."""
        match predicate:
            case Not(part):
                return self.true(part, negated=not negated)
            case Every(parts):
                return self._joined(predicate, parts, negated=negated, every=not negated)
            case AnyOf(parts):
                return self._joined(predicate, parts, negated=negated, every=negated)
            case _:
                return self._leaf(predicate, negated=negated)

    def _joined(self, whole: Predicate, parts: tuple[Predicate, ...], *, negated: bool, every: bool) -> RowSet:
        if not parts:
            return everything(self.size) if every else nothing(self.size)
        plain = [part for part in parts if self._only_sql(part)]
        others = [part for part in parts if not self._only_sql(part)]
        if not others:
            return self._sql(whole, negated=negated)
        sets = [self.true(part, negated=negated) for part in others]
        if plain:
            sets.append(self._sql(Every(tuple(plain)) if isinstance(whole, Every) else AnyOf(tuple(plain)), negated=negated))
        return reduce(lambda a, b: a & b if every else a | b, sets)

    def _only_sql(self, predicate: Predicate) -> bool:
        """Whether nothing of it is answered better elsewhere."""
        return in_sql(predicate) and not any(answers(self.asking.release, self.type, leaf) for leaf in leaves(predicate))

    def _leaf(self, leaf: Leaf, *, negated: bool) -> RowSet:
        if answers(self.asking.release, self.type, leaf):
            return by_index(self.asking.release, self.type, leaf, negated=negated)
        if in_sql(leaf):
            return self._sql(leaf, negated=negated)
        if isinstance(leaf, InPolygon):
            return self._polygon(leaf, negated=negated)
        if isinstance(leaf, Interval | Terms):
            return self._words(leaf, negated=negated)
        raise TypeError(type(leaf).__name__)

    def _sql(self, predicate: Predicate, *, negated: bool) -> RowSet:
        test, origin = condition(Not(predicate) if negated else predicate), self._source()
        statement = Sql(f"SELECT own._row FROM {origin.text} WHERE {test.text}", test.values)
        return of_rows(row_numbers(self.asking.release, statement, origin.tables), self.size)

    def _source(self) -> Source:
        return self.derived or source(self.asking.release, self.type)

    def _values(self, leaf: Leaf, values: str) -> pa.Table:
        origin = self._source()
        statement = Sql(f"SELECT own._row AS _row, {values} FROM {origin.text} WHERE {reference(leaf.column)} IS NOT NULL")
        return columns(self.asking.release, statement, origin.tables)

    def _kept(self, rows: Any, passed: NDArray[np.bool_], *, negated: bool) -> RowSet:
        return of_rows(np.asarray(rows, dtype=np.int32)[~passed if negated else passed], self.size)

    def _polygon(self, leaf: InPolygon, *, negated: bool) -> RowSet:
        if leaf.column.column is None and leaf.column.derived is None:
            return nothing(self.size)
        place = reference(leaf.column)
        table = self._values(leaf, f"struct_extract({place}, 'longitude') AS x, struct_extract({place}, 'latitude') AS y")
        x, y, deadline = table.column("x").to_numpy(), table.column("y").to_numpy(), time.monotonic() + TIME_LIMIT_SECONDS
        step = max(_LOOK_EVERY // sum(len(ring) for polygon in leaf.polygons for ring in polygon), 1)
        inside = np.zeros(len(x), dtype=np.bool_)
        for start in range(0, len(x), step):
            _in_time(deadline)
            inside[start : start + step] = within(x[start : start + step], y[start : start + step], leaf.polygons)
        return self._kept(table.column("_row"), inside, negated=negated)

    def _words(self, leaf: Interval | Terms, *, negated: bool) -> RowSet:
        """Each distinct text is looked at once."""
        table = self._values(leaf, f"{reference(leaf.column)} AS text")
        test, deadline, known = text_test(leaf), time.monotonic() + TIME_LIMIT_SECONDS, dict[str, bool]()
        passed = np.zeros(table.num_rows, dtype=np.bool_)
        for at, value in enumerate(table.column("text").to_pylist()):
            for text in value if isinstance(value, list) else (value,):
                if text is None:
                    continue
                if text not in known:
                    _in_time(deadline)
                    known[text] = test(text)
                passed[at] |= known[text]
        return self._kept(table.column("_row"), passed, negated=negated)


def _in_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise QueryTooLong(f"the question took longer than {TIME_LIMIT_SECONDS:g} s", next_step="ask for less: a narrower filter")
