"""Processes that are killed: the same code in a fork, ended by SIGKILL or at a fault point, with a log of its own."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from palantir_assets.stores.database import Database

KILLED = 9


def start(work: Callable[[], None]) -> int:
    """A child that does the work and ends; its number."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def wait(child: int) -> int:
    """The exit code; negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill(child: int) -> int:
    """SIGKILL, and the exit code."""
    os.kill(child, signal.SIGKILL)
    return wait(child)


def note(file: Path, line: str) -> None:
    """One line at the end of a log outside the database, in one write: a killed process leaves it whole."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, f"{line}\n".encode())
    finally:
        os.close(handle)


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


class Countdown:
    """Ends the process at the n-th step it passes: every SQL statement, before each commit and after it, and every named point."""

    def __init__(self, database: Database, end_at: int) -> None:
        self.left = end_at
        for event in ("after_cursor_execute", "commit"):
            sa.event.listen(database.engine, event, self.step)

    def step(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            os._exit(KILLED)
