"""Dagster's pages for who may only look: started when the API says that somebody wants them, ended when nobody does.

The API touches a file when it is asked for them (`serving.dagster_door`); how old that is, is all that is known here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from palantir_assets.cli.supervisor import Child, Supervisor

IDLE_SECONDS: Final = 900.0
LOOKED_EVERY: Final = 0.5


class Viewing:
    """Looks at the file whenever it is tended; None for a child that is never started."""

    def __init__(self, child: Child | None, wanted: Path, supervisor: Supervisor, *, clock: Callable[[], float] = time.time) -> None:
        self._child, self._wanted, self._supervisor, self._clock = child, wanted, supervisor, clock
        self._runs, self._looked = False, 0.0
        if child is not None:
            with suppress(OSError):
                wanted.unlink(missing_ok=True)  # what was wanted of an earlier run

    def tend(self) -> None:
        """Start what is wanted, end what no longer is."""
        if self._child is None or 0 <= self._clock() - self._looked < LOOKED_EVERY:
            return
        self._looked = self._clock()
        wanted = self._is_wanted()
        if wanted and not self._runs:
            self._supervisor.start(self._child)
        elif self._runs and not wanted:
            self._supervisor.end(self._child.name)
        self._runs = wanted

    def _is_wanted(self) -> bool:
        try:
            return self._clock() - self._wanted.stat().st_mtime < IDLE_SECONDS
        except OSError:
            return False
