"""The points of time series, as a release holds them: Parquet pieces sorted by series and time, one folder a property.

A point is a time and a value; which series an object has is the value of its property.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from palantir_assets.errors import QueryError

MAX_POINTS: Final = 1_000_000


def series_points(folder: Path, table: str, series: str, *, since: datetime | None = None, until: datetime | None = None) -> pa.Table:
    """`time` (UTC) and `value` of every point of a series from `since` on and before `until`, in the order of time.

    `table` is `<object type>__<property>`. Raises QueryError for more points than are told at once.
    """
    place = folder / "series" / table
    if not place.is_dir():
        return pa.table({"time": pa.array([], pa.timestamp("us", "UTC")), "value": pa.array([], pa.float64())})
    tests: list[tuple[str, str, Any]] = [("series", "=", series)]
    tests += [("at", ">=", _naive(since))] if since else []
    tests += [("at", "<", _naive(until))] if until else []
    found = pq.read_table(place, columns=["at", "value"], filters=tests).drop_null()
    if found.num_rows > MAX_POINTS:
        raise QueryError(
            f"the series has {found.num_rows:,} points there, and {MAX_POINTS:,} are told at once", next_step="ask for a shorter range"
        )
    return pa.table({"time": found.column("at").cast(pa.timestamp("us", "UTC")), "value": found.column("value")})


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
