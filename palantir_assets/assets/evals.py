"""Station 8: one report per suite, run against the candidate through the code that serves.

How a case is judged is decided in `evals`; whether the report lets a release pass, by the suite's gate, which is
a check on this asset. Answers come from `engine`, facts from SQL over the warehouse.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from palantir_assets.assets.checks import report
from palantir_assets.assets.keys import ANSWERS, CANDIDATE, POOL, bears, file_version, key, latest_version, markdown_table, spec
from palantir_assets.assets.project import Project
from palantir_assets.assets.report_markings import suite_markings, without_marked
from palantir_assets.evals.running import SuiteResult, first_failure, holds, run_suite
from palantir_assets.names import Name
from palantir_assets.ontology.spec import Eval
from palantir_assets.ontology.versioning import eval_gate_fingerprint, eval_version

if TYPE_CHECKING:
    from palantir_assets.release.reading import Release

GATE = "gate"


def eval_assets(project: Project) -> list[dg.AssetsDefinition]:
    """`evals/<suite>` for every declared suite."""
    return [_eval_asset(project, name, suite) for name, suite in project.ontology.evals.items()]


def eval_checks(project: Project) -> list[dg.AssetChecksDefinition]:
    """The gate of every suite."""
    return [_gate_check(project, name, suite) for name, suite in project.ontology.evals.items()]


def wanted_checks(project: Project) -> Iterator[tuple[Name, str, bool, str]]:
    """(asset, check, blocking, fingerprint) of every check of this station."""
    for name, suite in project.ontology.evals.items():
        yield Name("evals", name), GATE, suite.gate.severity == "block", eval_gate_fingerprint(suite)


def report_file(project: Project, suite: str) -> Path:
    """Where a suite's report lies."""
    return project.artifacts("evals") / f"{suite}.json"


def _eval_asset(project: Project, suite_name: str, suite: Eval) -> dg.AssetsDefinition:
    name = Name("evals", suite_name)

    @dg.multi_asset(
        specs=[spec(name, version=eval_version(suite), deps=[ANSWERS], description=suite.description, owner=suite.owner, kinds=["eval"])],
        name=f"evals__{suite_name}",
        pool=POOL,
    )
    def run_evals(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from palantir_assets.release.writing import write_json

        with _open_candidate(project, latest_version(context.instance, CANDIDATE)) as candidate:
            result = without_marked(project, suite, _run(project, candidate, suite_name, suite))
        write_json(result.to_json(), report_file(project, suite_name))
        version = dg.DataVersion(file_version(report_file(project, suite_name)))
        return dg.MaterializeResult(metadata={**_shown(result), **bears(suite_markings(project, suite))}, data_version=version)

    return run_evals


@contextmanager
def _open_candidate(project: Project, content_id: str) -> Iterator["Release"]:
    from palantir_assets.release.reading import open_release
    from palantir_assets.release.sealing import Shelf

    release = open_release(Shelf(project.settings.releases).candidate(content_id), project.settings.indexes)
    try:
        yield release
    finally:
        release.close()


def _run(project: Project, candidate: "Release", suite_name: str, suite: Eval) -> SuiteResult:
    return run_suite(
        suite_name,
        suite,
        answer=_answer(candidate),
        search=_search(candidate),
        facts=_facts(project),
        metrics=_model_metrics(candidate, suite),
    )


def _answer(candidate: "Release") -> Callable[[Mapping[str, Any]], list[list[Any]]]:
    """Ask a typed query the way the API does: a count as one value, else the selected properties of each object."""
    from palantir_assets.access.views import whole
    from palantir_assets.engine.answering import execute
    from palantir_assets.query.plans import parse_query, plan

    view = whole(candidate.ontology)

    def answer(raw: Mapping[str, Any]) -> list[list[Any]]:
        query = parse_query(raw)
        found = execute(plan(query, view), candidate)
        if query.count:
            return [[found.total]]
        objects = [json.loads(row) for row in found.rows]
        return [[each.get(name) for name in query.select or sorted(each)] for each in objects]

    return answer


def _search(candidate: "Release") -> Callable[[str, int, str | None], list[str]]:
    from palantir_assets.access.views import whole
    from palantir_assets.engine.searching import find

    view = whole(candidate.ontology)

    def search(text: str, k: int, object_type: str | None) -> list[str]:
        return [hit.key for hit in find(candidate, view, text, limit=k, object_type=object_type)]

    return search


def _facts(project: Project) -> Callable[[str], list[tuple[Any, ...]]]:
    """SQL from the repository over the warehouse, read-only."""

    def facts(sql: str) -> list[tuple[Any, ...]]:
        with project.warehouse.read() as con:
            rows: list[tuple[Any, ...]] = con.execute(sql).fetchall()
            return rows

    return facts


def _model_metrics(candidate: "Release", suite: Eval) -> dict[str, float]:
    if suite.model is None:
        return {}
    document = json.loads((candidate.folder / "models" / suite.model / "card.json").read_bytes())
    return {f"{label}.{name}": value for label, metrics in document["metrics"].items() for name, value in metrics.items()}


def _shown(result: SuiteResult) -> dict[str, Any]:
    cases = [{"asked": case.ask, "passed": case.passed, **case.scores, "expected": case.expected, "got": case.got} for case in result.cases]
    numbers = [{"metric": name, "value": value} for name, value in result.metrics.items()]
    return {"cases": markdown_table(cases), "metrics": markdown_table(numbers)}


def _gate_check(project: Project, suite_name: str, suite: Eval) -> dg.AssetChecksDefinition:
    name = Name("evals", suite_name)
    blocking = suite.gate.severity == "block"

    @dg.asset_check(asset=key(name), name=GATE, blocking=blocking, description="The suite reaches what its gate asks.")
    def ask_gate() -> dg.AssetCheckResult:
        path = report_file(project, suite_name)
        told = json.loads(path.read_bytes())
        passed, reason = holds(suite, metrics := told["metrics"])
        return report(
            project,
            name,
            GATE,
            passed=passed,
            blocking=blocking,
            fingerprint=eval_gate_fingerprint(suite),
            data_version=file_version(path),
            details={"reason": reason + ("" if passed else first_failure(told["cases"])), **metrics},
        )

    return ask_gate
