"""The time to the first served release: `palantir up --once` in an empty state folder.

Nothing is warm but the operating system's file cache: no warehouse, no exported encoder, no vectors, no
Dagster home. The clock runs from the start of the process until it prints that the API serves what was built;
installing packages is not in it. The state folder stays for the measurements that need a release.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.catalogue import Measured
from benchmarks.processes import PALANTIR, environment, free_port
from benchmarks.report import BenchmarkError


def measure(bench: Bench) -> Mapping[str, Measured]:
    state = bench.work / "cold"
    seconds, told = up_once(state, bench.log("cold"))
    bench.state = bench.state or state
    bench.say(f"served after {seconds:.1f} s, release {told['release_id']}")
    return {
        "cold_seconds": bench.measured(seconds, f"the build took {told['build_seconds']} s of it"),
        "cold_first_answer": bench.measured(told["seconds_to_first_answer"]),
    }


def up_once(state: Path, log: Path) -> tuple[float, dict[str, Any]]:
    """Seconds from the start of `palantir up --once` until it says that the release is served, and what it says."""
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    command = [*PALANTIR, "up", "--once", "--json"]
    with (
        log.open("ab") as said,
        subprocess.Popen(command, env=environment(state, free_port()), stdout=subprocess.PIPE, stderr=said) as process,
    ):
        assert process.stdout is not None
        first = process.stdout.readline()
        seconds = time.perf_counter() - began
        rest = process.stdout.read()
    if process.returncode:
        raise BenchmarkError(f"`palantir up --once` failed ({process.returncode}):\n{log.read_text()[-3000:]}")
    told: dict[str, Any] = json.loads(first + rest)
    return seconds, told
