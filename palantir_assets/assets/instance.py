"""Dagster's instance: made once, mended after a crash, opened so that a disk that refuses is told plainly.

`palantir_assets.cli.boot` runs this module in one short process, under a lock, before anything else opens
the instance: two processes that create its SQLite files at once can leave them unusable. What the
instance is configured to do stands in `dagster.yaml`.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from palantir_assets.errors import BuildError, PalantirError

UNFINISHED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
LOST = "The process of this run died before it could say so; `palantir` found it at the next start."

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
_SQLITE_DISK = ("disk I/O error", "disk is full", "readonly database", "unable to open database file")


def initialise(home: Path, *, migrate: bool = False) -> None:
    """Create the storages under `home`, which holds a `dagster.yaml`, and read from each.

    `migrate` brings storages that another version of Dagster made up to this one's schema.
    """
    with dg.DagsterInstance.from_config(str(home)) as instance:
        if migrate:
            instance.upgrade()
        instance.get_runs_count()
        instance.get_asset_keys()
        instance.all_instigator_state()


def fail_orphans(home: Path) -> list[str]:
    """End every run that is unfinished and whose process is gone; return their ids.

    Their pool slots are given back here too, so that a build without the daemon does not wait for them.
    """
    with dg.DagsterInstance.from_config(str(home)) as instance:
        unfinished = instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED))
        return [_end(instance, record.dagster_run) for record in unfinished if not _lives(instance, record.dagster_run.run_id)]


@contextmanager
def opened() -> Iterator[dg.DagsterInstance]:
    """The instance in DAGSTER_HOME. Raises BuildError when the disk refuses what Dagster wants to record."""
    try:
        with dg.DagsterInstance.get() as instance:
            yield instance
    except PalantirError:
        raise
    except Exception as error:
        if reason := _of_the_disk(error):
            raise BuildError(
                f"Dagster cannot record what is made: {reason}; the last release stays served",
                next_step=f"free some space, or make {os.environ.get('DAGSTER_HOME', 'its home')} writable; then run `palantir build`",
            ) from error
        raise


def _of_the_disk(error: BaseException | None) -> str:
    """The words of a full or read-only disk among the causes of an error, or nothing."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK:
            return str(error)
        if isinstance(error, sqlite3.OperationalError) and any(words in str(error) for words in _SQLITE_DISK):
            return str(error)
        error = error.__cause__ or error.__context__
    return ""


def _end(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    report = instance.report_run_canceled if run.status is dg.DagsterRunStatus.CANCELING else instance.report_run_failed
    report(run, message=LOST)
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return run.run_id


def _lives(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether a process that worked on the run still does: its id is in use since before the run's event."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        metadata = entry.dagster_event.engine_event_data.metadata if entry.dagster_event else {}
        pid = metadata.get("pid")
        if pid is not None and str(pid.value).isdigit() and _started_before(int(str(pid.value)), entry.timestamp):
            return True
    return False


def _started_before(pid: int, moment: float) -> bool:
    """Whether the process exists and is older than `moment` (Unix seconds): a reused id is younger."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        booted = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime "))
    except (OSError, StopIteration):
        return False
    ticks = os.sysconf("SC_CLK_TCK")
    return int(booted.split()[1]) + int(fields[19]) / ticks <= moment + 1


def main(arguments: list[str]) -> None:
    """`python -m palantir_assets.assets.instance HOME [--migrate]`: initialise, then print what was ended as JSON."""
    home = Path(arguments[0])
    initialise(home, migrate="--migrate" in arguments)
    sys.stdout.write(json.dumps({"orphans": fail_orphans(home)}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
