"""Metrics of the specs: named aggregates, whose number is the same wherever it is asked. `GET /api/platform/v1/metrics`."""

from __future__ import annotations

from functools import partial

import orjson
from anyio import to_thread
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from palantir_assets.access.views import View
from palantir_assets.engine.aggregating import Groups, aggregate
from palantir_assets.errors import QueryError, UnknownName
from palantir_assets.ontology.served_parts import ServedMetric
from palantir_assets.query.aggregates import AggregatePlan, parse_aggregate, plan_aggregate
from palantir_assets.serving.aggregates import OPTIONS, shaped, whole
from palantir_assets.serving.deps import CurrentExchange, CurrentRelease, Exchange
from palantir_assets.serving.languages import Language, Spoken, said
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import Viewed, guarded

router = APIRouter(prefix="/api/platform/v1", tags=["Metrics"], dependencies=CHECKED)


class MetricView(BaseModel):
    """A metric; `query` is the aggregate behind it."""

    name: str
    label: str
    description: str
    unit: str | None
    query: dict[str, object]


class MetricsView(BaseModel):
    release_id: str
    data: list[MetricView]


@router.get("/metrics")
@guarded("ontologies.read")
def list_metrics(release: CurrentRelease, view: Viewed, exchange: CurrentExchange, language: Spoken) -> MetricsView:
    """Every metric over what the caller may read."""
    known = view.ontology.metrics.items()
    told = [_view(name, metric, language) for name, metric in known if _may_ask(metric, view, exchange)]
    return MetricsView(release_id=release.id, data=told)


@router.get("/metrics/{name}")
@guarded("objects.read")
async def get_metric(name: str, release: CurrentRelease, view: Viewed, exchange: CurrentExchange, language: Spoken) -> Response:
    """What a metric is now: `value` where it is one number, and `data` with its groups and numbers as aggregates tell them."""
    known = view.ontology.metrics
    if name not in known or not _may_ask(known[name], view, exchange):
        raise UnknownName("metric", name, [each for each, metric in known.items() if _may_ask(metric, view, exchange)])
    groups = await to_thread.run_sync(partial(aggregate, _planned(known[name], view, exchange), release))
    told = {**_view(name, known[name], language).model_dump(), "release_id": release.id, "value": whole(_value(groups)), **shaped(groups)}
    return Response(orjson.dumps(told, default=str, option=OPTIONS), media_type="application/json")


def _planned(metric: ServedMetric, view: View, exchange: Exchange) -> AggregatePlan:
    return plan_aggregate(parse_aggregate(metric.query), view, now=exchange.services.clock())


def _may_ask(metric: ServedMetric, view: View, exchange: Exchange) -> bool:
    """Whether all that a metric names is there for the caller; one that is wrong in another way is told when it is asked."""
    try:
        _planned(metric, view, exchange)
    except UnknownName:
        return False
    except QueryError:
        return True
    return True


def _view(name: str, metric: ServedMetric, language: Language) -> MetricView:
    return MetricView(
        name=name, label=said(metric.label, language, name), description=metric.description, unit=metric.unit, query=metric.query
    )


def _value(groups: Groups) -> object:
    """The one number of a metric without groups."""
    match groups.items:
        case [(group, [(_, value)])] if not group:
            return value
        case _:
            return None
