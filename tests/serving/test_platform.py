from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI
from starlette.testclient import TestClient

from palantir_assets.errors import LedgerError
from palantir_assets.release.holding import ReleaseHolder
from palantir_assets.serving.app import create_app
from palantir_assets.serving.policies import policy_of
from palantir_assets.serving.reloading import following
from tests.fakes.shop_release import AS_OF, NOW, ListLog, release_shop, settings_in

ORDER = "/api/v2/ontologies/default/objects/order/1"


@contextmanager
def running(folder: Path, log: ListLog, **more: Any) -> Iterator[TestClient]:
    with TestClient(create_app(settings_in(folder), log, clock=lambda: NOW, **more), raise_server_exceptions=False) as client:
        yield client


def test_every_answer_says_of_which_release_it_is_and_how_old_its_data_is(client: TestClient) -> None:
    served = client.get("/api/platform/v1/releases").json()["served"]
    for path in ("/healthz", ORDER, "/api/v2/ontologies", "/nope", "/api/v2/nope", "/docs", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["Release-Id"] == served["release_id"]
        assert headers["Data-As-Of"] == "2024-06-01T00:00:00Z"
        assert headers["Data-Age"] == str(int((NOW - AS_OF).total_seconds()))
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_releases_tell_what_is_served_and_what_was(client: TestClient) -> None:
    told = client.get("/api/platform/v1/releases").json()
    assert told["served"]["rows"] == {"customer": 16, "order": 250}
    assert datetime.fromisoformat(told["served"]["loaded_at"]) == NOW
    assert told["last_reload_error"] is None
    assert [(row["release_no"], row["reason"]) for row in told["releases"]] == [(1, "a test")]


def test_before_the_first_release_every_question_is_answered_with_the_next_step(unreleased: TestClient) -> None:
    assert (unreleased.get("/healthz").status_code, unreleased.get("/healthz").json()["status"]) == (503, "no release")
    for path in (ORDER, "/api/v2/ontologies/default/objectTypes", "/api/platform/v1/search?q=a", "/api/platform/v1/releases"):
        answer = unreleased.get(path)
        assert answer.status_code == 503
        assert "palantir build" in answer.text


def test_a_new_release_is_served_without_a_restart(tmp_path: Path) -> None:
    log = ListLog()
    release_shop(settings_in(tmp_path), log, orders=3)
    with running(tmp_path, log, poll_seconds=0.01) as client:
        token = client.get("/api/v2/ontologies/default/objects/order?pageSize=2").json()["nextPageToken"]
        fresh = release_shop(settings_in(tmp_path), log, orders=5)
        for _ in range(500):
            if client.get("/healthz").json()["release_id"] == fresh.release_id:
                break
        assert client.post("/api/v2/ontologies/default/objects/order/count").json() == {"count": 5}
        rest = client.get("/api/v2/ontologies/default/objects/order", params={"pageSize": 2, "pageToken": token}).json()
        assert (len(rest["data"]), rest["totalCount"]) == (1, "3")


def test_when_the_ledger_is_lost_the_last_release_goes_on_being_served(tmp_path: Path) -> None:
    log = ListLog()
    release_shop(settings_in(tmp_path), log, orders=3)
    with running(tmp_path, log, poll_seconds=0.01) as client:
        log.broken = LedgerError("the ledger is gone")
        for _ in range(500):
            if client.get("/healthz").json()["status"] == "stale":
                break
        assert client.get("/healthz").json()["status"] == "stale"
        assert client.get(ORDER).status_code == 200
        assert client.get("/api/platform/v1/releases").status_code == 503
        log.broken = None
        for _ in range(500):
            if client.get("/healthz").json()["status"] == "ok":
                break
        assert client.get("/healthz").json()["status"] == "ok"


def test_an_error_that_escapes_a_poll_does_not_end_the_polling() -> None:
    class Moody(ReleaseHolder):
        polls = 0

        def refresh(self) -> bool:
            self.polls += 1
            if self.polls in (2, 3):
                raise RuntimeError("unforeseen")
            return False

    async def watch() -> int:
        holder = Moody(ListLog(), lambda pointer: None, clock=lambda: NOW)  # type: ignore[arg-type,return-value]
        async with following(holder, every=0.001):
            await asyncio.sleep(0.1)
        return holder.polls

    assert asyncio.run(watch()) > 4


def test_every_route_declares_its_policy(client: TestClient) -> None:
    assert isinstance(client.app, FastAPI)
    assert len(client.app.routes) > 15
    assert all(policy_of(route) for route in client.app.routes)


def test_a_route_without_a_policy_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forgetful = APIRouter()
    forgetful.add_api_route("/open", lambda: None)
    monkeypatch.setattr("palantir_assets.serving.app.ROUTERS", (forgetful,))
    with pytest.raises(RuntimeError, match="routes without a policy: /open"):
        create_app(settings_in(tmp_path), ListLog())


def test_the_openapi_document_has_every_route(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.")
    search = document["paths"]["/api/v2/ontologies/{ontology}/objects/{object_type}/search"]["post"]
    assert search["x-policy"] == "objects.read"
    assert "pageSize" in search["requestBody"]["content"]["application/json"]["schema"]["properties"]
    references = {part for part in json.dumps(document).split('"') if part.startswith("#/")}
    assert {reference.removeprefix("#/components/schemas/") for reference in references} <= set(document["components"]["schemas"])
    identifiers = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(identifiers) == len(set(identifiers)) >= 40


def test_the_openapi_document_has_the_body_of_every_post_that_takes_one_and_no_status_that_is_not_given(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    posts = {path: methods["post"] for path, methods in document["paths"].items() if "post" in methods}
    assert [path for path, post in posts.items() if "requestBody" not in post] == [
        "/api/v2/ontologies/{ontology}/objects/{object_type}/count"
    ]
    for name, kind in (("search", "where"), ("aggregate", "aggregation")):
        schema = posts[f"/api/v2/ontologies/{{ontology}}/objects/{{object_type}}/{name}"]["requestBody"]["content"]["application/json"][
            "schema"
        ]
        assert "examples" in json.dumps(schema["properties"][kind])
    statuses = {status for methods in document["paths"].values() for operation in methods.values() for status in operation["responses"]}
    assert statuses <= {"200", "400", "503", "default"}


def test_the_docs_show_what_a_body_may_hold(client: TestClient) -> None:
    page = client.get("/docs").text
    for name in ("where", "groupBy", "objectSet", "weights", "object_set", "parameters"):
        assert f"<td><code>{name}</code></td><td>body" in page
    assert "&quot;type&quot;: &quot;searchAround&quot;" in page


def test_the_docs_load_nothing_from_anywhere(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "/objects/{object_type}/{key}/links/{link}" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page


def test_outside_foundry_s_routes_errors_are_problem_details(client: TestClient) -> None:
    for path, status in (("/nope", 404), ("/api/platform/v1/search", 400), ("/api/platform/v1/search?q=a&type=nope", 404)):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
        assert {"type", "title", "status", "detail", "instance"} <= set(answer.json())


def test_a_wrong_method_is_refused(client: TestClient) -> None:
    assert client.delete(ORDER).status_code == 405
    assert client.post("/healthz").status_code == 405


def test_a_body_that_is_too_long_is_refused_before_it_is_read_whole(client: TestClient) -> None:
    url = "/api/v2/ontologies/default/objects/order/search"
    for body in (b" " * 1_000_001, (b" " * 100_000 for _ in range(20))):
        answer = client.post(url, content=body)
        assert (answer.status_code, answer.json()["errorName"]) == (413, "RequestEntityTooLarge")
    assert client.post(url, content=b'{"pageSize":1}' + b" " * 900_000).status_code == 200


def test_what_nobody_foresaw_tells_an_id_and_nothing_else(
    client: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("the password is hunter2")

    monkeypatch.setattr("palantir_assets.serving.objects.get", broken)
    with caplog.at_level(logging.INFO):
        answer = client.get(ORDER)
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert UUID(answer.json()["errorInstanceId"])
    assert "Release-Id" in answer.headers
    (line,) = [record for record in caplog.records if record.getMessage() == "request"]
    assert vars(line)["error_id"] == answer.json()["errorInstanceId"]
    assert any("hunter2" in str(record.exc_info) for record in caplog.records)


def test_a_request_is_one_line_in_the_log_with_its_id_and_without_its_query(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="palantir_assets.access_log"):
        answer = client.get(f"{ORDER}?select=note", headers={"X-Request-Id": "from-outside.1"})
    assert answer.headers["X-Request-Id"] == "from-outside.1"
    (line,) = [vars(record) for record in caplog.records if record.name == "palantir_assets.access_log"]
    assert (line["request_id"], line["status"], line["method"], line["path"]) == ("from-outside.1", 200, "GET", ORDER)
    assert line["route"] == "/api/v2/ontologies/{ontology}/objects/{object_type}/{key}"
    assert line["milliseconds"] > 0
    assert "select" not in json.dumps({name: str(value) for name, value in line.items()})


@pytest.mark.parametrize("given", ["a b", "x" * 65, "a\tb", ""])
def test_a_request_id_that_is_not_a_plain_one_is_replaced(client: TestClient, given: str) -> None:
    assert client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] != given
