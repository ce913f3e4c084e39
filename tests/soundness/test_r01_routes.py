"""R01, over HTTP: what a caller is told by any route is what a service tells that never held what is hidden from the caller."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.testclient import TestClient

from palantir_assets.access.principal import Principal
from palantir_assets.applying.desk import Desk
from palantir_assets.effects.opening import open_effects
from palantir_assets.graph.building import build_csr
from palantir_assets.identity.accounts import Grant
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.serving.app import create_app
from palantir_assets.serving.policies import policy_of
from palantir_assets.serving.recognising import AsAnyone
from palantir_assets.settings import Settings
from palantir_assets.stores.edits import EditLog
from tests.fakes.identity import Clock, World, world
from tests.fakes.release import NOBODY, VIEWER, FakeRelease, open_to_viewers, shop
from tests.fakes.shop_release import NOW, ListLog, release_shop, settings_in
from tests.soundness.conftest import Score

API, PLATFORM = "/api/v2/ontologies/default", "/api/platform/v1"
RULE = "customer_id in caller.customers and not (paid == false)"
ORDER_ACTION: dict[str, Any] = {"allow": ["viewer"], "parameters": {"order": {"type": "object", "object": "order"}}}
ACTIONS: dict[str, Any] = {
    "settle": {
        **ORDER_ACTION, "name": "settle", "label": {"en": "Settle"},
        "require": [{"that": "order.amount > 3", "say": {"en": "Too little."}}],
        "do": [{"verb": "modify", "what": "order", "set": {"amount": 1.5}}],
        "then": [{"kind": "mail", "names": ["settled"], "to": "caller"}],
    },
    "hand_over": {
        **ORDER_ACTION, "name": "hand_over", "label": {"en": "Hand over"}, "approve": ["viewer"], "four_eyes": False,
        "parameters": {**ORDER_ACTION["parameters"], "customer": {"type": "object", "object": "customer"}},
        "do": [{"verb": "link", "what": "customer", "source": "order", "target": "customer"}],
    },
    "drop": {**ORDER_ACTION, "name": "drop", "label": {"en": "Drop"}, "do": [{"verb": "delete", "what": "order"}]},
}  # fmt: skip
HIDDEN_ACTIONS: dict[str, Any] = {
    "note": {
        **ORDER_ACTION, "name": "note", "label": {"en": "Note"}, "do": [{"verb": "modify", "what": "order", "set": {"note": "seen"}}]
    },
    "weigh": {
        **ORDER_ACTION, "name": "weigh", "label": {"en": "Weigh"},
        "require": [{"that": "order.cents > 3", "say": {"en": "Too little."}}], "do": [{"verb": "delete", "what": "order"}],
    },
    "fire": {**ORDER_ACTION, "name": "fire", "label": {"en": "Fire"}, "allow": ["staff"], "do": [{"verb": "delete", "what": "order"}]},
}  # fmt: skip
"""What the caller may not know of: an action that sets what is hidden, one that reads it, one for others."""
MAILS = {"settled": {"subject": {"en": "{order.title}"}, "text": {"en": "{order.amount}"}}}
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


def with_actions(made: FakeRelease, actions: dict[str, Any]) -> FakeRelease:
    told = {**made.ontology.model_dump(), "actions": actions, "mails": MAILS}
    return dataclasses.replace(made, ontology=type(made.ontology).model_validate(told))


def everything() -> FakeRelease:
    """The shop with all that is hidden from the caller."""
    return with_actions(shop(), {**ACTIONS, **HIDDEN_ACTIONS})


def left_for_the_caller() -> FakeRelease:
    """The shop without what is hidden from the caller, made by hand."""
    whole = with_actions(shop(), ACTIONS)
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
    yield from _account()
    yield from _actions()


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
    yield from (("GET", f"{PLATFORM}/changes{query}", None) for query in ("", "?limit=3", "?types=order&limit=7", "?types=customer"))


def _account() -> Iterator[tuple[str, str, Any]]:
    """What stands beside the ontology: one's own account, why others see what they see, what leaves, Dagster's pages."""
    yield from (("GET", f"{PLATFORM}/{path}", None) for path in ("me", "me/tokens", "me/mail", "outbox", "outbox?state=waiting"))
    yield "POST", f"{PLATFORM}/me/tokens", {"label": "mine", "scopes": ["read"]}
    yield "DELETE", f"{PLATFORM}/me/tokens/x", None
    yield "PUT", f"{PLATFORM}/me/mail", {"mails": False, "language": "ko"}
    yield from (("GET", f"{PLATFORM}/explain?as={who}&object=order/{key}", None) for who in ("ada", "viewer", "x") for key in KEYS)
    yield from (("POST", f"{PLATFORM}/erasures", {"object_type": "order", "key": key, "dry_run": True}) for key in KEYS)
    yield "GET", "/dagster/x", None
    yield "POST", "/dagster/graphql", {}


def _actions() -> Iterator[tuple[str, str, Any]]:
    """What there is, what it would do to what is hidden and what is not; and, at the end, doing it."""
    for name in (*ACTIONS, *HIDDEN_ACTIONS, "x"):
        yield "GET", f"{API}/actionTypes/{name}", None
        yield "GET", f"{API}/actionTypes/byRid/ri.actions.main.action-type.{name}", None
        yield "GET", f"{API}/actionTypes/{name}/fullMetadata", None
        for key in KEYS:
            told = {"order": int(key), **({"customer": "a/b"} if name == "hand_over" else {})}
            yield "POST", f"{PLATFORM}/actions/{name}/preview", {"parameters": told}
            yield "POST", f"{API}/actions/{name}/apply", {"parameters": told, "options": {"mode": "VALIDATE_ONLY"}}
            yield "POST", f"{API}/actions/{name}/apply", {"parameters": told, "options": {"returnEdits": "ALL_V2_WITH_DELETIONS"}}
            yield "POST", f"{API}/actions/{name}/applyBatch", {"requests": [{"parameters": told}], "options": {"returnEdits": "ALL"}}
            version = {"object_type": "order", "key": key, "version": 1}
            yield "POST", f"{PLATFORM}/actions/{name}/apply", {"parameters": told, "expected_versions": [version]}
            yield "POST", f"{API}/objectTypes/order/editsHistory", {"objectPrimaryKey": {"order_id": int(key)}}
    yield "GET", f"{API}/actionTypesFullMetadata", None
    requests = [{"actionTypeRid": f"ri.actions.main.action-type.{name}"} for name in ("settle", "note", "fire")]
    yield "POST", f"{API}/actionTypes/getByRidBatch", {"requests": requests}
    yield "POST", f"{API}/actionTypes/getFullMetadataBatch", {"requests": [{"actionType": "drop"}, {"actionType": "weigh"}]}
    for where in (
        None,
        {"type": "logicRule", "value": "MODIFY_OBJECT"},
        {"type": "actionTypeApiName", "value": {"type": "contains", "value": "n"}},
    ):
        yield "POST", f"{API}/actionTypes/search", {"where": where}
        yield "POST", f"{API}/actionTypes/searchFullMetadata", {"where": where}
    yield "POST", f"{API}/metadata", {"actionTypes": ["note"]}
    yield "POST", f"{API}/objectTypes/order/editsHistory", {}
    yield "GET", f"{PLATFORM}/actions/log", None
    yield "GET", f"{PLATFORM}/proposals", None
    for number in range(1, 8):
        yield "GET", f"{PLATFORM}/actions/log/{number}", None
        yield "POST", f"{PLATFORM}/actions/log/{number}/revert", {"preview": True, "with_dependents": True}
        yield "GET", f"{PLATFORM}/proposals/{number}", None
        yield "POST", f"{PLATFORM}/proposals/{number}/approve", {}
        yield "POST", f"{PLATFORM}/proposals/{number}/reject", {}
        yield "POST", f"{PLATFORM}/actions/log/{number}/revert", {"with_dependents": True}


def ref(object_type: str, key: object) -> dict[str, object]:
    return {"object_type": object_type, "key": key}


@contextmanager
def served(folder: Path, caller: Principal, access: ServedAccess, made: FakeRelease | None = None) -> Iterator[TestClient]:
    """The whole service, with every route that it can have, asked with a token of a user who is this caller."""
    settings, log = settings_in(folder), ListLog()
    release_shop(settings, log, access=access, made=made)
    people = world(folder, url=settings.ledger_url, clock=Clock(NOW))
    try:
        with TestClient(whole_app(settings, log, people), raise_server_exceptions=False) as client:
            client.headers["Authorization"] = f"Bearer {token_of(people, caller)}"
            yield client
    finally:
        people.close()


def whole_app(settings: Settings, log: ListLog, people: World) -> FastAPI:
    desk = Desk(EditLog(people.database), people.identities, people.clock)
    effects = open_effects(settings, people.database, people.clock)
    return create_app(settings, log, clock=people.clock, identity=people.identity(), desk=desk, effects=effects)


def token_of(people: World, caller: Principal) -> str:
    """A token of a new user with the roles and attributes of a caller."""
    grants = [Grant(caller.id, "role", role) for role in sorted(caller.roles)]
    grants += [Grant(caller.id, "attribute", name, json.dumps(value)) for name, value in caller.attributes.items()]
    people.identities.add_user(caller.id, display=caller.id, grants=grants, actor="test", at=NOW)
    scopes = frozenset({"read", "write", "account"})
    return people.flows.personal(caller.id, scopes=scopes, label="test", life=timedelta(days=300), actor="test")[1]


def told(client: TestClient, method: str, path: str, body: Any) -> tuple[int, str]:
    """Status and text, without what names the release, the rights, the error or the page."""
    answer = client.request(method, path, json=body)
    return answer.status_code, re.sub(r"[0-9a-f]{32}|[0-9a-f-]{36}|~[0-9a-f]{16}|\"nextPageToken\":\"[^\"]*\"", "…", answer.text)


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, TestClient]]:
    lesser = left_for_the_caller()
    kept = open_to_viewers(lesser.ontology)
    with (
        served(tmp_path_factory.mktemp("whole"), CALLER, rules(), everything()) as asked,
        served(tmp_path_factory.mktemp("lesser"), Principal(CALLER.id, VIEWER.roles, CALLER.attributes), kept, lesser) as other,
    ):
        yield asked, other


def test_every_route_tells_what_it_would_tell_had_the_hidden_never_been(clients: tuple[TestClient, TestClient], score: Score) -> None:
    asked, other = clients
    answers = [(each, told(asked, *each), told(other, *each)) for each in requests()]  # once each: some change something
    different = [each for each in answers if each[1] != each[2]]
    assert not different, different[0]
    assert len(asked.get(f"{PLATFORM}/actions/log").json()["data"]) > 10, "what may be applied was applied"
    score("R01", len(list(requests())), len(different))


def test_no_route_under_api_is_left_out(clients: tuple[TestClient, TestClient]) -> None:
    app: Any = clients[0].app
    guarded = [route for route in app.routes if (policy := policy_of(route)) is not None and policy.name != "public"]
    asked = {(method, path.partition("?")[0]) for method, path, _ in requests()}
    missed = [route for route in guarded if not any(_is_of(route, method, path) for method, path in asked)]
    assert len(guarded) > 80
    missed = [route for route in missed if not isinstance(route, WebSocketRoute)]  # Dagster's, which no object passes
    missed = [
        route for route in missed if getattr(route, "path", "") != "/metrics"
    ]  # numbers of the service, which its operators alone read
    assert not missed, [getattr(route, "path", route) for route in missed]


def _is_of(route: BaseRoute, method: str, path: str) -> bool:
    pattern = re.sub(r"\\\{[^}]*:path\\\}", ".+", re.escape(getattr(route, "path", "")))
    pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", pattern)
    return method in (getattr(route, "methods", None) or ()) and re.fullmatch(pattern, path) is not None


@pytest.mark.parametrize("caller", [NOBODY, SHOWN])
def test_another_caller_is_told_something_else(clients: tuple[TestClient, TestClient], tmp_path: Path, caller: Principal) -> None:
    """The comparison can fail: others are told other things, and who may read notes is told them."""
    with served(tmp_path, caller, rules(), everything()) as client:
        different = [each for each in requests() if told(client, *each) != told(clients[1], *each)]
        assert len(different) > 50
        assert ('"note":' in client.get(f"{API}/objects/order").text) is (caller is SHOWN)


@pytest.fixture
def strange(tmp_path: Path) -> Iterator[tuple[Settings, ListLog, World]]:
    """A shop of which nobody is known, and its people."""
    settings, log = settings_in(tmp_path), ListLog()
    people = world(tmp_path, url=settings.ledger_url, clock=Clock(NOW))
    yield settings, log, people
    people.close()


def test_nobody_is_let_into_a_route_that_is_not_public(strange: tuple[Settings, ListLog, World]) -> None:
    release_shop(*strange[:2], access=rules().model_copy(update={"anonymous": ()}))
    with TestClient(whole_app(*strange), raise_server_exceptions=False) as client:
        for method, path, body in requests():
            answer = client.request(method, path, json=body)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer"), (method, path)
        for path in ("/healthz", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200


def test_a_bad_credential_is_refused_wherever_somebody_is_needed_though_anonymous_callers_are_let_in(
    strange: tuple[Settings, ListLog, World],
) -> None:
    release_shop(*strange[:2])
    with TestClient(whole_app(*strange), raise_server_exceptions=False, headers={"Authorization": "Bearer nonsense"}) as client:
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
