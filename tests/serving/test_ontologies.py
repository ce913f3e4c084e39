from __future__ import annotations

from starlette.testclient import TestClient

TYPES = "/api/v2/ontologies/default/objectTypes"


def test_the_one_ontology_answers_to_its_name_and_its_rid(client: TestClient) -> None:
    (listed,) = client.get("/api/v2/ontologies").json()["data"]
    assert client.get("/api/v2/ontologies/default").json() == listed
    assert client.get(f"/api/v2/ontologies/{listed['rid']}").json() == listed


def test_an_object_type_tells_its_key_its_title_and_its_properties(client: TestClient) -> None:
    found = client.get(f"{TYPES}/order").json()
    assert (found["primaryKey"], found["titleProperty"], found["status"]) == ("order_id", "order_id", "ACTIVE")
    assert {name: prop["dataType"]["type"] for name, prop in found["properties"].items()}["cents"] == "long"
    assert found["properties"]["amount"]["description"] == "(EUR)"
    assert found in client.get(TYPES).json()["data"]


def test_labels_come_in_korean_when_it_is_asked_for(client: TestClient) -> None:
    found = client.get(f"{TYPES}/customer", headers={"Accept-Language": "ko-KR,ko;q=0.9"}).json()
    assert (found["displayName"], found["pluralDisplayName"], found["properties"]["name"]["displayName"]) == ("고객", "고객들", "이름")
    assert client.get(f"{TYPES}/customer").json()["displayName"] == "Customer"


def test_a_link_is_told_at_both_its_ends(client: TestClient) -> None:
    (forward,) = client.get(f"{TYPES}/order/outgoingLinkTypes").json()["data"]
    (reverse,) = client.get(f"{TYPES}/customer/outgoingLinkTypes").json()["data"]
    assert (forward["apiName"], forward["cardinality"], forward["objectTypeApiName"]) == ("customer", "ONE", "customer")
    assert (reverse["apiName"], reverse["cardinality"], reverse["objectTypeApiName"]) == ("orders", "MANY", "order")
    assert client.get(f"{TYPES}/customer/outgoingLinkTypes/orders").json() == reverse


def test_what_is_unknown_is_not_found(client: TestClient) -> None:
    assert client.get(f"{TYPES}/nope").json()["errorName"] == "ObjectTypeNotFound"
    assert client.get(f"{TYPES}/order/outgoingLinkTypes/nope").json()["errorName"] == "LinkTypeNotFound"
    assert client.get("/api/v2/ontologies/nope/objectTypes").json()["errorName"] == "OntologyNotFound"
