"""How words fit rules is checked by the oracle; here, that no rule and no text takes the service's time."""

from __future__ import annotations

from typing import Any

import pytest

from palantir_assets.access.views import whole
from palantir_assets.engine.words import Work, places
from palantir_assets.errors import QueryError, QueryTooLong
from palantir_assets.query.plans import parse_query, plan
from palantir_assets.query.predicates import AnyRule, Match
from tests.fakes.release import ONTOLOGY


def asked(rule: dict[str, Any]) -> None:
    plan(parse_query({"object": "order", "where": {"type": "interval", "field": "note", "rule": rule}}), whole(ONTOLOGY))


def test_rules_within_rules_are_counted_and_not_only_how_deep_they_are() -> None:
    rule: dict[str, Any] = {"type": "match", "query": "a", "ordered": True}
    asked({"type": "anyOf", "rules": [rule] * 20})
    with pytest.raises(QueryError, match="at most 40 rules"):
        asked({"type": "anyOf", "rules": [{"type": "anyOf", "rules": [rule] * 20}] * 20})


@pytest.mark.parametrize("rule", [Match(("a",) * 6, None, ordered=False), Match(("a", "a"), None, ordered=True)])
def test_a_text_that_repeats_a_word_is_refused_before_its_places_are_listed(rule: Match) -> None:
    assert places(rule, ["a"] * 6, Work())
    with pytest.raises(QueryTooLong, match="in too many ways"):
        places(rule, ["a"] * 3_000, Work())


def test_one_text_may_cost_so_much_however_many_rules_ask() -> None:
    with pytest.raises(QueryTooLong):
        places(AnyRule((Match(("a",), None, ordered=True),) * 40), ["b"] * 100, Work(1_000))
