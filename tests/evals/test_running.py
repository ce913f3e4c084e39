"""Cases, scores and gates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from palantir_assets.errors import QueryError
from palantir_assets.evals.running import SuiteResult, first_failure, holds, run_suite
from palantir_assets.evals.scoring import hit, ndcg
from palantir_assets.ontology.spec import Eval

QUERIES = {
    "target": "query",
    "queries": [
        {"ask": "How many?", "query": {"object": "order", "count": True}, "equals_sql": "three"},
        {"ask": "Which days?", "query": {"object": "order"}, "equals_sql": "days"},
    ],
}
SEARCHES = {
    "target": "search",
    "gate": {"metric": "ndcg", "at_least": 0.8},
    "searches": [{"ask": {"en": "tea", "ko": "차"}, "k": 2, "relevant_sql": "tea"}],
}
FACTS: dict[str, list[tuple[Any, ...]]] = {"three": [(3,)], "days": [(date(2020, 1, 2), 1.0)], "tea": [("t1",)]}


def run(raw: dict[str, Any], *, count: object = 3, ranked: Mapping[str, list[str]] | None = None) -> tuple[Eval, SuiteResult]:
    suite = Eval.model_validate(raw)

    def answer(query: Mapping[str, Any]) -> list[list[Any]]:
        if count is None:
            raise QueryError("cannot be asked")
        return [[count]] if query.get("count") else [["2020-01-02", 1]]

    found = ranked or {"tea": ["t1"], "차": ["x", "t1"]}
    result = run_suite("s", suite, answer=answer, search=lambda text, k, _: found[text][:k], facts=lambda sql: FACTS[sql], metrics={})
    return suite, result


def test_an_answer_equals_a_fact_as_json_would_give_it() -> None:
    suite, result = run(QUERIES)
    assert result.metrics == {"pass_rate": 1.0} and holds(suite, result.metrics)[0]


def test_a_wrong_answer_fails_with_both_sides() -> None:
    suite, result = run(QUERIES, count=4)
    assert (result.cases[0].passed, result.cases[0].expected, result.cases[0].got) == (False, "[[3]]", "[[4]]")
    assert holds(suite, result.metrics) == (False, "pass_rate is 0.5000, wanted at least 1.0")
    asked = result.cases[0].ask
    assert first_failure(result.to_json()["cases"]) == f": {asked!r} gave [[4]], equals_sql says [[3]]"
    assert first_failure(run(QUERIES)[1].to_json()["cases"]) == ""


def test_a_question_that_is_refused_is_a_failed_case_and_not_a_crash() -> None:
    _, result = run(QUERIES, count=None)
    assert [case.got for case in result.cases] == ["cannot be asked"] * 2


def test_a_search_is_asked_in_each_language() -> None:
    suite, result = run(SEARCHES)
    assert [case.ask for case in result.cases] == ["tea", "차"]
    assert result.metrics == {"pass_rate": 1.0, "hit": 1.0, "ndcg": 0.815465}
    assert holds(suite, result.metrics)[0]


def test_a_search_that_misses_pulls_the_suite_under_its_gate() -> None:
    suite, result = run(SEARCHES, ranked={"tea": ["x"], "차": ["t1"]})
    assert not holds(suite, result.metrics)[0]


def test_a_suite_without_the_metric_of_its_gate_does_not_hold() -> None:
    assert holds(Eval.model_validate(SEARCHES), {}) == (False, "no case gives ndcg")


@pytest.mark.parametrize(("ranked", "expected"), [(["a", "b"], 1.0), (["x", "a"], 0.386853), (["x"], 0.0), ([], 0.0)])
def test_ndcg_by_hand(ranked: list[str], expected: float) -> None:
    assert ndcg(ranked, {"a", "b"}, 10) == pytest.approx(expected, abs=1e-6)


def test_hit_needs_one() -> None:
    assert (hit(["x", "a"], {"a"}), hit(["x"], {"a"}), hit([], set())) == (1.0, 0.0, 0.0)
