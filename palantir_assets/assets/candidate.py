"""Station 7: everything so far, joined where it belongs, sealed and hashed in the release format.

What the format is, is decided in `release`. Here tables become pieces and arrays become files; what graphs and
models computed becomes properties of the objects they are about.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from palantir_assets.access.declared import declarations
from palantir_assets.access.markings import every, of_table
from palantir_assets.assets.borne_markings import borne, trusted_column_markings
from palantir_assets.assets.folding import folded_until
from palantir_assets.assets.keys import (
    ANSWERS,
    CANDIDATE,
    DOCUMENTS,
    LINK_ARRAYS,
    MARKINGS,
    POOL,
    bears,
    key,
    latest_versions,
    markdown_table,
    spec,
)
from palantir_assets.assets.project import Project
from palantir_assets.errors import SpecError
from palantir_assets.names import Name, dbt_table, fingerprint, link_table, object_table, raw_table
from palantir_assets.observability.masking import masked
from palantir_assets.ontology.compiling import candidate_select, missing_point_columns, series_of, series_select
from palantir_assets.ontology.served_access import ACCESS_FILE
from palantir_assets.ontology.serving_access import served_access
from palantir_assets.ontology.versioning import candidate_version, spec_version, without_words
from palantir_assets.stores.warehouse import columns

if TYPE_CHECKING:
    import pyarrow as pa

    from palantir_assets.release.sealing import Candidate


def candidate_assets(project: Project) -> list[dg.AssetsDefinition]:
    """`candidate/candidate`, a folder that the code that serves can read; `candidate/answers`, its version without labels."""
    marked = declarations(project.ontology)
    version = candidate_version(project.ontology) if not marked else fingerprint(candidate_version(project.ontology), marked)
    deps = [*_everything(project), *([MARKINGS] if marked else [])]

    @dg.multi_asset(
        specs=[
            spec(
                CANDIDATE,
                version=version,
                deps=deps,
                kinds=["parquet"],
                description="Everything a release would hold, sealed under the hash of its content. Nothing is served from it.",
            ),
            spec(
                ANSWERS,
                version=version,
                deps=deps,
                kinds=["parquet"],
                description="The same, as far as an answer depends on it: a label that changes leaves it, and so the evals, alone.",
            ),
        ],
        name="candidate",
        pool=POOL,
    )
    def seal(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        from palantir_assets.release.sealing import Shelf, seal_candidate, staging

        shelf = Shelf(project.settings.releases)
        with staging(shelf, fs=project.disk) as folder:
            counts = _write_content(project, folder, context.instance)
            versions, provenance = _versions(project, context), _provenance(project, context)
            sealed = seal_candidate(folder, shelf, versions=versions, provenance=provenance, rows=counts, fs=project.disk)
        yield _reported(project, sealed)
        yield dg.MaterializeResult(asset_key=key(ANSWERS), data_version=dg.DataVersion(_answers_version(project, sealed)))

    return [seal]


def _everything(project: Project) -> list[Name]:
    ontology = project.ontology
    links = [link_table(source.name, name) for source in ontology.objects.values() for name in source.links]
    texts = [DOCUMENTS] if any(object_type.search for object_type in ontology.objects.values()) else []
    made = [*(object_table(name) for name in ontology.objects), *links, LINK_ARRAYS, *texts]
    series = dict.fromkeys(dbt_table(points.table) for points, _ in series_of(ontology).values())
    return [*made, *series, *(Name("graph", name) for name in ontology.graphs), *(Name("learning", name) for name in ontology.models)]


def _write_content(project: Project, folder: Path, instance: dg.DagsterInstance) -> dict[str, int]:
    """Every file of a release's content; returns the number of objects by type."""
    from palantir_assets.release.reading import ONTOLOGY
    from palantir_assets.release.writing import write_objects

    (folder / ONTOLOGY).write_text(project.served.model_dump_json(indent=1), encoding="utf-8")  # in the order of the specs
    access = served_access(project.ontology, trusted_column_markings(project, instance))
    (folder / ACCESS_FILE).write_text(access.model_dump_json(indent=1), encoding="utf-8")
    counts = {name: write_objects(_joined(project, name), folder / "objects" / name, kind) for name, kind in project.served.types.items()}
    for object_type in project.ontology.objects.values():
        for link in object_type.links:
            local = link_table(object_type.name, link).local
            shutil.copytree(project.artifacts("graph") / local, folder / "links" / local)
    _write_series(project, folder)
    for source, text in project.ontology.files.items():
        path = folder / "functions" / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if DOCUMENTS in _everything(project):
        shutil.copytree(project.artifacts("search"), folder / "search")
    for model in project.ontology.models:
        ignored = shutil.ignore_patterns("predictions.parquet")
        shutil.copytree(project.artifacts("learning") / model, folder / "models" / model, ignore=ignored)
    return counts


