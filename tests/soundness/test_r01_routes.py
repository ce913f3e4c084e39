"""R01, over HTTP: what a caller is told by any route is what a service tells that never held what is hidden from the caller."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import BaseRoute
from starlette.testclient import TestClient
from starlette.types import Scope

from palantir_assets.access.principal import Principal
from palantir_assets.graph.building import build_csr
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.serving.app import create_app
from palantir_assets.serving.policies import policy_of
from palantir_assets.serving.recognising import AsAnyone, Unauthorized
from tests.fakes.release import NOBODY, VIEWER, FakeRelease, open_to_viewers, shop
from tests.fakes.shop_release import NOW, ListLog, release_shop, settings_in
from tests.soundness.conftest import Score

API, PLATFORM = "/api/v2/ontologies/default", "/api/platform/v1"
RULE = "customer_id in caller.customers and not (paid == false)"
CALLER = Principal("ada", frozenset({"viewer"}), {"customers": ("a/b", "é", "#")})
SHOWN = Principal("bob", frozenset({"viewer", "staff"}), {"customers": ("a/b",)})
KEYS = ("0", "1", "2", "3", "6", "16", "32", "249")
BASE: dict[str, Any] = {"type": "base", "objectType": "order"}
NOTE = {"type": "isNull", "field": "note", "value": False}


def rules() -> ServedAccess:
    """Of orders, those of the caller's customers that are paid, without their notes and what was made of them."""
    told = open_to_viewers(shop().ontology).model_dump() | {"attributes": {"customers": "strings"}}
    told["roles"]["staff"] = {}
    told["types"]["order"] |= {
        "rows": RULE,
        "properties": {"note": {"roles": ["staff"]}, "cents": {"reads": {"properties": ["order.note"]}}},
    }
    return ServedAccess.model_validate(told)


def left_for_the_caller() -> FakeRelease:
    """The shop without what is hidden from the caller, made by hand."""
    whole = shop()
    kept = [row for row in whole.rows["order"] if row["customer_id"] in CALLER.attributes["customers"] and row["paid"] is True]  # type: ignore[operator]
    orders = [{name: value for name, value in row.items() if name not in ("note", "cents")} for row in kept]
    told = whole.ontology.model_dump()
    for name in ("note", "cents"):
        del told["types"]["order"]["properties"][name]
    people = [row["customer_id"] for row in whole.rows["customer"]]
    links = build_csr(list(range(len(orders))), [people.index(row["customer_id"]) for row in orders], len(orders), len(people))
    return dataclasses.replace(
        whole,
        ontology=type(whole.ontology).model_validate(told),
        rows={**whole.rows, "order": orders},
        links={"order__customer": links},
    )


def requests() -> Iterator[tuple[str, str, Any]]:
    """Method, path and body: every route under /api is asked, most of them about what is hidden too."""
    for key in KEYS:
        one = f"{API}/objects/order/{key}"
        yield from (("GET", path, None) for path in (one, f"{one}?select=note", f"{one}?select=amount", f"{one}/links/customer"))
        yield "GET", f"{one}/links/customer/a%2Fb", None
        yield "GET", f"{API}/objects/customer/a%2Fb/links/orders/{key}", None
        yield "POST", f"{PLATFORM}/graph/reachable", {"from": ref("order", int(key)), "to": ref("order", 0)}
        yield "POST", f"{PLATFORM}/graph/path", {"from": ref("customer", "é"), "to": ref("order", int(key)), "all": True}
        yield "POST", f"{PLATFORM}/graph/neighbourhood", {"start": ref("order", int(key)), "depth": 2}
        for point in ("firstPoint", "lastPoint"):
            yield "GET", f"{one}/timeseries/note/{point}", None
        yield "POST", f"{one}/timeseries/note/streamPoints", {}
    for person in ("a%2Fb", "%C3%A9", "a%20b", "%23"):
        path = f"{API}/objects/customer/{person}"
        yield from (("GET", each, None) for each in (path, f"{path}/links/orders", f"{path}/links/orders?orderBy=p.note"))
    yield from (("GET", f"{API}/objects/order{query}", None) for query in ("", "?pageSize=3", "?orderBy=p.note", "?orderBy=p.amount:desc"))
    yield "GET", f"{API}/objects/customer", None
    yield from _bodies()
    yield from _metadata()


