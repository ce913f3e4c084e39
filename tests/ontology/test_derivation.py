"""What every value was computed from: nothing that it tells of is left out."""

from __future__ import annotations

from typing import Any

import pytest

from palantir_assets.ontology.derivation import origins_of, reads_of, search_trail, title_trail
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.served_access import Reads
from palantir_assets.ontology.spec import Ontology
from tests.ontology.conftest import CUSTOMER, ORDER, Write

SPENDING = CUSTOMER + """\
  spent: {type: double, optional: true, derived: "sum(orders.amount, orders.is_big and orders.order_id > 3) / 2"}
  order_count: {type: integer, derived: count(orders)}
  spent_each: {type: double, optional: true, derived: spent / order_count, materialised: false}
  ranked: {type: boolean, derived: rank > 0.5, materialised: false}
  friend_count: {type: integer, derived: count(friends)}
  bought_together: {type: integer, derived: count(introduced)}
links:
  friends: {to: customer, via: {table: marts.friends, source: one, target: other}, reverse: friends_of}
  introduced: {to: customer, through: {object: order, source: customer, target: payer}, reverse: introduced_by}
"""  # fmt: skip
PAYING = ORDER.replace("  placed_at:", "  payer_id: {type: integer, optional: true}\n  placed_at:").replace(
    "links:\n", "links:\n  payer: {to: customer, by: payer_id, reverse: paid, optional: true}\n"
)
SHARED = """\
graphs:
  trade:
    nodes: customer
    edges: {object: order, source: customer, target: payer, weight: amount}
    measures: {rank: {kind: pagerank, weighted: true}, degree: {kind: degree}}
models:
  big:
    object: order
    predict: is_big
    at: placed_at
    features: [customer_id, customer.city]
    split: {by: placed_at, train_until: 2020-01-01}
    estimators: {trees: {kind: gradient_boosting}}
    serve: trees
    writes: {chance: {type: double}}
"""


@pytest.fixture
def shop_with_all(specs: Write) -> Ontology:
    return load_ontology(specs(customer=SPENDING, order=PAYING, shared=SHARED)).ontology


def told(ontology: Ontology) -> dict[str, Any]:
    return {f"{owner}.{name}": reads for owner, found in reads_of(ontology).items() for name, reads in found.items()}


def test_a_column_reads_nothing(shop_with_all: Ontology) -> None:
    assert "order.amount" not in told(shop_with_all)


@pytest.mark.parametrize(
    ("prop", "properties", "rows_of"),
    [
        ("order.is_big", ["order.amount"], []),
        ("customer.spent", ["order.amount", "order.customer_id", "order.is_big", "order.order_id"], ["order"]),
        ("customer.order_count", ["order.customer_id"], ["order"]),
        ("customer.spent_each", ["customer.order_count", "customer.spent"], []),
        ("customer.ranked", ["customer.rank"], []),
        ("customer.friend_count", [], ["customer"]),
        ("customer.bought_together", ["order.customer_id", "order.payer_id"], ["customer", "order"]),
        ("customer.rank", ["order.amount", "order.customer_id", "order.payer_id"], ["customer", "order"]),
        ("customer.degree", ["order.customer_id", "order.payer_id"], ["customer", "order"]),
        ("order.chance", ["customer.city", "order.customer_id", "order.is_big", "order.placed_at"], ["customer"]),
    ],
)
def test_a_value_reads_what_it_was_computed_from(shop_with_all: Ontology, prop: str, properties: list[str], rows_of: list[str]) -> None:
    assert told(shop_with_all)[prop] == Reads(properties=tuple(properties), rows_of=tuple(rows_of))


def test_the_links_that_were_walked_are_known(shop_with_all: Ontology) -> None:
    found = origins_of(shop_with_all)
    assert found["customer"]["friend_count"].links == {("customer", "friends")}
    assert found["customer"]["bought_together"].links == {("customer", "introduced"), ("order", "customer"), ("order", "payer")}
    assert found["customer"]["rank"].links == {("order", "customer"), ("order", "payer")}


def test_a_title_and_a_searched_text_read_what_they_are_made_of(shop_with_all: Ontology) -> None:
    order = shop_with_all.objects["order"]
    assert title_trail(order).reads == Reads(properties=("order.order_id",))
    assert search_trail(shop_with_all, order).reads == Reads(
        properties=("customer.name", "order.customer_id", "order.order_id"), rows_of=("customer",)
    )
    assert search_trail(shop_with_all, shop_with_all.objects["customer"]).reads == Reads()


def test_a_name_with_two_underscores_is_one_name(specs: Write) -> None:
    order = ORDER.replace("object: order", "object: shop__order")
    counted = CUSTOMER + "  order_count: {type: integer, derived: count(orders)}\n"
    ontology = load_ontology(specs(customer=counted, order=order)).ontology
    assert told(ontology)["customer.order_count"] == Reads(properties=("shop__order.customer_id",), rows_of=("shop__order",))
