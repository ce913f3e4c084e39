"""A second run with nothing changed: `palantir up --once` in a state folder that holds a release.

The clock runs as for the first run. How many assets were rebuilt is read from `palantir status --json`; the
number wanted is none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from benchmarks.bench import Bench
from benchmarks.catalogue import Measured
from benchmarks.cold import up_once
from benchmarks.processes import PALANTIR, environment, run


def measure(bench: Bench) -> Mapping[str, Measured]:
    state = bench.built()
    seconds, told = up_once(state, bench.log("second"))
    status = json.loads(run([*PALANTIR, "status", "--json"], environment(state), bench.log("second")).printed)
    rebuilt = int(status["build"]["materialised"])
    bench.say(f"served after {seconds:.1f} s, {rebuilt} assets rebuilt")
    return {
        "second_seconds": bench.measured(seconds, f"the API served the last release after {told['seconds_to_first_answer']} s"),
        "second_rebuilt": bench.measured(rebuilt),
    }
