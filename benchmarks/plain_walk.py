"""The whole walk as a plain script, without Dagster: what `palantir build` costs is held against this.

    PALANTIR_PROJECT=… PALANTIR_STATE=… python -m benchmarks.plain_walk

Every station in order, in one process, by the same functions of the same rooms that the assets call; dbt runs
as a subprocess here too. There is no staleness, no record of versions and no lineage: a script that is run
again does everything again. What is made after the stations (candidate, evals, release) is in `plain_release`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from palantir_assets.assets.project import Project, open_project
from palantir_assets.cli.boot import QUIET, make_layout
from palantir_assets.graph.building import build_csr, save
from palantir_assets.graph.edges import EdgeList
from palantir_assets.graph.measures import measure
from palantir_assets.names import Name, dbt_table, link_table, object_table, quoted, raw_table
from palantir_assets.ontology.compiling import link_select, missing_columns, object_select, orphans_select, paths_select
from palantir_assets.ontology.paths import follow, template_fields
from palantir_assets.ontology.spec import Graph, Model, ObjectType
from palantir_assets.settings import load_settings
from palantir_assets.sources.fetching import fetch
from palantir_assets.sources.loading import load
from palantir_assets.sources.raw_files import RawFiles
from palantir_assets.stores.warehouse import columns, replace_table, replace_tables, rows


def walk(project: Project) -> dict[str, Any]:
    """Stations 1 to 6; returns what every check said, as the release reports it."""
    load_sources(project)
    build_tables(project)
    make_objects_and_links(project)
    checks = [*ask_suites(project), *count_orphans(project)]
    build_arrays(project)
    for name, graph in project.ontology.graphs.items():
        measure_graph(project, name, graph)
    write_documents(project)
    gates = [learn(project, name, model) for name, model in project.ontology.models.items()]
    return {"checks": [*checks, *gates]}


def load_sources(project: Project) -> None:
    kept = RawFiles(project.settings.raw_files)
    for source_name, source in project.ontology.sources.items():
        for table_name, declared in source.tables.items():
            fetched = fetch(source, declared, project=project.settings.project, into=kept)
            with project.warehouse.write() as con:
                load(con, raw_table(source_name, table_name), declared, fetched.files)


def build_tables(project: Project) -> None:
    project.dbt.run(["build", "--quiet"])
    project.dbt.run(["docs", "generate", "--static", "--quiet"])


def make_objects_and_links(project: Project) -> None:
    ontology = project.ontology
    with project.warehouse.write() as con:
        for object_type in ontology.objects.values():
            if problems := missing_columns(project.loaded, object_type, columns(con, dbt_table(object_type.table))):
                raise SystemExit("\n".join(str(problem) for problem in problems))
            replace_table(con, object_table(object_type.name), object_select(ontology, object_type))
        for source in ontology.objects.values():
            for link_name, link in source.links.items():
                name = link_table(source.name, link_name)
                selects = {name: link_select(ontology, source, link), orphans(name): orphans_select(ontology, source, link)}
                replace_tables(con, selects)


def ask_suites(project: Project) -> Iterator[dict[str, Any]]:
    from palantir_assets.quality.suites import column_sql, suites_of
    from palantir_assets.quality.validating import validate

    for object_type in project.ontology.objects.values():
        for suite in suites_of(project.ontology, object_type):
            with project.warehouse.read() as con:
                wanted = ", ".join(column_sql(column) for column in suite.columns)
                results = validate(suite, con.sql(f"SELECT {wanted} FROM {object_table(object_type.name).sql}").to_arrow_table())
            broken = {str(result.expectation): result.broken for result in results if not result.passed}
            yield said(f"objects/{object_type.name}", suite.name, not broken, suite.severity == "block", broken)


def count_orphans(project: Project) -> Iterator[dict[str, Any]]:
    with project.warehouse.read() as con:
        for source in project.ontology.objects.values():
            for link_name, link in source.links.items():
                name = link_table(source.name, link_name)
                lost = rows(con, orphans(name))
                yield said(str(name), "orphans", not lost, link.orphans == "block", {"orphan_keys": lost})


def build_arrays(project: Project) -> None:
    for source in project.ontology.objects.values():
        for link_name, link in source.links.items():
            name = link_table(source.name, link_name)
            with project.warehouse.read() as con:
                pairs = con.execute(f"SELECT source_row, target_row FROM {name.sql}").fetchnumpy()
                counts = rows(con, object_table(source.name)), rows(con, object_table(link.to))
            save(build_csr(pairs["source_row"], pairs["target_row"], *counts), project.artifacts("graph") / name.local)


def measure_graph(project: Project, name: str, graph: Graph) -> None:
    from palantir_assets.graph.drawing import draw
    from palantir_assets.release.writing import write_table

    edges = graph.edges
    weight = f"CAST(o.{quoted(edges.weight)} AS DOUBLE)" if edges.weight else "1.0"
    sql = (
        f"SELECT s.target_row AS source, t.target_row AS target, {weight} AS weight FROM {link_table(edges.object, edges.source).sql} s "
        f"JOIN {link_table(edges.object, edges.target).sql} t USING (source_row) "
        f"JOIN {object_table(edges.object).sql} o ON o._row = source_row ORDER BY source_row"
    )
    with project.warehouse.read() as con:
        found = con.execute(sql).fetchnumpy()
        listed = EdgeList(found["source"], found["target"], found["weight"] if edges.weight else None, rows(con, object_table(graph.nodes)))
    measures = {key: measure(each.kind, listed, seed=each.seed, weighted=each.weighted) for key, each in graph.measures.items()}
    folder = project.artifacts("graph") / "measures"
    folder.mkdir(parents=True, exist_ok=True)
    write_table(pa.table({"_row": np.arange(listed.nodes, dtype=np.int32), **measures}), folder / f"{name}.parquet")
    draw(listed, title=name)


def write_documents(project: Project) -> None:
    from palantir_assets.search.caching import VectorCache, encode_cached
    from palantir_assets.search.documents import collect, write
    from palantir_assets.search.encoding import FILES, open_encoder
    from palantir_assets.search.exporting import ensure_encoder

    searchable = [object_type for object_type in project.ontology.objects.values() if object_type.search]
    found = collect(document for object_type in searchable for document in documents_of(project, object_type))
    folder = project.artifacts("search")
    write(found, folder / "documents.parquet")
    exported = ensure_encoder(project.settings.cache / "encoders")
    encoded = encode_cached(found.column("text"), open_encoder(exported), VectorCache(project.settings.cache / "vectors"))
    np.save(folder / "vectors.npy", encoded.vectors)
    (folder / "encoder").mkdir(exist_ok=True)
    for file in FILES:
        shutil.copyfile(exported / file, folder / "encoder" / file)


def documents_of(project: Project, object_type: ObjectType) -> Iterator[Any]:
    from palantir_assets.search.documents import Document, render

    template = object_type.search.text if object_type.search else ""
    paths = [path for path in template_fields(template) if path != "title"]
    with project.warehouse.read() as con:
        sql = paths_select(project.ontology, object_type.name, [object_type.key, *paths], also=["_title"])
        found = con.sql(sql).to_arrow_table().to_pylist()
    for values in found:
        text = render(template, {**values, "title": values["_title"]})
        yield Document(object_type.name, values["_row"], str(values[object_type.key]), values["_title"], text)


def learn(project: Project, name: str, model: Model) -> dict[str, Any]:
    """Train, judge, draw, log to MLflow, write; returns what the gate says."""
    from palantir_assets.learning.cards import card
    from palantir_assets.learning.drawing import calibration_png, roc_png
    from palantir_assets.learning.training import Passed, gate_result, model_files, predictions, train
    from palantir_assets.release.writing import write_json, write_table
    from palantir_assets.stores import experiments

    also = dict.fromkeys([model.predict, model.split.by])
    sql = paths_select(project.ontology, model.object, [feature for feature in model.features if feature not in also], also=also)
    with project.warehouse.read() as con:
        frame = con.sql(sql).to_arrow_table()
    trained = train(name, model.model_copy(update={"label": None, "description": "", "owner": None}), frame)
    folder = project.artifacts("learning") / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in model_files(trained).items():
        (folder / file).write_bytes(content)
    write_table(predictions(trained), folder / "predictions.parquet")
    document = card(trained, known_at(project, model))
    write_json(document, folder / "card.json")
    verdict = gate_result(model, trained.metrics)
    experiment = experiments.Experiment("palantir", project.settings.experiments_url, project.settings.artifacts / "mlflow")
    with experiments.run(experiment, name, {}):
        pictures = {"calibration.png": calibration_png(trained), "roc.png": roc_png(trained)}
        experiments.log(trained, document, pictures, champion=isinstance(verdict, Passed))
    return said(f"learning/{name}", "gate", isinstance(verdict, Passed), True, {"reason": verdict.reason})


def known_at(project: Project, model: Model) -> dict[str, str | None]:
    found = {feature: follow(project.ontology, model.object, feature) for feature in model.features}
    properties = {feature: project.ontology.find_property(end.object_type, end.property) for feature, end in found.items() if end}
    return {feature: prop.known_at if prop else None for feature, prop in properties.items()}


def orphans(link: Name) -> Name:
    return Name("links", f"{link.local}__orphans")


def said(asset: str, check: str, passed: bool, blocking: bool, details: dict[str, Any]) -> dict[str, Any]:
    """One check's word; the script stops where a blocking one says no."""
    if blocking and not passed:
        raise SystemExit(f"{asset} / {check} failed: {details}")
    return {"asset": asset, "check": check, "passed": passed, "blocking": blocking, "details": details}


def main() -> None:
    from benchmarks.plain_release import release

    os.environ.update(QUIET)
    project = open_project(load_settings())
    make_layout(project.settings)
    print(release(project, walk(project)))


if __name__ == "__main__":
    main()
