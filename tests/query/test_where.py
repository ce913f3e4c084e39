from __future__ import annotations

from datetime import date, datetime

import pytest

from palantir_assets.access.views import whole
from palantir_assets.errors import QueryError, UnknownName
from palantir_assets.query.fields import Column, Lens
from palantir_assets.query.plans import parse_query, plan
from palantir_assets.query.predicates import Compare, Every, IsNull, Not, OneOf, Predicate
from palantir_assets.query.values import InvalidValue
from tests.fakes.release import ONTOLOGY


def parsed(where: object) -> Predicate | None:
    return plan(parse_query({"object": "order", "where": where}), whole(ONTOLOGY)).where


def column(name: str) -> Column:
    return Lens(ONTOLOGY.types["order"]).find(name)


def eq(field: str, value: object) -> dict[str, object]:
    return {"type": "eq", "field": field, "value": value}


@pytest.mark.parametrize(
    ("field", "raw", "value"),
    [
        ("order_id", 7, 7),
        ("cents", "9007199254740993", 9007199254740993),
        ("amount", 3, 3.0),
        ("paid", False, False),
        ("ordered_on", "2024-02-29", date(2024, 2, 29)),
        ("ordered_at", "2024-02-29T10:00:00Z", datetime(2024, 2, 29, 10)),
        ("ordered_at", "2024-02-29T10:00:00+09:00", datetime(2024, 2, 29, 1)),
        ("ordered_at", "2024-02-29", datetime(2024, 2, 29)),
        ("note", "한국어", "한국어"),
    ],
)
def test_a_value_becomes_the_property_s_own_type(field: str, raw: object, value: object) -> None:
    assert parsed(eq(field, raw)) == Compare(column(field), "eq", value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "raw"),
    [
        ("order_id", True),
        ("order_id", 1.0),
        ("order_id", "1"),
        ("order_id", 2**63),
        ("cents", "1e3"),
        ("cents", "9" * 19),
        ("amount", True),
        ("amount", "3"),
        ("amount", float("nan")),
        ("amount", 10**400),
        ("paid", 1),
        ("ordered_on", "2024-02-30"),
        ("ordered_on", "2024-W01-1"),
        ("ordered_on", "2024-02-29T10:00:00Z"),
        ("ordered_at", "29/02/2024"),
        ("ordered_at", "0001-01-01T00:00:00+23:00"),
        ("note", 1),
        ("note", None),
        ("note", ["a"]),
        ("note", "\ud800"),
    ],
)
def test_a_value_of_another_type_is_refused_with_the_field_and_what_it_expects(field: str, raw: object) -> None:
    with pytest.raises(InvalidValue) as refused:
        parsed(eq(field, raw))
    assert refused.value.field == field
    assert f"{field!r} is of type {ONTOLOGY.types['order'].properties[field].type}" in str(refused.value)


def test_an_unknown_property_is_named_with_the_nearest_one() -> None:
    with pytest.raises(UnknownName, match="unknown property 'amuont'; did you mean 'amount'"):
        parsed(eq("amuont", 1))


def test_conditions_nest() -> None:
    where = {"type": "and", "value": [eq("order_id", 1), {"type": "not", "value": {"type": "isNull", "field": "note", "value": True}}]}
    assert parsed(where) == Every((Compare(column("order_id"), "eq", 1), Not(IsNull(column("note")))))


def test_is_null_false_asks_for_what_is_there() -> None:
    assert parsed({"type": "isNull", "field": "note", "value": False}) == Not(IsNull(column("note")))


def test_in_types_each_choice_and_an_empty_list_is_everything_as_in_foundry() -> None:
    assert parsed({"type": "in", "field": "order_id", "value": [1, 2]}) == OneOf(column("order_id"), (1, 2))
    assert parsed({"type": "in", "field": "order_id", "value": []}) == Every(())


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"type": "like", "field": "note", "value": "a"}, "'like'"),
        ({"type": "eq", "field": "note"}, "value"),
        ({"type": "and", "value": []}, "at least 1"),
        ({"type": "eq", "field": "note", "value": "a", "sql": "1=1"}, "sql"),
        ({"type": "gt", "field": "paid", "value": True}, "no order"),
        ({"type": "startsWith", "field": "order_id", "value": "1"}, "order_id"),
        ("1=1", "where"),
        ({"type": ["eq"], "field": "note", "value": "a"}, "where"),
    ],
)
def test_what_is_no_filter_is_refused_in_words(where: object, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        parsed(where)


def test_a_filter_nested_too_deep_is_refused() -> None:
    where: dict[str, object] = eq("order_id", 1)
    for _ in range(5_000):
        where = {"type": "not", "value": where}
    with pytest.raises(QueryError, match="nested deeper than 20"):
        parsed(where)


def test_a_filter_of_too_many_conditions_is_refused() -> None:
    with pytest.raises(QueryError, match="more than 200 conditions"):
        parsed({"type": "or", "value": [eq("order_id", number) for number in range(201)]})
    with pytest.raises(QueryError, match="1000"):
        parsed({"type": "in", "field": "order_id", "value": list(range(1_001))})
