"""The whole suite, once a session, against a server in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from foundry_sdk.v2.core import errors as core_errors
from foundry_sdk.v2.ontologies import errors as ontology_errors

from palantir_assets.serving.errors import _ELSE, _FUNCTIONS, _UNKNOWN
from tests.conformance.__main__ import PAGE
from tests.conformance.cases import ONTOLOGY, Asking, Case, cases, same
from tests.conformance.endpoints import endpoints
from tests.conformance.report import LEFT_OUT, Result, counts, page, run, summary, wanted
from tests.conformance.server import served


@pytest.fixture(scope="session")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with served(tmp_path_factory.mktemp("library")) as asking:
        yield asking


@pytest.fixture(scope="session")
def results(asking: Asking) -> list[Result]:
    return run(asking)


def test_the_official_client_gets_the_right_answer_from_every_endpoint_that_has_a_meaning(results: list[Result]) -> None:
    assert [result for result in results if result.status == "fails"] == []
    print(summary(results))


def test_every_endpoint_of_the_client_is_told(results: list[Result]) -> None:
    assert {result.endpoint for result in results} == set(endpoints())
    assert sum(counts(results)[0].values()) == len(endpoints())
    resources = {name.partition(".")[0] for name in endpoints()} | set(endpoints())
    assert {part for part, _, _ in LEFT_OUT} <= resources


def test_every_operator_that_the_client_has_a_form_for_is_asked(results: list[Result]) -> None:
    assert set(wanted()) <= {(result.endpoint, result.operator) for result in results}
    assert {case.endpoint for case in cases()} <= set(endpoints())


def test_the_page_is_what_the_suite_found(results: list[Result]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(results), "write it anew with `python -m tests.conformance --write`"


def test_every_error_has_a_name_that_the_client_has_a_class_for() -> None:
    ours = {"MetricNotFound"}  # of a route that Foundry does not have, told as problem details
    names = {*_UNKNOWN.values(), *(name for _, name in _FUNCTIONS.values()), _ELSE[1]} - ours
    assert sorted(name for name in names if not hasattr(ontology_errors, name) and not hasattr(core_errors, name)) == []


def test_a_wrong_answer_is_told_as_a_failure(asking: Asking) -> None:
    def wrong(asking: Asking) -> None:
        same(asking.objects().count(ONTOLOGY, "book").count, 61)

    def unheard_of(asking: Asking) -> None:
        asking.objects().get(ONTOLOGY, "book", "nothing")

    found = {
        result.operator: result
        for result in run(asking, [Case("OntologyObject.count", check.__name__, check) for check in (wrong, unheard_of)])
    }
    assert (found["wrong"].status, found["unheard_of"].status) == ("fails", "fails")
    assert "found 60 expected 61" in found["wrong"].why
    assert "ObjectNotFound" in found["unheard_of"].why
