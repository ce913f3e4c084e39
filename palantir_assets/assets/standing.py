"""What is stale today: everything declared held against everything Dagster and the check records remember.

The rule itself is in `health.staleness`; what is done about it, in `rounds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg

from palantir_assets.assets.checks import in_words
from palantir_assets.assets.keys import CANDIDATE, INPUT_VERSION, last_made
from palantir_assets.assets.ledger import READ_UNTIL, ledger_versions
from palantir_assets.assets.location import Location
from palantir_assets.assets.project import Project
from palantir_assets.assets.raw import SOURCE_VERSION, source_versions
from palantir_assets.health.staleness import Made, Node, downstream, stale


@dataclass(frozen=True, slots=True)
class Staleness:
    """What is stale and why, and what stands on that; of the stale, what stands also on something that may yet become so;
    the checks whose last word is about other content or expectations; the blocking checks whose word of today's content
    is no; and the assets held back by them."""

    stale: Mapping[str, str]
    after: frozenset[str]
    unsettled: frozenset[str]
    checks: tuple[dg.AssetCheckKey, ...]
    refused: tuple[tuple[str, str], ...]
    held: frozenset[str]


def staleness(project: Project, location: Location, instance: dg.DagsterInstance, *, edits: Mapping[str, str] | None = None) -> Staleness:
    """Hold everything declared against everything recorded; `edits` is how far the ledger has come, if not as of now."""
    nodes = {_name(spec.key): _node(spec) for spec in location.definitions.resolve_all_asset_specs()}
    recorded = last_made(instance, [dg.AssetKey(name.split("/")) for name in nodes])
    told = {name: _made(name, materialization) for name, materialization in recorded.items()}
    made = {name: last for name, last in told.items() if _lies_there(project, name, last)}
    records = project.records.read()
    old: list[dg.AssetCheckKey] = []
    refused: list[tuple[str, str]] = []
    for name, check, blocking, asked in location.wanted:
        record, current = records.get((str(name), check)), made.get(str(name))
        if current is None:
            continue
        if record is None or record.fingerprint != asked or record.data_version != current.data_version:
            old.append(dg.AssetCheckKey(dg.AssetKey(list(name.key)), check))
        elif blocking and not record.passed:
            refused.append((str(name), check))
    found = stale(nodes, made, {**source_versions(project), **(ledger_versions(project) if edits is None else edits)})
    refused = [pair for pair in refused if pair[0] not in found]
    after = downstream(nodes, found)
    held = downstream(nodes, {name for name, _ in refused})
    return Staleness(found, after, downstream(nodes, after - found.keys()), tuple(old), tuple(refused), held)


def warnings_now(project: Project, location: Location) -> tuple[str, ...]:
    """What every check that does not block last said, where it did not pass: `raw/shop__orders: 1 row refused …`."""
    records = project.records.read()
    said = ((str(name), records.get((str(name), check))) for name, check, blocking, _ in location.wanted if not blocking)
    return tuple(f"{name}: {in_words(record.details) or record.check}" for name, record in said if record and not record.passed)


def _node(spec: dg.AssetSpec) -> Node:
    source = {f"source:{_name(spec.key)}"} if spec.key.path[0] in ("raw", "ledger") else set()
    return Node(spec.code_version or "", frozenset({_name(dep.asset_key) for dep in spec.deps} | source))


def _made(name: str, materialization: dg.AssetMaterialization) -> Made:
    """What Dagster recorded of an asset's last materialisation."""
    tags = materialization.tags or {}
    inputs = {tag.removeprefix(INPUT_VERSION): version for tag, version in tags.items() if tag.startswith(INPUT_VERSION)}
    source = materialization.metadata.get(SOURCE_VERSION) or materialization.metadata.get(READ_UNTIL)
    if source is not None:
        inputs[f"source:{name}"] = str(source.value)
    return Made(tags.get("dagster/code_version", ""), tags.get("dagster/data_version", ""), inputs)


def _lies_there(project: Project, name: str, made: Made) -> bool:
    """Whether what was made is still on disk; what somebody deleted counts as never made."""
    station, _, local = name.partition("/")
    settings = project.settings
    if station in ("raw", "staging", "marts", "ledger", "objects", "links"):
        return settings.warehouse.exists()
    if station in ("graph", "search", "learning"):
        return project.artifacts(station).is_dir()
    if name == str(CANDIDATE):
        return (settings.releases / ".staging" / made.data_version).is_dir()
    return (project.artifacts(station) / f"{local}.json").exists() if station == "evals" else True


def _name(key: dg.AssetKey) -> str:
    return key.to_user_string()
