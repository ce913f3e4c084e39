"""The FROM of a statement that asks one object type, restricted to some of its rows: `own`, and `derived` where values were computed.

Row numbers reach SQL as a table in memory, so that no statement grows with them. Where many rows are meant, a mask
lies beside the table row by row, which costs a fraction of a join.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from palantir_assets.engine.rows import RowSet
from palantir_assets.names import quoted

_FEW = 64
"""From one row in so many on, a mask is cheaper than a join."""


@dataclass(frozen=True)
class Source:
    """`text` goes after FROM, `test` into WHERE; `tables` must be there by name."""

    text: str
    test: str = "true"
    tables: dict[str, pa.Table] = field(default_factory=dict)


def source(object_type: str, rows: RowSet | None = None, derived: pa.Table | None = None, *, suffix: str = "") -> Source:
    """The rows of an object type; all of them for None. `derived` has `_row` and a column for each value, for just these rows."""
    own = f"{quoted(object_type)} AS own"
    if derived is not None:  # it has just these rows, so joining it is the restriction
        name = f"derived_values{suffix}"
        return Source(f"{own} JOIN {name} AS derived ON derived._row = own._row", tables={name: derived})
    if rows is None or rows.is_all:
        return Source(own)
    name = f"picked_rows{suffix}"
    if rows.mask is not None or len(rows) * _FEW > rows.size:
        return Source(
            f"{own} POSITIONAL JOIN {name} AS picked", "picked.keep = 1", {name: pa.table({"keep": rows.as_mask().view(np.uint8)})}
        )
    picked = pa.table({"_row": np.ascontiguousarray(rows.rows())})
    return Source(f"{own} SEMI JOIN {name} AS picked ON picked._row = own._row", tables={name: picked})
