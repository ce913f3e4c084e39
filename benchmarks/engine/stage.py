"""What the rows of the family share, each made when a row first asks for it and given back when the run ends.

A release of the default project, and one with ten flights for each of its own; the peers' packages; a PostgreSQL
cluster and a ladybug database that hold the release. Peers' packages and the tenfold release are kept in `var/bench`,
under a fingerprint of what they were made from, and taken from there by the next run.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, Final

from benchmarks.bench import Bench
from benchmarks.engine import ladybug, postgres
from benchmarks.engine.asking import Ask, HttpSide
from benchmarks.engine.questions import Questions
from benchmarks.engine.rows import opened
from benchmarks.links import current_release
from benchmarks.processes import PALANTIR, PROJECT, Server, environment, free_port, run, serving

REQUIREMENTS: Final = Path(__file__).parents[1] / "requirements.txt"
KEPT: Final = PROJECT / "var" / "bench"
OURS_TOO: Final = {"hello": "starlette", "networkx": "networkx"}
"""Peers that lie in the project's own environment."""

HELLO: Final = [Ask("/hello")]


@dataclass
class Stage:
    """Made once a run; see `stage_of`."""

    bench: Bench

    @cached_property
    def state(self) -> Path:
        """A state folder whose release has its indexes."""
        state = self.bench.built()
        with opened(state, current_release(state)):
            return state

    @cached_property
    def release(self) -> Path:
        return current_release(self.state)

    @cached_property
    def questions(self) -> Questions:
        return Questions(self.release)

    @cached_property
    def peers(self) -> Path:
        """A virtual environment with the peers of requirements.txt."""
        folder = KEPT / f"peers-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]}"
        if not (folder / "done").exists():
            self.bench.say("installing the peers into an environment of their own")
            env, log = environment(self.bench.work), self.bench.log("peers")
            run([sys.executable, "-m", "venv", "--clear", str(folder)], env, log)
            run([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(REQUIREMENTS)], env, log)
            (folder / "done").touch()
        return folder

    @property
    def site(self) -> Path:
        """The peers' packages. Where one of them runs in our process, ours come before its own."""
        (found,) = (self.peers / "lib").glob("python*/site-packages")
        return found

    def version(self, peer: str) -> str:
        """Which version of a peer is compared with."""
        if peer == "PostgreSQL":
            return postgres.version()
        if peer in OURS_TOO:
            return installed(OURS_TOO[peer])
        pins = dict(line.split("==") for line in REQUIREMENTS.read_text().splitlines() if "==" in line)
        return pins[peer.partition(",")[0]]

    @cached_property
    def postgres(self) -> Path:
        """The folder of the socket of a cluster with the release's flights."""
        self.bench.say("loading the release into PostgreSQL")
        with opened(self.state, self.release) as release:
            return self.bench.closing.enter_context(postgres.cluster(release, self.bench.log("postgres")))

    @cached_property
    def ladybug(self) -> Path:
        """The file of a database with the release's objects and links."""
        self.bench.say("loading the release into ladybug")
        return ladybug.load(self)

    @cached_property
    def worlds(self) -> dict[int, Path]:
        """State folders by the number of flights for each of the release's own; see `growth`."""
        return {}


def stage_of(bench: Bench) -> Stage:
    stage: Stage = bench.shared.setdefault("stage", Stage(bench))
    return stage


@contextmanager
def started(stage: Stage) -> Iterator[Servers]:
    """Servers that end with the block."""
    with ExitStack() as stack:
        yield Servers(stage, stack)


@dataclass(frozen=True, slots=True)
class Servers:
    """Each method starts one server and gives it as a side that is asked these questions."""

    stage: Stage
    stack: ExitStack

    def hello(self) -> HttpSide:
        server = self._module("hello", "benchmarks.hello")
        return HttpSide("hello", server.port, [server.pid], HELLO)

    def bare(self, asks: list[Ask], **how: Any) -> HttpSide:
        server = self._module("bare", "benchmarks.engine.bare", str(self.stage.release), str(self.stage.state / "indexes"))
        return HttpSide("bare route", server.port, [server.pid], asks, **how)

    def ours(self, asks: list[Ask], *, state: Path | None = None, name: str = "ours", **how: Any) -> HttpSide:
        port = free_port()
        env = environment(state or self.stage.state, port)
        server = self.stack.enter_context(serving([*PALANTIR, "serve"], env, port, self.stage.bench.log("serve")))
        return HttpSide(name, port, [server.pid], asks, **how)

    def postgres(self, asks: list[Ask], **how: Any) -> HttpSide:
        server = self._module("PostgreSQL", "benchmarks.engine.postgres_app", str(self.stage.postgres), str(self.stage.site))
        side = HttpSide("PostgreSQL", server.port, [server.pid], [Ask("/backend")])
        return HttpSide("PostgreSQL", server.port, [server.pid, side.answer(0)["pid"]], asks, **how)

    def ladybug(self, asks: list[Ask], *, ready: bool = False, **how: Any) -> HttpSide:
        stage = self.stage
        server = self._module("ladybug", "benchmarks.engine.ladybug_app", str(stage.release), str(stage.ladybug), str(stage.site))
        asks = [Ask(ask.path.replace("/links/", "/ready/")) for ask in asks] if ready else asks
        return HttpSide("ladybug, ready JSON" if ready else "ladybug", server.port, [server.pid], asks, **how)

    def command(self, name: str, command: list[str], port: int, path: str) -> Server:
        """Any other server, once `path` answers."""
        env = environment(self.stage.state)
        return self.stack.enter_context(serving(command, env, port, self.stage.bench.log(name), path))

    def _module(self, name: str, module: str, *arguments: str) -> Server:
        port = free_port()
        command = [sys.executable, "-m", module, str(port), *arguments]
        return self.stack.enter_context(serving(command, environment(self.stage.state, port), port, self.stage.bench.log(name)))
