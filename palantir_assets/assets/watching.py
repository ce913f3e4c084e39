"""Who looks between builds whether a source has changed: one sensor for each source that says `watch`.

What tells that it did is asked of `sources.fetching`. A sensor asks for raw tables alone; what stands on them follows
with the sensor `follow_changes`, or with the next build.
"""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from palantir_assets.assets.keys import key
from palantir_assets.assets.project import Project
from palantir_assets.assets.raw import SOURCE_VERSION, window
from palantir_assets.errors import SourceError
from palantir_assets.names import Name, fingerprint, raw_table
from palantir_assets.ontology.spec import Source, SourceTable
from palantir_assets.sources.fetching import Fetcher, fetcher_of
from palantir_assets.sources.raw_files import RawFiles


def watchers(project: Project) -> list[dg.SensorDefinition]:
    """`watch_<source>` of every source that is watched; on as soon as Dagster's daemon runs."""
    return [_watcher(project, name, source) for name, source in project.ontology.sources.items() if source.watch]


def _watcher(project: Project, source_name: str, source: Source) -> dg.SensorDefinition:
    tables = {raw_table(source_name, table): declared for table, declared in source.tables.items()}

    @dg.sensor(
        name=f"watch_{source_name}",
        asset_selection=[key(name) for name in tables],
        minimum_interval_seconds=int(window(source.watch or "1m").total_seconds()),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Makes the raw tables of {source_name} of which the bytes are others than when they were made.",
    )
    def watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        found, failed = _versions(fetcher_of(source, project=project.settings.project), tables, RawFiles(project.settings.raw_files))
        for name, error in failed.items():
            context.log.warning(f"{name}: {error}")
        requests = _requests(context.instance, found)
        if failed and not requests:
            raise next(iter(failed.values()))
        return dg.SensorResult(requests, skip_reason=None if requests else "Nothing has changed.")

    return watch


def _versions(fetcher: Fetcher, tables: Mapping[Name, SourceTable], kept: RawFiles) -> tuple[dict[Name, str], dict[Name, SourceError]]:
    """The version of each table as it is now, and what stood in the way of the others."""
    found, failed = dict[Name, str](), dict[Name, SourceError]()
    for name, declared in tables.items():
        try:
            found[name] = fetcher.version(declared, kept)
        except SourceError as error:
            failed[name] = error
    return found, failed


def _requests(instance: dg.DagsterInstance, versions: Mapping[Name, str]) -> list[dg.RunRequest]:
    """A run for each table that was made of another version, or never. A run that fails is not started again and again:
    the same version is asked for once, until the table is made or its source changes."""
    records = instance.get_asset_records([key(name) for name in versions])
    last = {record.asset_entry.asset_key: record.asset_entry.last_materialization for record in records}
    return [
        dg.RunRequest(fingerprint(str(name), event.run_id if event else None, version), asset_selection=[key(name)])
        for name, version in versions.items()
        if _made_of(event := last.get(key(name))) != version
    ]


def _made_of(event: dg.EventLogEntry | None) -> object:
    materialization = event.asset_materialization if event else None
    known = materialization.metadata.get(SOURCE_VERSION) if materialization else None
    return known.value if known else None
