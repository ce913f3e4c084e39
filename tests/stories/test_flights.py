"""New York's flights, end to end: built, released, served, and asked over HTTP by whoever reads the raw files too."""

from __future__ import annotations

import json
from typing import Any

import pytest

from palantir_assets.settings import Settings
from tests.stories.asking import ONTOLOGY, Api, Raw, is_, report_of
from tests.stories.conftest import palantir
from tests.stories.questions import QUESTIONS, Question

pytestmark = pytest.mark.timeout(900)  # the first test waits for the build


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_the_api_answers_as_the_raw_files_do(api: Api, raw: Raw, question: Question) -> None:
    right = raw.sql(question.right) if isinstance(question.right, str) else question.right(raw)
    assert right not in (None, [], 0)  # a question about nothing proves nothing
    assert question.asked(api) == right


def test_there_are_twenty_questions() -> None:
    assert len({question.name for question in QUESTIONS}) == 20


@pytest.mark.parametrize("size", [100, 1000, 7])
def test_every_airport_comes_once_whatever_the_size_of_a_page(api: Api, raw: Raw, size: int) -> None:
    assert api.keys("airport", size=size) == raw.sql("SELECT faa FROM airports ORDER BY faa")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("objects/starship", "ObjectTypeNotFound"),
        ("objects/flight/2013-02-30-UA-1-EWR", "ObjectNotFound"),
        ("objects/plane/N14228/links/pilot", "LinkTypeNotFound"),
        ("nothing/here", "RouteNotFound"),
    ],
)
def test_what_does_not_exist_is_said_so(api: Api, path: str, name: str) -> None:
    reply = api.raw("GET", f"{ONTOLOGY}/{path}")
    assert (reply.status_code, reply.json()["errorCode"], reply.json()["errorName"]) == (404, "NOT_FOUND", name)
    assert reply.json()["errorInstanceId"]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"where": is_("eq", "distance_miles", "far")}, "InvalidPropertyValue"),
        ({"where": is_("resembles", "distance_miles", 3)}, "InvalidQuery"),
        ({"pageToken": "made-up"}, "InvalidPageToken"),
        ({"pageSize": 0}, "InvalidPageSize"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_reason(api: Api, body: dict[str, Any], name: str) -> None:
    reply = api.raw("POST", f"{ONTOLOGY}/objects/flight/search", json=body)
    assert (reply.status_code, reply.json()["errorCode"], reply.json()["errorName"]) == (400, "INVALID_ARGUMENT", name)
    assert reply.json()["errorDescription"]


def test_the_orphans_are_listed_in_the_release(flights: Settings, api: Api, raw: Raw) -> None:
    checks = {check["asset"]: check for check in report_of(flights.releases / api.release_id, "checks") if check["check"] == "orphans"}
    orphans = raw.sql("SELECT count(DISTINCT tailnum), count(*) FROM flights WHERE tailnum NOT IN (SELECT tailnum FROM planes)")
    assert list(checks["links/flight__flown_by"]["details"].values()) == orphans[0] == [721, 50_094]
    assert not checks["links/flight__flown_by"]["passed"] and not checks["links/flight__flown_by"]["blocking"]
    assert checks["links/flight__origin"]["passed"]


def test_the_command_line_tells_of_the_release_that_is_served(flights: Settings, api: Api) -> None:
    listed = palantir(flights, "release", "list", "--json")
    assert listed.returncode == 0
    assert json.loads(listed.stdout)[0]["release_id"] == api.release_id
    shown = palantir(flights, "release", "show", api.release_id[:12], "--json")
    assert shown.returncode == 0
    assert json.loads(shown.stdout)["manifest"]["rows"]["flight"] == 336_776
    status = palantir(flights, "status", "--json")
    assert status.returncode == 0
    assert json.loads(status.stdout)["api"]["release_id"] == api.release_id


def test_a_release_that_is_not_there_is_an_error_with_a_code(flights: Settings) -> None:
    refused = palantir(flights, "release", "show", "nowhere")
    assert refused.returncode == 1
    assert "no release on disk begins with 'nowhere'" in refused.stderr


def test_the_project_passes_its_own_check(flights: Settings) -> None:
    checked = palantir(flights, "check")
    assert checked.returncode == 0, checked.stdout
    assert "everything holds together" in checked.stderr


def test_the_doctor_names_the_port_that_the_api_has_taken(flights: Settings, api: Api) -> None:
    found = palantir(flights, "doctor", "--json")
    assert found.returncode == 1  # the API of this test was not started by `palantir up`
    bad = [finding["what"] for finding in json.loads(found.stdout) if finding["state"] == "bad"]
    assert bad == [f"port {flights.port} of 127.0.0.1 is in use, and the API needs it"]
