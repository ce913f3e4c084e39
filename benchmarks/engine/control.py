"""Ours against ours: how far apart two equal sides come out on this machine, today.

Run before the other rows of the family and once more after them. A ratio of the table that is not further from 1 than
this one tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.bench import Bench
from benchmarks.catalogue import Measured
from benchmarks.engine.pairing import take_turns
from benchmarks.engine.questions import object_asks
from benchmarks.engine.stage import stage_of, started


def before(bench: Bench) -> Mapping[str, Measured]:
    return {"control_before": _measured(bench)}


def after(bench: Bench) -> Mapping[str, Measured]:
    return {"control_after": _measured(bench)}


def _measured(bench: Bench) -> Measured:
    stage = stage_of(bench)
    asks = object_asks(stage.questions)
    with started(stage) as servers:
        turns = take_turns([servers.ours(asks), servers.ours(asks, name="ours again")])
    ratio = turns.ratio("ours again", "ours")
    spread = ", ".join(f"{again / one:.2f}" for one, again in zip(turns.rounds["ours"], turns.rounds["ours again"], strict=True))
    bench.say(f"{turns.told()}; rounds {spread}")
    return Measured(ratio, bench.today, f"rounds: {spread}", ours=turns.of("ours"), theirs=turns.of("ours again"))
