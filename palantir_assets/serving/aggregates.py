"""Aggregates as Foundry tells them. What may be asked is settled in `query.aggregates`, computed in `engine`."""

from __future__ import annotations

from functools import partial
from typing import Final

import orjson
from starlette.types import Scope, Send

from palantir_assets.engine.aggregating import Groups, aggregate
from palantir_assets.query.aggregates import parse_aggregate, plan_aggregate
from palantir_assets.serving.asking import Query, run
from palantir_assets.serving.bodies import AggregateRequest, AggregateSetRequest
from palantir_assets.serving.deps import exchange_of, release_of
from palantir_assets.serving.policies import viewer
from palantir_assets.serving.routing import send_json

OPTIONS: Final = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


async def send_groups(scope: Scope, send: Send, what: Query, body: AggregateRequest | AggregateSetRequest) -> None:
    """Plan, compute and tell."""
    query: Query = {**what, "aggregation": body.aggregation, "groupBy": body.group_by}
    if body.accuracy is not None:
        query["accuracy"] = body.accuracy
    release, services = release_of(scope), exchange_of(scope).services
    made = plan_aggregate(parse_aggregate(query), viewer(scope), saved=services.sets, now=services.clock())
    await send_json(send, told(await run(partial(aggregate, made, release), inline=False)))


def told(groups: Groups) -> bytes:
    """Groups as JSON; a time in UTC ends in Z, what is no JSON value is told as text."""
    return orjson.dumps(shaped(groups), default=str, option=OPTIONS)


def shaped(groups: Groups) -> dict[str, object]:
    """Groups in Foundry's shape, for orjson with `OPTIONS`."""
    data = [
        {
            "group": {name: whole(value) for name, value in group.items()},
            "metrics": [{"name": name, "value": whole(value)} for name, value in metrics],
        }
        for group, metrics in groups.items
    ]
    return {"excludedItems": groups.excluded, "accuracy": "ACCURATE" if groups.accurate else "APPROXIMATE", "data": data}


def whole(value: object) -> object:
    """A whole number of more than 64 bits, such as a sum of longs, is told with all its digits, which orjson does not do by itself."""
    return orjson.Fragment(str(value)) if type(value) is int and not -(2**63) <= value < 2**64 else value
