"""Questions about the graph of a small shop, checked by hand; the walks themselves are checked in tests/graph."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pytest

from palantir_assets.access.views import View, whole
from palantir_assets.engine import asking, networks
from palantir_assets.engine.graphs import MAX_OBJECTS, Thing, neighbourhood, path, reachable, subgraph
from palantir_assets.engine.networks import Ties
from palantir_assets.engine.rows import RowSet, everything, of_rows
from palantir_assets.errors import NotFound, QueryError, UnknownName
from palantir_assets.graph.building import build_csr
from palantir_assets.graph.walks import Budget
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.query.plans import parse_query, plan
from tests.fakes.release import NOBODY, ONTOLOGY, FakeRelease, seen, shop

JANUARY, JUNE = datetime(2024, 1, 1), datetime(2024, 6, 1, tzinfo=UTC)
BUDGET = Budget(100, 5.0)


def release() -> FakeRelease:
    """The shop, whose customers also know each other: 0 → 1 → 2 by way of orders 1 and 2, and 0 → 2 by order 99, from June on."""
    made = shop()
    told = ONTOLOGY.model_dump()
    told["types"]["order"]["links"]["customer"]["by"] = "customer_id"
    told["types"]["customer"]["links"] = {
        "knows": {"to": "customer", "reverse": "known_by", "cardinality": "many_to_many", "through": "order", "dated": True},
        "likes": {"to": "customer", "reverse": "liked_by", "cardinality": "many_to_many"},
    }
    micros = int(JUNE.timestamp() * 1_000_000)
    valid = np.array([[0, 2**62], [0, 2**62], [micros, 2**62]])
    people = len(made.rows["customer"])
    links = {
        **made.links,
        "customer__knows": build_csr([0, 1, 0], [1, 2, 2], people, people, valid=valid, through=[1, 2, 99]),
        "customer__likes": build_csr([3, 3], [4, 4], people, people),
    }
    return dataclasses.replace(made, ontology=ServedOntology.model_validate(told), links=links)


SHOP = release()
KEYS = [row["customer_id"] for row in SHOP.rows["customer"]]


def customer(number: int) -> Thing:
    return Thing("customer", KEYS[number])


def told(items: list[bytes]) -> list[Any]:
    return [orjson.loads(item)["__primaryKey"] for item in items]


def hide(monkeypatch: pytest.MonkeyPatch, object_type: str, *rows: int) -> None:
    def visible(view: View, held: FakeRelease, name: str) -> RowSet:
        size = held.count(name)
        return of_rows(np.setdiff1d(np.arange(size), rows), size) if name == object_type else everything(size)

    monkeypatch.setattr(asking, "visible", visible)


def test_what_is_near_comes_nearest_first_with_the_way_to_it() -> None:
    found = neighbourhood(SHOP, SHOP.whole, Thing("order", 3), Ties(), depth=2, budget=BUDGET)
    near = [orjson.loads(item.object) for item in found.objects]
    assert (near[0]["__apiName"], near[0]["__primaryKey"], near[1]["__primaryKey"]) == ("order", 3, KEYS[3])
    assert [item.distance for item in found.objects[:3]] == [0, 1, 2]
    assert (found.objects[0].parent, found.objects[0].link) == (None, None)
    assert (found.objects[1].parent, found.objects[1].link) == (0, "order.customer")
    others = {item["__primaryKey"] for item in near[2:]}
    assert others == {order["order_id"] for order in SHOP.rows["order"] if order["customer_id"] == KEYS[3]} - {3} | {KEYS[4]}
    assert found.cut == "" and found.release_id == "a" * 32


def test_a_budget_of_rows_or_time_ends_a_walk_and_is_said() -> None:
    assert neighbourhood(SHOP, SHOP.whole, customer(0), Ties(), depth=2, budget=Budget(5, 5.0)).cut == "rows"
    late = Budget(100, 1.0, clock=iter([0.0, *([9.0] * 99)]).__next__)
    found = neighbourhood(SHOP, SHOP.whole, customer(0), Ties(), depth=2, budget=late)
    assert (found.cut, len(found.objects)) == ("time", 1)
    late = Budget(100, 1.0, clock=iter([0.0, *([9.0] * 99)]).__next__)
    assert reachable(SHOP, SHOP.whole, customer(0), customer(9), Ties(), budget=late).reachable is None


def test_links_are_walked_in_the_direction_of_their_names() -> None:
    there = Ties(("customer.knows",))
    assert reachable(SHOP, SHOP.whole, customer(0), customer(2), there, budget=BUDGET).distance == 1
    assert reachable(SHOP, SHOP.whole, customer(2), customer(0), there, budget=BUDGET).reachable is False
    assert reachable(SHOP, SHOP.whole, customer(2), customer(0), Ties(("customer.known_by",)), budget=BUDGET).distance == 1
    assert reachable(SHOP, SHOP.whole, customer(2), customer(2), there, budget=BUDGET).distance == 0


def test_only_links_that_are_valid_at_the_time_are_walked() -> None:
    for moment, keys in ((JANUARY, [0, 1, 2]), (JUNE, [0, 2]), (None, [0, 2])):
        found = path(SHOP, SHOP.whole, customer(0), customer(2), Ties(("customer.knows",), valid_at=moment), budget=BUDGET)
        assert told(list(found.ways[0].objects)) == [KEYS[key] for key in keys]


def test_the_lightest_way_is_weighed_by_the_objects_that_stand_for_the_links() -> None:
    # orders 1 and 2 amount to 0.5 and 1.0, order 99 to 49.5
    found = path(SHOP, SHOP.whole, customer(0), customer(2), Ties(("customer.knows",), {"customer.knows": "amount"}), budget=BUDGET)
    assert (found.ways[0].weight, found.ways[0].links) == (1.5, ["customer.knows", "customer.knows"])
    back = path(SHOP, SHOP.whole, customer(2), customer(0), Ties(("customer.known_by",), {"customer.knows": "amount"}), budget=BUDGET)
    assert back.ways[0].weight == 1.5


def test_a_link_made_by_a_property_is_weighed_by_the_object_that_has_it_and_not_there_without() -> None:
    both = Ties(("order.customer", "customer.orders"), {"order.customer": "amount"})
    assert path(SHOP, SHOP.whole, Thing("order", 1), customer(1), both, budget=BUDGET).ways[0].weight == 0.5
    assert path(SHOP, SHOP.whole, Thing("order", 1), Thing("order", 17), both, budget=BUDGET).ways[0].weight == 0.5 + 8.5
    assert path(SHOP, SHOP.whole, Thing("order", 7), customer(7), both, budget=BUDGET).ways == []


def test_every_shortest_way_is_told_once_and_more_than_wanted_are_cut() -> None:
    ties = Ties(("customer.orders", "order.customer", "customer.knows"))
    one = path(SHOP, SHOP.whole, Thing("order", 0), customer(2), ties, every=True, budget=BUDGET)
    assert [told(list(way.objects)) for way in one.ways] == [[0, KEYS[0], KEYS[2]]]
    assert [list(way.links) for way in one.ways] == [["order.customer", "customer.knows"]]
    parallel = path(SHOP, SHOP.whole, customer(3), customer(4), Ties(("customer.likes",)), every=True, budget=BUDGET)
    assert len(parallel.ways) == 1
    nothing = path(SHOP, SHOP.whole, customer(4), customer(3), Ties(("customer.likes",)), every=True, budget=BUDGET)
    assert (nothing.ways, nothing.cut) == ([], "")


def test_a_part_holds_every_link_between_its_objects_once_as_declared() -> None:
    part = subgraph(SHOP, SHOP.whole, [customer(0)], Ties(("customer.known_by", "customer.knows")), depth=1, budget=BUDGET)
    nodes = [node.key for node in part.graph.nodes]
    assert nodes == [KEYS[0], KEYS[1], KEYS[2]]
    links = sorted((nodes[edge.source], nodes[edge.target], edge.link) for edge in part.graph.edges)
    assert links == sorted(
        [(KEYS[0], KEYS[1], "customer.knows"), (KEYS[1], KEYS[2], "customer.knows"), (KEYS[0], KEYS[2], "customer.knows")]
    )
    assert part.graph.nodes[1].properties["customer_id"] == KEYS[1]
    both = subgraph(SHOP, SHOP.whole, [customer(3)], Ties(), depth=1, budget=BUDGET)
    assert sum(edge.link == "customer.likes" for edge in both.graph.edges) == 2
    assert sum(edge.link == "order.customer" for edge in both.graph.edges) == len(both.graph.nodes) - 2


def test_a_part_of_an_object_set_begins_with_its_objects() -> None:
    where = {"type": "lt", "field": "order_id", "value": 3}
    asked = plan(parse_query({"object": "order", "where": where}), whole(SHOP.ontology))
    part = subgraph(SHOP, SHOP.whole, asked, Ties(("order.customer",)), depth=1, budget=BUDGET, select=["order_id"])
    assert [node.key for node in part.graph.nodes] == [0, 1, 2, *KEYS[:3]]
    assert [(edge.source, edge.target) for edge in part.graph.edges] == [(0, 3), (1, 4), (2, 5)]
    assert part.graph.nodes[0].properties == {"order_id": 0}
    small = subgraph(SHOP, SHOP.whole, asked, Ties(("order.customer",)), depth=1, budget=Budget(2, 5.0))
    assert (len(small.graph.nodes), small.cut) == (2, "rows")


def test_what_the_caller_may_not_see_is_no_start_no_end_and_on_no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "customer", 1)
    with pytest.raises(NotFound):
        neighbourhood(SHOP, SHOP.whole, customer(1), Ties(), depth=1, budget=BUDGET)
    with pytest.raises(NotFound):
        path(SHOP, SHOP.whole, customer(0), customer(1), Ties(), budget=BUDGET)
    early = Ties(("customer.knows",), valid_at=JANUARY)
    assert path(SHOP, SHOP.whole, customer(0), customer(2), early, budget=BUDGET).ways == []
    assert not reachable(SHOP, SHOP.whole, customer(0), customer(2), early, budget=BUDGET).reachable
    part = subgraph(SHOP, SHOP.whole, [customer(0)], Ties(("customer.knows",)), depth=2, budget=BUDGET)
    assert [node.key for node in part.graph.nodes] == [KEYS[0], KEYS[2]]
    assert [(edge.source, edge.target) for edge in part.graph.edges] == [(0, 1)]


def test_a_link_is_not_weighed_by_an_object_that_may_not_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "order", 1)
    found = path(SHOP, SHOP.whole, customer(0), customer(2), Ties(("customer.knows",), {"customer.knows": "amount"}), budget=BUDGET)
    assert found.ways[0].weight == 49.5


def test_a_caller_who_may_read_nothing_learns_nothing() -> None:
    for ties in (Ties(), Ties(("order.customer",))):
        with pytest.raises(UnknownName):
            neighbourhood(SHOP, seen(SHOP.ontology, NOBODY), Thing("order", 1), ties, depth=1, budget=BUDGET)


@pytest.mark.parametrize(
    ("ties", "says"),
    [
        (Ties(("order.custmer",)), "unknown link 'custmer'; did you mean 'customer'"),
        (Ties(("ordr.customer",)), "unknown object type 'ordr'"),
        (Ties(("customer",)), "is no link"),
        (Ties(()), "between 1 and"),
        (Ties(weights={"order.customer": "note"}), "cannot be added up"),
        (Ties(weights={"order.customer": "amout"}), "unknown property 'amout'"),
        (Ties(weights={"customer.likes": "amount"}), "nothing can weigh it"),
        (Ties(("customer.knows",), {"order.customer": "amount"}), "is not among the links"),
    ],
)
def test_links_that_cannot_be_walked_are_refused_in_words(ties: Ties, says: str) -> None:
    with pytest.raises(QueryError, match=says):
        path(SHOP, SHOP.whole, customer(0), customer(1), ties, budget=BUDGET)


@pytest.mark.parametrize(
    ("depth", "budget"), [(-1, BUDGET), (1, Budget(0, 1.0)), (1, Budget(MAX_OBJECTS + 1, 1.0)), (1, Budget(1, 0.0)), (1, Budget(1, 60.0))]
)
def test_bounds_that_are_out_of_bounds_are_refused(depth: int, budget: Budget) -> None:
    with pytest.raises(QueryError):
        neighbourhood(SHOP, SHOP.whole, customer(0), Ties(), depth=depth, budget=budget)


def test_every_way_by_weight_is_refused_and_an_unknown_property_named() -> None:
    with pytest.raises(QueryError, match="one way"):
        path(SHOP, SHOP.whole, customer(0), customer(1), Ties(weights={"order.customer": "amount"}), every=True, budget=BUDGET)
    with pytest.raises(UnknownName, match="nope"):
        neighbourhood(SHOP, SHOP.whole, customer(0), Ties(), depth=1, budget=BUDGET, select=["nope"])
    with pytest.raises(NotFound):
        path(SHOP, SHOP.whole, customer(0), Thing("customer", "nobody"), Ties(), budget=BUDGET)


def _asking() -> asking.Asking:
    made = release()
    return asking.Asking(made.whole, made)


def test_a_network_is_made_once_for_a_release_and_never_kept_for_another() -> None:
    one = networks.network(asking.Asking(SHOP.whole, SHOP), Ties(), ["order"])
    assert networks.network(asking.Asking(SHOP.whole, SHOP), Ties(), ["order"]) is one
    assert networks.network(_asking(), Ties(), ["order"]) is not one
    for number in range(40):
        networks.network(_asking(), Ties(), ["order"])
        del number
    assert len(networks._NETWORKS._made) <= 16
