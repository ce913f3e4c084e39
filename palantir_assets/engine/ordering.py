"""A page of a set in order: by row number, by the ranks of indexed properties, or by SQL for everything else.

Every order ends in the object type and the row number, so that it is total and pages are stable. Missing values come
last in both directions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from palantir_assets.engine.asking import Asking
from palantir_assets.engine.deriving import derive
from palantir_assets.engine.indexed import index_of
from palantir_assets.engine.patches import Patch
from palantir_assets.engine.ports import ColumnIndex
from palantir_assets.engine.postings import MISSING
from palantir_assets.engine.predicates import reference
from palantir_assets.engine.rows import Rows, RowSet
from palantir_assets.engine.sources import Source, source
from palantir_assets.engine.statements import Sql, fetched
from palantir_assets.query.plans import SortKey

Places = list[tuple[str, Sequence[int]]]
"""Runs of rows of one object type, in order."""

_ALL_BITS: Final = 2**62
_WALK: Final = 4
"""Walking an index in order is cheaper than ranking the set where it looks at so many times fewer rows."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of an answer is wanted."""

    offset: int
    limit: int


def ordered_page(asking: Asking, sets: Mapping[str, RowSet], order: Sequence[SortKey], page: Page) -> Places:
    """The rows of the page."""
    sets = {name: rows for name, rows in sets.items() if len(rows)}
    if not order:
        return _by_row(sets, page)
    if len(sets) == 1:
        ((name, rows),) = sets.items()
        indexes = [_index(asking, name, key) for key in order]
        if all(indexes):
            found = [index for index in indexes if index is not None]
            patch, down = asking.release.patch(name), [key.descending for key in order]
            if patch is None:
                return [(name, _by_rank(rows, found, down, page).tolist())]
            columns = [dict(key.columns)[name].column or "" for key in order]
            return [(name, _merged(patch, rows, found, columns, down, page).tolist())]
    return _by_sql(asking, sets, order, page) if sets else []


def _by_row(sets: Mapping[str, RowSet], page: Page) -> Places:
    places: Places = []
    offset, left = page.offset, page.limit
    for name, rows in sets.items():
        count = len(rows)
        if offset < count and left:
            run = rows.page(offset, left)
            places.append((name, run.tolist()))
            left -= len(run)
        offset = max(offset - count, 0)
    return places


def _index(asking: Asking, name: str, key: SortKey) -> ColumnIndex | None:
    return index_of(asking.release, name, dict(key.columns)[name])


def _by_rank(rows: RowSet, indexes: list[ColumnIndex], descending: list[bool], page: Page) -> Rows:
    wanted, count = page.offset + page.limit, len(rows)
    if len(indexes) == 1 and wanted * rows.size < count * count // _WALK:
        walked = _walked(indexes[0], rows, descending=descending[0], wanted=wanted)
        return walked[page.offset : wanted]
    numbers = rows.rows()
    keys = [_key(index, numbers, down) for index, down in zip(indexes, descending, strict=True)]
    widths = [len(index.offsets) for index in indexes]
    if float(np.prod([float(width) for width in widths])) * rows.size >= _ALL_BITS:
        return numbers[np.lexsort(keys[::-1])][page.offset : wanted]
    joint = keys[0]
    for key, width in zip(keys[1:], widths[1:], strict=True):
        joint = joint * width + key
    joint = joint * rows.size + numbers
    if wanted < count // 2:
        best = np.argpartition(joint, wanted)[:wanted]
        numbers, joint = numbers[best], joint[best]
    return numbers[np.argsort(joint)][page.offset : wanted]


def _merged(patch: Patch, rows: RowSet, indexes: list[ColumnIndex], names: list[str], descending: list[bool], page: Page) -> Rows:
    """The best of the release's rows and of each segment's, each in its own order, merged by value."""
    first = Page(0, page.offset + page.limit)
    stand, inside = patch.apart(rows)
    runs: list[tuple[Rows, list[ColumnIndex], Rows | None]] = []
    if len(stand):
        runs.append((_by_rank(stand, indexes, descending, first), indexes, None))
    for (segment, _), found in zip(patch.segments, inside, strict=True):
        if len(found):
            own: list[ColumnIndex] = [segment.index(name) for name in names]
            runs.append((_by_rank(found, own, descending, first), own, segment.rows))
    numbers = np.concatenate([run if own_rows is None else own_rows[run] for run, _, own_rows in runs])
    if len(runs) == 1:
        return numbers[page.offset : first.limit]
    keys = [_codes([(index[at], run) for run, index, _ in runs], down) for at, down in enumerate(descending)]
    return numbers[np.lexsort((numbers, *keys[::-1]))][page.offset : first.limit]


