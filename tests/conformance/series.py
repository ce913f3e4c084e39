"""Points of time series."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from tests.conformance.cases import ONTOLOGY, Asking, case, m, same
from tests.conformance.world import points

NAME = "TimeSeriesPropertyV2"


def of(branch: int, since: datetime | None = None, until: datetime | None = None) -> list[dict[str, Any]]:
    """The points of a branch, as JSON tells them."""
    own = [(at, value) for series, at, value in points() if series == f"series-{branch}"]
    return [
        {"time": f"{at:%Y-%m-%dT%H:%M:%SZ}", "value": value}
        for at, value in own
        if (since is None or at.replace(tzinfo=UTC) >= since) and (until is None or at.replace(tzinfo=UTC) < until)
    ]


@case(f"{NAME}.get_first_point", "plain", "no points")
@case(f"{NAME}.get_last_point", "plain", "no points")
def the_first_and_the_last_point_are_told(asking: Asking) -> None:
    series = asking.client.TimeSeriesPropertyV2
    for branch in range(3):
        for ask, place in ((series.get_first_point, 0), (series.get_last_point, -1)):
            found = ask(ONTOLOGY, "branch", f"br-{branch}", "visitors")
            same((found.time, found.value), (datetime.fromisoformat(of(branch)[place]["time"]), of(branch)[place]["value"]))
    same(series.get_first_point(ONTOLOGY, "branch", "br-4", "visitors"), None)


@case(f"{NAME}.stream_points", "plain", "range: absolute", "range: relative")
def points_are_told_in_the_order_of_time(asking: Asking) -> None:
    stream = asking.client.TimeSeriesPropertyV2.stream_points
    same(json.loads(stream(ONTOLOGY, "branch", "br-1", "visitors")), of(1))
    since, until = datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 3, 9, 12, tzinfo=UTC)
    absolute = m.AbsoluteTimeRange(start_time=since, end_time=until)
    expected = of(1, since, until)
    assert 0 < len(expected) < len(of(1))
    same(json.loads(stream(ONTOLOGY, "branch", "br-1", "visitors", range=absolute)), expected)
    hours = (datetime.now(UTC) - since) // timedelta(hours=1)
    start = m.RelativeTime(when="BEFORE", value=hours, unit="HOURS")
    found = json.loads(stream(ONTOLOGY, "branch", "br-1", "visitors", range=m.RelativeTimeRange(start_time=start)))
    same(found, of(1, datetime.now(UTC) - timedelta(hours=hours)))


@case(f"{NAME}.stream_points", "format: ARROW")
def points_come_as_arrow_too(asking: Asking) -> None:
    found = asking.client.TimeSeriesPropertyV2.stream_points(ONTOLOGY, "branch", "br-0", "visitors", format="ARROW")
    table = pa.ipc.open_stream(found).read_all()
    told = [
        {"time": f"{time:%Y-%m-%dT%H:%M:%SZ}", "value": value}
        for time, value in zip(*(table.column(n).to_pylist() for n in ("time", "value")), strict=True)
    ]
    same(told, of(0))
