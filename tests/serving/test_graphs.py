"""The graph over HTTP: bodies, formats, limits and errors. What is found is checked in tests/engine."""

from __future__ import annotations

import io
from typing import Any

import networkx
import pytest
from starlette.testclient import TestClient

ROOT = "/api/platform/v1/graph"


def ask(client: TestClient, what: str, status: int = 200, **body: Any) -> Any:
    answer = client.post(f"{ROOT}/{what}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def order(key: object) -> dict[str, object]:
    return {"object_type": "order", "key": key}


def test_the_neighbourhood_of_an_object(client: TestClient) -> None:
    told = ask(client, "neighbourhood", start=order(3), links=["order.customer"])
    assert [(item["distance"], item["parent"], item["link"]) for item in told["data"]] == [(0, None, None), (1, 0, "order.customer")]
    assert told["data"][1]["object"]["__apiName"] == "customer"
    assert told["cut"] is None and len(told["release_id"]) == 32
    cut = ask(client, "neighbourhood", start=order("3"), depth=2, limit=5, select=["order_id"])
    assert (cut["cut"], len(cut["data"])) == ("rows", 5)
    assert set(cut["data"][2]["object"]) == {"__rid", "__primaryKey", "__apiName", "__title", "order_id"}


def test_a_path_and_whether_there_is_one(client: TestClient) -> None:
    ends = {"from": order(1), "to": order(17)}
    (way,) = ask(client, "path", **ends)["data"]
    assert (way["weight"], way["links"]) == (2.0, ["order.customer", "customer.orders"])
    assert [item["__primaryKey"] for item in way["objects"]][::2] == [1, 17]
    assert ask(client, "path", **ends, links=["order.customer"])["data"] == []
    assert len(ask(client, "path", **ends, all=True, limit=3)["data"]) == 1
    assert ask(client, "reachable", **ends) | {"release_id": ""} == {"release_id": "", "cut": None, "reachable": True, "distance": 2}
    assert ask(client, "reachable", **ends, depth=1)["reachable"] is False


def test_a_part_of_the_graph_in_three_formats(client: TestClient) -> None:
    body = {"start": [order(1), order(17)], "links": ["order.customer"]}
    told = ask(client, "subgraph", **body)
    assert [node["object_type"] for node in told["objects"]] == ["order", "order", "customer"]
    assert told["links"] == [{"source": 0, "target": 2, "link": "order.customer"}, {"source": 1, "target": 2, "link": "order.customer"}]
    for answer in (
        client.post(f"{ROOT}/subgraph", json={**body, "format": "graphml"}),
        client.post(f"{ROOT}/subgraph", json=body, headers={"Accept": "application/graphml+xml"}),
    ):
        assert answer.headers["content-type"].startswith("application/graphml+xml")
        assert sorted(networkx.read_graphml(io.BytesIO(answer.content)).nodes)[1:] == ["order:1", "order:17"]
    cytoscape = client.post(f"{ROOT}/subgraph", json={**body, "format": "cytoscape"})
    assert networkx.cytoscape_graph(cytoscape.json()).number_of_edges() == 2
    assert "Graph-Cut" not in cytoscape.headers
    assert client.post(f"{ROOT}/subgraph", json={**body, "limit": 2}).headers["Graph-Cut"] == "rows"


def test_a_part_of_the_graph_from_an_object_set(client: TestClient) -> None:
    objects = {
        "type": "filter",
        "objectSet": {"type": "base", "objectType": "order"},
        "where": {"type": "lt", "field": "order_id", "value": 2},
    }
    told = ask(client, "subgraph", object_set=objects, depth=0)
    assert [node["key"] for node in told["objects"]] == [0, 1]


@pytest.mark.parametrize(
    ("what", "body", "status", "says"),
    [
        ("neighbourhood", {"start": order(9999)}, 404, "no order with key '9999'"),
        ("neighbourhood", {"start": {"object_type": "ordr", "key": 1}}, 404, "did you mean 'order'"),
        ("neighbourhood", {"start": order(1), "links": ["order.nope"]}, 404, "unknown link"),
        ("neighbourhood", {"start": order(1), "limit": 10_001}, 400, "limit"),
        ("neighbourhood", {"start": order(1), "seconds": 11}, 400, "seconds"),
        ("neighbourhood", {"start": order(1), "sseconds": 1}, 400, "sseconds"),
        ("path", {"from": order(1)}, 400, "to"),
        ("path", {"from": order(1), "to": order(2), "weights": {"order.customer": "nope"}}, 400, ""),
        ("subgraph", {}, 400, "start"),
        ("subgraph", {"start": [order(1)], "object_set": {}}, 400, "one of them"),
        ("subgraph", {"object_set": {"type": "nope"}}, 400, ""),
        ("subgraph", {"start": [order(1)], "format": "svg"}, 400, "format"),
    ],
)
def test_what_cannot_be_asked_is_a_problem_in_words(client: TestClient, what: str, body: dict[str, Any], status: int, says: str) -> None:
    answer = client.post(f"{ROOT}/{what}", json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, says in answer.text) == (status, True), answer.text


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_has_no_place_in_utc_is_the_callers_error(client: TestClient, moment: str) -> None:
    assert "outside the years" in ask(client, "neighbourhood", 400, start=order(3), valid_at=moment)["detail"]


def test_half_a_character_is_the_key_of_nothing(client: TestClient) -> None:
    start = '{"start": {"object_type": "customer", "key": "\\ud800"}}'
    assert client.post(f"{ROOT}/neighbourhood", content=start, headers={"content-type": "application/json"}).status_code == 404
    static = '{"object_set": {"type": "static", "objects": ["ri.ontology.main.object.customer.\\ud800"]}}'
    assert client.post(f"{ROOT}/subgraph", content=static, headers={"content-type": "application/json"}).json()["objects"] == []
