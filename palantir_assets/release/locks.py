"""Who is alive: advisory locks that the kernel drops when their process dies.

A folder being written is held by its writer; the shelf of releases is shared by publishers and taken alone
by the collector; an index is built by one process at a time. What is guarded is decided by the callers.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Mark a folder as in use for as long as the block, or the process, lives."""
    with _locked(os.open(folder, os.O_RDONLY), fcntl.LOCK_SH):
        yield


def in_use(folder: Path) -> bool:
    """Whether a living process holds the folder. A folder that is gone is not in use."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


@contextmanager
def shared(lock_file: Path) -> Iterator[None]:
    """Hold a lock file together with others; wait while somebody holds it alone."""
    with _locked(_open(lock_file), fcntl.LOCK_SH):
        yield


@contextmanager
def alone(lock_file: Path) -> Iterator[None]:
    """Hold a lock file alone; wait for the others."""
    with _locked(_open(lock_file), fcntl.LOCK_EX):
        yield


def _open(lock_file: Path) -> int:
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    return os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o644)


@contextmanager
def _locked(handle: int, how: int) -> Iterator[None]:
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)
