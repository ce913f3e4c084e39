"""What edits make of one object type: which rows of the release still stand, and the segments that hold the others.

Row numbers of the release go on meaning what they mean; objects that were made are the rows behind them. A set is patched as
the answer of the release without the rows that no longer stand, and those of each segment. Segments are merged like
the layers of a log-structured tree, so that one edit more costs what it is, and a question looks at few of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa

from palantir_assets.engine.remembering import Memory
from palantir_assets.engine.rows import Mask, Parts, Rows, RowSet, Together, everything, nothing, of_mask
from palantir_assets.engine.segments import Segment, merged

_SPARSE: Final = 32
_DEPTH: Final = 4
"""A segment is merged into the one below it when it is more than one part in so many of it."""
_SMALL: Final = 256
"""Or when the one below it has fewer rows: to merge these costs less than to look at one segment more."""


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """`base` are the rows of the release that stand, out of its own; `living` all rows that are objects, out of all.

    `segments` stand newest first, each with the positions in it that count: no row counts twice.
    """

    base: RowSet
    living: RowSet
    segments: tuple[tuple[Segment, RowSet], ...] = ()
    memory: Memory = field(default_factory=lambda: Memory(2), repr=False)

    @property
    def count(self) -> int:
        """How many rows the release has."""
        return self.base.size

    @property
    def size(self) -> int:
        """How many rows there are, objects or not."""
        return self.living.size

    def together(self, base: RowSet, found: Sequence[RowSet]) -> RowSet:
        """One set of the release's answer and of the segments' answers by position."""
        stands = base & self.base
        inside = tuple(rows & live for (_, live), rows in zip(self.segments, found, strict=True))
        parts = Parts(stands, inside, self.living)
        if stands is self.base and all(rows is live for rows, (_, live) in zip(inside, self.segments, strict=True)):
            return self.living
        if stands.array is not None and sum(map(len, inside)) * _SPARSE < self.size:
            there = [segment.rows[rows.rows()] for (segment, _), rows in zip(self.segments, inside, strict=True)]
            return RowSet(self.size, array=np.sort(np.concatenate([stands.array, *there])), parts=parts)
        return Together(self.size, parts, lambda: self._mask(stands, inside))

    def _mask(self, stands: RowSet, inside: Sequence[RowSet]) -> Mask:
        """Newer segments are written over older ones, whose rows may be theirs by now."""
        mask = np.zeros(self.size, dtype=np.bool_)
        if stands.array is not None:
            mask[stands.array] = True
        else:
            mask[: self.count] = stands.as_mask()
        for (segment, _), rows in zip(reversed(self.segments), reversed(inside), strict=True):
            mask[segment.rows] = rows.as_mask()
        return mask

    def apart(self, rows: RowSet) -> tuple[RowSet, list[RowSet]]:
        """A set as rows of the release that stand, and as positions in each segment."""
        if rows.parts is not None and rows.parts.whole is self.living:
            return rows.parts.base, list(rows.parts.inside)
        if rows is self.living:
            return self.base, [live for _, live in self.segments]
        inside = [(segment, live, live if rows.is_all else _positions(segment, live, rows)) for segment, live in self.segments]
        return self._of_release(rows), [found for _, _, found in inside]

    def edited_table(self, picked: Sequence[RowSet]) -> pa.Table | None:
        """The picked rows of the segments as one table with a column `_keep`, whose rows count where it is true; None for none."""
        if all(rows is live for (_, live), rows in zip(self.segments, picked, strict=True)):
            return self.memory.once("edited", lambda: self._edited(picked))
        return self._edited(picked)

    def kept_table(self, stand: RowSet) -> pa.Table:
        """A column `keep`, row by row of the release."""
        if stand is self.base:
            return self.memory.once("kept", lambda: pa.table({"keep": stand.as_mask().view(np.uint8)}))
        return pa.table({"keep": stand.as_mask().view(np.uint8)})

    def _edited(self, picked: Sequence[RowSet]) -> pa.Table | None:
        used = [(segment, rows) for (segment, _), rows in zip(self.segments, picked, strict=True) if len(rows)]
        if not used:
            return None
        return pa.concat_tables([segment.table.append_column("_keep", pa.array(rows.as_mask())) for segment, rows in used])

    def ready(self, rows: Sequence[int]) -> list[bytes | None]:
        """The ready JSON of those of some rows that are in a segment; None of the others. Raises KeyError for what is no object."""
        found: list[bytes | None] = [None] * len(rows)
        segments = [segment.bodies for segment, _ in self.segments]
        for place in self._edited_places(rows):
            row = rows[place]
            if not self.lives(row):
                raise KeyError(row)
            for bodies in segments:  # newest first
                if (body := bodies.get(row)) is not None:
                    found[place] = body
                    break
        return found

    def _edited_places(self, rows: Sequence[int]) -> Sequence[int]:
        """Which of some rows do not stand in the release."""
        mask = self.base.mask
        if len(rows) == 1 or mask is None:
            return [at for at, row in enumerate(rows) if row >= self.count or (mask is not None and not mask[row])]
        numbers = np.asarray(rows, dtype=np.int32)
        beyond = numbers >= self.count
        return (beyond | ~mask[np.minimum(numbers, self.count - 1)]).nonzero()[0].tolist()

    def having(self, rows: Rows, name: str) -> Rows:
        """Some rows without those that edits left without a value of a property."""
        for segment, live in self.segments:
            places, positions = segment.positions(rows)
            missing = segment.table.column(name).is_null().to_numpy()[positions] & live.holds(positions)
            rows = np.delete(rows, places[missing])
        return rows

    def lives(self, row: int) -> bool:
        """Whether a row is an object."""
        return 0 <= row < self.size and (self.living.mask is None or bool(self.living.mask[row]))

    def _of_release(self, rows: RowSet) -> RowSet:
        if rows.is_all:
            return self.base
        if rows.array is not None:
            return RowSet(self.count, array=rows.array[: int(np.searchsorted(rows.array, self.count))]) & self.base
        return of_mask(rows.as_mask()[: self.count]) & self.base


def unpatched(count: int) -> Patch:
    """The patch of a type that nobody edited."""
    return Patch(everything(count), everything(count))


def patched(old: Patch, segment: Segment | None, gone: Rows, size: int) -> Patch:
    """The patch with a newer segment, some rows gone, and so many rows in all."""
    newer = np.empty(0, dtype=np.int32) if segment is None else segment.rows
    touched = np.unique(np.concatenate([newer, gone])).astype(np.int32)
    below = [(each, _less(live, each.positions(touched)[1])) for each, live in old.segments]
    below = [(each, live) for each, live in below if len(live)]
    base = _less(old.base, touched[touched < old.count])
    if segment is not None and len(segment):
        while below and len(below[0][1]) < max(_DEPTH * len(segment), _SMALL):
            segment = merged(segment, *below.pop(0))
        below = [(segment, everything(len(segment))), *below]
    return Patch(base, _living(old, newer, gone, size), tuple(below))


def _living(old: Patch, newer: Rows, gone: Rows, size: int) -> RowSet:
    made = int(np.count_nonzero(newer >= old.size))
    if old.living.is_all and not len(gone) and made == size - old.size:
        return everything(size)
    mask = np.zeros(size, dtype=np.bool_)
    mask[: old.size] = old.living.as_mask()
    mask[newer] = True
    mask[gone] = False
    return RowSet(size, mask=mask)


def _less(rows: RowSet, some: Rows) -> RowSet:
    """A set without some rows, as a mask."""
    if not len(some):
        return rows
    mask: Mask = rows.as_mask().copy()
    mask[some] = False
    return RowSet(rows.size, mask=mask)


def _positions(segment: Segment, live: RowSet, rows: RowSet) -> RowSet:
    here = rows.holds(segment.rows)
    return nothing(len(segment)) if not here.any() else of_mask(here) & live
