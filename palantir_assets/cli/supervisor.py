"""Keeps child processes alive, and ends them all.

A child is a command with a name and a log file, in a process group of its own. One that dies is started
again after a growing pause, up to a number of times in a row. Which children there are, and what a person
reads about them, is decided in `up`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from palantir_assets.cli import leash

LOG_LIMIT_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep. `environment` comes on top of the inherited one."""

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before each start, in seconds; `steady` seconds of life forgive earlier deaths."""

    first: float = 1.0
    longest: float = 30.0
    attempts: int = 5
    steady: float = 60.0

    def pause(self, deaths: int) -> float:
        return min(self.first * 2.0 ** (deaths - 1), self.longest)


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened to a child. `pause` is the wait before the next start, in seconds."""

    child: str
    kind: Literal["died", "given_up"]
    code: int
    pause: float
    log: Path


@dataclass(slots=True)
class _Kept:
    child: Child
    process: subprocess.Popen[bytes]
    started: float
    deaths: int = 0
    due: float | None = None
    abandoned: bool = False


class Supervisor:
    """Holds the children. Not thread-safe: start, tend and stop from one thread.

    That thread must live as long as the children do: Linux counts it, not its process, as their parent.
    """

    def __init__(
        self, *, tell: Callable[[News], None], backoff: Backoff | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell, self._backoff, self._clock = tell, backoff or Backoff(), clock
        self._kept: dict[str, _Kept] = {}

    def start(self, child: Child) -> None:
        """Start a child and keep it from now on."""
        self._kept[child.name] = _Kept(child, spawn(child), self._clock())

    def tend(self) -> None:
        """Look after every child once: notice deaths, start again what is due. Call a few times a second."""
        for kept in self._kept.values():
            if kept.due is not None and self._clock() >= kept.due:
                kept.process, kept.started, kept.due = spawn(kept.child), self._clock(), None
            elif kept.due is None and not kept.abandoned and kept.process.poll() is not None:
                self._mourn(kept)

    def alive(self, name: str) -> bool:
        """Whether a child runs, or will again."""
        kept = self._kept.get(name)
        return kept is not None and not kept.abandoned

    def end(self, name: str, *, grace: float = 3.0) -> None:
        """End one child, and keep it no more."""
        kept = self._kept.pop(name, None)
        if kept is not None:
            stop([kept.process], grace=grace)

    def stop(self, *, grace: float = 10.0) -> None:
        """End every child and what it started: asked first, killed after `grace` seconds."""
        stop([kept.process for kept in self._kept.values()], grace=grace)
        self._kept.clear()

    def _mourn(self, kept: _Kept) -> None:
        code, now = kept.process.returncode, self._clock()
        signal_group(kept.process, signal.SIGKILL)  # what it started must not go on beside its successor
        kept.deaths = 1 if now - kept.started >= self._backoff.steady else kept.deaths + 1
        if kept.deaths > self._backoff.attempts:
            kept.abandoned = True
            self._tell(News(kept.child.name, "given_up", code, 0.0, kept.child.log))
            return
        pause = self._backoff.pause(kept.deaths)
        kept.due = now + pause
        self._tell(News(kept.child.name, "died", code, pause, kept.child.log))


def spawn(child: Child, *, stdout: int | IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """Start the command in its own process group, tied to this process; what it says goes to its log."""
    if child.log.exists() and child.log.stat().st_size > LOG_LIMIT_BYTES:
        child.log.replace(child.log.with_suffix(".log.1"))
    with child.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-IS", str(Path(leash.__file__)), str(os.getpid()), *child.command],
            env={**os.environ, **child.environment},
            stdin=subprocess.DEVNULL,
            stdout=log if stdout is None else stdout,
            stderr=log,
            start_new_session=True,
        )


def stop(processes: list[subprocess.Popen[bytes]], *, grace: float) -> None:
    """SIGTERM to every group, SIGKILL to what is left of it after `grace` seconds."""
    for process in processes:
        signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + grace
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        signal_group(process, signal.SIGKILL)
        process.wait()


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the child and what it started; fine if they are gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
