"""`palantir build`: boot, build what is stale under the build lock, leave a record.

What is stale and how it is made is decided in `assets.rounds`; here a build is only started, told and
recorded. With `--events-json` it speaks JSON lines for the process that started it, which is `up`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from palantir_assets.cli import boot, console, locks, record
from palantir_assets.errors import PalantirError
from palantir_assets.settings import Settings

if TYPE_CHECKING:
    from palantir_assets.assets.rounds import BuildOutcome
    from palantir_assets.release.filesystem import FileSystem

Show = Callable[[Mapping[str, Any]], None]


def command(settings: Settings, *, select: str | None, as_json: bool, events_json: bool) -> int:
    """Build and tell; return the exit code: 0 only if everything asked for was made."""
    if events_json:
        return _in_a_child(settings, select)
    from palantir_assets.cli import progress

    with progress.drawn(console.err()) as painter, _chatter_in(boot.log_file(settings, "build")):
        outcome = run(settings, select=select, show=painter.show)
    if as_json:
        console.answer_json(summary(outcome))
    else:
        console.answer(sentence(summary(outcome)))
    return console.EXIT_REFUSED if outcome.failed else 0


def run(settings: Settings, *, select: str | None, show: Show, disk: FileSystem | None = None) -> BuildOutcome:
    """Boot and build; `disk` is where releases are put. Raises Occupied if another build runs here, or what the build raises."""
    boot.require_project(settings)
    boot.make_layout(settings)
    advice = "wait for it (`palantir status` shows it), then run the command again"
    with locks.hold(boot.lock_file(settings, "build"), refusal="another build runs in this state folder", next_step=advice):
        started = datetime.now(UTC)
        record.write(settings, record.BuildRecord("running", os.getpid(), started.isoformat(), select=select))
        try:
            _tell_orphans(boot.boot(settings), show)
            outcome = _build(settings, select, show, disk)
        except BaseException as error:
            record.write(settings, _failure(started, select, error))
            raise
        record.write(settings, _success(started, select, outcome))
        return outcome


def summary(outcome: BuildOutcome) -> dict[str, Any]:
    """The outcome as a program reads it."""
    return {
        "rounds": outcome.rounds,
        "materialised": list(outcome.materialised),
        "failed": list(outcome.failed),
        "skipped": list(outcome.skipped),
        "release_id": outcome.release_id,
        "warnings": list(outcome.warnings),
        "seconds": round(outcome.seconds, 2),
    }


def sentence(outcome: Mapping[str, Any]) -> str:
    """The outcome as a person reads it."""
    made, failed, skipped = len(outcome["materialised"]), outcome["failed"], len(outcome["skipped"])
    if failed:
        waiting = f", {skipped} not made because of it" if skipped else ""
        return f"{len(failed)} failed ({', '.join(failed)}){waiting}; the last release stays served. Mend it, then: palantir build"
    released = f"; release {outcome['release_id']}" if outcome["release_id"] else ""
    return (f"made {made} in {outcome['seconds']:.1f} s" if made else "nothing was stale") + released


def _build(settings: Settings, select: str | None, show: Show, disk: FileSystem | None) -> BuildOutcome:
    os.environ.update(boot.environment(settings))  # Dagster, dbt and the others read theirs from here
    from palantir_assets.assets.rounds import build

    return build(settings, select=select, on_event=lambda event: show(asdict(event)), disk=disk)


def _tell_orphans(booted: boot.Booted, show: Show) -> None:
    for run_id in booted.orphans:
        show({"kind": "check", "asset": "dagster", "seconds": None, "detail": f"run {run_id[:8]} had died with its process; marked failed"})


def _success(started: datetime, select: str | None, outcome: BuildOutcome) -> record.BuildRecord:
    now = datetime.now(UTC)
    return record.BuildRecord(
        state="failed" if outcome.failed else "succeeded",
        pid=os.getpid(),
        started_at=started.isoformat(),
        finished_at=now.isoformat(),
        seconds=round((now - started).total_seconds(), 2),
        select=select,
        materialised=len(outcome.materialised),
        failed=tuple(outcome.failed),
        stale=(*outcome.failed, *outcome.skipped),
        release_id=outcome.release_id,
        message=sentence(summary(outcome)),
        warnings=tuple(outcome.warnings),
    )


def _failure(started: datetime, select: str | None, error: BaseException) -> record.BuildRecord:
    now = datetime.now(UTC)
    message = error.message.splitlines()[0] if isinstance(error, PalantirError) else f"{type(error).__name__}: {error}"
    return record.BuildRecord(
        "failed",
        os.getpid(),
        started.isoformat(),
        now.isoformat(),
        round((now - started).total_seconds(), 2),
        select,
        message=message,
    )


@contextmanager
def _chatter_in(log: Path) -> Iterator[None]:
    """What libraries print to stdout while building goes to a log; the terminal keeps to the progress."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    kept = os.dup(1)
    with log.open("a") as stream:
        os.dup2(stream.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)


def _in_a_child(settings: Settings, select: str | None) -> int:
    """Every event a JSON line on stdout; the last is `{"kind": "outcome"}` or `{"kind": "error"}`."""
    stream = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print goes to the log instead

    def show(event: Mapping[str, Any]) -> None:
        stream.write(json.dumps(event, default=str) + "\n")

    try:
        outcome = run(settings, select=select, show=show)
    except PalantirError as error:
        show({"kind": "error", "message": error.message, "advice": error.advice})
        return console.EXIT_REFUSED
    show({"kind": "outcome", **summary(outcome)})
    return console.EXIT_REFUSED if outcome.failed else 0
