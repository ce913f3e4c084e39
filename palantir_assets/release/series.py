"""The points of time series, as a release holds them: Parquet pieces sorted by series and time, one folder a property.

A point is a time and a value; which series an object has is the value of its property.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from palantir_assets.errors import QueryError

MAX_POINTS: Final = 1_000_000


def series_points(
    folder: Path, table: str, series: str | None, *, since: datetime | None = None, until: datetime | None = None
) -> pa.Table:  # fmt: skip
    """`time` (UTC) and `value` of every point of a series from `since` on and before `until`, in the order of time.

    `table` is `<object type>__<property>`; None for `series` is one that an object does not have. Raises QueryError
    for more points than are told at once.
    """
    place = folder / "series" / table
    if series is None or not place.is_dir():
        return _no_points()
    tests: list[tuple[str, str, Any]] = [("series", "=", series)]
    tests += [("at", ">=", _naive(since))] if since else []
    tests += [("at", "<", _naive(until))] if until else []
    found = pq.read_table(place, columns=["at", "value"], filters=tests).drop_null()
    if found.num_rows > MAX_POINTS:
        raise QueryError(
            f"the series has {found.num_rows:,} points there, and {MAX_POINTS:,} are told at once", next_step="ask for a shorter range"
        )
    return _told(found)


def series_end(folder: Path, table: str, series: str | None, *, last: bool) -> pa.Table:
    """The first point of a series or its `last`, or none: however many there are, a batch of them is read at a time."""
    from pyarrow import dataset

    place = folder / "series" / table
    if series is None or not place.is_dir():
        return _no_points()
    at, value = dataset.field("at"), dataset.field("value")
    wanted = (dataset.field("series") == series) & at.is_valid() & value.is_valid()
    found: pa.Table = _no_points()
    for batch in dataset.dataset(place, format="parquet").to_batches(columns=["at", "value"], filter=wanted):
        if batch.num_rows:
            found = _told(pa.Table.from_batches([batch.slice(batch.num_rows - 1 if last else 0, 1)]))
            if not last:
                break
    return found


def _told(points: pa.Table) -> pa.Table:
    return pa.table({"time": points.column("at").cast(pa.timestamp("us", "UTC")), "value": points.column("value")})


def _naive(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise QueryError("range: in UTC this time lies outside the years 1 to 9999") from None


@cache
def _no_points() -> pa.Table:
    """Made when it is needed: Arrow imports pandas for it, where that is installed."""
    return pa.table({"time": pa.array([], pa.timestamp("us", "UTC")), "value": pa.array([], pa.float64())})
