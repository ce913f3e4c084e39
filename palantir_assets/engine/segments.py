"""A segment: objects of one type that edits changed or made, as rows of their own beside those of the release.

It holds each object whole, as the release's table and its ready JSON do, and what is worth keeping of it: it is never
changed, so an index or a row rule over it is made once. Which of its rows still count is told in `patches`; how one is
made, in `editing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa

from palantir_assets.engine.postings import Postings, in_order
from palantir_assets.engine.remembering import Memory
from palantir_assets.engine.rows import Rows, RowSet
from palantir_assets.ontology.served_parts import ServedType

_KEPT: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """`rows` ascend; `table` has the columns of the release's table of the type, row by row; `bodies` is the ready JSON by row number."""

    kind: ServedType
    rows: Rows
    table: pa.Table
    bodies: Mapping[int, bytes]
    memory: Memory = field(default_factory=lambda: Memory(_KEPT), repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def index(self, name: str) -> Postings:
        """The index of a property over the rows by position."""
        digits = self.kind.properties[name].digits
        return self.memory.once(("index", name), lambda: in_order(self.table.column(name), scale=(digits or (38, 9))[1]))

    def positions(self, rows: Rows) -> tuple[Rows, Rows]:
        """Of some row numbers, which are here (their places among those asked for), and at which position."""
        if not len(self.rows):
            return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32)
        at = np.searchsorted(self.rows, rows)
        here = np.flatnonzero(self.rows[np.minimum(at, len(self.rows) - 1)] == rows)
        return here.astype(np.int32), at[here].astype(np.int32)


def merged(newer: Segment, older: Segment, live: RowSet) -> Segment:
    """Two segments as one, of the older one only the rows that still count; none of them is in the newer one."""
    kept = live.rows()
    rows = np.concatenate([older.rows[kept], newer.rows])
    order = np.argsort(rows, kind="stable")
    places = pa.array(np.concatenate([kept, len(older) + np.arange(len(newer))])[order])
    table = pa.concat_tables([older.table, newer.table]).combine_chunks().take(places)
    return Segment(older.kind, rows[order], table, {**older.bodies, **newer.bodies})
