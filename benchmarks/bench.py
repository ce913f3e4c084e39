"""What every measurement is given: a folder to work in, a state folder with a release, and a voice."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.catalogue import Measured
from benchmarks.processes import PALANTIR, environment, run

Say = Callable[[str], None]


@dataclass
class Bench:
    """One run of the benchmarks. `state` is a state folder with a release, once there is one; `given` is one to be
    used instead of building. `shared` and `closing` are for what several measurements use and somebody has to end."""

    work: Path
    say: Say
    pairs: int = 2
    given: Path | None = None
    today: str = field(default_factory=lambda: time.strftime("%Y-%m-%d", time.gmtime()))
    state: Path | None = None
    shared: dict[str, Any] = field(default_factory=dict)
    closing: ExitStack = field(default_factory=ExitStack)

    def measured(self, value: float, note: str = "") -> Measured:
        return Measured(value, self.today, note)

    def built(self) -> Path:
        """The state folder, built first if this run has none yet; one that was given is brought up to date first."""
        if self.state is None:
            state = self.given or self.work / "built"
            self.say("bringing the given state folder up to date" if self.given else "building the default project once, for what follows")
            run([*PALANTIR, "build", "--json"], environment(state), self.log("built"))
            self.state = state
        return self.state

    def log(self, name: str) -> Path:
        """Where a part of the run leaves what it printed."""
        return self.work / "logs" / f"{name}.log"
