"""Two or more sides take turns at the same questions; what each spends is CPU time, and what is compared are medians.

A side is anything that can be asked a few questions and tells what they cost it. A round is all questions, as many times
over as fit: no side is measured at easier ones than another. Before the first round every side is asked all of them once,
and for a while, which warms it. Sides change places from round to round.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from benchmarks.catalogue import Measured
from benchmarks.report import BenchmarkError

ROUNDS, ROUND_SECONDS = 5, 0.8


class Side(Protocol):
    """One of those compared."""

    @property
    def name(self) -> str: ...

    @property
    def questions(self) -> int:
        """How many there are."""

    def answer(self, number: int) -> Any:
        """The answer to one question, in a form that can be compared with the others'."""

    def spend(self, times: int) -> float:
        """CPU µs a question, over all of them so many times."""


@dataclass(frozen=True, slots=True)
class Turns:
    """CPU µs a question, by side, one figure a round."""

    rounds: Mapping[str, Sequence[float]]

    def of(self, side: str) -> float:
        return median(self.rounds[side])

    def ratio(self, above: str, below: str) -> float:
        """The median of the rounds' own ratios: what disturbs a round disturbs both sides of it."""
        return median(a / b for a, b in zip(self.rounds[above], self.rounds[below], strict=True))

    def spread(self, side: str) -> float:
        """Largest minus smallest round, as a share of the median."""
        return (max(self.rounds[side]) - min(self.rounds[side])) / self.of(side)

    def told(self) -> str:
        return ", ".join(f"{name} {self.of(name):,.0f} µs ±{self.spread(name) * 50:.0f} %" for name in self.rounds)


def take_turns(sides: Sequence[Side], *, rounds: int = ROUNDS, seconds: float = ROUND_SECONDS) -> Turns:
    """Every side asked for about so many seconds a round."""
    times = {side.name: _warmed(side, seconds) for side in sides}
    found: dict[str, list[float]] = {side.name: [] for side in sides}
    for number in range(rounds):
        turn = number % len(sides)
        for side in (*sides[turn:], *sides[:turn]):
            found[side.name].append(side.spend(times[side.name]))
    return Turns(found)


def same_answers(sides: Sequence[Side], count: int, *, equal: Callable[[Any, Any], bool] = lambda one, other: bool(one == other)) -> None:
    """Refuse to compare sides that answer differently: every question is asked of every side once."""
    first, *others = sides
    for number in range(count):
        wanted = first.answer(number)
        for side in others:
            if not equal(wanted, found := side.answer(number)):
                raise BenchmarkError(f"question {number}: {first.name} says {_short(wanted)}, {side.name} says {_short(found)}")


def compared(turns: Turns, ours: str, theirs: str, on: str, *, ceiling: bool = False, version: str = "") -> Measured:
    """Theirs ÷ ours; ours ÷ theirs where the goal is a ceiling."""
    ratio = turns.ratio(ours, theirs) if ceiling else turns.ratio(theirs, ours)
    return Measured(ratio, on, _rounds(turns, ours, theirs), ours=turns.of(ours), theirs=turns.of(theirs), version=version)


def _rounds(turns: Turns, *sides: str) -> str:
    return "; ".join(f"{side} {', '.join(f'{each:.0f}' for each in turns.rounds[side])} µs" for side in sides)


def cpu_microseconds(pids: Sequence[int]) -> float:
    """User and system time of these processes and their children so far, to the nanosecond where the kernel tells."""
    return sum(_clock(pid) for top in pids for pid in _family(top)) * 1e6


def _warmed(side: Side, seconds: float) -> int:
    """How many times all questions fit a round, after the side was asked for about as long."""
    asked, began = 0, time.perf_counter()
    while not asked or time.perf_counter() - began < seconds:
        side.spend(1)
        asked += 1
    return max(1, round(asked * seconds / (time.perf_counter() - began)))


def _clock(pid: int) -> float:
    # The clock of a process, as clock_getcpuclockid(3) names it: all its threads, those that ended too.
    return time.clock_gettime(~pid << 3 | 2)


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def _short(answer: Any) -> str:
    text = repr(answer)
    return text if len(text) < 400 else f"{text[:400]} …"
