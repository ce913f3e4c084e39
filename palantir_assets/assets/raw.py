"""Station 1: one asset per declared source table: its rows, with what was refused beside them, and a check that warns of it.

How bytes are found, kept and read is decided in `sources`; here is only when, and what a person is shown.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import dagster as dg

from palantir_assets.assets.borne_markings import markings_of
from palantir_assets.assets.checks import SHOWN, report
from palantir_assets.assets.keys import POOL, key, markdown_table, spec, table_result
from palantir_assets.assets.project import Project
from palantir_assets.assets.quarantine import shown
from palantir_assets.errors import SourceError
from palantir_assets.names import Name, fingerprint, raw_table
from palantir_assets.observability.masking import without_values
from palantir_assets.ontology.spec import Freshness, Source
from palantir_assets.ontology.spec_sources import format_of, place_of
from palantir_assets.ontology.versioning import MAKERS, raw_version
from palantir_assets.sources.fetching import fetch, fetcher_of
from palantir_assets.sources.loading import Loaded, load, refused_table
from palantir_assets.sources.raw_files import RawFiles
from palantir_assets.sources.rows import place
from palantir_assets.stores.warehouse import content_version, rows, sample

SOURCE_VERSION = "source_version"
REFUSED = "refused"


def raw_assets(project: Project) -> list[dg.AssetsDefinition]:
    """One multi-asset per source, one asset per table; any subset of them can be made."""
    return [_source_assets(project, name, source) for name, source in project.ontology.sources.items()]


def _source_assets(project: Project, source_name: str, source: Source) -> dg.AssetsDefinition:
    tables = {raw_table(source_name, table): declared for table, declared in source.tables.items()}
    specs = [
        spec(
            name,
            version=raw_version(source, declared),
            description=declared.description or source.description,
            owner=source.owner,
            kinds=[
                "sql" if not declared.file else format_of(declared.member or declared.file, declared),
                "duckdb",
                *(["s3"] if source.s3 else []),
            ],
            freshness=freshness_policy(source.freshness),
            automation=dg.AutomationCondition.on_cron("0 5 * * *"),
            metadata={**dict([place_of(declared)]), "columns": len(declared.columns)},
        )
        for name, declared in tables.items()
    ]

    @dg.multi_asset(specs=specs, name=f"raw__{source_name}", can_subset=True, pool=POOL)
    def load_source(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        for name, declared in tables.items():
            if key(name) in context.selected_asset_keys:
                fetched = fetch(source, declared, project=project.settings.project, into=RawFiles(project.settings.raw_files))
                with project.warehouse.write() as con:
                    loaded = load(con, name, declared, fetched.files, told=without_values if markings_of(project, name).all else str)
                yield _reported(project, loaded, fetched.version)

    return load_source


def raw_checks(project: Project) -> list[dg.AssetChecksDefinition]:
    """`refused` of every raw table: whether the file was taken whole."""
    return [_refused_check(project, name) for name in _names(project)]


def wanted_checks(project: Project) -> Iterator[tuple[Name, str, bool, str]]:
    """(asset, check, blocking, fingerprint) of every check of this station."""
    for name in _names(project):
        yield name, REFUSED, False, fingerprint(MAKERS["checks"], REFUSED)


def _names(project: Project) -> list[Name]:
    return [raw_table(name, table) for name, source in project.ontology.sources.items() for table in source.tables]


def _refused_check(project: Project, name: Name) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=key(name), name=REFUSED, blocking=False, pool=POOL, description="Every row of the file was taken.")
    def count_refused() -> dg.AssetCheckResult:
        with project.warehouse.read() as con:
            version, table = content_version(con, name), refused_table(name)
            count = rows(con, table)
            first = shown(project, name, sample(con, table))
        details: dict[str, Any] = {"refused_rows": count}
        if count:
            details["reason"] = _refusal(name, count, first)
        return report(
            project,
            name,
            REFUSED,
            passed=count == 0,
            blocking=False,
            fingerprint=fingerprint(MAKERS["checks"], REFUSED),
            data_version=version,
            details=details,
            shown={**details, "first_refused": markdown_table(first)},
        )

    return count_refused


def _refusal(name: Name, count: int, first: Sequence[Mapping[str, object]]) -> str:
    """How many rows were refused, the first of them with line and reason, and what to do."""
    told = "; ".join(f"{place(row['line'], row['record'])}: {row['reason']}" for row in first[:SHOWN]) + ("; …" if count > SHOWN else "")
    return f"{count:,} row{'s' if count != 1 else ''} refused: {told}; mend the file, or see `palantir quarantine list`"


def source_versions(project: Project) -> dict[str, str]:
    """The version of every declared table's bytes as they are now, by "source:<asset>"; one that cannot be had is not there."""
    found, kept = {}, RawFiles(project.settings.raw_files)
    for source_name, source in project.ontology.sources.items():
        fetcher = fetcher_of(source, project=project.settings.project)
        for table_name, declared in source.tables.items():
            with suppress(SourceError):
                found[f"source:{raw_table(source_name, table_name)}"] = fetcher.version(declared, kept)
    return found


def freshness_policy(freshness: Freshness) -> dg.FreshnessPolicy | None:
    """The declared freshness as Dagster's policy; a source that is closed for ever has none."""
    if freshness.fail_after is None:
        return None
    warn = window(freshness.warn_after) if freshness.warn_after else None
    return dg.FreshnessPolicy.time_window(fail_window=window(freshness.fail_after), warn_window=warn)


def window(text: str) -> timedelta:
    """A declared window, such as `30m`, `12h` or `2d`."""
    unit = {"m": "minutes", "h": "hours", "d": "days"}[text[-1]]
    return timedelta(**{unit: int(text[:-1])})


def _reported(project: Project, loaded: Loaded, version: str) -> dg.MaterializeResult[Any]:
    facts: dict[str, Any] = {"refused_rows": loaded.refused, "source_bytes": loaded.bytes}
    facts |= {"source_sha256": loaded.sha256, SOURCE_VERSION: version}
    if loaded.files != 1:
        facts["source_files"] = loaded.files
    if loaded.undeclared:
        facts["undeclared_columns"] = ", ".join(loaded.undeclared)
    if loaded.refused:
        with project.warehouse.read() as con:
            facts["first_refused"] = markdown_table(shown(project, loaded.name, sample(con, refused_table(loaded.name))))
    return table_result(project.warehouse, loaded.name, marked=markings_of(project, loaded.name), **facts)
