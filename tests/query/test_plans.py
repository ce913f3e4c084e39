from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.access.principal import Principal
from palantir_assets.errors import QueryError, UnknownName
from palantir_assets.query.plans import ObjectQuery, Plan, parse_query, plan
from palantir_assets.query.tokens import InvalidToken, PageToken, read_token, write_token
from tests.fakes.release import ONTOLOGY, VIEWER, seen


def planned(principal: Principal = VIEWER, **query: Any) -> Plan:
    return plan(parse_query({"object": "order", **query}), seen(ONTOLOGY, principal))


def test_no_plan_exists_without_plan() -> None:
    made = planned()
    with pytest.raises(TypeError, match="asks for a View"):
        Plan(made.view, made.node, made.scope, (), None, (), 1, None, False, "own")


def test_a_caller_without_the_right_gets_no_plan() -> None:
    with pytest.raises(UnknownName):
        planned(Principal("nobody"))


@pytest.mark.parametrize(
    "query", [{"select": ["nope"]}, {"order_by": ["nope"]}, {"order_by": [{"field": 'a"; drop table', "direction": "asc"}]}]
)
def test_an_unknown_property_in_select_or_order_is_refused(query: dict[str, Any]) -> None:
    with pytest.raises(UnknownName):
        planned(**query)


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 10_001}, {"limit": "5"}, {"limit": True}, {"order_by": [{"field": "note", "direction": "up"}]}, {"x": 1}],
)
def test_a_query_out_of_bounds_is_refused_by_name(query: dict[str, Any]) -> None:
    with pytest.raises(QueryError, match=next(iter(query))):
        planned(**query)


def test_a_token_serves_its_own_question_only() -> None:
    first = planned(order_by=["amount"])
    token = write_token(PageToken("r" * 32, first.question, 100))
    assert planned(order_by=["amount"], page_token=token).token == PageToken("r" * 32, first.question, 100)
    for other in (
        {"order_by": ["note"]},
        {"order_by": [{"field": "amount", "direction": "desc"}]},
        {"where": {"type": "isNull", "field": "note"}, "order_by": ["amount"]},
    ):
        with pytest.raises(InvalidToken, match="another question"):
            planned(page_token=token, **other)


def test_a_token_serves_its_own_caller_only() -> None:
    token = write_token(PageToken("r" * 32, planned().question, 100))
    with pytest.raises(InvalidToken):
        planned(Principal("another", frozenset({"viewer"})), page_token=token)


@given(st.builds(PageToken, release=st.text(max_size=32), query=st.text(max_size=16), offset=st.integers(0, 2**31)))
def test_a_token_comes_back_as_it_was_written(token: PageToken) -> None:
    if len(write_token(token)) <= 512:
        assert read_token(write_token(token)) == token


@given(st.text())
def test_any_other_text_is_no_token(text: str) -> None:
    with pytest.raises(InvalidToken):
        read_token(text)


@pytest.mark.parametrize("change", [{"offset": -1}, {"offset": 2**40}, {"offset": "0"}, {"offset": True}, {"release": 5}])
def test_a_token_that_was_tampered_with_is_refused(change: dict[str, object]) -> None:
    fields = {"release": "r", "query": "q", "offset": 0, **change}
    with pytest.raises(InvalidToken):
        read_token(write_token(PageToken(**fields)))  # type: ignore[arg-type]


def test_a_query_is_immutable() -> None:
    query = ObjectQuery(object="order")
    with pytest.raises(ValueError, match="frozen"):
        query.limit = 5  # type: ignore[misc]
