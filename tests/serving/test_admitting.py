"""Which requests are let in: by which names the API may be asked, and that every body is read as JSON."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from palantir_assets.errors import SettingsError
from palantir_assets.serving.admitting import admits
from palantir_assets.serving.routing import SegmentRoute
from palantir_assets.settings import load_settings

ONTOLOGY = "/api/v2/ontologies/default"
ORDER: dict[str, Any] = {"object_type": "order", "key": 1}
BODIES = {
    f"{ONTOLOGY}/objects/order/search": b"{}",
    f"{ONTOLOGY}/objects/order/aggregate": b'{"aggregation":[{"type":"count"}]}',
    f"{ONTOLOGY}/objectSets/loadObjects": b'{"objectSet":{"type":"base","objectType":"order"}}',
    f"{ONTOLOGY}/metadata": b'{"objectTypes":["order"]}',
    f"{ONTOLOGY}/objectTypes/getByRidBatch": b'{"requests":[{"objectTypeRid":"ri.ontology.main.object-type.order"}]}',
    f"{ONTOLOGY}/objectTypes/getFullMetadataBatch": b'{"requests":[{"objectType":"order"}]}',
    f"{ONTOLOGY}/outgoingLinkTypes/getByRidBatch": b'{"requests":[{"objectTypeRid":"ri.ontology.main.object-type.order"}]}',
    f"{ONTOLOGY}/queryTypes/getByRidBatch": b'{"requests":[{"queryTypeRid":"ri.x"}]}',
    f"{ONTOLOGY}/actionTypes/getByRidBatch": b'{"requests":[{"actionTypeRid":"ri.x"}]}',
    f"{ONTOLOGY}/actionTypes/getFullMetadataBatch": b'{"requests":[{"actionType":"x"}]}',
    f"{ONTOLOGY}/actionTypes/search": b"{}",
    f"{ONTOLOGY}/actionTypes/searchFullMetadata": b"{}",
    "/api/platform/v1/graph/neighbourhood": b'{"start":{"object_type":"order","key":1}}',
    "/api/platform/v1/graph/path": b'{"from":{"object_type":"order","key":1},"to":{"object_type":"order","key":17}}',
    "/api/platform/v1/graph/reachable": b'{"from":{"object_type":"order","key":1},"to":{"object_type":"order","key":17}}',
    "/api/platform/v1/graph/subgraph": b'{"start":[{"object_type":"order","key":1}]}',
}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "application/json"}])
def test_a_body_is_understood_as_curl_sends_it(client: TestClient, path: str, headers: dict[str, str]) -> None:
    answer = client.post(path, content=BODIES[path], headers=headers)
    assert answer.status_code == 200, answer.text


def test_no_route_that_takes_a_body_was_forgotten_above(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)
    told = {path.replace("default", "{ontology}").replace("/order/", "/{object_type}/") for path in BODIES}
    typed = {route.path for route in client.app.routes if not isinstance(route, SegmentRoute) and "POST" in getattr(route, "methods", ())}
    elsewhere = {path for path in typed if "/actions/" in path or "/proposals/" in path or path.endswith("/editsHistory")}
    assert len(elsewhere) == 8  # they need somebody and a ledger: `test_actions` and `test_proposals` ask them
    assert typed - told - elsewhere == {"/api/v2/ontologies/{ontology}/queries/{query}/execute"}  # the conformance suite asks it


def test_a_name_that_is_not_ours_is_refused_with_the_next_step(client: TestClient) -> None:
    for path in ("/healthz", "/docs", f"{ONTOLOGY}/objects/order/1"):
        answer = client.get(path, headers={"Host": "evil.example"})
        assert answer.status_code == 421
        assert "evil.example" in answer.text and "PALANTIR_ALLOWED_HOSTS" in answer.text
    assert client.get("/healthz", headers={"Host": "localhost:8080"}).status_code == 200


@pytest.mark.parametrize(
    ("listening", "host", "admitted"),
    [
        ("127.0.0.1", "127.0.0.1:8080", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "LOCALHOST:8080", True),
        ("127.0.0.1", "localhost.", True),
        ("127.0.0.1", "app.localhost", True),
        ("127.0.0.1", "[::1]:8080", True),
        ("127.0.0.1", "", True),
        ("127.0.0.1", "data.example.org", True),
        ("127.0.0.1", "Data.Example.org:443", True),
        ("127.0.0.1", "evil.example", False),
        ("127.0.0.1", "evil.data.example.org", False),
        ("127.0.0.1", "localhost.evil.example", False),
        ("127.0.0.1", "127.0.0.1.evil.example", False),
        ("127.0.0.1", "localhost@evil.example", False),
        ("127.0.0.1", "localhost,evil.example", False),
        ("127.0.0.1", "localhost:8080:1", False),
        ("127.0.0.1", "192.168.0.7", False),
        ("192.168.0.7", "192.168.0.7:8080", True),
        ("192.168.0.7", "192.168.0.8", False),
        ("0.0.0.0", "192.168.0.7", True),
        ("::", "[fe80::1]:8080", True),
        ("0.0.0.0", "evil.example", False),
        ("api", "api:8080", True),
    ],
)
def test_the_names_the_api_may_be_asked_by(listening: str, host: str, admitted: bool) -> None:
    assert admits(listening, ("data.example.org",))(host.encode()) is admitted


def test_names_are_a_setting_and_what_is_no_name_is_refused() -> None:
    assert load_settings({}).allowed_hosts == ()
    assert load_settings({"PALANTIR_ALLOWED_HOSTS": "data.example.org, api"}).allowed_hosts == ("data.example.org", "api")
    for wrong in ("https://data.example.org", "data.example.org:443", "*", "a b"):
        with pytest.raises(SettingsError, match="is not the name of a host"):
            load_settings({"PALANTIR_ALLOWED_HOSTS": wrong})
