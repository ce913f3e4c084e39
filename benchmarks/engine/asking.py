"""The two kinds of sides: a server that is asked over HTTP, and a worker process that asks itself.

Over HTTP one connection asks one request after the other. A worker gets a batch of questions on a line, times each by
its process clock, and answers with a line: where an answer takes microseconds, a pipe between each two would be most
of what is measured.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.engine.pairing import cpu_microseconds
from benchmarks.report import BenchmarkError


@dataclass(frozen=True, slots=True)
class Ask:
    """One request; a body makes it a POST."""

    path: str
    body: bytes | None = None


@dataclass(slots=True)
class HttpSide:
    """A server, the requests it is asked, and how what matters is read from its answers."""

    name: str
    port: int
    pids: Sequence[int]
    asks: Sequence[Ask]
    read: Callable[[bytes], Any] = json.loads
    _connection: http.client.HTTPConnection | None = field(default=None, init=False)

    def answer(self, number: int) -> Any:
        return self.read(self._ask(self.asks[number % len(self.asks)]))

    @property
    def questions(self) -> int:
        return len(self.asks)

    def spend(self, times: int) -> float:
        before = cpu_microseconds(self.pids)
        for _ in range(times):
            for ask in self.asks:
                self._ask(ask)
        return (cpu_microseconds(self.pids) - before) / (times * len(self.asks))

    def _ask(self, ask: Ask) -> bytes:
        try:
            status, body = self._asked(ask)
        except (http.client.RemoteDisconnected, ConnectionError):  # a server ends a connection that was idle while others took their turn
            self._connection = None
            status, body = self._asked(ask)
        if status != 200:
            raise BenchmarkError(f"{self.name}: {ask.path} gave {status}: {body[:400].decode(errors='replace')}")
        return body

    def _asked(self, ask: Ask) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {} if ask.body is None else {"Content-Type": "application/json"}
        self._connection.request("GET" if ask.body is None else "POST", ask.path, ask.body, headers)
        reply = self._connection.getresponse()
        return reply.status, reply.read()


@dataclass(frozen=True, slots=True)
class WorkerSide:
    """A worker process; a round counts as its median question."""

    name: str
    process: subprocess.Popen[bytes]
    asks: Sequence[Any]

    @property
    def questions(self) -> int:
        return len(self.asks)

    def answer(self, number: int) -> Any:
        return self.told([self.asks[number % len(self.asks)]])["answers"][0]

    def spend(self, times: int) -> float:
        return float(median(self.told([ask for _ in range(times) for ask in self.asks])["microseconds"]))

    def told(self, questions: Sequence[Any]) -> dict[str, Any]:
        """The answers to a batch of questions, and what each cost in CPU µs."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(questions).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise BenchmarkError(f"{self.name} ended; its log says why")
        told: dict[str, Any] = json.loads(line)
        return told


@contextmanager
def working(
    name: str, makes: str, arguments: Mapping[str, Any], asks: Sequence[Any], env: Mapping[str, str], log: Path
) -> Iterator[WorkerSide]:
    """A worker for the time of a block: `makes` is `module:function`, called with the arguments, and gives what answers one question."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.engine.worker", makes, json.dumps(dict(arguments))]
    with (
        log.open("ab") as said,
        subprocess.Popen(command, env=dict(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said) as process,
    ):
        try:
            assert process.stdout is not None
            if process.stdout.readline() != b"ready\n":
                raise BenchmarkError(f"{name} could not be started:\n{log.read_text()[-3000:]}")
            yield WorkerSide(name, process, asks)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)
