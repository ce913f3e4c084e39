"""Every problem of a project that can be found without making an asset: specs, dbt project, and how they meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from palantir_assets.assets.project import Project
from palantir_assets.errors import BuildError, Place, Problem, SourceError, SpecError, did_you_mean
from palantir_assets.names import dbt_table, raw_table
from palantir_assets.ontology.compiling import missing_columns
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.settings import Settings
from palantir_assets.sources.fetching import find_file


def find_problems(settings: Settings) -> list[Problem]:
    """All of them at once. What the specs alone can tell comes first; the rest needs specs that hold together."""
    try:
        project = Project(settings, load_ontology(settings.specs_dir))
    except SpecError as error:
        return list(error.problems)
    problems = list(_missing_files(project))
    try:
        manifest = project.manifest
    except BuildError as error:
        return [*problems, Problem(error.message, Place(settings.dbt_dir))]
    return [*problems, *_unmet_tables(project, manifest), *_unmet_sources(project, manifest)]


def _missing_files(project: Project) -> Iterator[Problem]:
    for name, source in project.ontology.sources.items():
        for table, declared in source.tables.items():
            try:
                find_file(source, declared.file, project=project.settings.project)
            except SourceError as error:
                yield Problem(error.message, project.loaded.place("sources", name, "tables", table, "file"))


def _unmet_tables(project: Project, manifest: Mapping[str, Any]) -> Iterator[Problem]:
    """Object types whose dbt model does not exist, or lacks a column its contract would show."""
    models = {(node["schema"], node["name"]): node for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    for object_type in project.ontology.objects.values():
        model = models.get(dbt_table(object_type.table).key)
        if model is None:
            known = [".".join(key) for key in models]
            place = project.loaded.place("objects", object_type.name, "from")
            yield Problem(f"there is no dbt model {object_type.table}", place, did_you_mean(object_type.table, known))
        elif (model.get("contract") or {}).get("enforced"):
            yield from missing_columns(project.loaded, object_type, model["columns"])


def _unmet_sources(project: Project, manifest: Mapping[str, Any]) -> Iterator[Problem]:
    """dbt sources that say they are a raw asset which no source declares."""
    raw = {str(raw_table(name, table)) for name, source in project.ontology.sources.items() for table in source.tables}
    for source in manifest["sources"].values():
        key = (source.get("config") or {}).get("meta", {}).get("dagster", {}).get("asset_key") or source["meta"].get("dagster", {}).get(
            "asset_key"
        )
        if key and "/".join(key) not in raw:
            place = Place(project.settings.dbt_dir / source["original_file_path"])
            yield Problem(
                f"dbt source {source['name']!r} names the asset {'/'.join(key)}, which no source declares",
                place,
                did_you_mean("/".join(key), raw),
            )
