from __future__ import annotations

from dataclasses import replace

import numpy as np
import orjson
import pytest

from palantir_assets.access.views import View
from palantir_assets.engine import asking
from palantir_assets.engine.objects import get, linked, linked_one
from palantir_assets.engine.ports import Released
from palantir_assets.engine.rows import RowSet, everything, of_rows
from palantir_assets.engine.searching import find
from palantir_assets.errors import NotFound, QueryError, UnknownName
from palantir_assets.graph.building import build_csr
from palantir_assets.query.tokens import InvalidToken
from tests.fakes.release import NASTY_KEYS, NOBODY, seen, shop

SHOP = shop()


@pytest.mark.parametrize("key", NASTY_KEYS)
def test_every_key_finds_its_own_object(key: str) -> None:
    assert orjson.loads(get(SHOP, SHOP.whole, "customer", key))["__primaryKey"] == key


def test_a_key_that_is_not_there_is_named() -> None:
    with pytest.raises(NotFound, match="no order with key '999'"):
        get(SHOP, SHOP.whole, "order", "999")


def test_an_object_of_a_refused_type_is_not_there() -> None:
    with pytest.raises(UnknownName):
        get(SHOP, seen(SHOP.ontology, NOBODY), "order", "1")


def test_select_of_an_unknown_property_is_refused() -> None:
    with pytest.raises(UnknownName):
        get(SHOP, SHOP.whole, "order", "1", select=["nope"])


def test_a_link_is_walked_forward_and_back() -> None:
    customer = orjson.loads(linked(SHOP, SHOP.whole, "order", "5", "customer").rows[0])["__primaryKey"]
    back = linked(SHOP, SHOP.whole, "customer", customer, "orders", limit=1000)
    assert 5 in [orjson.loads(row)["order_id"] for row in back.rows]
    assert back.total == sum(row["customer_id"] == customer for row in SHOP.rows["order"])


def test_linked_objects_come_in_pages_of_one_release_and_one_question() -> None:
    first = linked(SHOP, SHOP.whole, "customer", "a/b", "orders", limit=5)
    assert first.next_token is not None
    second = linked(SHOP, SHOP.whole, "customer", "a/b", "orders", limit=1000, page_token=first.next_token)
    assert first.rows + second.rows == linked(SHOP, SHOP.whole, "customer", "a/b", "orders", limit=1000).rows
    assert second.next_token is None
    with pytest.raises(InvalidToken):
        linked(SHOP, SHOP.whole, "customer", "é", "orders", page_token=first.next_token)


def test_one_linked_object_must_be_linked() -> None:
    owner = SHOP.rows["order"][5]["customer_id"]
    stranger = SHOP.rows["order"][6]["customer_id"]
    assert orjson.loads(linked_one(SHOP, SHOP.whole, "order", "5", "customer", owner))["__primaryKey"] == owner
    with pytest.raises(NotFound):
        linked_one(SHOP, SHOP.whole, "order", "5", "customer", stranger)


def test_an_unknown_link_is_named_with_the_nearest_one() -> None:
    with pytest.raises(UnknownName, match="unknown link 'custmer'; did you mean 'customer'"):
        linked(SHOP, SHOP.whole, "order", "5", "custmer")


def test_search_keeps_to_the_type_asked_for_and_to_what_may_be_read() -> None:
    assert [hit.key for hit in find(SHOP, SHOP.whole, "한국어", object_type="customer")] == ["한국어"]
    with pytest.raises(QueryError, match=r"the texts of 'order' are not searched\n.*search one of customer"):
        find(SHOP, SHOP.whole, "한국어", object_type="order")
    assert find(SHOP, seen(SHOP.ontology, NOBODY), "한국어") == []


@pytest.mark.parametrize(("text", "limit"), [("", 10), ("   ", 10), ("a" * 1001, 10), ("a", 0), ("a", 101)])
def test_a_search_out_of_bounds_is_refused(text: str, limit: int) -> None:
    with pytest.raises(QueryError):
        find(SHOP, SHOP.whole, text, limit=limit)


def test_an_object_that_a_policy_hides_is_not_there_by_key_nor_by_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules about rows join in `visibility` alone; they hold for one object and for one hop as they do for sets."""
    theirs = [number for number, row in enumerate(SHOP.rows["order"]) if row["customer_id"] == "a/b"]

    def all_but_their_first_orders(view: View, release: Released, object_type: str) -> RowSet:
        size = release.count(object_type)
        return of_rows(np.setdiff1d(np.arange(size), theirs[:3]), size) if object_type == "order" else everything(size)

    monkeypatch.setattr(asking, "visible", all_but_their_first_orders)
    hidden, shown = str(theirs[0]), str(theirs[3])
    with pytest.raises(NotFound):
        get(SHOP, SHOP.whole, "order", hidden)
    with pytest.raises(NotFound):
        linked(SHOP, SHOP.whole, "order", hidden, "customer")
    with pytest.raises(NotFound):
        linked_one(SHOP, SHOP.whole, "customer", "a/b", "orders", hidden)
    assert orjson.loads(linked_one(SHOP, SHOP.whole, "customer", "a/b", "orders", shown))["order_id"] == theirs[3]
    found = linked(SHOP, SHOP.whole, "customer", "a/b", "orders")
    assert ([orjson.loads(row)["order_id"] for row in found.rows], found.total) == (theirs[3:], len(theirs) - 3)


def test_an_object_that_is_linked_twice_is_told_once() -> None:
    once = shop()
    links = once.links["order__customer"]
    targets = links.forward.targets
    pairs = np.repeat(np.arange(links.forward.rows), links.forward.degrees())
    doubled = build_csr([*pairs, pairs[0]], [*targets, targets[0]], links.forward.rows, links.reverse.rows)
    twice = replace(once, links={**once.links, "order__customer": doubled})
    key = str(orjson.loads(once.json_rows("order", [int(pairs[0])])[0])["__primaryKey"])
    answer = linked(twice, twice.whole, "order", key, "customer")
    assert (answer.rows, answer.total) == (linked(once, once.whole, "order", key, "customer").rows, 1)
