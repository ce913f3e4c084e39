"""The whole walk as one `Definitions`: the stations put side by side. The only module that knows them all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg

from palantir_assets.assets import (
    automation,
    candidate,
    evals,
    graph,
    learning,
    ledger,
    links,
    markings,
    objects,
    policy_tests,
    raw,
    release,
    search,
    tables,
    watching,
)
from palantir_assets.assets.project import Project
from palantir_assets.names import from_key


@dataclass(frozen=True)
class Location:
    """The definitions, and every check the gate wants to have spoken."""

    definitions: dg.Definitions
    wanted: tuple[release.WantedCheck, ...]


def build_definitions(project: Project) -> dg.Definitions:
    """All assets, checks, jobs, schedules and sensors of a project."""
    return build_location(project).definitions


def build_location(project: Project) -> Location:
    """The definitions of a project with its list of wanted checks."""
    made_by_dbt = tables.table_assets(project)
    wanted = tuple(_wanted(project, made_by_dbt[0]))
    assets = [
        *raw.raw_assets(project),
        *made_by_dbt,
        *markings.marking_assets(project, made_by_dbt[0].keys),
        *ledger.ledger_assets(project),
        *objects.object_assets(project),
        *links.link_assets(project),
        *graph.graph_assets(project),
        *search.search_assets(project),
        *learning.learning_assets(project),
        *candidate.candidate_assets(project),
        *evals.eval_assets(project),
        *release.release_assets(project, wanted),
    ]
    checks = [
        *raw.raw_checks(project),
        *objects.object_checks(project),
        *links.link_checks(project),
        *learning.learning_checks(project),
        *evals.eval_checks(project),
        *policy_tests.policy_checks(project),
    ]
    jobs = automation.jobs()
    definitions = dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=jobs,
        schedules=automation.schedules(),
        sensors=[*automation.sensors(project, jobs), *watching.watchers(project)],
        resources={"mlflow": learning.mlflow_resource(project)},
        executor=dg.in_process_executor,
    )
    return Location(definitions, wanted)


def _wanted(project: Project, made_by_dbt: dg.AssetsDefinition) -> Iterator[release.WantedCheck]:
    for check, blocking, asked in tables.wanted_checks(project, made_by_dbt):
        yield from_key(check.asset_key.path), check.name, blocking, asked
    for station in (raw, objects, links, learning, evals, policy_tests):
        yield from station.wanted_checks(project)
