"""One link further, for a whole set at once: rows of one type to the rows they are linked to."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from palantir_assets.engine.asking import Asking
from palantir_assets.engine.ports import Adjacency
from palantir_assets.engine.rows import Mask, Rows, RowSet, nothing, of_mask, of_rows
from palantir_assets.errors import QueryTooLong
from palantir_assets.graph import native, walks
from palantir_assets.graph.building import Csr
from palantir_assets.graph.native import PLAIN
from palantir_assets.ontology.served import LinkEnd

MAX_PAIRS: Final = 20_000_000
_FEW: Final = 4_096
"""So many links are followed one by one."""
_SLICES: Final = 1_000
_CROWDED: Final = 8
_PIECE: Final = 16_384
_DENSE: Final = 8
"""From one row in so many on, links to few rows are looked for from the other side."""


def hop(asking: Asking, end: LinkEnd, rows: RowSet, at: int | None = None) -> RowSet:
    """The rows that `rows` are linked to, as far as the caller may see them; `at` is the moment the links must be valid."""
    size = asking.size(end.to_type)
    there = nothing(size) if not len(rows) else _linked(asking, end, rows, at, size)
    return there & asking.visible(end.to_type)


def pairs(asking: Asking, end: LinkEnd, rows: NDArray[np.int32], at: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Every link of some rows: the position in `rows` it starts from, and the row it leads to; invisible rows left out."""
    csr = _ways(asking, end)[0]
    if degrees(asking, end, rows).sum() > MAX_PAIRS:
        raise QueryTooLong("the links of so many objects are more than are looked at at once", next_step="filter the set first")
    links, counts = _links(csr, rows)
    sources, targets = np.repeat(np.arange(len(rows), dtype=np.int64), counts), csr.targets[links]
    keep = np.ones(len(links), dtype=np.bool_)
    if at is not None:
        keep &= valid(asking, end, at)[links]
    seen = asking.visible(end.to_type)
    if not seen.is_all:
        keep &= seen.holds(targets)
    return (sources, targets) if keep.all() else (sources[keep], targets[keep])


def degrees(asking: Asking, end: LinkEnd, rows: NDArray[np.int32]) -> NDArray[np.int64]:
    """How many links each of some rows has, before anything is made of them."""
    offsets = _ways(asking, end)[0].offsets
    return (offsets[rows + 1] - offsets[rows]).astype(np.int64)


def valid(asking: Asking, end: LinkEnd, at: int) -> NDArray[np.bool_]:
    """For each link in an end's direction, whether it is valid at a moment: from its beginning on, and before its end."""
    intervals = asking.links(end).valid
    if intervals is None:
        return np.ones(len(_ways(asking, end)[0].targets), dtype=np.bool_)
    side = intervals[0 if end.direction == "forward" else 1]
    found: NDArray[np.bool_] = (side[:, 0] <= at) & (at < side[:, 1])
    return found


def _ways(asking: Asking, end: LinkEnd) -> tuple[Adjacency, Adjacency]:
    """The direction of an end, and the way back."""
    links = asking.links(end)
    return (links.forward, links.reverse) if end.direction == "forward" else (links.reverse, links.forward)


def _linked(asking: Asking, end: LinkEnd, rows: RowSet, at: int | None, size: int) -> RowSet:
    csr, back = _ways(asking, end)
    if at is None and rows.is_all:
        return of_mask(np.diff(back.offsets) > 0)
    wanted = None if at is None else valid(asking, end, at)
    if len(rows) <= _FEW:
        numbers = rows.rows()
        if int((csr.offsets[numbers + 1] - csr.offsets[numbers]).sum(dtype=np.int64)) <= _FEW:
            return of_rows(_targets(csr, numbers, wanted), size)
    native.begin()
    crowded = size * _CROWDED < len(csr.targets)
    everywhere = int(np.count_nonzero(np.diff(back.offsets))) if crowded else size
    if isinstance(csr, Csr) and isinstance(back, Csr) and native.searcher() is not PLAIN:
        if crowded and len(rows) * _DENSE >= csr.rows:
            return of_mask(walks.seek(csr, back, rows.as_mask(), moment=at))
        members = rows.rows() if rows.mask is None else rows.mask
        return of_mask(walks.mark(csr, members, size, moment=at, enough=everywhere))
    return of_mask(_marked(csr, rows.rows(), wanted, np.zeros(size, dtype=np.bool_), everywhere if crowded else None))


def _marked(csr: Adjacency, numbers: Rows, wanted: Mask | None, there: Mask, enough: int | None) -> Mask:
    """Mark in `there` what the links lead to.

    Of many more links than targets, a part soon leads wherever links lead at all (`enough`): they are followed piece
    by piece, and the rest is not looked at.
    """
    step = len(numbers) if enough is None else max(_PIECE * len(csr.offsets) // len(csr.targets), 1)
    for start in range(0, len(numbers), max(step, 1)):
        there[_targets(csr, numbers[start : start + step], wanted)] = True
        if enough is not None and np.count_nonzero(there) == enough:
            break
    return there


def _targets(csr: Adjacency, numbers: Rows, wanted: NDArray[np.bool_] | None) -> NDArray[np.int32]:
    """What the links of some rows lead to, repeats kept."""
    if wanted is None and len(numbers) <= _SLICES:
        pieces = [csr.targets[csr.offsets[row] : csr.offsets[row + 1]] for row in numbers.tolist()]
        return np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int32)
    links = _links(csr, numbers)[0]
    return csr.targets[links if wanted is None else links[wanted[links]]]


def _links(csr: Adjacency, numbers: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places of the links of some rows, and how many each row has."""
    starts = csr.offsets[numbers].astype(np.int64)
    counts = csr.offsets[numbers + 1] - starts
    before = np.cumsum(counts) - counts
    return np.arange(int(counts.sum())) + np.repeat(starts - before, counts), counts
