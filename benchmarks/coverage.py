"""Test coverage, as `make coverage` left it in `.coverage`: lines and branches of the package, in percent.

`make coverage` enforces the goal; here the figure is only read. A file that is older than the package's sources
tells of other code, and the run says so in the note.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from benchmarks.bench import Bench
from benchmarks.catalogue import Measured
from benchmarks.processes import PROJECT, environment, run


def measure(bench: Bench) -> Mapping[str, Measured]:
    data = PROJECT / ".coverage"
    if not data.exists():
        bench.say("no .coverage: run `make coverage` first")
        return {}
    command = [sys.executable, "-m", "coverage", "report", "--data-file", str(data), "--rcfile", str(PROJECT / "pyproject.toml")]
    options = ["--format=total", "--precision=1", "--fail-under=0"]
    total = float(run([*command, *options], environment(bench.work), bench.log("coverage")).printed)
    newest = max(path.stat().st_mtime for path in (PROJECT / "palantir_assets").rglob("*.py"))
    note = "" if data.stat().st_mtime >= newest else "of sources that changed since: run `make coverage` again"
    bench.say(f"{total:.1f} % {note}")
    return {"test_coverage": bench.measured(total, note)}
