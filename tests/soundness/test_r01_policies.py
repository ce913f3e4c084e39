"""R01: nobody reads a row, property or link that a policy hides, on any surface.

The law: what a caller is answered is what everybody would be answered over the world with all that is hidden from the
caller taken out first. It is asked of the engine against the plain-Python oracle, and of every route against a service
over a release that never held what is hidden.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palantir_assets.access.views import whole
from palantir_assets.engine.aggregating import aggregate
from palantir_assets.errors import QueryError
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.query.aggregates import parse_aggregate, plan_aggregate
from palantir_assets.query.plans import parse_query, plan
from tests.oracle.comparing import NOW, Counts, Mismatch, check
from tests.oracle.world import World, make_world
from tests.soundness.conftest import FULL, Score
from tests.soundness.lesser_worlds import Case, make_case

WORLDS = 24 if FULL else 8
CASES = 12_000 if FULL else 1_000
QUESTIONS_A_CASE = 2
COUNTS, REFUSED = Counts(), [0]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[World]]:
    made = [make_world(seed, tmp_path_factory.mktemp("world")) for seed in range(100, 100 + WORLDS)]
    yield made
    for world in made:
        world.release.close()


@pytest.mark.timeout(7_200 if FULL else 600)
@settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**48), number=st.integers(0, WORLDS - 1))
def test_a_caller_is_answered_as_if_what_is_hidden_had_never_been(worlds: list[World], seed: int, number: int) -> None:
    rng = random.Random(seed)
    case = make_case(worlds[number], rng)
    for _ in range(QUESTIONS_A_CASE):
        check(case.left, rng, COUNTS)
    _names_are_refused_alike(case, rng)


def _names_are_refused_alike(case: Case, rng: random.Random) -> None:
    """A hidden property in a filter, an order, a selection, a group or a metric: an unknown name, in the same words."""
    hidden = [(kind, prop) for kind, props in sorted(case.hidden.items()) for prop in sorted(props)]
    if not hidden:
        return
    kind, prop = rng.choice(hidden)
    left = whole(ServedOntology.model_validate(case.left.ontology))
    for query in (
        {"object": kind, "where": {"type": "isNull", "field": prop, "value": True}},
        {"object": kind, "order_by": [prop]},
        {"object": kind, "select": [prop]},
        {"object": "nothing"},
    ):
        said = []
        for view in (case.left.seen, left):
            with pytest.raises(QueryError) as refused:
                plan(parse_query(query), view, now=NOW)
            said.append((str(refused.value), refused.value.advice))
        assert said[0] == said[1]
        REFUSED[0] += 1
    for aggregated in (
        {"aggregations": [{"type": "count"}], "groupBy": [{"type": "exact", "field": prop}]},
        {"aggregations": [{"type": "max", "field": prop}]},
    ):
        said = []
        for view in (case.left.seen, left):
            with pytest.raises(QueryError) as refused:
                plan_aggregate(parse_aggregate({"object": kind, **aggregated}), view, now=NOW)
            said.append((str(refused.value), refused.value.advice))
        assert said[0] == said[1]
        REFUSED[0] += 1


def test_as_many_decisions_were_made_as_are_promised(score: Score) -> None:
    assert COUNTS.asked >= CASES and COUNTS.objects > 0 and REFUSED[0] > CASES // 4
    assert {"base", "filter", "searchAround", "withProperties", "static", "union", "nearestNeighbors", "count"} <= COUNTS.kinds.keys()
    score("R01", COUNTS.asked + REFUSED[0], 0)


def test_a_leak_would_be_seen(worlds: list[World]) -> None:
    """The law asked as somebody from whom nothing is hidden is broken soon: it can fail."""
    leaks = 0
    for number in range(60):
        rng = random.Random(number)
        case = make_case(worlds[number % WORLDS], rng)
        case.left.view = whole(case.left.release.ontology)
        try:
            for _ in range(4):
                check(case.left, rng, Counts())
        except (Mismatch, QueryError, LookupError):
            leaks += 1
    assert leaks > 10


def test_counts_over_hidden_rows_are_counts_over_none(worlds: list[World]) -> None:
    for number in range(40):
        case = make_case(worlds[number % WORLDS], random.Random(number))
        for kind, rows in case.left.rows.items():
            told = aggregate(
                plan_aggregate(parse_aggregate({"object": kind, "aggregations": [{"type": "count"}]}), case.left.seen), case.left.release
            )
            assert told.items == [({}, [("count", len(rows))])]
