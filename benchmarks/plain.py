"""The asset graph against the same work as a plain script: wall and CPU time, in pairs that take turns.

Each run starts in a new, empty state folder of its own, with the exported encoder already there and nothing
else: the graph is `palantir build`, the script `benchmarks.plain_walk`. Who goes first changes from pair to
pair. The two must give the same content id, or the run fails: only the same answer may be compared. What only
the graph does (content versions, samples, column lineage, check records, Dagster's own log) is its overhead;
the script does none of it.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.bench import Bench
from benchmarks.catalogue import Measured
from benchmarks.links import current_release
from benchmarks.processes import PALANTIR, Cost, environment, run
from benchmarks.report import BenchmarkError

GRAPH, PLAIN = (*PALANTIR, "build", "--json"), (sys.executable, "-m", "benchmarks.plain_walk")


@dataclass(frozen=True, slots=True)
class Pair:
    """One run of each."""

    graph: Cost
    plain: Cost


def measure(bench: Bench) -> Mapping[str, Measured]:
    encoders = bench.built() / "cache" / "encoders"
    pairs = [_pair(bench, encoders, number) for number in range(bench.pairs)]
    walls = [pair.graph.wall / pair.plain.wall for pair in pairs]
    cpus = [pair.graph.cpu / pair.plain.cpu for pair in pairs]
    note = f"of {len(pairs)} pairs: {', '.join(f'{each:.2f}' for each in walls)}; equal content ids"
    return {
        "wall_ratio": bench.measured(median(walls), note),
        "cpu_ratio": bench.measured(median(cpus), ", ".join(f"{each:.2f}" for each in cpus)),
        "graph_seconds": bench.measured(median(pair.graph.wall for pair in pairs)),
        "plain_seconds": bench.measured(median(pair.plain.wall for pair in pairs)),
    }


def _pair(bench: Bench, encoders: Path, number: int) -> Pair:
    """Both in turn, the graph first in every second pair. Raises BenchmarkError where their content differs."""
    costs: dict[str, Cost] = {}
    contents: dict[str, str] = {}
    runs: dict[str, Callable[[Path], Cost]] = {
        "plain": lambda state: run(PLAIN, environment(state), bench.log("plain")),
        "graph": lambda state: run(GRAPH, environment(state), bench.log("graph")),
    }
    for name in sorted(runs, reverse=number % 2 == 0):
        state = bench.work / f"{name}-{number}"
        shutil.copytree(encoders, state / "cache" / "encoders")
        costs[name] = runs[name](state)
        contents[name] = json.loads((current_release(state) / "manifest.json").read_bytes())["content_id"]
        bench.say(f"pair {number + 1}, {name}: {costs[name].wall:.1f} s on the wall, {costs[name].cpu:.1f} s of CPU")
        shutil.rmtree(state)
    if contents["graph"] != contents["plain"]:
        raise BenchmarkError(f"the contents differ: graph {contents['graph']}, plain script {contents['plain']}")
    return Pair(**costs)
