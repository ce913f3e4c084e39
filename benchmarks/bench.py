"""What every measurement is given: a folder to work in, a state folder with a release, and a voice."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.catalogue import Measured
from benchmarks.processes import PALANTIR, environment, run

Say = Callable[[str], None]


@dataclass
class Bench:
    """One run of the benchmarks. `state` is a state folder with a release, once there is one."""

    work: Path
    say: Say
    pairs: int = 2
    today: str = field(default_factory=lambda: time.strftime("%Y-%m-%d", time.gmtime()))
    state: Path | None = None

    def measured(self, value: float, note: str = "") -> Measured:
        return Measured(value, self.today, note)

    def built(self) -> Path:
        """The state folder, built first if this run has none yet."""
        if self.state is None:
            self.say("building the default project once, for what follows")
            state = self.work / "built"
            run([*PALANTIR, "build", "--json"], environment(state), self.log("built"))
            self.state = state
        return self.state

    def log(self, name: str) -> Path:
        """Where a part of the run leaves what it printed."""
        return self.work / "logs" / f"{name}.log"
