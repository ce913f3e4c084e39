"""Every problem of a project that can be found without making an asset: specs, dbt project, and how they meet.

A file that does not hold hides nothing of the others: these are still held against the dbt project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from palantir_assets.access.views import whole
from palantir_assets.assets.model_columns import ModelColumns
from palantir_assets.assets.project import Project
from palantir_assets.errors import BuildError, Place, Problem, QueryError, SourceError, did_you_mean
from palantir_assets.names import dbt_table, raw_table
from palantir_assets.ontology.access_rules import nobody_may_read
from palantir_assets.ontology.compiling import missing_columns, missing_link_columns, missing_point_columns
from palantir_assets.ontology.loading import examine_specs
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec_sources import place_of
from palantir_assets.settings import Settings
from palantir_assets.sources.fetching import fetcher_of


@dataclass(frozen=True, slots=True)
class Findings:
    """What a look at a project found; `unseen` are the dbt models whose columns nobody can know before they are made.

    `notes` are no problems: what holds together and is hardly meant.
    """

    problems: tuple[Problem, ...]
    unseen: tuple[str, ...] = ()
    notes: tuple[Problem, ...] = ()


def find_problems(settings: Settings) -> list[Problem]:
    """All problems at once, those that the specs alone can tell first."""
    return list(look_over(settings).problems)


def look_over(settings: Settings) -> Findings:
    """All problems at once, and what could not be looked at."""
    loaded, problems = examine_specs(settings.specs_dir)
    notes = tuple(nobody_may_read(loaded))
    project = Project(settings, loaded)
    if not problems:
        problems += _unaskable_metrics(project)  # planned over specs that hold together, or not at all
    problems += _missing_files(project)
    if not settings.specs_dir.is_dir():
        return Findings(tuple(problems), notes=notes)
    try:
        manifest = project.manifest
    except BuildError as error:
        return Findings((*problems, Problem(error.message, Place(settings.dbt_dir))), notes=notes)
    columns = ModelColumns(project, manifest)
    unmet = [*_unmet_tables(project, manifest, columns), *_unmet_sources(project, manifest)]
    return Findings((*problems, *unmet), tuple(_unseen(project, manifest, columns)), notes)


def _missing_files(project: Project) -> Iterator[Problem]:
    for name, source in project.ontology.sources.items():
        for table, declared in source.tables.items():
            try:
                fetcher_of(source, project=project.settings.project).look(declared)
            except SourceError as error:
                yield Problem(error.message, project.loaded.place("sources", name, "tables", table, place_of(declared)[0]))


def _unaskable_metrics(project: Project) -> Iterator[Problem]:
    """Metrics whose query the planner refuses, in its words."""
    from palantir_assets.query.aggregates import parse_aggregate, plan_aggregate

    for name, metric in project.ontology.metrics.items():
        try:
            plan_aggregate(parse_aggregate(metric.query), whole(project.served))
        except QueryError as error:
            yield Problem(f"metric {name!r} cannot be asked: {error.message}", project.loaded.place("metrics", name, "query"))


def _unmet_tables(project: Project, manifest: Mapping[str, Any], columns: ModelColumns) -> Iterator[Problem]:
    """Whatever reads a dbt model that does not exist, or lacks a column that is read from it."""
    models = _models(manifest)
    for table, place, missing in _tables_read(project.loaded):
        model = models.get(dbt_table(table).key)
        if model is None:
            yield Problem(f"there is no dbt model {table}", place, did_you_mean(table, [".".join(key) for key in models]))
        elif (known := columns.of(model)) is not None:
            yield from missing(known)


def _unseen(project: Project, manifest: Mapping[str, Any], columns: ModelColumns) -> Iterator[str]:
    models = _models(manifest)
    for table in dict.fromkeys(table for table, _, _ in _tables_read(project.loaded)):
        model = models.get(dbt_table(table).key)
        if model is not None and columns.of(model) is None:
            yield table


def _models(manifest: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(node["schema"], node["name"]): node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


def _tables_read(loaded: Loaded) -> Iterator[tuple[str, Place | None, Callable[[Iterable[str]], list[Problem]]]]:
    """(table, where it is named, what of it is missing among given columns) of everything that reads a dbt model."""
    for object_type in loaded.ontology.objects.values():
        owner = object_type.name
        yield object_type.table, loaded.place("objects", owner, "from"), partial(missing_columns, loaded, object_type)
        for name, link in object_type.links.items():
            if link.via:
                place = loaded.place("objects", owner, "links", name, "via", "table")
                yield link.via.table, place, partial(missing_link_columns, loaded, object_type, name)
        for name, prop in object_type.properties.items():
            if prop.points:
                place = loaded.place("objects", owner, "properties", name, "points", "table")
                yield prop.points.table, place, partial(missing_point_columns, loaded, owner, name)


def _unmet_sources(project: Project, manifest: Mapping[str, Any]) -> Iterator[Problem]:
    """dbt sources that say they are a raw asset which no source declares."""
    raw = {str(raw_table(name, table)) for name, source in project.ontology.sources.items() for table in source.tables}
    for source in manifest["sources"].values():
        key = (source.get("config") or {}).get("meta", {}).get("dagster", {}).get("asset_key") or source["meta"].get("dagster", {}).get(
            "asset_key"
        )
        if key and "/".join(key) not in raw and not project.loaded.broken.may_hold_source("/".join(key)):
            place = Place(project.settings.dbt_dir / source["original_file_path"])
            yield Problem(
                f"dbt source {source['name']!r} names the asset {'/'.join(key)}, which no source declares",
                place,
                did_you_mean("/".join(key), raw),
            )
