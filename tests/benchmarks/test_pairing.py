"""Taking turns: who is asked what, in which order, and what is made of it."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from benchmarks.engine.pairing import Turns, compared, cpu_microseconds, same_answers, take_turns
from benchmarks.report import BenchmarkError

LOG: list[str] = []


@dataclass
class FakeSide:
    """Costs what it is told to; every question takes a millisecond of wall time."""

    name: str
    microseconds: float
    answers: list[Any] = field(default_factory=lambda: [1, 2, 3])
    asked: list[int] = field(default_factory=list)

    @property
    def questions(self) -> int:
        return len(self.answers)

    def answer(self, number: int) -> Any:
        return self.answers[number % len(self.answers)]

    def spend(self, times: int) -> float:
        LOG.append(self.name)
        self.asked.append(times)
        time.sleep(0.001 * times * len(self.answers))
        return self.microseconds


def test_sides_change_places_from_round_to_round() -> None:
    sides = [FakeSide("a", 1), FakeSide("b", 2), FakeSide("c", 3)]
    LOG.clear()
    turns = take_turns(sides, rounds=3, seconds=0.002)
    assert "".join(LOG[-9:]) == "abcbcacab"
    assert {name: list(found) for name, found in turns.rounds.items()} == {"a": [1] * 3, "b": [2] * 3, "c": [3] * 3}


def test_a_round_is_every_question_as_many_times_as_fit() -> None:
    slow, quick = FakeSide("slow", 1, [1] * 30), FakeSide("quick", 1, [1])
    take_turns([slow, quick], rounds=3, seconds=0.02)
    assert slow.asked == [1] * 4
    assert len(set(quick.asked[-3:])) == 1 and 5 <= quick.asked[-1] <= 20


def test_a_ratio_is_the_median_of_the_rounds_own() -> None:
    turns = Turns({"ours": [10, 20, 10], "theirs": [20, 100, 30]})
    assert turns.ratio("theirs", "ours") == 3
    assert turns.of("theirs") == 30 and turns.spread("ours") == 1


def test_theirs_is_divided_by_ours_but_where_the_goal_is_a_ceiling() -> None:
    turns = Turns({"ours": [10.0], "theirs": [40.0]})
    floor, ceiling = compared(turns, "ours", "theirs", "2026-01-01"), compared(turns, "ours", "theirs", "2026-01-01", ceiling=True)
    assert (floor.value, ceiling.value) == (4, 0.25)
    assert (floor.ours, floor.theirs) == (10, 40)


def test_sides_that_answer_differently_are_not_compared() -> None:
    same_answers([FakeSide("a", 1), FakeSide("b", 1)], 3)
    with pytest.raises(BenchmarkError, match="question 1: a says 2, b says 5"):
        same_answers([FakeSide("a", 1), FakeSide("b", 1, [1, 5, 3])], 3)


def test_cpu_time_is_that_of_a_process_and_of_its_children() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass\nprint(1, flush=True)\ninput()"
    parent = f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {burn!r}])\ntime.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"1\n"
        spent = cpu_microseconds([process.pid])
        process.kill()
    assert 200_000 <= spent < 10_000_000


def test_cpu_time_is_what_a_process_says_of_itself() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass\nprint(time.process_time(), flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", burn], stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = float(process.stdout.readline())
        assert cpu_microseconds([process.pid]) == pytest.approx(said * 1e6, rel=0.2)
        process.kill()
