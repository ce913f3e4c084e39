"""Starting what is measured, as a user would, and reading from /proc what it costs."""

from __future__ import annotations

import http.client
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.report import BenchmarkError

PROJECT = Path(__file__).parents[1]
PALANTIR = (sys.executable, "-m", "palantir_assets.cli")
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command took, its children included: seconds on the wall and on all cores; and what it printed."""

    wall: float
    cpu: float
    printed: str


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its process, its port, its standard input, and the seconds from its start to its first good answer."""

    pid: int
    port: int
    stdin: IO[bytes]
    start: float


def environment(state: Path, port: int = 0) -> dict[str, str]:
    """This process's environment with the default project in this state folder, and no other setting of ours."""
    ours = {
        "PALANTIR_PROJECT": str(PROJECT),
        "PALANTIR_STATE": str(state),
        "PALANTIR_LIMITS": "off",
        **({"PALANTIR_PORT": str(port)} if port else {}),
    }
    path = {"PYTHONPATH": os.pathsep.join([str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])])}
    return {name: value for name, value in os.environ.items() if not name.startswith("PALANTIR_")} | ours | path


def run(command: Sequence[str], env: Mapping[str, str], log: Path) -> Cost:
    """Run a command to its end. Raises BenchmarkError with the end of its log if it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    before, began = _children_cpu(), time.perf_counter()
    with log.open("ab") as said:
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=said, stdin=subprocess.DEVNULL, check=False)
    wall, cpu = time.perf_counter() - began, _children_cpu() - before
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command[1:])} failed ({done.returncode}):\n{log.read_text()[-3000:]}")
    return Cost(wall, cpu, done.stdout.decode())


@contextmanager
def serving(command: Sequence[str], env: Mapping[str, str], port: int, log: Path, path: str = "/healthz") -> Iterator[Server]:
    """A server for the time of a block, once `path` gives 200. Raises BenchmarkError if it never does."""
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with log.open("ab") as said, subprocess.Popen(command, env=dict(env), stdout=said, stderr=said, stdin=subprocess.PIPE) as process:
        try:
            while not _answers(port, path):
                if process.poll() is not None or time.perf_counter() - began > PATIENCE_SECONDS:
                    raise BenchmarkError(f"{' '.join(command[1:])} does not answer:\n{log.read_text()[-3000:]}")
                time.sleep(0.005)
            start = time.perf_counter() - began
            assert process.stdin is not None
            yield Server(process.pid, port, process.stdin, start)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def memory(pid: int) -> dict[str, float]:
    """A process's memory in MB (10⁶ bytes) by the names of `smaps_rollup`: Rss, Pss, Anonymous and so on."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    cells = [line.split() for line in lines]
    return {name.rstrip(":"): int(kibibytes) * 1024 / 1e6 for name, kibibytes, *_ in cells}


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
