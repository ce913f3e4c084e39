"""What is wrong with a question is told by the names of whoever asked it, with what is needed and what he may have meant."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

OBJECTS = "/api/v2/ontologies/default/objects/order"
SETS = "/api/v2/ontologies/default/objectSets"
GRAPH = "/api/platform/v1/graph"


def where(**form: object) -> dict[str, object]:
    return {"where": form}


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        (f"{OBJECTS}/aggregate", {"aggregation": []}, "aggregation: at least 1 needed, not 0"),
        (f"{OBJECTS}/aggregate", {"aggregation": [{"type": "average"}]}, "aggregation.0: unknown type 'average'; did you mean 'avg'?"),
        (f"{OBJECTS}/aggregate", {}, "aggregation: this is needed"),
        (
            f"{OBJECTS}/aggregate",
            {"aggregation": [{"type": "count"}], "groupBy": [{"type": "exact", "feild": "paid"}]},
            "groupBy.0.feild: a key that is not known here; did you mean 'field'?",
        ),
        (
            f"{OBJECTS}/search",
            {"orderBy": {"fields": [{"field": "amount", "direction": "down"}]}},
            "orderBy.0.direction: unknown value 'down'; one of asc, desc is needed",
        ),
        (f"{OBJECTS}/search", {"pagesize": 3}, "pagesize: a key that is not known here; did you mean 'pageSize'?"),
        (f"{OBJECTS}/search", {"pageSize": "3"}, "pageSize: a whole number is needed"),
        (f"{OBJECTS}/search", {"orderBy": {"fields": [{"field": "paid"}, {"field": 3}]}}, "orderBy.1.field: text is needed"),
        (f"{OBJECTS}/search", [], "body: an object {…} is needed"),
        (
            f"{OBJECTS}/search",
            where(type="eq", filed="amount", value=1),
            "where.filed: a key that is not known here; did you mean 'field'?",
        ),
        (f"{OBJECTS}/search", where(type="relativeDateRang", field="ordered_on"), "did you mean 'relativeDateRange'?"),
        (f"{OBJECTS}/search", where(type="equals", field="amount", value=1), "relativeDateRange, withinDistanceOf"),
        (f"{OBJECTS}/search", where(type="and", value=[{"field": "amount"}]), "where.value.0: a `type` is needed"),
        (f"{OBJECTS}/search", where(type="regex", field="note", value="[a"), "a regex that cannot be read: missing ]: [a"),
        (f"{SETS}/loadObjects", {"objectSet": {"type": "base"}}, "objectSet.objectType: this is needed"),
        (f"{GRAPH}/path", {"from": {"object_type": "order", "key": 1}, "too": 1}, "too: a key that is not known here; did you mean 'to'?"),
        (f"{GRAPH}/path", {"from": {"object_type": "order", "key": 1}}, "to: this is needed"),
        (f"{GRAPH}/neighbourhood", {"start": {"object_type": "order", "key": 1}, "depth": -1}, "depth: at least 0"),
        (f"{GRAPH}/subgraph", {"object_set": {"type": "bse"}}, "object_set: unknown type 'bse'; did you mean 'base'?"),
    ],
)
def test_a_body_that_does_not_fit_is_told_in_the_words_it_was_asked_in(client: TestClient, path: str, body: Any, says: str) -> None:
    answer = client.post(path, json=body)
    told = answer.json()
    assert answer.status_code == 400
    words = told.get("errorDescription") or told["detail"]
    assert says in words
    assert "; aggregation:" not in words  # nothing that only follows from what was told


def test_a_parameter_that_does_not_fit_is_told_by_its_name(client: TestClient) -> None:
    assert client.get("/api/platform/v1/search").json()["detail"] == "q: this is needed"
    assert client.get("/api/platform/v1/search?q=a&limit=x").json()["detail"] == "limit: a whole number is needed"


def test_a_route_or_method_that_is_not_there_is_told_with_what_there_is(client: TestClient) -> None:
    missing, wrong = client.get("/api/v2/nope").json(), client.delete(f"{OBJECTS}/1").json()
    assert (missing["errorName"], "there is no route '/api/v2/nope'" in missing["errorDescription"]) == ("RouteNotFound", True)
    assert "/docs" in missing["errorDescription"]
    assert (wrong["errorName"], "DELETE is not answered here" in wrong["errorDescription"]) == ("MethodNotAllowed", True)
    assert "GET" in wrong["errorDescription"]


def test_what_was_not_found_within_a_set_is_told_with_its_object_type(client: TestClient) -> None:
    around = {"type": "searchAround", "objectSet": {"type": "base", "objectType": "order"}, "link": "custmer"}
    told = client.post(f"{SETS}/loadObjects", json={"objectSet": around}).json()
    assert (told["errorName"], told["parameters"]) == ("LinkTypeNotFound", {"objectType": "order", "linkType": "custmer"})


def test_a_page_token_that_is_refused_is_told(client: TestClient) -> None:
    token = client.get(f"{OBJECTS}?pageSize=2").json()["nextPageToken"]
    other = {"orderBy": {"fields": [{"field": "amount"}]}, "pageToken": token}
    listed = client.get(OBJECTS, params={"orderBy": "p.amount", "pageToken": token})
    for answer in (listed, client.post(f"{OBJECTS}/search", json=other)):
        assert (answer.json()["errorName"], answer.json()["parameters"]) == ("InvalidPageToken", {"pageToken": token})


def test_vary_is_said_once(client: TestClient) -> None:
    answer = client.post(f"{GRAPH}/subgraph", json={"start": [{"object_type": "order", "key": 1}]})
    assert answer.headers.get_list("vary") == ["Accept, Accept-Encoding, Accept-Language, Authorization, Cookie"]