def _bodies() -> Iterator[tuple[str, str, Any]]:
    for where in (None, NOTE, {"type": "eq", "field": "customer_id", "value": "a b"}, {"type": "gt", "field": "amount", "value": 10}):
        yield "POST", f"{API}/objects/order/search", {"where": where}
        grouped = {"aggregation": [{"type": "count"}, {"type": "max", "field": "amount"}], "where": where}
        for by in ("customer_id", "note", "paid"):
            yield "POST", f"{API}/objects/order/aggregate", {**grouped, "groupBy": [{"type": "exact", "field": by}]}
        form = BASE if where is None else {"type": "filter", "objectSet": BASE, "where": where}
        around = {"type": "searchAround", "objectSet": {"type": "searchAround", "objectSet": form, "link": "customer"}, "link": "orders"}
        for each in (form, around, {"type": "union", "objectSets": [form, around]}):
            for route in ("loadObjects", "loadObjectsMultipleObjectTypes", "loadObjectsOrInterfaces"):
                yield "POST", f"{API}/objectSets/{route}", {"objectSet": each, "select": []}
            yield "POST", f"{API}/objectSets/aggregate", {"objectSet": each, "aggregation": [{"type": "count"}]}
            yield "POST", f"{API}/objectSets/loadLinks", {"objectSet": each, "links": ["customer"]}
            for shape in ("json", "graphml", "cytoscape"):
                yield "POST", f"{PLATFORM}/graph/subgraph", {"object_set": each, "depth": 1, "format": shape}
    yield "POST", f"{API}/objects/order/count", None
    yield "POST", f"{PLATFORM}/graph/path", {"from": ref("order", 0), "to": ref("order", 16), "weights": {"order.customer": "cents"}}
    rids = [f"ri.ontology.main.object.order.{key}" for key in KEYS]
    yield "POST", f"{API}/objectSets/loadObjects", {"objectSet": {"type": "static", "objects": rids}, "select": []}
    counted = {"type": "selection", "objectSet": {"type": "searchAround", "objectSet": {"type": "methodInput"}, "link": "orders"}}
    derived = {name: {**counted, "operation": operation} for name, operation in {"n": {"type": "count"}}.items()}
    customers = {"type": "base", "objectType": "customer"}
    form = {"type": "withProperties", "objectSet": customers, "derivedProperties": derived}
    yield "POST", f"{API}/objectSets/loadObjects", {"objectSet": form, "select": []}
    yield "POST", f"{API}/objectSets/createTemporary", {"objectSet": {"type": "filter", "objectSet": BASE, "where": NOTE}}
    yield "GET", f"{API}/objectSets/ri.object-set.main.temporary-object-set.nobody", None


def _metadata() -> Iterator[tuple[str, str, Any]]:
    for path in (
        "", "/fullMetadata", "/objectTypes", "/objectTypes/order", "/objectTypes/order/fullMetadata",
        "/objectTypes/order/outgoingLinkTypes",
        "/objectTypes/order/outgoingLinkTypes/customer", "/interfaceTypes", "/interfaceTypes/x", "/interfaceTypes/x/outgoingLinkTypes",
        "/interfaceTypes/x/outgoingLinkTypes/y", "/valueTypes", "/valueTypes/x", "/queryTypes", "/queryTypes/x", "/actionTypes",
        "/interfaces/x", "/interfaces/x/order/1/links/y",
    ):  # fmt: skip
        yield "GET", f"{API}{path}", None
    yield "GET", "/api/v2/ontologies", None
    yield "POST", f"{API}/metadata", {"objectTypes": ["order"], "linkTypes": ["customer"]}
    yield "POST", f"{API}/objectTypes/getByRidBatch", {"requests": [{"objectTypeRid": "ri.ontology.main.object-type.order"}]}
    yield "POST", f"{API}/objectTypes/getFullMetadataBatch", {"requests": [{"objectType": "order"}], "includeLinkTypes": True}
    yield "POST", f"{API}/outgoingLinkTypes/getByRidBatch", {"requests": [{"objectTypeRid": "ri.ontology.main.object-type.order"}]}
    yield "POST", f"{API}/queryTypes/getByRidBatch", {"requests": [{"queryTypeRid": "ri.ontology.main.function.x"}]}
    yield "POST", f"{API}/queries/x/execute", {"parameters": {}}
    yield "POST", f"{API}/interfaces/x/search", {}
    yield "POST", f"{API}/interfaces/x/aggregate", {"aggregation": [{"type": "count"}]}
    yield from (
        ("GET", f"{PLATFORM}/{path}", None) for path in ("metrics", "metrics/average_amount", "metrics/orders_by_payment", "withheld")
    )
    yield from (("GET", f"{PLATFORM}/{path}", None) for path in ("search?q=note", "search?q=a&type=order", "releases"))


def ref(object_type: str, key: object) -> dict[str, object]:
    return {"object_type": object_type, "key": key}


