"""How big the graph arrays are: the bytes of all CSR arrays of a release, forward and reverse, over its links.

Counted from the arrays as `graph.building` loads them, for every link type together; the dearest type is
named in the note, since a type with few links between many objects pays for its offsets.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.catalogue import Measured
from benchmarks.report import BenchmarkError


def measure(bench: Bench) -> Mapping[str, Measured]:
    from palantir_assets.graph.building import load

    arrays = {path.name: load(path) for path in sorted((current_release(bench.built()) / "links").iterdir())}
    total, links = sum(each.nbytes for each in arrays.values()), sum(each.links for each in arrays.values())
    dearest = max(arrays, key=lambda name: arrays[name].nbytes / max(arrays[name].links, 1))
    note = f"{links:,} links of {len(arrays)} types; the dearest is {dearest}, {arrays[dearest].nbytes / arrays[dearest].links:.1f} B"
    bench.say(f"{total / links:.1f} bytes a link, {note}")
    return {"bytes_a_link": bench.measured(total / links, note)}


def current_release(state: Path) -> Path:
    """The folder of the release that is current in a state folder."""
    try:
        return state / "releases" / (state / "releases" / "CURRENT").read_text().strip()
    except OSError as error:
        raise BenchmarkError(f"there is no release in {state}") from error
