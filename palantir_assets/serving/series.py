"""Time series of an object: its first and last point, or all of a range, in the shape of Foundry's Ontologies API v2.

Where the points lie is told in `release.series`.
"""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import orjson
import pyarrow as pa
from pydantic import AwareDatetime, Field, StrictInt
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from palantir_assets.engine.objects import get
from palantir_assets.errors import QueryError
from palantir_assets.release.series import series_end, series_points
from palantir_assets.serving.asking import OBJECTS, asked, one, run
from palantir_assets.serving.bodies import Body, parsed, schema
from palantir_assets.serving.deps import exchange_of
from palantir_assets.serving.policies import guarded, viewer
from palantir_assets.serving.routing import SegmentRoute, send_json

_SECONDS: Final = {"MILLISECONDS": 0.001, "SECONDS": 1, "MINUTES": 60, "HOURS": 3_600, "DAYS": 86_400, "WEEKS": 604_800}
_MONTHS: Final = {"MONTHS": 1, "YEARS": 12}


class RelativeTime(Body):
    """So long before now, or after."""

    when: Literal["BEFORE", "AFTER"]
    value: Annotated[StrictInt, Field(ge=0, le=10_000_000)]
    unit: Literal["MILLISECONDS", "SECONDS", "MINUTES", "HOURS", "DAYS", "WEEKS", "MONTHS", "YEARS"]


class AbsoluteRange(Body):
    """From a time on, and before another."""

    type: Literal["absolute"] = "absolute"
    start_time: AwareDatetime | None = None
    end_time: AwareDatetime | None = None


class RelativeRange(Body):
    type: Literal["relative"]
    start_time: RelativeTime | None = None
    end_time: RelativeTime | None = None


class PointsRequest(Body):
    """The body of a request for points. To aggregate them is not known here."""

    range: Annotated[AbsoluteRange | RelativeRange, Field(discriminator="type")] | None = None
    aggregate: None = None


@guarded("objects.read")
async def get_first_point(scope: Scope, receive: Receive, send: Send) -> None:
    """GET …/{key}/timeseries/{property}/firstPoint: the first point of a series; nothing if there is none."""
    await _send_one(send, await _end(scope, last=False))


@guarded("objects.read")
async def get_last_point(scope: Scope, receive: Receive, send: Send) -> None:
    """GET …/{key}/timeseries/{property}/lastPoint: the last one."""
    await _send_one(send, await _end(scope, last=True))


@guarded("objects.read")
async def stream_points(scope: Scope, receive: Receive, send: Send) -> None:
    """POST …/{key}/timeseries/{property}/streamPoints: the points of a range, in the order of time, as JSON or as an Arrow stream."""
    _, _, params = asked(scope)
    format_ = one(params, "format") or "JSON"
    if format_ not in ("JSON", "ARROW"):
        raise QueryError("format: JSON or ARROW")
    body = parsed(PointsRequest, await Request(scope, receive).body() or b"{}")
    since, until = _ends(body, exchange_of(scope).services.clock())
    found = await _points(scope, since, until)
    if format_ == "JSON":
        await send_json(send, orjson.dumps([_told(time, value) for time, value in _pairs(found)]))
        return
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, found.schema) as writer:
        writer.write_table(found)
    content = sink.getvalue().to_pybytes()
    headers = [(b"content-type", b"application/vnd.apache.arrow.stream"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def _points(scope: Scope, since: datetime | None, until: datetime | None) -> pa.Table:
    return await run(partial(series_points, *_series(scope), since=since, until=until), inline=False)


async def _end(scope: Scope, *, last: bool) -> pa.Table:
    return await run(partial(series_end, *_series(scope), last=last), inline=False)


def _series(scope: Scope) -> tuple[Path, str, str | None]:
    """Where the points of an object's series lie, and under what name; None for an object that has none."""
    release, path, _ = asked(scope)
    kind, name = path["object_type"], path["property"]
    found = orjson.loads(get(release, viewer(scope), kind, path["key"], select=[name]))
    prop = viewer(scope).ontology.find_type(kind).find_property(name)
    if prop.type != "timeseries":
        raise QueryError(f"{name!r} is of type {prop.type} and has no points; only a timeseries has")
    return release.folder, f"{kind}__{name}", found.get(name)


def _pairs(found: pa.Table) -> list[tuple[datetime, Any]]:
    return list(zip(found.column("time").to_pylist(), found.column("value").to_pylist(), strict=True))


def _told(time: datetime, value: object) -> dict[str, object]:
    return {"time": time.isoformat().replace("+00:00", "Z"), "value": value}


async def _send_one(send: Send, found: pa.Table) -> None:
    if not found.num_rows:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    ((time, value),) = _pairs(found)
    await send_json(send, orjson.dumps(_told(time, value)))


def _ends(body: PointsRequest, now: datetime) -> tuple[datetime | None, datetime | None]:
    match body.range:
        case AbsoluteRange():
            return body.range.start_time, body.range.end_time
        case RelativeRange():
            return tuple(None if end is None else _moved(end, now) for end in (body.range.start_time, body.range.end_time))  # type: ignore[return-value]  # two of them
        case None:
            return None, None


def _moved(by: RelativeTime, now: datetime) -> datetime:
    sign = -1 if by.when == "BEFORE" else 1
    try:
        if by.unit in _SECONDS:
            return now + timedelta(seconds=sign * by.value * _SECONDS[by.unit])
        years, month = divmod(now.month - 1 + sign * by.value * _MONTHS[by.unit], 12)
        day = min(now.day, calendar.monthrange(now.year + years, month + 1)[1])
        return now.replace(year=now.year + years, month=month + 1, day=day)
    except (OverflowError, ValueError, IndexError):
        raise QueryError(f"range: {by.value} {by.unit} from now is no time") from None


_SERIES: Final = f"{OBJECTS}/{{key}}/timeseries/{{property}}"
ROUTES: Final = (
    SegmentRoute(f"{_SERIES}/firstPoint", get_first_point, method="GET"),
    SegmentRoute(f"{_SERIES}/lastPoint", get_last_point, method="GET"),
    SegmentRoute(f"{_SERIES}/streamPoints", stream_points, method="POST", query=["format"], body=schema(PointsRequest)),
)