def _write_series(project: Project, folder: Path) -> None:
    """The points of every time series: `series/<type>__<property>/part-00000.parquet`, …, by series and time."""
    from palantir_assets.release.writing import write_pieces

    for (owner, name), (points, prop) in series_of(project.ontology).items():
        with project.warehouse.read() as con:
            if missing := missing_point_columns(project.loaded, owner, name, columns(con, dbt_table(points.table))):
                raise SpecError(missing)
            table = con.sql(series_select(points, prop)).to_arrow_table()
        write_pieces(table, folder / "series" / f"{owner}__{name}")


def _joined(project: Project, object_type: str) -> "pa.Table":
    """A type's objects with what is computed over links, and the columns that graphs and models add: one row per object, in row order."""
    import pyarrow.parquet as pq

    with project.warehouse.read() as con:
        table = con.sql(f"SELECT * FROM {object_table(object_type).sql} ORDER BY _row").to_arrow_table()
        over_links = candidate_select(project.ontology, project.ontology.objects[object_type])
        if over_links:
            computed = con.sql(over_links).to_arrow_table()
            for name in computed.column_names[1:]:
                table = table.append_column(name, computed.column(name))
    ontology = project.ontology
    added = [
        project.artifacts("graph") / "measures" / f"{name}.parquet" for name, graph in ontology.graphs.items() if graph.nodes == object_type
    ]
    added += [
        project.artifacts("learning") / name / "predictions.parquet"
        for name, model in ontology.models.items()
        if model.object == object_type
    ]
    for path in added:
        measured = pq.read_table(path)
        if not measured.column("_row").equals(table.column("_row").cast(measured.schema.field("_row").type)):
            raise dg.Failure(f"{path.name} speaks of other {object_type} rows than today's; build its station again")
        for name in measured.column_names[1:]:
            table = table.append_column(name, measured.column(name))
    return table


def _versions(project: Project, context: dg.AssetExecutionContext) -> Any:
    from importlib.metadata import version

    from palantir_assets.release.manifest import Versions
    from palantir_assets.stores.installed import lock_version

    upstream = {str(name): version for name, version in latest_versions(context.instance, _everything(project)).items()}
    return Versions(
        code_version=version("palantir-assets"),
        spec_version=spec_version(project.ontology),
        lock_version=lock_version(),
        data_versions=upstream,
        edit_watermark=folded_until(project, context.instance),
    )


def _provenance(project: Project, context: dg.AssetExecutionContext) -> Any:
    from palantir_assets.release.manifest import Provenance

    raw = [raw_table(name, table) for name, source in project.ontology.sources.items() for table in source.tables]
    events = [context.instance.get_latest_materialization_event(key(name)) for name in raw]
    read = [event.timestamp for event in events if event]
    oldest = datetime.fromtimestamp(min(read), UTC) if read else None
    return Provenance(run_id=context.run.run_id, created_at=datetime.now(UTC), data_as_of=oldest)


def _answers_version(project: Project, sealed: "Candidate") -> str:
    """A hash of every file but the ontology's and the rules', and of the ontology without what is only read by people.

    The evals ask as one who sees everything, so who may see what leaves them alone.
    """
    from palantir_assets.release.reading import ONTOLOGY

    files = sorted((path, entry.sha256) for path, entry in sealed.manifest.files.items() if path not in (ONTOLOGY, ACCESS_FILE))
    return fingerprint(files, without_words(project.served))


def _reported(project: Project, sealed: "Candidate") -> dg.MaterializeResult[Any]:
    manifest, bearing = sealed.manifest, borne(project)
    counts = [{"type": name, "objects": masked(n, of_table(bearing, object_table(name).table).rows)} for name, n in manifest.rows.items()]
    metadata: dict[str, Any] = {
        "content_id": manifest.content_id,
        "files": len(manifest.files),
        "bytes": manifest.total_bytes,
        "objects": markdown_table(counts),
        "folder": dg.MetadataValue.path(sealed.folder),
        "edit_watermark": manifest.edit_watermark,
        **bears(every(bearing)),
    }
    return dg.MaterializeResult(asset_key=key(CANDIDATE), metadata=metadata, data_version=dg.DataVersion(manifest.content_id))
