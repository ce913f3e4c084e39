"""What a function may not do, and how much it may take. Guards for a project's own code, no sandbox for strangers.

The kernel keeps: memory, processor time, and that no file grows. Python's audit events keep, while a function
runs: no file is opened but for reading, none outside the release and what is installed; no socket, no process,
no signal, no change of the file system, no library loaded through ctypes. The service keeps the wall clock, by
killing. Code that sets out to break out of Python (through ctypes that is loaded already, or an extension
module of its own) can: a function comes from the project's repository, and is reviewed like the rest of it.
"""

from __future__ import annotations

import math
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

PROCESSOR_SLACK: Final = 2
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_REFUSED: Final = ("socket.", "subprocess.", "shutil.", "pty.", "ftplib.", "smtplib.", "urllib.", "http.", "webbrowser.", "sqlite3.connect")
_REFUSED_EXACTLY: Final = frozenset(
    [
        *(f"os.{name}" for name in ("chdir", "chflags", "chmod", "chown", "exec", "fork", "forkpty", "kill", "killpg", "link", "lockf")),
        *(f"os.{name}" for name in ("mkdir", "posix_spawn", "putenv", "remove", "removexattr", "rename", "rmdir", "setxattr", "spawn")),
        *(f"os.{name}" for name in ("symlink", "system", "truncate", "unsetenv", "utime")),
        *(
            "ctypes.dlopen",
            "resource.setrlimit",
            "resource.prlimit",
            "signal.pthread_kill",
            "sys.addaudithook",
            "fcntl.flock",
            "fcntl.lockf",
        ),
    ]
)


class Guard:
    """An audit hook that refuses while it is `raised`. One a process: hooks cannot be taken out again."""

    def __init__(self) -> None:
        self._raised = False
        self._readable: tuple[str, ...] = ()
        self._installed = False

    @contextmanager
    def raised(self, readable: Sequence[Path]) -> Iterator[None]:
        """Refuse what is told above; files may be read below these folders (without links in them) and where Python's own lie."""
        if not self._installed:
            sys.addaudithook(self._heard)
            self._installed = True
        self._readable = _installed() + tuple(f"{folder}{os.sep}" for folder in readable)
        self._raised = True
        try:
            yield
        finally:
            self._raised = False

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self._raised:
            return
        if event == "open":
            self._opened(*arguments[:3])
        elif event in _REFUSED_EXACTLY or event.startswith(_REFUSED):
            raise PermissionError(f"a function may not do this ({event}): it asks `objects`, and gives a value")

    def _opened(self, path: object, mode: object, flags: object) -> None:
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & _WRITING):
            raise PermissionError(f"a function may not write files ({path!r})")
        if isinstance(path, str | bytes | os.PathLike) and not os.path.realpath(os.fsdecode(path)).startswith(self._readable):
            raise PermissionError(f"a function may not read {os.fsdecode(path)!r}: it asks `objects`")


@lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    package = Path(__file__).parents[1]
    folders = (package, Path(sys.prefix), Path(sys.base_prefix), Path("/usr/lib"), Path("/usr/share/zoneinfo"))
    return tuple(f"{folder.resolve()}{os.sep}" for folder in folders)


def settle() -> None:
    """Once, before anything else: no core file."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextmanager
def limited(*, memory: int, seconds: float) -> Iterator[None]:
    """For one call: so many bytes more than are held now, twice so much processor time and a little, no file that grows.

    The processor time is for the case that nobody is left to look at the clock: the kernel then ends the process.
    """
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    wanted = {
        resource.RLIMIT_DATA: _held() + memory,
        resource.RLIMIT_CPU: math.ceil(used + 2 * seconds) + PROCESSOR_SLACK,
        resource.RLIMIT_FSIZE: 0,
    }
    before = {kind: resource.getrlimit(kind) for kind in wanted}
    for kind, soft in wanted.items():
        _set(kind, soft, before[kind][1])
    try:
        yield
    finally:
        for kind, (soft, hard) in before.items():
            _set(kind, soft, hard)


def _set(kind: int, soft: int, hard: int) -> None:
    with suppress(OSError, ValueError):
        resource.setrlimit(kind, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _held() -> int:
    """Bytes of private writable memory. Where nothing tells, none: the limit is then a limit of everything."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        return 0
