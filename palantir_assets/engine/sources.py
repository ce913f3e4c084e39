"""The FROM of a statement that asks one object type, restricted to some of its rows: `own`, and `derived` where values were computed.

Row numbers reach SQL as a table in memory, so that no statement grows with them. Where many rows are meant, a mask
lies beside the table row by row, which costs a fraction of a join.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from palantir_assets.engine.ports import Released
from palantir_assets.engine.rows import RowSet
from palantir_assets.names import quoted

if TYPE_CHECKING:
    from palantir_assets.engine.patches import Patch

_FEW = 64
"""From one row in so many on, a mask is cheaper than a join."""


@dataclass(frozen=True)
class Source:
    """`text` goes after FROM, `test` into WHERE; `tables` must be there by name."""

    text: str
    test: str = "true"
    tables: dict[str, pa.Table] = field(default_factory=dict)


def source(release: Released, object_type: str, rows: RowSet | None = None, derived: pa.Table | None = None, *, suffix: str = "") -> Source:
    """The rows of an object type; all of them for None. `derived` has `_row` and a column for each value, for just these rows."""
    patch = release.patch(object_type)
    if patch is not None:
        return _patched(patch, object_type, patch.living if rows is None else rows, derived, suffix)
    own = f"{quoted(object_type)} AS own"
    if derived is not None:  # it has just these rows, so joining it is the restriction
        return _with_derived(Source(own), derived, suffix)
    return Source(own) if rows is None else _picked(own, rows, suffix, lambda: pa.table({"keep": rows.as_mask().view(np.uint8)}))


def _with_derived(origin: Source, derived: pa.Table, suffix: str) -> Source:
    name = f"derived_values{suffix}"
    return Source(f"{origin.text} JOIN {name} AS derived ON derived._row = own._row", tables={**origin.tables, name: derived})


def _picked(own: str, rows: RowSet, suffix: str, kept: Callable[[], pa.Table]) -> Source:
    if rows.is_all:
        return Source(own)
    name = f"picked_rows{suffix}"
    if rows.mask is not None or len(rows) * _FEW > rows.size:
        return Source(f"{own} POSITIONAL JOIN {name} AS picked", "picked.keep = 1", {name: kept()})
    picked = pa.table({"_row": np.ascontiguousarray(rows.rows())})
    return Source(f"{own} SEMI JOIN {name} AS picked ON picked._row = own._row", tables={name: picked})


def _patched(patch: Patch, object_type: str, rows: RowSet, derived: pa.Table | None, suffix: str) -> Source:
    """Rows of the release that stand, and those of segments: each kind is picked where it lies, then they are one table."""
    stand, found = patch.apart(rows)
    base = _picked(f"{quoted(object_type)} AS own", stand, suffix, lambda: patch.kept_table(stand))
    edited = patch.edited_table(found)
    if edited is None:
        return (
            base
            if derived is None
            else _with_derived(Source(f"(SELECT own.* FROM {base.text} WHERE {base.test}) AS own", tables=base.tables), derived, suffix)
        )
    names, name = [each for each in edited.schema.names if each != "_keep"], f"edited_rows{suffix}"
    # The limit keeps filters from being pushed into Arrow, where they take three times as long.
    parts = [f"SELECT {', '.join(map(quoted, names))} FROM (SELECT * FROM {name} LIMIT {len(edited)}) WHERE _keep"]
    if len(stand):
        parts.insert(0, f"SELECT {', '.join(f'own.{quoted(each)}' for each in names)} FROM {base.text} WHERE {base.test}")
    whole = Source(f"({' UNION ALL '.join(parts)}) AS own", tables={**base.tables, name: edited})
    return whole if derived is None else _with_derived(whole, derived, suffix)
