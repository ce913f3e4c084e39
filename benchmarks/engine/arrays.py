"""Making the graph: our link arrays against ladybug's COPY, of the same rows, from the same Parquet files to files on disk.

Each link of the release is a file of two columns, the row numbers of both ends. Ours reads it, builds both directions
and saves them; ladybug copies it into a database that holds the nodes already, whose primary keys are row numbers. What
is compared is the time on the wall, since ladybug uses every core and we use one; the CPU time stands in the note.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench import Bench
from benchmarks.catalogue import Measured
from benchmarks.engine.asking import WorkerSide, working
from benchmarks.engine.pairing import ROUNDS
from benchmarks.engine.stage import stage_of
from benchmarks.processes import environment


def measure(bench: Bench) -> Mapping[str, Measured]:
    stage = stage_of(bench)
    folder, env = stage.ladybug.parent, environment(stage.state)
    ours = {"folder": str(folder), "release": str(stage.release)}
    theirs = {"folder": str(folder), "site": str(stage.site)}
    with (
        working("ours", "benchmarks.engine.arrays:built", ours, [], env, bench.log("ours")) as us,
        working("ladybug", "benchmarks.engine.ladybug:copied", theirs, [], env, bench.log("ladybug")) as them,
    ):
        rounds = [_round(us, them, number) for number in range(ROUNDS + 1)][1:]  # the first one warms
    walls = [them["wall"] / us["wall"] for us, them in rounds]
    cpus = [them["cpu"] / us["cpu"] for us, them in rounds]
    micro = {side: median(each[index]["wall"] for each in rounds) * 1e6 for index, side in enumerate(("ours", "theirs"))}
    bench.say(f"ours {micro['ours'] / 1e6:.2f} s, ladybug {micro['theirs'] / 1e6:.2f} s; CPU time {median(cpus):.1f} times ours")
    note = f"time on the wall; CPU time {median(cpus):.1f} ×"
    return {
        "build_ladybug": Measured(
            median(walls), bench.today, note, ours=micro["ours"], theirs=micro["theirs"], version=stage.version("ladybug")
        )
    }


def built(folder: str, release: str) -> Callable[[int], dict[str, float]]:
    """Wall and CPU seconds of building and saving every link of `folder/rows`, by `worker`."""
    import pyarrow.parquet as pq

    from palantir_assets.graph.building import build_csr, save

    counts: dict[str, int] = json.loads((Path(release) / "manifest.json").read_bytes())["rows"]

    def build(number: int) -> dict[str, float]:
        scratch = Path(folder) / f"arrays-{number}"
        wall, cpu = time.perf_counter(), time.process_time()
        for file in sorted((Path(folder) / "rows").iterdir()):
            source, target, link, _ = file.name.split(".")
            table = pq.read_table(file)
            left, right = (table.column(name).to_numpy() for name in ("a", "b"))
            save(build_csr(left, right, counts[source], counts[target]), scratch / link)
        spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        shutil.rmtree(scratch)
        return spent

    return build


def _round(us: WorkerSide, them: WorkerSide, number: int) -> tuple[dict[str, float], dict[str, float]]:
    """Both in turn, each first in every second round."""
    found: dict[str, Any] = {}
    for side in (us, them) if number % 2 else (them, us):
        found[side.name] = side.told([number])["answers"][0]
    return found["ours"], found["ladybug"]
