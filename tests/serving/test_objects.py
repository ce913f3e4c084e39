from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from tests.fakes.release import NASTY_KEYS, shop

OBJECTS = "/api/v2/ontologies/default/objects"
ORDERS = shop().rows["order"]


def search(client: TestClient, **body: object) -> Any:
    return client.post(f"{OBJECTS}/order/search", json=body)


def ids(page: Any) -> list[int]:
    return [row["order_id"] for row in page["data"]]


def pages(client: TestClient, **params: Any) -> list[int]:
    found, token = [], None
    while True:
        page = client.get(f"{OBJECTS}/order", params={**params, **({"pageToken": token} if token else {})}).json()
        found += ids(page)
        token = page.get("nextPageToken")
        if token is None:
            return found


@pytest.mark.parametrize("key", NASTY_KEYS)
def test_every_key_is_reached_when_it_is_encoded(client: TestClient, key: str) -> None:
    answer = client.get(f"{OBJECTS}/customer/{quote(key, safe='').replace('.', '%2E')}")
    assert answer.json()["__primaryKey"] == key
    linked = client.get(f"{OBJECTS}/customer/{quote(key, safe='').replace('.', '%2E')}/links/orders", params={"pageSize": 1000})
    assert ids(linked.json()) == [n for n, row in enumerate(ORDERS) if row["customer_id"] == key]


def test_a_key_with_a_plain_slash_is_understood_too(client: TestClient) -> None:
    assert client.get(f"{OBJECTS}/customer/a/b").json()["__primaryKey"] == "a/b"
    assert client.get(f"{OBJECTS}/customer/a/b/links/orders?pageSize=1").json()["data"][0]["customer_id"] == "a/b"


def test_korean_comes_back_as_utf_8_byte_for_byte(client: TestClient) -> None:
    assert "이름 한국어".encode() in client.get(f"{OBJECTS}/customer/{quote('한국어')}").content
    found = search(client, where={"type": "eq", "field": "note", "value": "빠른 배송"}, select=["note"])
    assert "빠른 배송".encode() in found.content
    assert b"\\u" not in found.content


def test_an_object_has_foundry_s_own_names_and_no_nulls(client: TestClient) -> None:
    order = client.get(f"{OBJECTS}/order/0").json()
    assert (order["__apiName"], order["__primaryKey"], order["__rid"]) == ("order", 0, "ri.ontology.main.object.order.0")
    assert "amount" not in order
    assert order["cents"] == "0"


def test_pages_follow_one_another_and_say_how_many_there_are(client: TestClient) -> None:
    assert pages(client, pageSize=60) == list(range(250))
    first = client.get(f"{OBJECTS}/order", params={"pageSize": 100}).json()
    assert (len(first["data"]), first["totalCount"]) == (100, "250")


def test_a_page_holds_a_thousand_objects_unless_said_otherwise_and_never_more_than_ten_thousand(client: TestClient) -> None:
    assert len(client.get(f"{OBJECTS}/order").json()["data"]) == 250
    for size in (10_000, 99_999, 10**4_000):
        assert len(client.get(f"{OBJECTS}/order", params={"pageSize": size}).json()["data"]) == 250


def test_order_by_is_read_as_foundry_writes_it(client: TestClient) -> None:
    expected = sorted(range(250), key=lambda n: (ORDERS[n]["paid"] is None, not ORDERS[n]["paid"], -n))
    assert pages(client, orderBy="properties.paid:desc,p.order_id:desc", pageSize=999) == expected


def test_select_keeps_the_properties_asked_for(client: TestClient) -> None:
    order = client.get(f"{OBJECTS}/order/1", params={"select": ["note", "paid"]}).json()
    assert {name for name in order if not name.startswith("__")} == {"note", "paid"}


def test_a_search_filters_sorts_and_counts(client: TestClient) -> None:
    where = {
        "type": "and",
        "value": [{"type": "gt", "field": "amount", "value": 50}, {"type": "not", "value": {"type": "eq", "field": "paid", "value": True}}],
    }
    page = search(client, where=where, orderBy={"fields": [{"field": "amount", "direction": "desc"}]}, pageSize=1000).json()
    expected = [n for n, row in enumerate(ORDERS) if row["amount"] is not None and row["amount"] > 50 and row["paid"] is False]
    assert ids(page) == sorted(expected, reverse=True)
    assert page["totalCount"] == str(len(expected))


