"""Building what is stale, round by round, until nothing is.

A round is one Dagster run in this process over every asset that is stale on its own account (`health.staleness`
says which) and stands on nothing that may yet become so: nothing is made or checked of new and old together. An asset
whose content comes out as it was leaves those after it alone, so the next round may be smaller than the graph
suggests. Checks are asked with the assets they are about, or alone when what they expect has changed; the release
comes last, when everything else has spoken.
"""

from __future__ import annotations

import re
import time
import uuid
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import dagster as dg

from palantir_assets.assets import automation
from palantir_assets.assets.effects import outbox_of, settled, wanted
from palantir_assets.assets.instance import opened
from palantir_assets.assets.keys import DOCUMENTS, ENCODERS, RELEASE, latest_version
from palantir_assets.assets.ledger import ledger_versions, said_of
from palantir_assets.assets.location import Location, build_location
from palantir_assets.assets.project import Project, open_project
from palantir_assets.assets.standing import staleness, warnings_now
from palantir_assets.errors import BuildError, LedgerError, WarehouseBusy, did_you_mean
from palantir_assets.release.filesystem import FileSystem
from palantir_assets.search.exporting import export_ahead
from palantir_assets.settings import Settings

MAX_ROUNDS = 25
PATIENCE = 30.0
"""How many seconds a build waits for somebody else to leave the warehouse."""
JOB = "palantir_build"
BARE_KEY = re.compile(r"(?<![\w/:\"*])[a-z_]+/\w+(?![\w/*\"])")


@dataclass(frozen=True, slots=True)
class Event:
    """Something a person waiting for a build wants to see. `asset` is a key such as "objects/order"; a round has the
    `total` of assets it makes, a check whether it `passed`, and whether it `blocks` what comes after it."""

    kind: Literal["round", "step_started", "step_succeeded", "step_failed", "check"]
    asset: str
    seconds: float | None = None
    detail: str = ""
    total: int | None = None
    passed: bool | None = None
    blocks: bool | None = None


@dataclass(frozen=True, slots=True)
class BuildOutcome:
    """What a build came to. `failed` names the assets and checks that failed, `skipped` those never reached; `warnings`
    are what checks that do not block say of what is there now, made by this build or an earlier one."""

    rounds: int
    materialised: list[str]
    failed: list[str]
    skipped: list[str]
    release_id: str | None
    seconds: float
    warnings: tuple[str, ...] = ()


OnEvent = Callable[[Event], None]


@dataclass
class _Tally:
    """What has happened so far in one build."""

    materialised: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def build(
    settings: Settings, *, select: str | None = None, on_event: OnEvent = lambda event: None, disk: FileSystem | None = None
) -> BuildOutcome:
    """Build what is stale; with `select` (Dagster's selection syntax) make just that, stale or not.

    DAGSTER_HOME must be set. Raises SpecError or BuildError before anything is made, and BuildError when the disk
    refuses what Dagster records; what else fails while building is in the outcome. What was served stays served.
    """
    started = time.monotonic()
    project = open_project(settings, disk)
    location = build_location(project)
    tally = _Tally()
    with opened() as instance:
        if select is not None:
            _wait_for_the_warehouse(project)
            _make(location, instance, _with_new_edits(project, location, instance, _selected(location, select)), tally, on_event)
            rounds, skipped = 1, list[str]()
        else:
            with suppress(LedgerError):  # what cannot be asked now is asked by the next build, or by the sensor
                _make_what_actions_ask_for(project, location, instance, on_event)
            rounds, skipped = _until_fresh(project, location, instance, tally, on_event)
        released = latest_version(instance, RELEASE) or None
    seconds, warned = time.monotonic() - started, warnings_now(project, location)
    return BuildOutcome(rounds, tally.materialised, sorted(set(tally.failed)), skipped, released, seconds, warned)


