from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from palantir_assets.cli import boot, console, locks, record, status
from palantir_assets.settings import Settings

RECORD = record.BuildRecord(
    "succeeded", 1, "2024-03-01T10:00:00+00:00", "2024-03-01T10:01:00+00:00", 60.0, None, 12, (), (), "r", "made 12 in 60.0 s"
)


def test_a_record_reads_as_it_was_written(settings: Settings) -> None:
    written = replace(RECORD, state="failed", failed=("marts/orders",), stale=("marts/orders", "objects/order"))
    record.write(settings, written)
    assert record.read(settings) == written


def test_what_checks_warn_of_is_told_and_a_record_without_it_is_read(settings: Settings) -> None:
    record.write(settings, replace(RECORD, warnings=("raw/shop__orders: 1 row refused",)))
    found = status.gather(settings)
    assert found["build"]["warnings"] == ["raw/shop__orders: 1 row refused"]
    assert "warning   raw/shop__orders: 1 row refused" in status.lines(found)
    older = json.loads(record.path(settings).read_text())
    del older["warnings"]
    record.path(settings).write_text(json.dumps(older))
    assert record.read(settings) == RECORD


def test_a_record_that_is_damaged_is_no_record(settings: Settings) -> None:
    record.path(settings).write_text('{"state": "succ')
    assert record.read(settings) is None


def test_a_build_that_was_killed_is_told_as_failed(settings: Settings) -> None:
    record.write(settings, replace(RECORD, state="running", finished_at=None, message=""))
    found = status.gather(settings)
    assert found["build"]["state"] == "failed"
    assert "killed" in found["build"]["message"]
    assert any("was killed before it could end" in line for line in status.lines(found))


def test_a_running_build_is_told_with_its_process(settings: Settings) -> None:
    record.write(settings, replace(RECORD, state="running", finished_at=None, message=""))
    code = (
        "import sys; from pathlib import Path; from palantir_assets.cli import locks\n"
        "with locks.hold(Path(sys.argv[1]), refusal='', next_step=''): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(boot.lock_file(settings, "build"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as builder:
        assert builder.stdout is not None
        builder.stdout.readline()
        found = status.gather(settings)
        builder.kill()
    assert found["building"] == builder.pid
    assert found["build"]["state"] == "running"
    assert locks.holder(boot.lock_file(settings, "build")) is None


def test_ages_are_told_in_the_largest_unit_that_says_them() -> None:
    now = datetime(2024, 3, 1, tzinfo=UTC)
    ages = [console.age(now - timedelta(seconds=seconds), now) for seconds in (5, 119, 120, 7_300, 200_000, -3)]
    assert ages == ["5 s", "119 s", "2 min", "2 h", "2 d", "0 s"]
