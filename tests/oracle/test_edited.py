"""A release with edits laid over it, against the same oracle over the rows that are left: equal answers."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle.comparing import Counts, check
from tests.oracle.editing import edit_world
from tests.oracle.world import World, make_world
from tests.scorecard import FULL, Score

WORLDS = 40 if FULL else 5
QUESTIONS = 20_000 if FULL else 1_000
COUNTS = Counts()


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[World]]:
    made = [make_world(seed, tmp_path_factory.mktemp("world")) for seed in range(WORLDS)]
    yield [edit_world(world, random.Random(seed), 3 + seed * 7)[0] for seed, world in enumerate(made)]
    for world in made:
        world.release.close()


@pytest.mark.timeout(7_200 if FULL else 600)
@settings(max_examples=QUESTIONS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**48), number=st.integers(0, WORLDS - 1))
def test_every_answer_over_edits_is_the_oracle_s_over_replayed_rows(worlds: list[World], seed: int, number: int) -> None:
    try:
        check(worlds[number], random.Random(seed), COUNTS)
    except AssertionError:
        COUNTS.wrong += 1
        raise


def test_as_many_questions_were_asked_over_edits_as_are_promised(score: Score) -> None:
    print(f"\nover edits: {COUNTS.asked} questions, {COUNTS.objects} objects, {COUNTS.wrong} wrong")
    assert COUNTS.asked >= QUESTIONS
    score("overlay", COUNTS.asked, COUNTS.wrong)