def _make_what_actions_ask_for(project: Project, location: Location, instance: dg.DagsterInstance, on_event: OnEvent) -> None:
    """What the sensor makes where the daemon runs. A run that fails is tried again, and is no failure of this build."""
    graph = location.definitions.resolve_asset_graph()
    jobs = {job.name: job.selection for job in automation.jobs()}
    with outbox_of(project.settings) as outbox:
        for each in wanted(outbox, instance, lambda selection: selection.resolve(graph), list(jobs), datetime.now(UTC)):
            _wait_for_the_warehouse(project)
            made = _Tally()
            selection = dg.AssetSelection.assets(*each.assets) if each.assets else jobs[each.job]
            run_id = _make(location, instance, selection, made, on_event, tags=each.tags)
            settled(outbox, each, run_id, failed=bool(made.failed), now=datetime.now(UTC))


def _until_fresh(
    project: Project, location: Location, instance: dg.DagsterInstance, tally: _Tally, on_event: OnEvent
) -> tuple[int, list[str]]:
    """Rounds until nothing is stale, or until something failed. Returns the rounds made and what stayed stale."""
    before: tuple[object, ...] = ()
    edits = ledger_versions(project)
    for number in range(MAX_ROUNDS):
        state = staleness(project, location, instance, edits=edits)
        due = sorted(state.stale.keys() - state.held - state.unsettled - {str(RELEASE)})
        if not due and not state.checks:
            if state.refused:
                tally.failed += [f"{name} ({check})" for name, check in state.refused]
                return number, sorted(state.stale)
            due = [name for name in state.stale if name == str(RELEASE)]
            if not due:
                return number, []
        # What is checked alone is checked once what it stands on is made: it may be about to change.
        checks = [check for check in state.checks if not due or _name(check.asset_key) not in state.after]
        due = _with_siblings(location, due)
        if (due, checks) == before:
            raise BuildError(f"a round over {', '.join(due[:5]) or 'checks'} made nothing and said nothing")
        before = (due, checks)
        if str(DOCUMENTS) in due:
            export_ahead(project.settings.cache / ENCODERS)
        on_event(Event("round", "", detail=f"{len(due)} assets, {len(checks)} checks asked again", total=len(due)))
        _wait_for_the_warehouse(project)
        _make(location, instance, _selection(due, checks), tally, on_event)
        if any(name.startswith("ledger/") for name in due):
            edits = {}  # read once: what comes while a build goes on is the next one's
        if tally.failed:
            left = staleness(project, location, instance, edits=edits).stale
            return number + 1, sorted(name for name in left if name not in tally.failed)
    raise AssertionError(f"still stale after {MAX_ROUNDS} rounds: an asset gives another content version each time it is made")


def _wait_for_the_warehouse(project: Project) -> None:
    """Until nobody holds it: the dbt of a killed build does, to its end. Raises WarehouseBusy, which names who holds it longer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with project.warehouse.write():
                return
        except WarehouseBusy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _with_siblings(location: Location, names: Sequence[str]) -> list[str]:
    """The assets with those that are only ever made together with one of them."""
    made_by = [location.definitions.resolve_assets_def(dg.AssetKey(name.split("/"))) for name in names]
    siblings = {_name(key) for made in made_by if not made.can_subset for key in made.keys}
    return sorted({*names, *siblings})


def _selection(assets: Sequence[str], checks: Sequence[dg.AssetCheckKey]) -> dg.AssetSelection:
    """The assets with all their checks, and those checks that are asked alone."""
    keys = {dg.AssetKey(name.split("/")) for name in assets}
    alone = [check for check in checks if check.asset_key not in keys]
    return dg.AssetSelection.assets(*keys) | dg.AssetSelection.checks(*alone)


def _selected(location: Location, select: str) -> dg.AssetSelection:
    """Dagster's selection syntax, in which a bare key needs no `key:"…"`: it would be read in an older syntax."""
    known = [_name(spec.key) for spec in location.definitions.resolve_all_asset_specs()]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)  # Dagster's own, for `group:`
            selection = dg.AssetSelection.from_string(BARE_KEY.sub(r'key:"\g<0>"', select)).required_multi_asset_neighbors()
        found = selection.resolve(location.definitions.resolve_asset_graph())
    except Exception as error:
        raise BuildError(
            f"{select!r} is not a selection: {str(error).splitlines()[0]}",
            next_step="select such as `objects/order`, `+objects/order` (with all it stands on) or `group:raw`",
        ) from error
    if not found:
        raise BuildError(f"{select!r} selects nothing", next_step=did_you_mean(select, known) or "`dg list defs` lists the assets")
    return selection


