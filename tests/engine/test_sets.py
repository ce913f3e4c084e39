"""What the oracle does not ask: what is refused, saved sets, links of a page, cut-off groups, texts as vectors, the way back of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import duckdb
import orjson
import pytest

from palantir_assets.access.views import whole
from palantir_assets.engine import hops, linking
from palantir_assets.engine.aggregating import Groups, _bounded, aggregate
from palantir_assets.engine.answering import Answer, execute
from palantir_assets.engine.linking import links_from
from palantir_assets.engine.predicates import reference
from palantir_assets.errors import QueryError, QueryTooLong, UnknownName
from palantir_assets.query.aggregates import AggregatePlan, parse_aggregate, plan_aggregate
from palantir_assets.query.fields import Column
from palantir_assets.query.planning import UnknownSet
from palantir_assets.query.plans import parse_query, plan
from palantir_assets.query.tokens import InvalidToken, read_token
from tests.fakes.release import NOBODY, seen, shop

SHOP = shop()
ORDERS = {"type": "base", "objectType": "order"}
CUSTOMERS = {"type": "base", "objectType": "customer"}


class Kept:
    """Saved sets in a dict."""

    def __init__(self, **sets: Mapping[str, object]) -> None:
        self.sets = sets

    def find(self, rid: str) -> Mapping[str, object] | None:
        return self.sets.get(rid)

    def keep(self, form: Mapping[str, object]) -> str:
        raise NotImplementedError


def ask(form: dict[str, Any], saved: Kept | None = None, **query: Any) -> Answer:
    return execute(plan(parse_query({"set": form, **query}), whole(SHOP.ontology), saved=saved), SHOP)


def grouped(**query: Any) -> Groups:
    return aggregate(plan_aggregate(parse_aggregate({"object": "order", **query}), whole(SHOP.ontology)), SHOP)


def test_a_saved_set_is_the_set_and_one_that_is_gone_is_told() -> None:
    saved = Kept(few={"type": "filter", "objectSet": ORDERS, "where": {"type": "lt", "field": "order_id", "value": 5}})
    assert ask({"type": "reference", "reference": "few"}, saved).total == 5
    with pytest.raises(UnknownSet, match="create it again"):
        ask({"type": "reference", "reference": "gone"}, saved)


def test_a_saved_set_that_refers_to_itself_is_refused() -> None:
    with pytest.raises(QueryError, match="more than 5 times"):
        ask({"type": "reference", "reference": "loop"}, Kept(loop={"type": "reference", "reference": "loop"}))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"type": "nope"}, "nope"),
        ({"type": "base", "objectType": "ordr"}, "did you mean 'order'"),
        ({"type": "interfaceBase", "interfaceType": "order"}, "unknown interface"),
        ({"type": "methodInput"}, "methodInput stands for"),
        ({"type": "searchAround", "objectSet": ORDERS, "link": "custmer"}, "did you mean 'customer'"),
        ({"type": "searchAround", "objectSet": ORDERS, "link": "customer", "depth": {"min": 1, "max": 2}}, "back to the same object type"),
        ({"type": "searchAround", "objectSet": ORDERS, "link": "customer", "validAt": "2024-01-01"}, "has no dates"),
        ({"type": "static", "objects": ["order.1"]}, "no id of an object"),
        ({"type": "interfaceLinkSearchAround", "objectSet": ORDERS, "interfaceLink": "x"}, "seen as an interface"),
        ({"type": "withProperties", "objectSet": ORDERS, "derivedProperties": {"note": {"type": "property", "apiName": "cents"}}}, "taken"),
        (
            {
                "type": "nearestNeighbors", "objectSet": ORDERS, "numNeighbors": 3, "query": {"type": "vector", "value": [1]},
                "propertyIdentifier": {"type": "property", "apiName": "note"},
            },
            "asks a vector",
        ),
    ],
)  # fmt: skip
def test_what_is_no_set_is_refused_in_words(form: dict[str, Any], said: str) -> None:
    with pytest.raises(QueryError, match=said):
        ask(form)


def test_a_question_nested_without_end_is_refused_before_it_is_read() -> None:
    form: dict[str, Any] = ORDERS
    for _ in range(50_000):
        form = {"type": "asBaseObjectTypes", "objectSet": form}
    with pytest.raises(QueryError, match="nested deeper"):
        ask(form)


def test_a_caller_without_the_right_gets_no_set_and_no_aggregate() -> None:
    nobody = seen(SHOP.ontology, NOBODY)
    for form in (ORDERS, {"type": "static", "objects": ["ri.ontology.main.object.order.1"]}):
        with pytest.raises(UnknownName):
            plan(parse_query({"set": form}), nobody)
    with pytest.raises(UnknownName):
        plan_aggregate(parse_aggregate({"object": "order", "aggregations": [{"type": "count"}]}), nobody)
    with pytest.raises(TypeError, match="asks for a View"):
        AggregatePlan(SHOP.whole, None, None, (), (), False)  # type: ignore[arg-type]


def test_a_page_of_links_tells_each_object_what_it_is_linked_to() -> None:
    made = plan(parse_query({"set": CUSTOMERS, "limit": 10}), whole(SHOP.ontology))
    first = links_from(made, ["orders"], SHOP)
    assert (len(first.items), first.total) == (10, SHOP.count("customer"))
    for item in first.items:
        expected = [row["order_id"] for row in SHOP.rows["order"] if row["customer_id"] == item.source.key]
        assert [target.key for _, target in item.targets] == expected
    assert first.next_token is not None
    rest = links_from(made, ["orders"], SHOP, token=read_token(first.next_token))
    assert len(rest.items) == SHOP.count("customer") - 10 and rest.next_token is None
    with pytest.raises(InvalidToken):
        links_from(made, [], SHOP, token=read_token(first.next_token))


def test_groups_beyond_the_most_are_cut_off_and_counted() -> None:
    found = grouped(aggregations=[{"type": "count"}], groupBy=[{"type": "exact", "field": "customer_id", "maxGroupCount": 3}])
    assert len(found.items) == 3 and not found.accurate
    assert found.excluded == 250 - sum(metrics[0][1] for _, metrics in found.items)


def test_objects_whose_group_is_missing_are_counted_and_nothing_is_less_accurate() -> None:
    missing = sum(row["paid"] is None for row in SHOP.rows["order"])
    assert missing > 0
    count, by_paid = [{"type": "count"}], {"type": "exact", "field": "paid"}
    found = grouped(aggregations=count, groupBy=[by_paid])
    assert (found.excluded, found.accurate, {group["paid"] for group, _ in found.items}) == (missing, True, {True, False})
    assert grouped(aggregations=count, groupBy=[{**by_paid, "includeNullValues": True}]).excluded == 0
    late = {"type": "ranges", "field": "order_id", "ranges": [{"startValue": 240}, {"startValue": 245}]}
    assert grouped(aggregations=count, groupBy=[late]).excluded == 240
    twice = {"type": "ranges", "field": "cents", "ranges": [{"startValue": -(2**62)}, {"endValue": 2**62}]}
    none = grouped(aggregations=count, groupBy=[{**late, "ranges": [{"endValue": -1}]}, twice])
    assert (none.items, none.excluded, none.accurate) == ([], 250, True)
    both = grouped(aggregations=count, groupBy=[by_paid, late])
    expected = sum(row["paid"] is None or row["order_id"] < 240 for row in SHOP.rows["order"])
    assert (both.excluded, both.accurate) == (expected, True)
    cut = grouped(aggregations=count, groupBy=[{**by_paid, "maxGroupCount": 1}])
    assert (cut.excluded, cut.accurate) == (250 - cut.items[0][1][0][1], False)


def test_groups_come_in_the_order_of_a_metric() -> None:
    found = grouped(
        aggregations=[{"type": "count"}, {"type": "max", "field": "order_id", "name": "last", "direction": "DESC"}],
        groupBy=[{"type": "exact", "field": "customer_id"}],
    )
    last = [dict(metrics)["last"] for _, metrics in found.items]
    assert last == sorted(last, reverse=True)


def test_sums_of_whole_numbers_are_exact() -> None:
    (_, metrics), *_ = grouped(aggregations=[{"type": "sum", "field": "cents", "name": "all"}]).items
    assert metrics == [("all", sum(row["cents"] for row in SHOP.rows["order"]))]


def test_ready_bytes_pass_untouched_and_derived_values_join_them() -> None:
    whole = ask({"type": "filter", "objectSet": ORDERS, "where": {"type": "eq", "field": "order_id", "value": 7}})
    assert whole.rows == SHOP.json_rows("order", [7])
    around = {"type": "searchAround", "objectSet": {"type": "methodInput"}, "link": "orders"}
    count = {"type": "selection", "objectSet": around, "operation": {"type": "count"}}
    answer = ask({"type": "withProperties", "objectSet": CUSTOMERS, "derivedProperties": {"orders_made": count}}, limit=2)
    assert [orjson.loads(row)["orders_made"] for row in answer.rows] == ["16", "16"]
    assert answer.types == ("customer", "customer")


def test_saved_sets_that_name_others_many_times_over_are_refused_before_they_grow() -> None:
    """Four sets of fifty references each would be six million."""
    saved = Kept(set0=ORDERS)
    for level in range(1, 5):
        saved.sets[f"set{level}"] = {"type": "union", "objectSets": [{"type": "reference", "reference": f"set{level - 1}"}] * 50}
    assert ask({"type": "reference", "reference": "set1"}, saved).total == SHOP.count("order")
    with pytest.raises(QueryError, match="more than 100 times"):
        ask({"type": "reference", "reference": "set4"}, saved)


@pytest.mark.parametrize("name", ["_row", "_ROW", "__x", "TWICE"])
def test_a_derived_name_that_would_mean_another_column_in_sql_is_refused(name: str) -> None:
    """The computed values stand in a table beside `_row`, where capital letters make no difference."""
    twice = {"type": "multiply", "properties": [{"type": "property", "apiName": "order_id"}] * 2}
    with pytest.raises(QueryError, match="the name is taken"):
        ask({"type": "withProperties", "objectSet": ORDERS, "derivedProperties": {"twice": twice, name: twice}})


def test_arithmetic_takes_whole_numbers_that_no_double_holds_exactly() -> None:
    added = {"type": "add", "properties": [{"type": "property", "apiName": "cents"}, {"type": "property", "apiName": "order_id"}]}
    form = {"type": "withProperties", "objectSet": ORDERS, "derivedProperties": {"added": added}}
    last = ask(form, order_by=[{"field": "added", "direction": "desc"}], limit=1).rows[0]
    assert orjson.loads(last)["added"] == float(249 * 10**14 + 249)


def test_a_page_of_links_ends_before_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "MAX_LINKS", 30)
    made = plan(parse_query({"set": CUSTOMERS}), whole(SHOP.ontology))
    told, token = [], None
    for _ in range(100):
        page = links_from(made, ["orders"], SHOP, token=token)
        told.append([len(item.targets) for item in page.items])
        if page.next_token is None:
            break
        token = read_token(page.next_token)
    assert all(sum(counts) <= 30 or len(counts) == 1 for counts in told)
    assert (sum(map(len, told)), sum(map(sum, told))) == (SHOP.count("customer"), SHOP.count("order"))


def test_a_way_over_more_links_than_memory_holds_is_refused_before_it_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hops, "MAX_PAIRS", 1_000)
    back = {
        "type": "searchAround",
        "objectSet": {"type": "searchAround", "objectSet": {"type": "methodInput"}, "link": "customer"},
        "link": "orders",
    }
    count = {"type": "selection", "objectSet": back, "operation": {"type": "count"}}
    with pytest.raises(QueryTooLong, match="filter the set first"):
        ask({"type": "withProperties", "objectSet": ORDERS, "derivedProperties": {"others": count}}, limit=1000)


def test_a_range_of_whole_numbers_may_end_where_no_integer_does() -> None:
    found = grouped(
        aggregations=[{"type": "count"}],
        groupBy=[{"type": "ranges", "field": "order_id", "ranges": [{"startValue": 9, "endValue": 3 * 10**9}]}],
    )
    assert found.items == [({"order_id": {"startValue": 9, "endValue": 3 * 10**9}}, [("count", SHOP.count("order") - 9)])]


@pytest.mark.parametrize(("sign", "holds"), [(">=", False), ("<", True)])
def test_the_bound_of_a_range_of_decimals_is_exact_where_doubles_are_not(sign: str, holds: bool) -> None:
    price = Column("price", "price", "decimal", digits=(38, 9))
    for bound in ("12345678901234567.90", "12345678901234567.8900000000001", "1" + "0" * 37):
        test = _bounded(price, reference(price), sign, Decimal(bound))
        own = "(SELECT '12345678901234567.89'::DECIMAL(38, 9) AS price) AS own"
        assert duckdb.execute(f"SELECT {test.text} FROM {own}", list(test.values)).fetchall() == [(holds,)]
