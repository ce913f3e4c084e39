"""What ten times the flights cost: the release itself beside one made by the same code with ten copies of each flight.

Reads over HTTP, through the whole stack, in turns: a flight by key, and a page of the flights of a plane, which has ten
times as many there. Building is CPU time a flight: writing, sealing, arrays and indexes together. Memory is what the
worker with the ten copies cannot give back after the queries of `api`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from benchmarks.api import exercise
from benchmarks.bench import Bench
from benchmarks.catalogue import Measured
from benchmarks.engine.asking import Ask, HttpSide
from benchmarks.engine.pairing import Turns, compared, take_turns
from benchmarks.engine.questions import OBJECTS, linked_asks
from benchmarks.engine.stage import KEPT, Servers, Stage, stage_of, started
from benchmarks.processes import PROJECT, environment, memory, run

FACTOR: Final = 10
MAKERS: Final = ("release", "graph", "ontology", "search", "stores")


def measure(bench: Bench) -> Mapping[str, Measured]:
    stage = stage_of(bench)
    one, ten = world(stage, 1), world(stage, FACTOR)
    with started(stage) as servers:
        keyed = _turns(servers, {1: one, FACTOR: ten}, "by key")
        linked = _turns(servers, {1: one, FACTOR: ten}, "linked")
        used = _memory(servers, ten)
    spent = {factor: json.loads((state / "spent.json").read_bytes()) for factor, state in ((1, one), (FACTOR, ten))}
    ratio = sum(spent[FACTOR].values()) / FACTOR / sum(spent[1].values())
    note = "; ".join(f"{part} {spent[1][part]:.1f} s and {spent[FACTOR][part]:.1f} s" for part in spent[1])
    bench.say(f"{keyed.told()}; {linked.told()}; building {note}; anonymous {used:.0f} MB")
    micro = {factor: sum(parts.values()) * 1e6 for factor, parts in spent.items()}
    return {
        "growth_object": compared(keyed, f"×{FACTOR}", "×1", bench.today, ceiling=True),
        "growth_linked": compared(linked, f"×{FACTOR}", "×1", bench.today, ceiling=True),
        "growth_build": Measured(ratio, bench.today, f"CPU time a flight; {note}", ours=micro[FACTOR] / FACTOR, theirs=micro[1]),
        "growth_memory": bench.measured(used),
    }


def world(stage: Stage, factor: int) -> Path:
    """A state folder with the release's flights so many times; taken from `var/bench` where one was made of the same by the same code."""
    state = KEPT / f"x{factor}-{_fingerprint(stage.release)}"
    if not (state / "spent.json").exists():
        for old in KEPT.glob(f"x{factor}-*"):
            shutil.rmtree(old)
        stage.bench.say(f"making a release with each flight {factor} times")
        command = [sys.executable, "-m", "benchmarks.engine.world", str(stage.release), str(state), str(factor)]
        told = run(command, environment(state), stage.bench.log(f"x{factor}")).printed
        (state / "spent.json").write_text(told)
    return state


def _fingerprint(release: Path) -> str:
    makers = [path for room in MAKERS for path in sorted((PROJECT / "palantir_assets" / room).glob("*.py"))]
    parts = [release.name.encode(), *(path.read_bytes() for path in makers), (Path(__file__).with_name("world.py")).read_bytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def _turns(servers: Servers, worlds: Mapping[int, Path], what: str) -> Turns:
    questions = servers.stage.questions
    sides = []
    for factor, state in worlds.items():
        suffix = "" if factor == 1 else f"~{factor - 1:03d}"
        keys = [Ask(f"{OBJECTS}/flight/{quote(key + suffix, safe='')}") for key in questions.keys]
        sides.append(servers.ours(keys if what == "by key" else linked_asks(questions), state=state, name=f"×{factor}"))
    for side in sides:
        _expect(side, 1 if what == "by key" else 95)
    return take_turns(sides)


def _expect(side: HttpSide, least: int) -> None:
    """Every question finds what it should, so that nobody is quick at finding nothing."""
    for number in range(20):
        answer = side.answer(number)
        assert len(answer.get("data", [answer])) >= least


def _memory(servers: Servers, state: Path) -> float:
    side = servers.ours([Ask("/healthz")], state=state)
    exercise(side.port)
    return memory(side.pids[0])["Anonymous"]
