"""A build in a child process, heard as JSON lines: `up` goes on serving while it runs, and if it dies.

What the lines say is `build`'s to decide; how they are drawn, `progress`'s.
"""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from palantir_assets.cli.supervisor import Child, signal_group, spawn, stop


@dataclass(frozen=True, slots=True)
class Ended:
    """How a build ended. `outcome` is what it made; None if it never said, and then `error` says why."""

    outcome: Mapping[str, Any] | None
    error: str = ""
    advice: str = ""

    @property
    def succeeded(self) -> bool:
        return self.outcome is not None and not self.outcome["failed"]


class BuildProcess:
    """One running build."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._process = spawn(child, stdout=subprocess.PIPE)
        self._last: dict[str, Any] = {}
        assert self._process.stdout is not None
        threading.Thread(target=_read, args=(self._process.stdout, self._lines), daemon=True).start()

    def events(self, *, wait: float) -> tuple[list[dict[str, Any]], Ended | None]:
        """What was said since the last call, after at most `wait` seconds; and the end, once it has come."""
        events: list[dict[str, Any]] = []
        try:
            line = self._lines.get(timeout=wait)
            while line is not None:
                events.append(line)
                line = self._lines.get_nowait()
        except queue.Empty:
            self._remember(events)
            return events, None
        self._remember(events)
        return events, self._end()

    def stop(self, *, grace: float = 10.0) -> None:
        """End the build and what it started."""
        stop([self._process], grace=grace)

    def _remember(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            if event.get("kind") in ("outcome", "error"):
                self._last = event

    def _end(self) -> Ended:
        code = self._process.wait()
        signal_group(self._process, signal.SIGKILL)  # a dbt that it left behind must not hold the warehouse
        if self._last.get("kind") == "outcome":
            return Ended(self._last)
        if self._last.get("kind") == "error":
            return Ended(None, str(self._last["message"]), str(self._last["advice"]))
        return Ended(None, f"the build died ({told(code)})", f"read {self._child.log}, then run `palantir build`")


def told(code: int) -> str:
    """An exit code in words."""
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


def _read(stream: IO[bytes], lines: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    """Parse every line until the stream ends, then say so with None; what is no JSON object is left out."""
    with stream:
        for line in stream:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                lines.put(event)
    lines.put(None)
