"""A planned set becomes rows by object type: leaves yield row sets, and sets combine as sets of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

import numpy as np

from palantir_assets.engine.asking import Asking
from palantir_assets.engine.deriving import derive
from palantir_assets.engine.filtering import found
from palantir_assets.engine.hops import hop
from palantir_assets.engine.nearest import nearest
from palantir_assets.engine.rows import RowSet, nothing, of_rows
from palantir_assets.ontology.served import LinkEnd
from palantir_assets.query.nodes import Around, Base, Filter, Intersect, Nearest, Node, OfTypes, Static, Subtract, Union

ByType = Mapping[str, RowSet]
"""Rows of each object type, in the order of the ontology; a type without a row may be missing."""


def resolve(asking: Asking, node: Node) -> ByType:
    """The rows of a set that the caller may see."""
    return dict(_ordered(asking, _resolve(asking, node)))


def _ordered(asking: Asking, sets: ByType) -> Iterable[tuple[str, RowSet]]:
    return ((name, sets[name]) for name in asking.ontology.types if name in sets)


def _resolve(asking: Asking, node: Node) -> ByType:
    match node:
        case Base(name):
            return {name: asking.visible(name)}
        case Static(members):
            return _static(asking, members)
        case Filter(source, tests):
            inner = _resolve(asking, source)
            return {name: found(asking, name, test, inner[name], derive) for name, test in tests if name in inner}
        case OfTypes(source, types):
            return {name: rows for name, rows in _resolve(asking, source).items() if name in types}
        case Around():
            return _around(asking, node)
        case Nearest():
            ranked = nearest(asking, node, _resolve(asking, node.source))
            return _grouped(asking, [(name, row) for name, row, _ in ranked])
        case _:
            return _combined(asking, node)


def _combined(asking: Asking, node: Union | Intersect | Subtract) -> ByType:
    match node:
        case Union(parts):
            return reduce(_union, (_resolve(asking, part) for part in parts), {})
        case Intersect(parts):
            first, *others = (_resolve(asking, part) for part in parts)
            return reduce(lambda a, b: {name: a[name] & b[name] for name in a if name in b}, others, first)
        case Subtract(kept, parts):
            sets = _resolve(asking, kept)
            for part in parts:
                gone = _resolve(asking, part)
                sets = {name: rows - gone[name] if name in gone else rows for name, rows in sets.items()}
            return sets


def _union(left: ByType, right: ByType) -> ByType:
    return {**left, **{name: left[name] | rows if name in left else rows for name, rows in right.items()}}


def _static(asking: Asking, members: tuple[tuple[str, str], ...]) -> ByType:
    rows = ((name, asking.release.row_of(name, key)) for name, key in members)
    return _grouped(asking, [(name, row) for name, row in rows if row is not None])


def _grouped(asking: Asking, members: list[tuple[str, int]]) -> ByType:
    by_type: dict[str, list[int]] = {}
    for name, row in members:
        by_type.setdefault(name, []).append(row)
    sets = {name: of_rows(np.asarray(rows, dtype=np.int32), asking.size(name)) for name, rows in by_type.items()}
    return {name: rows & asking.visible(name) for name, rows in sets.items()}


def _around(asking: Asking, node: Around) -> ByType:
    start = _resolve(asking, node.source)
    if node.depth is None:
        hops = ({end.to_type: hop(asking, end, start[end.from_type], node.at)} for end in node.ends if end.from_type in start)
        return reduce(_union, hops, {})
    least, most = node.depth
    ends = [end for end in node.ends if end.from_type in start]
    return {end.from_type: _walk(asking, end, start[end.from_type], node.at, least, most) for end in ends}


def _walk(asking: Asking, end: LinkEnd, start: RowSet, at: int | None, least: int, most: int) -> RowSet:
    """Breadth first, each row visited once, so that `least` and `most` are about the shortest way."""
    visited, front = start, start
    kept = start if least == 0 else nothing(start.size)
    for depth in range(1, most + 1):
        front = hop(asking, end, front, at) - visited
        if not len(front):
            break
        visited = visited | front
        if depth >= least:
            kept = kept | front
    return kept
