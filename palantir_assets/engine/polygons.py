"""Points in polygons, on a flat map of longitude and latitude, for many points at once. Pure.

A point is in a polygon if it is in its outline and in none of its holes; edges belong to the polygon. A polygon that crosses
the date line is written as two.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from palantir_assets.query.predicates import Ring

Numbers = NDArray[np.float64]


def within(x: Numbers, y: Numbers, polygons: tuple[tuple[Ring, ...], ...]) -> NDArray[np.bool_]:
    """For each point, whether it lies in one of the polygons."""
    found = np.zeros(len(x), dtype=np.bool_)
    for rings in polygons:
        outline = np.asarray(rings[0], dtype=np.float64)
        (west, south), (east, north) = outline.min(axis=0), outline.max(axis=0)
        near = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
        found[near] |= _in_one(x[near], y[near], rings)
    return found


def _in_one(x: Numbers, y: Numbers, rings: tuple[Ring, ...]) -> NDArray[np.bool_]:
    outline, *holes = (_in_ring(x, y, ring) for ring in rings)
    found = outline[0] | outline[1]
    for inside, edge in holes:
        found &= ~inside | edge
    return found


def _in_ring(x: Numbers, y: Numbers, ring: Ring) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each point, whether a ray to the east crosses the ring an odd number of times, and whether it lies on the ring."""
    inside = np.zeros(len(x), dtype=np.bool_)
    edge = np.zeros(len(x), dtype=np.bool_)
    for (x1, y1), (x2, y2) in pairwise(ring):
        turn = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
        edge |= (turn == 0) & (x >= min(x1, x2)) & (x <= max(x1, x2)) & (y >= min(y1, y2)) & (y <= max(y1, y2))
        if y1 != y2:
            # crossed where the edge spans y and lies east of the point
            inside ^= ((y1 > y) != (y2 > y)) & ((turn > 0) == (y2 > y1)) & (turn != 0)
    return inside, edge
