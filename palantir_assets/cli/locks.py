"""Who may run at once: one `up` and one build in a state folder; who is second is told who is first.

The locks are `flock`s on files under `<state>/locks`, so a killed process lets go by dying. What is done
under a lock is decided by its holder; locks that are waited for are those of `release.locks`.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from palantir_assets.errors import PalantirError

PEEK_SECONDS = 0.3  # `holder` takes the lock for an instant; who finds it taken looks again


class Occupied(PalantirError):
    """Another process holds a lock that only one may hold."""

    def __init__(self, what: str, pid: int | None, *, next_step: str) -> None:
        self.pid = pid
        super().__init__(f"{what} (process {pid or 'unknown'})", next_step=next_step)


@contextmanager
def hold(path: Path, *, refusal: str, next_step: str) -> Iterator[None]:
    """Hold the lock, or raise Occupied(refusal) at once if another process does."""
    with _opened(path) as descriptor:
        deadline = time.monotonic() + PEEK_SECONDS
        while not _taken(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise Occupied(refusal, _pid_in(path), next_step=next_step)
            time.sleep(0.02)
        _sign(descriptor)
        yield


def holder(path: Path) -> int | None:
    """The process that holds the lock; None if nobody does."""
    if not path.exists():
        return None
    with _opened(path, os.O_RDONLY) as descriptor:
        return None if _taken(descriptor, fcntl.LOCK_SH) else _pid_in(path) or 0


@contextmanager
def _opened(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> Iterator[int]:
    descriptor = os.open(path, flags, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(descriptor: int) -> None:
    """Write who holds the lock; it is for people only, so a full disk does not matter here."""
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    except OSError:
        return


def _pid_in(path: Path) -> int | None:
    text = path.read_text(errors="replace").strip()
    return int(text) if text.isdigit() else None
