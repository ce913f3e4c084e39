"""Parameters of a URL: a misspelt one is refused, and what Foundry's clients send is not."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

ONTOLOGY = "/api/v2/ontologies/default"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (f"{ONTOLOGY}/objects/order?pagesize=3", "did you mean 'pageSize'"),
        (f"{ONTOLOGY}/objects/order?orderby=properties.amount:desc", "did you mean 'orderBy'"),
        (f"{ONTOLOGY}/objects/order/1?selct=note", "did you mean 'select'"),
        (f"{ONTOLOGY}/objects/order/1?pageSize=3", "this route takes select, excludeRid"),
        (f"{ONTOLOGY}/objects/order/1/links/customer?pagesize=3", "did you mean 'pageSize'"),
        (f"{ONTOLOGY}/objects/customer/x/y?selct=note", "did you mean 'select'"),
        (f"{ONTOLOGY}/objectTypes?pagesize=3", "did you mean 'pageSize'"),
        (f"{ONTOLOGY}/objectTypes/order?x=1", "no parameter at all"),
        ("/api/platform/v1/search?q=a&limits=3", "did you mean 'limit'"),
        ("/api/platform/v1/releases?x=1", "unknown parameter 'x'"),
        ("/api/platform/v1/metrics?x=1", "unknown parameter 'x'"),
    ],
)
def test_a_parameter_that_a_route_does_not_take_is_refused(client: TestClient, path: str, says: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, says in answer.text) == (400, True), answer.text


@pytest.mark.parametrize("what", ["objects/order/search", "objects/order/count", "objectSets/createTemporary", "metadata"])
def test_and_so_it_is_beside_a_body(client: TestClient, what: str) -> None:
    answer = client.post(f"{ONTOLOGY}/{what}?pageSize=3", json={})
    assert (answer.status_code, "unknown parameter" in answer.text) == (400, True), answer.text


def test_what_foundry_s_clients_send_besides_changes_nothing(client: TestClient) -> None:
    sent = {"preview": "true", "sdkPackageRid": "ri.x", "sdkVersion": "1", "snapshot": "false"}
    for path in ("objects/order", "objects/order/1", "objectTypes", "objectTypes/order", "fullMetadata", "valueTypes"):
        assert client.get(f"{ONTOLOGY}/{path}", params=sent).status_code == 200


def test_the_service_s_own_pages_may_be_asked_with_anything(client: TestClient) -> None:
    """A load balancer may add what it likes, and nothing can be misspelt where nothing is taken."""
    assert client.get("/healthz?x=1").status_code == 200
