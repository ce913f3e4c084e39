"""Nearest neighbours, exactly: cosine similarity of every row of a set, in single precision first and in double for the best.

Similarities are rounded to twelve digits, so that vectors of one direction tie; ties go by object type, then row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from palantir_assets.engine.asking import Asking
from palantir_assets.engine.rows import RowSet
from palantir_assets.errors import QueryError
from palantir_assets.query.fields import Column
from palantir_assets.query.nodes import Nearest

Found = tuple[str, int, float]
"""Object type, row, similarity."""

_SLACK: Final = 1e-4
_DIGITS: Final = 12
_PIECE: Final = 16_384


def nearest(asking: Asking, node: Nearest, sets: Mapping[str, RowSet]) -> list[Found]:
    """The most similar objects, best first. Raises QueryError where there is nothing to compare with."""
    found: list[Found] = []
    order = list(asking.ontology.types)
    for name, column in node.columns:
        if name in sets and len(sets[name]):
            found += _best(asking, name, column, node, sets[name])
    found.sort(key=lambda one: (-one[2], order.index(one[0]), one[1]))
    return found[: node.count]


def _best(asking: Asking, name: str, column: Column, node: Nearest, rows: RowSet) -> list[Found]:
    matrix = asking.release.vectors(name, column.column) if column.column is not None else None
    if matrix is None:
        return []
    query, numbers = _query(asking, node, column), rows.rows()
    numbers = numbers[: int(np.searchsorted(numbers, len(matrix)))]  # what edits made has no vector before the next build
    if (patch := asking.release.patch(name)) is not None and column.column is not None:
        numbers = patch.having(numbers, column.column)
    rough = _roughly(matrix, numbers, query)
    usable = np.flatnonzero(~np.isnan(rough))
    if len(usable) > node.count:
        bar = np.partition(rough[usable], len(usable) - node.count)[len(usable) - node.count]
        usable = usable[rough[usable] >= bar - _SLACK]
    exact = _cosines(matrix[numbers[usable]].astype(np.float64), query)
    keep = exact >= (-2.0 if node.threshold is None else node.threshold)
    return [(name, int(numbers[at]), float(score)) for at, score in zip(usable[keep], exact[keep], strict=True)]


def _roughly(matrix: NDArray[np.float32], numbers: NDArray[np.int32], query: NDArray[np.float64]) -> NDArray[np.float32]:
    """The similarities in single precision, NaN where there is no vector; a piece at a time: a copy of all is as large as the file."""
    rough, asked = np.empty(len(numbers), dtype=np.float32), (query / np.linalg.norm(query)).astype(np.float32)
    for start in range(0, len(numbers), _PIECE):
        end = start + _PIECE
        piece = matrix[start:end] if len(numbers) == len(matrix) else matrix[numbers[start:end]]
        with np.errstate(invalid="ignore", divide="ignore"):
            rough[start:end] = (piece @ asked) / np.linalg.norm(piece, axis=1)
    return rough


def _cosines(vectors: NDArray[np.float64], query: NDArray[np.float64]) -> NDArray[np.float64]:
    scores: NDArray[np.float64] = (vectors @ query) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    return np.round(np.clip(scores, -1.0, 1.0), _DIGITS).astype(np.float64)


def _query(asking: Asking, node: Nearest, column: Column) -> NDArray[np.float64]:
    vector = asking.release.encode(node.query) if isinstance(node.query, str) else np.asarray(node.query)
    if vector is None:
        raise QueryError("nearestNeighbors: this release has no encoder that understands the text; ask with a vector")
    if len(vector) != column.size:
        raise QueryError(f"nearestNeighbors: {column.name!r} holds vectors of {column.size} numbers, and the query has {len(vector)}")
    if not np.any(vector):
        raise QueryError("nearestNeighbors: a vector of zeros points nowhere")
    numbers = np.asarray(vector, dtype=np.float64)
    scaled: NDArray[np.float64] = numbers / np.abs(numbers).max()  # so that no square of a number is too large or too small to be one
    return scaled
