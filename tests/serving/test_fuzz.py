"""R25, small: no input crashes the API, and whatever is refused is refused in JSON."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import orjson
from starlette.testclient import TestClient

from tests.fakes.nasty import NASTY

PREFIX = "/api/v2/ontologies"
REQUESTS = 1_000
RAW = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"1e400",
    b"\xff\xfe",
    b'{"where":' * 300,
    b"[" * 5_000,
    b'{"where":{"type":"eq","field":"note","value":NaN}}',
    b'"\\ud800"',
)
WHERE_TYPES = ("eq", "lt", "gte", "in", "isNull", "startsWith", "and", "or", "not", "nope")
FIELDS = ("order_id", "amount", "cents", "paid", "ordered_on", "ordered_at", "note")


def value(dice: random.Random, depth: int = 0) -> Any:
    kind = dice.randrange(8 if depth < 6 else 6)
    if kind >= 6:
        return [value(dice, depth + 1) for _ in range(dice.randrange(4))] if kind == 6 else where(dice, depth + 1)
    return (
        dice.choice(NASTY),
        dice.randrange(-(2**63), 2**63),
        dice.uniform(-1e308, 1e308),
        dice.choice([True, False]),
        None,
        dice.choice(["2024-01-01", "2024-02-30T00:00:00Z"]),
    )[kind]


def where(dice: random.Random, depth: int = 0) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": dice.choice(WHERE_TYPES),
        "field": dice.choice([*FIELDS, dice.choice(NASTY)]),
        "value": value(dice, depth),
    }
    if made["type"] in ("and", "or", "not") or dice.random() < 0.05:
        del made["field"]
    return made


SETS = (
    "base", "interfaceBase", "static", "reference", "filter", "union", "intersect", "subtract", "searchAround",
    "interfaceLinkSearchAround", "asType", "asBaseObjectTypes", "withProperties", "nearestNeighbors", "methodInput", "nope",
)  # fmt: skip
OPERATIONS = ("count", "sum", "avg", "min", "max", "exactDistinct", "approximateDistinct", "approximatePercentile", "get", "collectSet")
DEFINITIONS = ("selection", "property", "add", "subtract", "multiply", "divide", "negate", "least", "extract")


def object_set(dice: random.Random, depth: int = 0) -> dict[str, Any]:
    """A set with everything any kind has, or a part of it: most are refused, some are answered."""
    kind = dice.choice(SETS if depth < 4 else SETS[:4])
    made: dict[str, Any] = {"type": kind}
    inner = object_set(dice, depth + 1) if depth < 4 else {"type": "base", "objectType": "order"}
    every = {
        "objectType": dice.choice(["order", "customer", dice.choice(NASTY)]), "interfaceType": dice.choice(NASTY),
        "reference": dice.choice(NASTY),
        "objects": dice.choice([["ri.ontology.main.object.order.1"], value(dice)]), "objectSet": inner,
        "objectSets": [inner, {"type": "base", "objectType": dice.choice(["order", "customer"])}], "where": where(dice),
        "link": dice.choice(["customer", "orders", dice.choice(NASTY)]), "interfaceLink": dice.choice(NASTY), "validAt": value(dice),
        "depth": dice.choice([{"min": 0, "max": 2}, value(dice)]), "entityType": dice.choice(["order", dice.choice(NASTY)]),
        "derivedProperties": {dice.choice(["made", dice.choice(NASTY)]): definition(dice)}, "numNeighbors": 3,
        "propertyIdentifier": {"type": "property", "apiName": dice.choice(FIELDS)}, "query": {"type": "vector", "value": [1.0, 2.0]},
    }  # fmt: skip
    own = {
        "base": ("objectType",), "interfaceBase": ("interfaceType",), "static": ("objects",), "reference": ("reference",),
        "filter": ("objectSet", "where"), "union": ("objectSets",), "intersect": ("objectSets",), "subtract": ("objectSets",),
        "searchAround": ("objectSet", "link", *dice.sample(["depth", "validAt"], dice.choice([0, 0, 0, 1]))),
        "interfaceLinkSearchAround": ("objectSet", "interfaceLink"), "asType": ("objectSet", "entityType"),
        "asBaseObjectTypes": ("objectSet",), "withProperties": ("objectSet", "derivedProperties"),
        "nearestNeighbors": ("objectSet", "propertyIdentifier", "numNeighbors", "query"),
    }  # fmt: skip
    return made | {name: every[name] for name in own.get(kind, tuple(every))}


def definition(dice: random.Random, depth: int = 0) -> dict[str, Any]:
    kind = dice.choice(DEFINITIONS) if depth < 3 else "property"
    within = definition(dice, depth + 1) if depth < 3 else {}
    operation: dict[str, Any] = {"type": dice.choice(OPERATIONS), "selectedPropertyApiName": dice.choice(FIELDS)}
    if operation["type"] == "count":
        del operation["selectedPropertyApiName"]
    around = {"type": "searchAround", "objectSet": {"type": "methodInput"}, "link": dice.choice(["customer", "orders"])}
    forms: dict[str, dict[str, Any]] = {
        "selection": {"objectSet": around, "operation": operation}, "property": {"apiName": dice.choice(FIELDS)},
        "negate": {"property": within}, "extract": {"property": within, "part": "YEARS"},
        "subtract": {"left": within, "right": within}, "divide": {"left": within, "right": within},
    }  # fmt: skip
    return {"type": kind, **forms.get(kind, {"properties": [within, within]})}


def aggregate(dice: random.Random) -> dict[str, Any]:
    field = dice.choice(FIELDS)
    groups = [
        {"type": "exact", "field": field, "maxGroupCount": 3}, {"type": "fixedWidth", "field": field, "fixedWidth": 7},
        {"type": "ranges", "field": field, "ranges": [{"startValue": value(dice), "endValue": value(dice)}]},
        {"type": "duration", "field": field, "value": 1, "unit": dice.choice(["DAYS", "MONTHS", "HOURS"])}, value(dice),
    ]  # fmt: skip
    metric = {"type": dice.choice([*OPERATIONS, dice.choice(NASTY)]), "field": dice.choice(FIELDS)}
    return {"aggregation": [dice.choice([{"type": "count"}, metric])], "groupBy": dice.sample(groups, dice.randrange(3))}


def posts(dice: random.Random) -> Iterator[tuple[str, Any]]:
    """Bodies for the doors that take sets, aggregates, names and parameters."""
    around = {"objectSet": object_set(dice)}
    for way in ("loadObjects", "loadObjectsMultipleObjectTypes", "loadObjectsOrInterfaces"):
        yield f"objectSets/{way}", {**around, "select": dice.choice([[], [dice.choice(FIELDS)]]), "pageSize": dice.choice([1, 50, 10**6])}
    yield "objectSets/loadLinks", {**around, "links": [dice.choice(["customer", "orders", dice.choice(NASTY)])]}
    yield "objectSets/createTemporary", around
    yield "objectSets/aggregate", {**around, **aggregate(dice)}
    yield "objects/order/aggregate", {**aggregate(dice), "where": where(dice)}
    yield "metadata", {"objectTypes": [dice.choice(["order", dice.choice(NASTY)])], "linkTypes": [dice.choice(NASTY)]}
    yield "objectTypes/getByRidBatch", {"requests": dice.choice([[{"objectTypeRid": dice.choice(NASTY)}], value(dice)])}
    yield f"queries/{quote(dice.choice(NASTY)[:500], safe='')}/execute", {"parameters": dice.choice([{}, value(dice)])}
    yield "objects/order/1/timeseries/amount/streamPoints", {"range": value(dice)}
    yield f"interfaces/{quote(dice.choice(NASTY)[:500], safe='')}/search", {"where": where(dice)}


def requests(dice: random.Random) -> Iterator[tuple[str, str, bytes | None]]:
    def text() -> str:
        return dice.choice(NASTY)[:2_000]

    def part() -> str:
        return quote(text(), safe=dice.choice(["", "/"]))

    for _ in range(REQUESTS):
        params = "&".join(
            f"{quote(dice.choice(['pageSize', 'pageToken', 'select', 'orderBy', text()]))}={part()}" for _ in range(dice.randrange(3))
        )
        body = orjson.dumps({dice.choice(["where", "select", "orderBy", "pageSize", "pageToken"]): value(dice), "where": where(dice)})
        if dice.random() < 0.5:
            path, told = dice.choice(list(posts(dice)))
            yield "POST", f"{PREFIX}/default/{path}", orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS)
            continue
        yield dice.choice(
            [
                ("GET", f"{PREFIX}/{part()}/objects/order", None),
                ("GET", f"{PREFIX}/default/objects/{part()}?{params}", None),
                ("GET", f"{PREFIX}/default/objects/order?{params}", None),
                ("GET", f"{PREFIX}/default/objects/customer/{part()}?{params}", None),
                ("GET", f"{PREFIX}/default/objects/customer/{part()}/links/{part()}?{params}", None),
                ("GET", f"{PREFIX}/default/objects/order/1/links/customer/{part()}", None),
                ("GET", f"{PREFIX}/default/objectTypes/{part()}", None),
                ("GET", f"/api/platform/v1/search?q={part()}&type={part()}&limit={part()}", None),
                ("POST", f"{PREFIX}/default/objects/order/search", dice.choice(RAW)),
                ("POST", f"{PREFIX}/default/objects/order/search", body),
                ("POST", f"{PREFIX}/default/objects/order/search", orjson.dumps({"where": where(dice)})),
            ]
        )


def test_no_request_gives_a_500_and_every_refusal_is_json(client: TestClient) -> None:
    seen: dict[int, int] = {}
    for method, url, body in requests(random.Random(20_130_101)):
        answer = client.request(method, url, content=body)
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, (method, url, body, answer.text)
        told = answer.json()
        if answer.status_code >= 400:
            assert {"errorName", "errorInstanceId"} <= set(told) or {"title", "instance"} <= set(told), (method, url, body, told)
    assert sum(seen.values()) == REQUESTS
    assert seen[200] > 20, seen
