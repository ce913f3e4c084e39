"""Durable steps on disk, each with a name under which it can be made to fail.

`publishing` takes every step that decides whether a release is whole through this port, so that a test
can enumerate the points and fail at each one (R04). What the steps are for is decided there.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from palantir_assets.errors import ReleaseError

CANNOT_LINK: Final = frozenset({errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EACCES})

FaultHook = Callable[[str, Path], None]


def no_fault(point: str, path: Path) -> None:
    """The hook outside tests: nothing fails."""


@dataclass(frozen=True, slots=True)
class FileSystem:
    """The local file system. `reach(point, path)` is called just before each step takes effect.

    A hook that raises OSError, or ends the process, shows what a failing disk or a kill leaves behind.
    """

    reach: FaultHook = no_fault

    def make_folder(self, path: Path, *, point: str) -> None:
        """A folder with its parents; nothing if it exists."""
        self.reach(f"{point}.mkdir", path)
        path.mkdir(parents=True, exist_ok=True)

    def write(self, path: Path, data: bytes, *, point: str) -> None:
        """A whole file, on disk when this returns. Half of it may be there after a failure."""
        self.reach(f"{point}.open", path)
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
            file.flush()
            self.reach(f"{point}.write", path)
            file.write(data[len(data) // 2 :])
            file.flush()
            self.reach(f"{point}.fsync", path)
            os.fsync(file.fileno())

    def sync(self, path: Path, *, point: str) -> None:
        """A file's bytes, or a folder's entries, on disk."""
        self.reach(f"{point}.fsync", path)
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def link(self, source: Path, target: Path, *, point: str) -> None:
        """A second name for a file; a synced copy where the file system cannot link. FileExistsError if taken."""
        self.reach(f"{point}.link", target)
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in CANNOT_LINK:
                raise
            self._copy(source, target, point=point)

    def rename(self, source: Path, target: Path, *, point: str) -> None:
        """A file or folder under its final name, in one step."""
        self.reach(f"{point}.rename", target)
        source.rename(target)

    def replace(self, source: Path, target: Path, *, point: str) -> None:
        """A file under a name that may be taken, in one step."""
        self.reach(f"{point}.replace", target)
        source.replace(target)

    def remove(self, path: Path, *, point: str) -> None:
        """A file or a whole folder, gone; nothing if it is not there."""
        self.reach(f"{point}.remove", path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def _copy(self, source: Path, target: Path, *, point: str) -> None:
        self.reach(f"{point}.copy", target)
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        part = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        shutil.copyfile(source, part)
        self.sync(part, point=f"{point}.copy")
        part.rename(target)


@contextmanager
def told_plainly(doing: str, *, next_step: str = "") -> Iterator[None]:
    """Turn an OSError into a ReleaseError that says what was being done and what helps."""
    try:
        yield
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ReleaseError(
                f"the disk is full while {doing}{where}; nothing was released, and what was served is served still",
                next_step=next_step or "free some space, then run the command again",
            ) from error
        raise ReleaseError(
            f"{os.strerror(error.errno) if error.errno else error} while {doing}{where}; what was served is served still",
            next_step=next_step or "mend the disk or its permissions, then run the command again",
        ) from error
