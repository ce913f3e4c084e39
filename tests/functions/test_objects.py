"""What a function can ask: every question of the engine, in Python values, with its caller's rights."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from palantir_assets.engine.visibility import seen_by
from palantir_assets.errors import NotFound, QueryError, UnknownName
from palantir_assets.functions.calling import InvalidParameter
from palantir_assets.functions.objects import Objects
from tests.fakes.release import NASTY_KEYS, NOBODY
from tests.functions.conftest import Shop

ORDERS = {"type": "base", "objectType": "order"}
CUSTOMERS = {"type": "base", "objectType": "customer"}


class Kept(dict[str, dict[str, object]]):
    """Saved sets in a dict."""

    def find(self, rid: str) -> dict[str, object] | None:
        return self.get(rid)

    def keep(self, form: object) -> str:
        raise NotImplementedError


@pytest.fixture
def objects(functions_shop: Shop) -> Objects:
    return Objects(functions_shop.release, functions_shop.view)


def test_an_object_comes_with_python_values_and_none_where_there_is_none(objects: Objects) -> None:
    order = objects.get("order", 1)
    assert order is not None
    assert (order["cents"], order["ordered_on"], order["ordered_at"]) == (10**14, date(2024, 2, 2), datetime(2024, 2, 2, 1, 1))
    assert objects.get("order", 999) is None
    with pytest.raises(UnknownName, match="did you mean 'order'"):
        objects.get("ordr", 1)


def test_links_are_followed_to_the_last_or_as_far_as_wanted(objects: Objects) -> None:
    found = objects.linked("customer", "it's", "orders")
    assert len(found) > 14
    assert objects.linked("customer", "it's", "orders", limit=3) == found[:3]
    assert {order["customer_id"] for order in found} == {"it's"}
    with pytest.raises(NotFound):
        objects.linked("customer", "nobody", "orders")


def test_every_object_of_a_query_comes_once_however_many_pages_there_are(objects: Objects) -> None:
    query = {"object": "order", "where": {"type": "lt", "field": "order_id", "value": 30}, "limit": 7}
    assert [order["order_id"] for order in objects.each(query)] == list(range(30))
    assert [order["order_id"] for order in objects.find(query)] == list(range(7))
    assert objects.count(query) == 30


def test_a_query_that_cannot_be_asked_is_refused(objects: Objects) -> None:
    with pytest.raises(QueryError):
        objects.find({"object": "order", "where": {"type": "eq", "field": "nope", "value": 1}})


def test_a_caller_without_rights_finds_nothing(functions_shop: Shop) -> None:
    nobody = Objects(functions_shop.release, seen_by(NOBODY, functions_shop.release))
    for ask in (lambda: nobody.get("order", 1), lambda: nobody.count({"object": "order"})):
        with pytest.raises(UnknownName):
            ask()


def test_a_set_is_asked_as_a_whole(objects: Objects) -> None:
    few = objects.set(ORDERS).where({"type": "lt", "field": "order_id", "value": 10})
    assert len(few) == 10
    assert [order["order_id"] for order in few] == list(range(10))
    assert [order["order_id"] for order in few.find(order_by=[{"field": "order_id", "direction": "desc"}], limit=2)] == [9, 8]
    assert objects.types_in({"type": "searchAround", "objectSet": ORDERS, "link": "customer"}) == ["customer"]


def test_groups_and_metrics_come_as_plain_dicts(objects: Objects) -> None:
    query = {"object": "order", "group_by": [{"type": "exact", "field": "paid"}], "aggregations": [{"type": "count", "name": "n"}]}
    groups = {each["group"]["paid"]: each["metrics"]["n"] for each in objects.aggregate(query)}
    paid = [None if number % 11 == 0 else number % 2 == 0 for number in range(250)]
    assert groups == {True: paid.count(True), False: paid.count(False)}
    whole = objects.set(ORDERS).aggregate(aggregations=[{"type": "count", "name": "n"}])
    assert whole == [{"group": {}, "metrics": {"n": 250}}]


def test_a_function_takes_an_object_set_by_form_or_by_id_and_gives_one(functions_shop: Shop) -> None:
    asked = {"type": "filter", "objectSet": ORDERS, "where": {"type": "lt", "field": "order_id", "value": 5}}
    assert functions_shop.call("size", orders=asked) == 5
    kept = Kept({"ri.a": asked, "ri.b": {"type": "union", "objectSets": [{"type": "reference", "reference": "ri.a"}, ORDERS]}})
    ask = functions_shop.functions.call
    assert ask(functions_shop.release, functions_shop.view, "size", {"orders": "ri.b"}, saved=kept) == 250
    told = functions_shop.call("paid_orders")
    assert told == {"type": "static", "objects": [f"ri.ontology.main.object.order.{number}" for number in (2, 4, 6)]}
    assert functions_shop.call("unpaid_orders") == {
        "type": "filter", "objectSet": ORDERS, "where": {"type": "eq", "field": "paid", "value": False},
    }  # fmt: skip


def test_within_its_bounds_a_function_asks_every_kind_of_question(functions_shop: Shop) -> None:
    mine = [number for number in range(250) if number % len(NASTY_KEYS) == sorted(NASTY_KEYS).index("it's")]
    paid = sum(number * 0.5 for number in mine if number % 11 and number % 2 == 0 and number % 7)
    assert functions_shop.call("paid_by", customer="it's") == {"orders": len(mine), "paid": paid}


@pytest.mark.parametrize(
    ("orders", "told"),
    [
        (CUSTOMERS, "takes objects of order, not of customer"),
        ("ri.gone", "names the object set ri.gone, which is not kept (any more)"),
        (7, "takes an object set or the id of a saved one"),
    ],
)
def test_an_object_set_that_does_not_fit_is_the_callers_error(functions_shop: Shop, orders: object, told: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        functions_shop.call("size", orders=orders)
    assert caught.value.message == f"'orders' of the function size {told}"


def test_saved_sets_that_name_others_many_times_over_are_refused_before_they_grow(functions_shop: Shop) -> None:
    kept = Kept({"ri.0": ORDERS})
    for level in range(1, 5):
        kept[f"ri.{level}"] = {"type": "union", "objectSets": [{"type": "reference", "reference": f"ri.{level - 1}"}] * 50}
    with pytest.raises(InvalidParameter, match="more than 100 times"):
        functions_shop.functions.call(functions_shop.release, functions_shop.view, "size", {"orders": "ri.4"}, saved=kept)
