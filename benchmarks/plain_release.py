"""The end of the plain walk: the candidate, the evals on it, and the release. See `plain_walk`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from palantir_assets.assets.project import Project
from palantir_assets.names import link_table, object_table
from palantir_assets.ontology.versioning import spec_version
from palantir_assets.release.sealing import Shelf, seal_candidate, staging
from palantir_assets.stores.installed import lock_version

if TYPE_CHECKING:
    from palantir_assets.release.reading import Release
    from palantir_assets.release.sealing import Candidate


def release(project: Project, reports: Mapping[str, Any]) -> str:
    """Seal, evaluate, publish; returns the release id."""
    from palantir_assets.release.collecting import collect_garbage
    from palantir_assets.release.publishing import publish
    from palantir_assets.stores.ledger import LedgerAt

    shelf, log = Shelf(project.settings.releases), LedgerAt(project.settings.ledger_url, project.settings.audit_key)
    candidate = seal(project, shelf)
    evals = evaluate(project, candidate)
    published = publish(candidate, {**reports, "evals": evals}, shelf=shelf, log=log, reason="plain walk", actor="script")
    collect_garbage(shelf, project.settings.indexes, log)
    return published.release_id


def seal(project: Project, shelf: Shelf) -> Candidate:
    from palantir_assets.release.manifest import Provenance, Versions

    now = datetime.now(UTC)
    versions = Versions(code_version=version("palantir-assets"), spec_version=spec_version(project.ontology), lock_version=lock_version())
    with staging(shelf) as folder:
        counts = write_content(project, folder)
        return seal_candidate(folder, shelf, versions=versions, provenance=Provenance(created_at=now, data_as_of=now), rows=counts)


def write_content(project: Project, folder: Path) -> dict[str, int]:
    from palantir_assets.ontology.served_access import ACCESS_FILE
    from palantir_assets.ontology.serving_access import served_access
    from palantir_assets.release.reading import ONTOLOGY
    from palantir_assets.release.writing import write_objects

    (folder / ONTOLOGY).write_text(project.served.model_dump_json(indent=1), encoding="utf-8")
    (folder / ACCESS_FILE).write_text(served_access(project.ontology, {}).model_dump_json(indent=1), encoding="utf-8")
    counts = {name: write_objects(joined(project, name), folder / "objects" / name, kind) for name, kind in project.served.types.items()}
    for source in project.ontology.objects.values():
        for link in source.links:
            local = link_table(source.name, link).local
            shutil.copytree(project.artifacts("graph") / local, folder / "links" / local)
    if project.artifacts("search").exists():
        shutil.copytree(project.artifacts("search"), folder / "search")
    for model in project.ontology.models:
        ignored = shutil.ignore_patterns("predictions.parquet")
        shutil.copytree(project.artifacts("learning") / model, folder / "models" / model, ignore=ignored)
    return counts


def joined(project: Project, object_type: str) -> pa.Table:
    """A type's objects with what graphs and models computed of them."""
    with project.warehouse.read() as con:
        table = con.sql(f"SELECT * FROM {object_table(object_type).sql} ORDER BY _row").to_arrow_table()
    measures, learning = project.artifacts("graph") / "measures", project.artifacts("learning")
    ontology = project.ontology
    added = [measures / f"{name}.parquet" for name, graph in ontology.graphs.items() if graph.nodes == object_type]
    added += [learning / name / "predictions.parquet" for name, model in ontology.models.items() if model.object == object_type]
    for path in added:
        columns = pq.read_table(path)
        for name in columns.column_names[1:]:
            table = table.append_column(name, columns.column(name))
    return table


def evaluate(project: Project, candidate: Candidate) -> dict[str, Any]:
    """Every suite's report. The script stops where a blocking gate is missed."""
    from palantir_assets.evals.running import holds, run_suite
    from palantir_assets.release.reading import open_release

    reports = {}
    opened = open_release(candidate.folder, project.settings.indexes)
    try:
        for name, suite in project.ontology.evals.items():
            asked = Asked(project, opened)
            metrics = asked.metrics(suite.model) if suite.model else {}
            result = run_suite(name, suite, answer=asked.answer, search=asked.search, facts=asked.facts, metrics=metrics)
            passed, reason = holds(suite, result.metrics)
            if not passed and suite.gate.severity == "block":
                raise SystemExit(f"evals/{name}: {reason}")
            reports[name] = result.to_json()
    finally:
        opened.close()
    return reports


class Asked:
    """What a suite asks, over an open candidate and the warehouse."""

    def __init__(self, project: Project, candidate: Release) -> None:
        self._project, self._candidate = project, candidate

    def answer(self, raw: Mapping[str, Any]) -> list[list[Any]]:
        from palantir_assets.access.views import whole
        from palantir_assets.engine.answering import execute
        from palantir_assets.query.plans import parse_query, plan

        query = parse_query(raw)
        found = execute(plan(query, whole(self._candidate.ontology)), self._candidate)
        objects = [json.loads(row) for row in found.rows]
        return [[found.total]] if query.count else [[each.get(name) for name in query.select or sorted(each)] for each in objects]

    def search(self, text: str, k: int, object_type: str | None) -> list[str]:
        from palantir_assets.access.views import whole
        from palantir_assets.engine.searching import find

        return [hit.key for hit in find(self._candidate, whole(self._candidate.ontology), text, limit=k, object_type=object_type)]

    def facts(self, sql: str) -> list[tuple[Any, ...]]:
        with self._project.warehouse.read() as con:
            rows: list[tuple[Any, ...]] = con.execute(sql).fetchall()
            return rows

    def metrics(self, model: str) -> dict[str, float]:
        document = json.loads((self._candidate.folder / "models" / model / "card.json").read_bytes())
        return {f"{label}.{name}": value for label, metrics in document["metrics"].items() for name, value in metrics.items()}
