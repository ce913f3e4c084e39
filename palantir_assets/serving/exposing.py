"""`GET /metrics`: how this process fares, for Prometheus. What numbers of the ontology are is `metrics`' affair.

Each process of the API counts for itself and is asked for itself: there is one a port, and no file is shared. What the
ledger knows is asked when somebody looks. No address is let in without a token: behind a proxy everybody comes from
this machine.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from palantir_assets.effects.opening import Effects
from palantir_assets.errors import LedgerError
from palantir_assets.observability import sent_away
from palantir_assets.serving.deps import CurrentExchange, Exchange, data_as_of
from palantir_assets.serving.policies import guarded, operates
from palantir_assets.serving.traffic import SECONDS, Traffic
from palantir_assets.stores.outbox import State

if TYPE_CHECKING:
    from prometheus_client import Metric

router = APIRouter(tags=["Health"])
LOG: Final = logging.getLogger(__name__)
STATES: Final[tuple[State, ...]] = ("waiting", "taken", "dead")


@dataclass(frozen=True, slots=True)
class InLedger:
    """What the ledger says; None where it does not say, or where there is nothing to ask."""

    up: bool
    release_no: int | None = None
    edit_no: int | None = None
    effects: dict[State, int] | None = None


@router.get("/metrics", response_class=Response)
@guarded("metrics.read")
async def expose(request: Request, exchange: CurrentExchange) -> Response:
    """How this process fares, in Prometheus' text format, to the roles admin and engineer."""
    if not operates(exchange):
        raise HTTPException(403, "only the roles admin and engineer see how the service fares")
    effects: Effects | None = getattr(request.app.state, "effects", None)
    ledger = await to_thread.run_sync(_in_ledger, exchange, effects)
    from prometheus_client import CONTENT_TYPE_LATEST, ProcessCollector, generate_latest

    told = [*_of_traffic(exchange.services.traffic), *_of_release(exchange), *_of_ledger(ledger), *_of_lines()]
    text = generate_latest(_Told([*told, *ProcessCollector(registry=None).collect()]))
    return Response(text, media_type=CONTENT_TYPE_LATEST)


class _Told:
    """As much of a registry as is needed to write it down."""

    def __init__(self, told: list[Metric]) -> None:
        self._told = told

    def collect(self) -> list[Metric]:
        return self._told


def _in_ledger(exchange: Exchange, effects: Effects | None) -> InLedger:
    services = exchange.services
    try:
        head = services.log.head()
        edit_no = None if services.desk is None else services.desk.log.head()
        counted = None if effects is None else {state: effects.outbox.count(state) for state in STATES}
    except LedgerError as error:
        LOG.warning("the ledger cannot be asked how it fares: %s", error.message)
        return InLedger(up=False)
    return InLedger(True, None if head is None else head.release_no, edit_no, counted)


def _of_traffic(traffic: Traffic) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    requests = CounterMetricFamily("palantir_requests", "requests, by method, route and status", labels=("method", "route", "status"))
    for asked, count in sorted(traffic.requests().items()):
        requests.add_metric((asked.method, asked.route, str(asked.status)), count)
    yield requests
    seconds = HistogramMetricFamily("palantir_request_seconds", "seconds of an answer, by declared route", labels=("route",))
    for route, (counts, total) in sorted(traffic.spent().items()):
        reached = [sum(counts[: step + 1]) for step in range(len(counts))]
        buckets = list(zip([*map(str, SECONDS), "+Inf"], reached, strict=True))
        seconds.add_metric((route,), buckets=buckets, sum_value=total)
    yield seconds


def _of_release(exchange: Exchange) -> Iterator[Metric]:
    from prometheus_client.core import InfoMetricFamily

    services, release = exchange.services, exchange.release
    status, now = services.holder.status, services.clock()
    if release is not None:
        yield InfoMetricFamily("palantir_release", "the release that is served", value={"release_id": release.id})
        yield _number("palantir_release_no", "its number", status.release_no)
        age = (now - data_as_of(release)).total_seconds()
        yield _number("palantir_data_age_seconds", "age of the oldest source bytes in it", age)
        loaded = None if status.loaded_at is None else (now - status.loaded_at).total_seconds()
        yield _number("palantir_release_served_seconds", "for how long this process has served it", loaded)
    yield _number("palantir_release_reload_failed", "1 while a newer release cannot be loaded", status.last_reload_error is not None)
    yield _number("palantir_edits_seen", "number of the last edit that reads of this process see", services.edits.edit_no)
    yield _number("palantir_edits_behind", "1 while newer edits may be missing", services.edits.behind is not None)


def _of_ledger(ledger: InLedger) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    yield _number("palantir_ledger_up", "1 where the ledger answers", ledger.up)
    yield _number("palantir_ledger_release_no", "number of the newest release in the ledger", ledger.release_no)
    yield _number("palantir_ledger_edits", "number of the last edit in the ledger", ledger.edit_no)
    effects = GaugeMetricFamily("palantir_effects", "side effects that wait, are on their way, or are dead", labels=("state",))
    for state, count in (ledger.effects or {}).items():
        effects.add_metric((state,), count)
    yield effects


def _of_lines() -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    counts = sent_away()
    if counts is None:
        return
    lines = CounterMetricFamily("palantir_log_lines", "log lines that went to Loki, or were lost on the way", labels=("fate",))
    for fate, count in (("delivered", counts.delivered), ("dropped", counts.dropped), ("in_doubt", counts.in_doubt)):
        lines.add_metric((fate,), count)
    yield lines
    yield _number("palantir_log_lines_waiting", "log lines that wait to go to Loki", counts.waiting)
    yield _number("palantir_log_lines_waiting_bytes", "memory that they take", counts.waiting_bytes)


def _number(name: str, told: str, value: float | None) -> Metric:
    """A gauge; without a value it has no sample."""
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(name, told, value=None if value is None else float(value))
