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
REQUESTS = 500
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
