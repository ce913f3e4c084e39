"""When assets are made: the jobs a data engineer looks for, a daily schedule, and what actions ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from palantir_assets.assets.effects import asked_for, outbox_of, wanted
from palantir_assets.assets.project import Project

STATIONS = ("raw", "tables", "ledger", "objects", "links", "graph", "search", "learning", "candidate", "evals", "release")


def jobs() -> list[dg.UnresolvedAssetJobDefinition]:
    """`refresh` makes everything; `ingest`, `model` and `publish` are its three parts; `check` asks every check again."""
    everything = dg.AssetSelection.all()
    return [
        dg.define_asset_job("refresh", everything, description="Every asset, from the sources to the release."),
        dg.define_asset_job("ingest", dg.AssetSelection.groups("raw", "tables", "ledger"), description="Sources, tables and the ledger."),
        dg.define_asset_job(
            "model",
            dg.AssetSelection.groups("objects", "links", "graph", "search", "learning"),
            description="Objects and all that is computed from them.",
        ),
        dg.define_asset_job(
            "publish", dg.AssetSelection.groups("candidate", "evals", "release"), description="Candidate, evals, gate, release."
        ),
        dg.define_asset_job("check", dg.AssetSelection.all_asset_checks(), description="Every check, asked of what is there."),
    ]


def schedules() -> list[dg.ScheduleDefinition]:
    """A daily refresh at 05:00 UTC; switched on in the UI."""
    return [dg.ScheduleDefinition(name="daily_refresh", job_name="refresh", cron_schedule="0 5 * * *", execution_timezone="UTC")]


def sensors(project: Project, jobs: Sequence[dg.UnresolvedAssetJobDefinition]) -> list[dg.SensorDefinition]:
    """Eager automation: what is upstream of a change follows it, once it is switched on in the UI; and what actions ask for,
    which is always on."""
    return [dg.AutomationConditionSensorDefinition("follow_changes", target=dg.AssetSelection.all()), _follow_actions(project, jobs)]


def _follow_actions(project: Project, jobs: Sequence[dg.UnresolvedAssetJobDefinition]) -> dg.SensorDefinition:
    names = [job.name for job in jobs]

    @dg.sensor(
        name="follow_actions",
        jobs=jobs,
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Makes the assets and starts the jobs that applied actions ask for: one run for each effect of the outbox.",
    )
    def follow_actions(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest]:
        assert context.repository_def is not None, "a sensor is evaluated in its code location"
        graph, now = context.repository_def.asset_graph, datetime.now(UTC)
        with outbox_of(project.settings) as outbox:
            for each in wanted(outbox, context.instance, lambda selection: selection.resolve(graph), names, now):
                asked_for(outbox, each, now)
                yield dg.RunRequest(each.run_key, tags=each.tags, job_name=each.job, asset_selection=list(each.assets) or None)

    return follow_actions
