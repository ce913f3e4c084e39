"""The rows of the table that are asked within a process: four steps around, a shortest path.

Both sides have a process of their own and the same release; each question is timed by the process clock of who answers
it, and a round counts as its median question.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from benchmarks.bench import Bench
from benchmarks.catalogue import Measured
from benchmarks.engine.asking import working
from benchmarks.engine.pairing import Turns, compared, same_answers, take_turns
from benchmarks.engine.stage import Stage, stage_of
from benchmarks.processes import environment


def around(bench: Bench) -> Mapping[str, Measured]:
    """From a plane, four steps along links, to the objects at the end, each once."""
    stage = stage_of(bench)
    theirs = {"file": str(stage.ladybug), "site": str(stage.site)}
    turns = _turns(stage, {"ours": "around"}, ("ladybug", "ladybug:around", theirs), stage.questions.starts)
    return {"around_ladybug": compared(turns, "ours", "ladybug", bench.today, version=stage.version("ladybug"))}


def paths(bench: Bench) -> Mapping[str, Measured]:
    """How many links lie between two objects, over all links in both directions: the walk alone, and the whole question.

    Drawn from all objects nearly all are flights, between which much is looked at; drawn by type, many have a hub at an
    end, which any search finds at once. Both are told.
    """
    stage = stage_of(bench)
    ours, theirs = {"walk": "walk", "question": "path"}, ("networkx", "networks:path", {"folder": str(stage.release)})
    found = {}
    for kind, pairs in (("path", stage.questions.pairs), ("path_mixed", stage.questions.mixed_pairs)):
        turns, version = _turns(stage, ours, theirs, pairs), stage.version("networkx")
        found[f"{kind}_networkx"] = compared(turns, "walk", "networkx", bench.today, version=version)
        found[f"{kind}_question"] = compared(turns, "question", "networkx", bench.today, version=version)
    return found


def _turns(stage: Stage, ours: Mapping[str, str], peer: tuple[str, str, dict[str, str]], questions: list[Any]) -> Turns:
    """`ours` by the name of the side, the peer by its name, what makes it and with what arguments."""
    bench, env = stage.bench, environment(stage.state)
    arguments = {"folder": str(stage.release), "indexes": str(stage.state / "indexes")}
    sides = {**{name: (f"ours:{makes}", arguments) for name, makes in ours.items()}, peer[0]: peer[1:]}
    with ExitStack() as stack:
        workers = [
            stack.enter_context(working(name, f"benchmarks.engine.{makes}", given, questions, env, bench.log(name)))
            for name, (makes, given) in sides.items()
        ]
        same_answers(workers, len(questions))
        turns = take_turns(workers)
    bench.say(turns.told())
    return turns
