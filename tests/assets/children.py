"""Builds in a process of their own, which dies or is denied the disk; started from a server that has imported all."""

from __future__ import annotations

import ctypes
import functools
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from palantir_assets.cli.build import run
from palantir_assets.errors import PalantirError
from palantir_assets.settings import Settings

Fault = Callable[[], None]


def in_a_child(settings: Settings, fault: Fault) -> tuple[int, Any]:
    """Run `palantir build` in a child that was prepared by `fault`; returns its exit code and what it said, if it did."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["palantir_assets.assets.rounds", "great_expectations", __name__])
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_build, args=(settings, fault, there))
    child.start()
    there.close()
    try:
        said = here.recv() if here.poll(240) else None
    except EOFError:
        said = None
    child.join(60)
    assert child.exitcode is not None
    return child.exitcode, said


def _build(settings: Settings, fault: Fault, said: Connection) -> None:
    fault()
    try:
        outcome = run(settings, select=None, show=lambda event: None)
        said.send(("outcome", outcome.failed))
    except PalantirError as error:
        said.send((type(error).__name__, str(error)))


def die_with_a_table_made_but_not_committed() -> None:
    from palantir_assets.assets import objects

    objects.replace_table = functools.partial(objects.replace_table, at=lambda point: _die() if point == "made" else None)  # type: ignore[attr-defined]


def die_before_the_candidate_is_settled() -> None:
    from palantir_assets.release import sealing

    sealing.settle = lambda *_, **__: _die()  # type: ignore[assignment]


def let_no_file_grow_beyond(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def respect_permissions() -> None:
    """Give up root's right to write everywhere, if this is root."""
    header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None, use_errno=True).capset(header, nothing) == 0


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def make_read_only(folder: Path) -> None:
    """Take the right to write from a folder and everything in it."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)


def make_writable(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