def _with_new_edits(project: Project, location: Location, instance: dg.DagsterInstance, selection: dg.AssetSelection) -> dg.AssetSelection:
    """A selection, and the ledger where something new was said of what is selected."""
    chosen = {_name(key) for key in selection.resolve(location.definitions.resolve_asset_graph())}
    stale = staleness(project, location, instance).stale
    new = [dg.AssetKey(list(name.key)) for made, name in said_of(project.ontology).items() if str(made) in chosen and str(name) in stale]
    return (selection | dg.AssetSelection.assets(*new)).required_multi_asset_neighbors() if new else selection


def _make(
    location: Location, instance: dg.DagsterInstance, selection: dg.AssetSelection, tally: _Tally, on_event: OnEvent,
    *, tags: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """One run over a selection, in this process, told step by step; its id."""
    made_of = dg.Definitions.merge(location.definitions, dg.Definitions(jobs=[dg.define_asset_job(JOB, selection)]))
    run_id = str(uuid.uuid4())
    instance.add_event_listener(run_id, _Listener(tally, on_event))
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    made_of.resolve_job_def(JOB).execute_in_process(quiet, instance=instance, raise_on_error=False, run_id=run_id, tags=dict(tags or {}))
    return run_id


class _Listener:
    """Turns Dagster's events into ours, and keeps the tally."""

    def __init__(self, tally: _Tally, on_event: OnEvent) -> None:
        self._tally, self._on_event = tally, on_event
        self._started: dict[str, float] = {}

    def __call__(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        step = (event.step_key if event else None) or ""
        if event is None:
            return
        if event.event_type is dg.DagsterEventType.STEP_START:
            self._started[step] = time.monotonic()
            self._on_event(Event("step_started", step))
        elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key:
            self._tally.materialised.append(_name(event.asset_key))
            self._on_event(Event("step_succeeded", _name(event.asset_key), self._seconds(step)))
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            self._checked(event.asset_check_evaluation_data)
        elif event.event_type is dg.DagsterEventType.STEP_FAILURE and not _is_told(event.step_failure_data.error):
            self._tally.failed.append(step)
            self._on_event(Event("step_failed", step, self._seconds(step), _first_cause(event.step_failure_data.error)))

    def _checked(self, check: Any) -> None:
        name = _name(check.asset_key)
        blocks = not check.passed and check.severity is dg.AssetCheckSeverity.ERROR
        if blocks:
            self._tally.failed.append(f"{name} ({check.check_name})")
        said = "passed" if check.passed else "failed" if blocks else "warned"
        reason = f": {check.description}" if check.description and not check.passed else ""
        self._on_event(Event("check", name, detail=f"{check.check_name} {said}{reason}", passed=check.passed, blocks=blocks))

    def _seconds(self, step: str) -> float:
        return time.monotonic() - self._started.get(step, time.monotonic())


def _is_told(error: Any) -> bool:
    """Whether a step failed only because a blocking check did, which has said so itself."""
    return error is not None and error.cls_name == "DagsterAssetCheckFailedError"


def _first_cause(error: Any) -> str:
    """The message of a failed step without Dagster's wrapping: what the station itself raised."""
    while error is not None and error.cause is not None and str(error.cls_name).startswith("Dagster"):
        error = error.cause
    return str(error.message).strip().partition(": ")[2] if error is not None else "no reason given"


def _name(key: dg.AssetKey) -> str:
    return key.to_user_string()
