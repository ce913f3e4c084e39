"""When assets are made: the jobs a data engineer looks for, and a daily schedule."""

from __future__ import annotations

import dagster as dg

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


def sensors() -> list[dg.AutomationConditionSensorDefinition]:
    """Eager automation: what is upstream of a change follows it. Switched on in the UI."""
    return [dg.AutomationConditionSensorDefinition("follow_changes", target=dg.AssetSelection.all())]