def test_a_search_body_may_carry_what_foundry_s_client_sends(client: TestClient) -> None:
    assert search(client, select=[], snapshot=True, excludeRid=False, pageSize=1).status_code == 200
    assert search(client, were={"type": "eq"}).status_code == 400
    assert search(client, orderBy={"orderType": "relevance", "fields": []}).status_code == 200
    assert search(client, select=["note"], selectV2=[{"type": "property", "apiName": "paid"}]).status_code == 400
    assert search(client, loadPropertySecurities=True).status_code == 400


def test_objects_are_counted(client: TestClient) -> None:
    assert client.post(f"{OBJECTS}/order/count").json() == {"count": 250}


def test_a_linked_object_is_found_by_both_keys(client: TestClient) -> None:
    owner = quote(ORDERS[5]["customer_id"], safe="")
    assert client.get(f"{OBJECTS}/order/5/links/customer/{owner}").json()["__primaryKey"] == ORDERS[5]["customer_id"]
    assert client.get(f"{OBJECTS}/order/6/links/customer/{owner}").json()["errorName"] == "LinkedObjectNotFound"
    assert client.get(f"{OBJECTS}/order/999/links/customer/{owner}").json()["errorName"] == "ObjectNotFound"


def test_linked_objects_come_by_key_or_in_the_order_asked_for(client: TestClient) -> None:
    owner = quote(ORDERS[5]["customer_id"], safe="")
    own = [n for n, row in enumerate(ORDERS) if row["customer_id"] == ORDERS[5]["customer_id"]]
    assert ids(client.get(f"{OBJECTS}/customer/{owner}/links/orders").json()) == own
    assert ids(client.get(f"{OBJECTS}/customer/{owner}/links/orders?orderBy=p.order_id:desc").json()) == own[::-1]
    assert client.get(f"{OBJECTS}/customer/nobody/links/orders?orderBy=p.order_id").json()["errorName"] == "ObjectNotFound"


def test_an_object_is_told_without_its_rid_if_that_is_asked(client: TestClient) -> None:
    assert "__rid" not in client.get(f"{OBJECTS}/order/0?excludeRid=true").json()
    assert "__rid" in client.get(f"{OBJECTS}/order/0?excludeRid=false").json()
    assert all("__rid" not in row for row in search(client, excludeRid=True, pageSize=3).json()["data"])


@pytest.mark.parametrize(("name", "error"), [("branch", "FoundryBranchNotFound"), ("scenarioRid", "OntologyScenarioNotFound")])
def test_what_asks_for_other_data_than_the_release_s_is_refused(client: TestClient, name: str, error: str) -> None:
    for path in (f"{OBJECTS}/order", f"{OBJECTS}/order/1", "/api/v2/ontologies/default/objectTypes"):
        assert client.get(path, params={name: "mine"}).json()["errorName"] == error


@pytest.mark.parametrize("size", ["0", "-1", "x", "１０", "1e3", "-" + "9" * 5_000, ""])
def test_a_page_size_out_of_bounds_is_refused(client: TestClient, size: str) -> None:
    answer = client.get(f"{OBJECTS}/order", params={"pageSize": size})
    assert (answer.status_code, "pageSize" in answer.json()["errorDescription"]) == (400, True)


@pytest.mark.parametrize("order", ["amount", "p.", "properties.nope", "p.amount:up", "p.amount desc", "'; DROP TABLE order"])
def test_an_order_that_is_none_is_refused(client: TestClient, order: str) -> None:
    assert client.get(f"{OBJECTS}/order", params={"orderBy": order}).status_code in (400, 404)


@pytest.mark.parametrize(
    ("path", "status", "name", "parameters"),
    [
        ("/api/v2/ontologies/nope/objects/order", 404, "OntologyNotFound", {"apiName": "nope"}),
        (f"{OBJECTS}/ordr/1", 404, "ObjectTypeNotFound", {"objectType": "ordr"}),
        (f"{OBJECTS}/order/999", 404, "ObjectNotFound", {"objectType": "order", "primaryKey": {"order_id": "999"}}),
        (f"{OBJECTS}/order/1/links/nope", 404, "LinkTypeNotFound", {"objectType": "order", "linkType": "nope"}),
        (f"{OBJECTS}/order?select=nope", 404, "PropertiesNotFound", {"objectType": "order", "properties": ["nope"]}),
        (f"{OBJECTS}/order?pageToken=nope", 400, "InvalidPageToken", {"pageToken": "nope"}),
    ],
)
def test_errors_come_in_foundry_s_envelope(client: TestClient, path: str, status: int, name: str, parameters: dict[str, object]) -> None:
    answer = client.get(path)
    body = answer.json()
    assert (answer.status_code, body["errorName"], body["parameters"]) == (status, name, parameters)
    assert set(body) == {"errorCode", "errorName", "errorDescription", "errorInstanceId", "parameters"}
