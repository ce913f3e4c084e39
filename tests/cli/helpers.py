"""Small helpers of these tests: waiting, ports, processes."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

from palantir_assets.cli.supervisor import Child

MakeChild = Callable[..., Child]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(condition: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Wait until something holds, or fail; the time is for machines that are busy."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come about within {seconds} s")
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
