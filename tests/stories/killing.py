"""A process of the hangar that ends by SIGKILL when it first passes one of some points; and it notes every point that it passes.

`python -m tests.stories.killing serve|outbox|build POINT,POINT…`, under the hangar's settings. No point of these names: it lives on.
The code is that of `palantir serve`, `palantir outbox run --once` and `palantir build`; only the hook is the test's.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palantir_assets.settings import load_settings
from tests.soundness.crashing import note

PASSED = "points"
"""The file in the project's folder that every point is noted in."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Ends the process where it was told to: the last point that is noted is its end."""

    points: frozenset[str]
    file: Path

    def reach(self, point: str) -> None:
        note(self.file, point)
        if point in self.points:
            os.kill(os.getpid(), signal.SIGKILL)

    def step(self, event: Mapping[str, Any]) -> None:
        """Each asset that a build begins with, and ends with."""
        if event["kind"] in ("step_started", "step_succeeded"):
            self.reach(f"{event['kind']}:{event['asset']}")


def main(what: str, points: str) -> None:
    settings = load_settings()
    ending = Ending(frozenset(points.split(",")), settings.project / PASSED)
    if what == "serve":
        from palantir_assets.serving.app import serve

        serve(settings, reach=ending.reach)
    elif what == "outbox":
        from palantir_assets.cli.outbox import work

        work(settings, once=True, reach=ending.reach)
    else:
        from palantir_assets.cli.build import run
        from palantir_assets.release.filesystem import FileSystem

        built = run(settings, select=None, show=ending.step, disk=FileSystem(lambda reached, path: ending.reach(reached)))
        sys.exit(1 if built.failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
