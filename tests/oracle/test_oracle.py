"""The engine against a plain-Python oracle: random worlds, random questions, equal answers. And bugs planted to see them caught."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palantir_assets.engine import hops
from palantir_assets.errors import QueryError
from palantir_assets.graph import native
from tests.oracle.comparing import Counts, Mismatch, check
from tests.oracle.planting import BUGS, Bug, planted
from tests.oracle.world import World, make_world
from tests.scorecard import FULL, Score

WORLDS = 40 if FULL else 12
QUESTIONS = 50_000 if FULL else 2_000
HUNT = 6_000
COUNTS = Counts()


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[World]]:
    made = [make_world(seed, tmp_path_factory.mktemp("world")) for seed in range(WORLDS)]
    yield made
    for world in made:
        world.release.close()


@pytest.mark.timeout(7_200 if FULL else 300)
@settings(max_examples=QUESTIONS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**48), number=st.integers(0, WORLDS - 1))
def test_every_answer_is_the_oracle_s(worlds: list[World], seed: int, number: int) -> None:
    try:
        check(worlds[number], random.Random(seed), COUNTS)
    except AssertionError:
        COUNTS.wrong += 1
        raise


def test_as_many_questions_were_asked_as_are_promised_and_of_every_kind(score: Score) -> None:
    print(
        f"\noracle: {COUNTS.asked} questions, {COUNTS.objects} objects; "
        + ", ".join(f"{kind} {n}" for kind, n in sorted(COUNTS.kinds.items()))
    )
    assert COUNTS.asked >= QUESTIONS
    score("oracle", COUNTS.asked, COUNTS.wrong)
    never = {bug.about for bug in BUGS} - COUNTS.kinds.keys() - {"depth", "validAt", "maxGaps", "fuzzy", "asc", "desc", "own", "interface"}
    assert not never or not FULL  # some are so seldom that two thousand questions may miss them


@pytest.mark.parametrize("way", ["plain", "compiled", "saturating"])
def test_many_links_are_followed_by_every_way_alike(worlds: list[World], way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worlds are small: only here do they take the ways that are meant for many links."""
    monkeypatch.setattr(hops, "_FEW", 0)
    monkeypatch.setattr(hops, "_CROWDED", 0.1 if way == "saturating" else 1e9)
    monkeypatch.setattr(hops, "_PIECE", 3)
    monkeypatch.setattr(native, "begin", lambda: None)
    if way != "compiled":
        monkeypatch.setattr(native, "searcher", lambda: native.PLAIN)
    elif not native.load():
        pytest.skip("no compiled loops here")
    for number in range(400):
        check(worlds[number % len(worlds)], random.Random(number), Counts(), about="searchAround")


def caught(worlds: list[World], bug: Bug) -> int | None:
    """After how many questions a planted bug shows, or None."""
    counts = Counts()
    with planted(bug):
        for number in range(HUNT):
            try:
                check(worlds[number % len(worlds)], random.Random(number), counts, about=bug.about)
            except (Mismatch, QueryError, ArithmeticError, LookupError, ValueError, TypeError):
                return number + 1
            except Exception as error:
                if type(error).__module__.split(".")[0] in ("_duckdb", "duckdb", "pyarrow"):
                    return number + 1
                raise
    return None


@pytest.mark.parametrize(
    "bug", BUGS if FULL else random.Random(24).sample(BUGS, len(BUGS) // 10), ids=lambda bug: f"{bug.about}@{bug.where}"
)
def test_a_planted_bug_is_caught(worlds: list[World], bug: Bug, score: Score) -> None:
    found = caught(worlds, bug)
    print(f"\nplanted in {bug.where}: {bug.old!r} became {bug.new!r}; caught after {found} questions")
    score("planted", 1, int(found is None))
