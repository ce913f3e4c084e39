from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from palantir_assets.cli import boot
from palantir_assets.settings import Settings
from tests.cli.helpers import until

RUN = """
import sys, time
import dagster as dg

@dg.asset(pool="warehouse")
def slow() -> None:
    open(sys.argv[1], "w").close()
    time.sleep(120)

with dg.DagsterInstance.get() as instance:
    dg.materialize([slow], instance=instance)
"""


def test_a_run_whose_process_was_killed_is_ended_at_the_next_boot_and_a_living_one_is_not(settings: Settings, tmp_path: Path) -> None:
    assert boot.boot(settings).created
    assert not boot.boot(settings).created
    running = start_a_run(settings, tmp_path / "started")
    try:
        assert boot.boot(settings).orphans == ()
        assert statuses(settings) == ["STARTED"]
        assert slots(settings) == 1
    finally:
        running.kill()
        running.wait()
    assert len(boot.boot(settings).orphans) == 1
    assert statuses(settings) == ["FAILURE"]
    assert slots(settings) == 0
    assert boot.boot(settings).orphans == ()


def start_a_run(settings: Settings, started: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **boot.environment(settings)}
    process = subprocess.Popen([sys.executable, "-c", RUN, str(started)], env=environment, stderr=subprocess.DEVNULL)
    until(started.exists, seconds=60)
    return process


def statuses(settings: Settings) -> list[str]:
    return [row[0] for row in read(settings.dagster_home / "history" / "runs.db", "SELECT status FROM runs")]


def slots(settings: Settings) -> int:
    """How many places in pools are taken."""
    index = settings.dagster_home / "history" / "runs" / "index.db"
    return len(read(index, "SELECT run_id FROM concurrency_slots WHERE run_id IS NOT NULL AND deleted = 0"))


def read(file: Path, query: str) -> list[tuple[str, ...]]:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()