def _codes(runs: list[tuple[ColumnIndex, Rows]], down: bool) -> NDArray[np.int64]:
    """A number for each row by its value, which orders as the values do; what is missing has the highest in either direction."""
    ranks = [index.ranks[run] for index, run in runs]
    there = [some != MISSING for some in ranks]
    values = np.concatenate([index.values_of(some[known]) for (index, _), some, known in zip(runs, ranks, there, strict=True)])
    distinct, places = np.unique(values, return_inverse=True)
    codes = np.full(sum(map(len, ranks)), len(distinct), dtype=np.int64)
    codes[np.concatenate(there)] = -places if down else places
    return codes


def _key(index: ColumnIndex, numbers: Rows, down: bool) -> NDArray[np.int64]:
    """Ranks from 0; what is missing has the highest number in either direction."""
    last = len(index.offsets) - 1
    ranks = np.minimum(index.ranks[numbers], last).astype(np.int64)
    return np.where(ranks == last, last, last - 1 - ranks) if down else ranks


def _walked(index: ColumnIndex, rows: RowSet, *, descending: bool, wanted: int) -> Rows:
    """The first rows of the set, met by walking all rows in order."""
    found: list[Rows] = []
    have, chunk = 0, max(2 * wanted * rows.size // max(len(rows), 1), 256)
    for candidates in _downwards(index, chunk) if descending else _upwards(index, chunk):
        met = candidates[rows.holds(candidates)]
        found.append(met)
        have += len(met)
        if have >= wanted:
            break
    return np.concatenate(found) if found else np.empty(0, dtype=np.int32)


def _upwards(index: ColumnIndex, chunk: int) -> Iterator[Rows]:
    for start in range(0, len(index.order), chunk):
        yield index.order[start : start + chunk]


def _downwards(index: ColumnIndex, chunk: int) -> Iterator[Rows]:
    """Ranks from the highest, within each the rows ascending; then those without a value."""
    high = len(index.offsets) - 1
    while high > 0:
        low = int(np.searchsorted(index.offsets, index.offsets[high] - chunk, side="right")) - 1
        low = min(max(low, 0), high - 1)
        rows = index.order[index.offsets[low] : index.offsets[high]]
        yield rows[np.argsort(-index.ranks[rows], kind="stable")]
        high = low
    yield index.order[index.offsets[-1] :]


def _by_sql(asking: Asking, sets: Mapping[str, RowSet], order: Sequence[SortKey], page: Page) -> Places:
    """One statement over all object types of the set."""
    parts: list[str] = []
    tables: dict[str, pa.Table] = {}
    for number, (name, rows) in enumerate(sets.items()):
        columns = [dict(key.columns)[name] for key in order]
        derived = [column for column in columns if column.derived is not None]
        values = derive(asking, name, list(dict.fromkeys(derived)), rows) if derived else None
        origin: Source = source(asking.release, name, rows, values, suffix=str(number))
        tables |= origin.tables
        keys = ", ".join(f"{reference(column)} AS key_{at}" for at, column in enumerate(columns))
        parts.append(f"SELECT {number} AS type, own._row AS _row, {keys} FROM {origin.text} WHERE {origin.test}")
    sorting = [f"key_{at} {'DESC' if key.descending else 'ASC'} NULLS LAST" for at, key in enumerate(order)]
    text = f"SELECT type, _row FROM ({' UNION ALL '.join(parts)}) ORDER BY {', '.join([*sorting, 'type', '_row'])} LIMIT ? OFFSET ?"
    names = list(sets)
    return [(names[kind], [row]) for kind, row in fetched(asking.release, Sql(text, (page.limit, page.offset)), tables)]