def served(folder: Path, caller: Principal, access: ServedAccess, made: FakeRelease | None = None) -> TestClient:
    settings, log = settings_in(folder), ListLog()
    release_shop(settings, log, access=access, made=made)
    return TestClient(create_app(settings, log, clock=lambda: NOW, recognises=AsAnyone(caller)), raise_server_exceptions=False)


def told(client: TestClient, method: str, path: str, body: Any) -> tuple[int, str]:
    """Status and text, without what names the release, the error or the page."""
    answer = client.request(method, path, json=body)
    return answer.status_code, re.sub(r"[0-9a-f]{32}|[0-9a-f-]{36}|\"nextPageToken\":\"[^\"]*\"", "…", answer.text)


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, TestClient]]:
    lesser = left_for_the_caller()
    kept = open_to_viewers(lesser.ontology)
    with (
        served(tmp_path_factory.mktemp("whole"), CALLER, rules()) as asked,
        served(tmp_path_factory.mktemp("lesser"), VIEWER, kept, lesser) as other,
    ):
        yield asked, other


def test_every_route_tells_what_it_would_tell_had_the_hidden_never_been(clients: tuple[TestClient, TestClient], score: Score) -> None:
    asked, other = clients
    different = [(each, told(asked, *each), told(other, *each)) for each in requests() if told(asked, *each) != told(other, *each)]
    assert not different, different[0]
    score("R01", len(list(requests())), len(different))


def test_no_route_under_api_is_left_out(clients: tuple[TestClient, TestClient]) -> None:
    app: Any = clients[0].app
    guarded = [route for route in app.routes if (policy := policy_of(route)) is not None and policy.name != "public"]
    asked = {(method, path.partition("?")[0]) for method, path, _ in requests()}
    missed = [route for route in guarded if not any(_is_of(route, method, path) for method, path in asked)]
    assert len(guarded) > 30
    assert not missed, [getattr(route, "path", route) for route in missed]


def _is_of(route: BaseRoute, method: str, path: str) -> bool:
    pattern = re.sub(r"\\\{[^}]*:path\\\}", ".+", re.escape(getattr(route, "path", "")))
    pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", pattern)
    return method in (getattr(route, "methods", None) or ()) and re.fullmatch(pattern, path) is not None


@pytest.mark.parametrize("caller", [NOBODY, SHOWN])
def test_another_caller_is_told_something_else(clients: tuple[TestClient, TestClient], tmp_path: Path, caller: Principal) -> None:
    """The comparison can fail: others are told other things, and who may read notes is told them."""
    with served(tmp_path, caller, rules()) as client:
        different = [each for each in requests() if told(client, *each) != told(clients[1], *each)]
        assert len(different) > 50
        assert ('"note":' in client.get(f"{API}/objects/order").text) is (caller is SHOWN)


def test_nobody_is_let_into_a_route_that_is_not_public(tmp_path: Path) -> None:
    settings, log = settings_in(tmp_path), ListLog()
    release_shop(settings, log, access=rules().model_copy(update={"anonymous": ()}))
    with TestClient(create_app(settings, log, clock=lambda: NOW), raise_server_exceptions=False) as client:
        for method, path, body in requests():
            answer = client.request(method, path, json=body)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer"), (method, path)
        for path in ("/healthz", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200


class Refusing:
    """Takes no credential at all."""

    def recognise(self, scope: Scope) -> Principal | None:
        raise Unauthorized("this token is not taken")


def test_a_bad_credential_is_refused_wherever_somebody_is_needed_though_anonymous_callers_are_let_in(tmp_path: Path) -> None:
    settings, log = settings_in(tmp_path), ListLog()
    release_shop(settings, log)
    with TestClient(create_app(settings, log, clock=lambda: NOW, recognises=Refusing()), raise_server_exceptions=False) as client:
        assert client.get("/healthz").status_code == 200
        for method, path, body in requests():
            answer = client.request(method, path, json=body)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"'), (method, path)


def test_an_entity_tag_holds_under_the_same_rights_only(tmp_path: Path) -> None:
    settings, log = settings_in(tmp_path), ListLog()
    release_shop(settings, log, access=rules())
    tags = []
    for caller in (CALLER, SHOWN):
        app = create_app(settings, log, clock=lambda: NOW, recognises=AsAnyone(caller))
        with TestClient(app) as client:
            path = f"{API}/objects/customer"
            tag = client.get(path).headers["ETag"]
            assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
            assert all(client.get(path, headers={"If-None-Match": other}).status_code == 200 for other in tags)
            assert "Authorization" in client.get(path).headers["Vary"] and "Cookie" in client.get(path).headers["Vary"]
            tags.append(tag)
