"""Which rows a caller may see: by a rule over the rows and the caller, once, and wherever rows are asked for."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import orjson
import pytest

from palantir_assets.access.principal import Principal
from palantir_assets.engine.graphs import neighbourhood
from palantir_assets.engine.networks import Ties
from palantir_assets.engine.objects import get, linked
from palantir_assets.engine.remembering import Memory
from palantir_assets.engine.searching import find
from palantir_assets.engine.visibility import seen_by, visible
from palantir_assets.errors import NotFound, QueryError
from palantir_assets.graph.walks import Budget
from palantir_assets.ontology.served_access import ServedAccess
from tests.engine.test_graphs import KEYS, SHOP, customer
from tests.fakes.release import FakeRelease, open_to_viewers

VIEWERS = frozenset({"viewer"})


def ruled(order: dict[str, Any] | None = None, customers: dict[str, Any] | None = None, **more: Any) -> FakeRelease:
    told = open_to_viewers(SHOP.ontology).model_dump() | {"attributes": {"most": "double", "customers": "strings"}, **more}
    told["types"]["order"] |= order or {}
    told["types"]["customer"] |= customers or {}
    return dataclasses.replace(SHOP, access=ServedAccess.model_validate(told), memory=Memory(), statements=[])


def rows(release: FakeRelease, principal: Principal, object_type: str = "order") -> list[int]:
    return visible(seen_by(principal, release), release, object_type).rows().tolist()


def test_a_rule_keeps_the_rows_for_which_it_is_true_and_null_denies() -> None:
    release = ruled({"rows": "amount <= caller.most"})
    amounts = [row["amount"] for row in SHOP.rows["order"]]
    assert rows(release, Principal("ada", VIEWERS, {"most": 9.5})) == [
        at for at, amount in enumerate(amounts) if amount is not None and amount <= 9.5
    ]
    assert rows(release, Principal("ada", VIEWERS)) == []  # who lacks the attribute


def test_a_rule_runs_once_for_the_values_it_reads_and_not_for_every_caller_or_question() -> None:
    release = ruled({"rows": "customer_id in caller.customers"})
    for who in ("ada", "bob"):
        for _ in range(3):
            assert len(rows(release, Principal(who, VIEWERS, {"customers": ("é",)}))) > 0
    assert release.statements == ["sql"]


@pytest.mark.parametrize("rule", ["no_such_property == 1", "amount +", "caller.nothing == 1", "amount", "hour(ordered_on) == 1"])
def test_a_rule_that_does_not_fit_the_release_shows_nothing(rule: str) -> None:
    assert rows(ruled({"rows": rule}), Principal("ada", VIEWERS)) == []


def test_no_row_is_seen_of_a_type_that_may_not_be_read() -> None:
    assert rows(ruled({"read": ["staff"]}), Principal("ada", VIEWERS)) == []


def test_a_link_is_walked_only_where_the_object_that_stands_for_it_is_seen() -> None:
    """0 → 1 → 2 by way of orders 1 and 2; order 1 is hidden."""
    release = ruled({"rows": "order_id != 1"})
    view = seen_by(Principal("ada", VIEWERS), release)
    there = linked(release, view, "customer", KEYS[0], "knows").rows
    assert [orjson.loads(row)["customer_id"] for row in there] == [KEYS[2]]
    assert linked(release, view, "customer", KEYS[1], "known_by").rows == []
    near = neighbourhood(release, view, customer(0), Ties(("customer.knows",)), depth=3, budget=Budget(100, 5.0))
    assert [orjson.loads(each.object)["customer_id"] for each in near.objects] == [KEYS[0], KEYS[2]]


def test_hidden_properties_and_titles_are_cut_out_of_objects() -> None:
    hidden = {"properties": {"note": {"roles": []}, "amount": {"needs": ["x"]}}, "title": {"properties": ["order.note"]}}
    release = ruled(hidden)
    told = orjson.loads(get(release, seen_by(Principal("ada", VIEWERS), release), "order", "5"))
    assert not {"note", "amount"} & told.keys() and told["__title"] == "5" and told["cents"]
    untouched = ruled()
    assert get(untouched, seen_by(Principal("ada", VIEWERS), untouched), "order", "5") == SHOP.json_rows("order", [5])[0]


def test_a_text_search_finds_rows_that_are_seen_before_it_takes_the_best() -> None:
    release = ruled(customers={"rows": "customer_id in caller.customers"})
    who = Principal("ada", VIEWERS, {"customers": ("한국어",)})
    assert [hit.key for hit in find(release, seen_by(who, release), "이름", limit=1)] == ["한국어"]
    hidden = ruled({"properties": {"note": {"roles": []}}}, {"search": {"properties": ["order.note"]}})
    view = seen_by(who, hidden)
    assert find(hidden, view, "이름") == []
    with pytest.raises(QueryError, match="are not searched"):
        find(hidden, view, "이름", object_type="customer")


def test_an_object_hidden_by_a_rule_is_not_found_by_its_key() -> None:
    release = ruled({"rows": "order_id > 10"})
    view = seen_by(Principal("ada", VIEWERS), release)
    with pytest.raises(NotFound):
        get(release, view, "order", "5")
    assert get(release, view, "order", "11")


def test_a_memory_is_bounded_and_lets_the_least_used_go() -> None:
    memory = Memory(2)
    made: list[str] = []
    for key in ("a", "b", "a", "c", "a", "b"):
        assert memory.once(key, lambda key=key: made.append(key) or key) == key  # type: ignore[misc]
    assert (made, len(memory), memory.holds("c")) == (["a", "b", "c", "b"], 2, False)


def test_what_fails_is_not_remembered() -> None:
    memory = Memory()
    with pytest.raises(ZeroDivisionError):
        memory.once("a", lambda: 1 // 0)
    assert memory.once("a", lambda: np.int32(1)) == 1
