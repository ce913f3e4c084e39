"""Cases asked, answers held against facts, and a suite held against its gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from statistics import mean
from typing import Any

from palantir_assets.errors import PalantirError
from palantir_assets.evals.scoring import hit, ndcg
from palantir_assets.ontology.spec import Eval, QueryCase, SearchCase

Facts = Callable[[str], list[tuple[Any, ...]]]
"""Runs a case's SQL over the tables; rows of values."""
Answer = Callable[[Mapping[str, Any]], list[list[Any]]]
"""Answers a typed query through the code that serves; rows of values."""
Search = Callable[[str, int, str | None], list[str]]
"""Searches through the code that serves; keys, best first."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case: what was asked, whether it passed, its scores, and what was got where it did not."""

    ask: str
    passed: bool
    scores: dict[str, float] = field(default_factory=dict)
    expected: str = ""
    got: str = ""


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """A suite's cases and what they come to. Holds no time and no run id: equal content gives an equal report."""

    suite: str
    target: str
    cases: tuple[CaseResult, ...]
    metrics: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def run_suite(name: str, suite: Eval, *, answer: Answer, search: Search, facts: Facts, metrics: Mapping[str, float]) -> SuiteResult:
    """Run every case of a suite; `metrics` are those of the suite's model, if it has one."""
    cases = [_query_case(case, answer, facts) for case in suite.queries]
    cases += [_search_case(case, text, search, facts) for case in suite.searches for text in _texts(case)]
    found = {"pass_rate": round(mean(case.passed for case in cases), 6)} if cases else {}
    for metric in ("hit", "ndcg"):
        scores = [case.scores[metric] for case in cases if metric in case.scores]
        found |= {metric: round(mean(scores), 6)} if scores else {}
    return SuiteResult(name, suite.target, tuple(cases), {**found, **metrics})


def holds(suite: Eval, metrics: Mapping[str, float]) -> tuple[bool, str]:
    """Whether a suite's metrics reach its gate, and why not. A suite without cases has its model's own gate only."""
    gate = suite.gate
    if suite.target == "model":
        return bool(metrics), "the model's metrics are on record" if metrics else "the model has no metrics"
    value = metrics.get(gate.metric)
    if value is None:
        return False, f"no case gives {gate.metric}"
    return value >= gate.at_least, f"{gate.metric} is {value:.4f}, wanted at least {gate.at_least}"


def first_failure(cases: Sequence[Mapping[str, Any]]) -> str:
    """Of a report's cases as JSON, the first that failed with a fact and an answer, in words; nothing where there is none."""
    wrong = [case for case in cases if not case["passed"] and case["expected"]]
    if not wrong:
        return ""
    first, more = wrong[0], f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return f": {first['ask']!r} gave {first['got']}, equals_sql says {first['expected']}{more}"


def _query_case(case: QueryCase, answer: Answer, facts: Facts) -> CaseResult:
    expected = [[_plain(value) for value in row] for row in facts(case.equals_sql)]
    try:
        got = [[_plain(value) for value in row] for row in answer(case.query)]
    except PalantirError as error:
        return CaseResult(case.ask.en, False, expected=str(expected), got=error.message)
    if got == expected:
        return CaseResult(case.ask.en, True)
    return CaseResult(case.ask.en, False, expected=str(expected)[:500], got=str(got)[:500])


def _search_case(case: SearchCase, text: str, search: Search, facts: Facts) -> CaseResult:
    relevant = {str(row[0]) for row in facts(case.relevant_sql)}
    ranked = search(text, case.k, case.object)
    scores = {"hit": hit(ranked, relevant), "ndcg": round(ndcg(ranked, relevant, case.k), 6)}
    if scores["hit"]:
        return CaseResult(text, True, scores)
    return CaseResult(text, False, scores, expected=str(sorted(relevant)[:10]), got=str(ranked[:10]))


def _texts(case: SearchCase) -> Sequence[str]:
    """The question in each language it is given in."""
    return [text for text in (case.ask.en, case.ask.ko) if text]


def _plain(value: Any) -> Any:
    """A value as JSON would give it, so that a fact from SQL and an answer compare."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return int(value) if value.is_integer() else round(value, 9)
    return value
