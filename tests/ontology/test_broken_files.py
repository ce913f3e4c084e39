"""A file that does not hold is told once, where it stands; it hides nothing of the others and makes no second mistake of theirs."""

from __future__ import annotations

import pytest

from tests.ontology.conftest import CUSTOMER, ORDER, Write, problems_of

COUNTING = CUSTOMER + "  spent: {type: double, derived: sum(orders.amount), optional: true}\n"
SHARED = """\
value_types:
  code: {type: string}
  broken_code: {type: string, lenght: [1, 2]}
shared_properties:
  town: {type: string, onit: km}
interfaces:
  placed:
    label: Placed
    properties: {where: {type: string, unti: km}}
graphs:
  shops:
    nodes: customer
    edges: {object: order, source: customer, target: customer, wieght: amount}
    measures: {rank: {kind: pagerank}}
"""


def test_what_only_a_broken_object_type_declares_is_not_missed_by_others(specs: Write) -> None:
    broken = ORDER.replace("title:", "titel:")
    model = "models:\n  big: {object: order}\n"
    assert problems_of(specs(order=broken, customer=COUNTING, models=model, evals="evals:\n  big: {target: model, model: big}\n")) == [
        *(f"ontology_specs/models.yaml:2: '{word}' is missing in models.big" for word in ("at", "estimators")),
        *(
            f"ontology_specs/models.yaml:2: '{word}' is missing in models.big"
            for word in ("features", "predict", "serve", "split", "writes")
        ),
        "ontology_specs/order.yaml:1: 'title' is missing",
        "ontology_specs/order.yaml:5: unknown key 'titel'; did you mean 'title'?",
    ]


def test_a_file_that_is_fine_is_held_against_every_rule_beside_a_broken_one(specs: Write) -> None:
    customer = COUNTING.replace('"{name}"', '"{nam}"').replace("sum(orders.amount)", "sum(order.amount)")
    assert problems_of(specs(order=ORDER.replace("title:", "titel:"), customer=customer)) == [
        "ontology_specs/customer.yaml:5: the title reads 'nam', which customer does not have; did you mean 'name'?",
        "ontology_specs/customer.yaml:10: property 'spent': sum reads unknown link 'order'",
        "ontology_specs/order.yaml:1: 'title' is missing",
        "ontology_specs/order.yaml:5: unknown key 'titel'; did you mean 'title'?",
    ]


def test_a_type_there_is_none_of_is_told_once_and_not_where_the_property_is_read(specs: Write) -> None:
    order = ORDER.replace("type: double", "type: duoble").replace("customer_id: {type: integer}", "customer_id: {type: intger}")
    customer = COUNTING + "  big: {type: integer, derived: 'count(orders, orders.amount > 3)'}\n"
    assert problems_of(specs(order=order, customer=customer)) == [
        "ontology_specs/order.yaml:8: property 'customer_id' has unknown type 'intger'; did you mean 'integer'?",
        "ontology_specs/order.yaml:9: property 'amount' has unknown type 'duoble'; did you mean 'double'?",
    ]


def test_one_broken_entry_of_a_shared_file_leaves_its_neighbours_and_is_known_by_name(specs: Write) -> None:
    customer = CUSTOMER.replace("city: {type: string", "city: {type: cod").replace("name: {type: string}", "name: {type: broken_code}")
    customer += "  home: {shared: town}\nimplements: {placed: {where: home}}\n"
    metric = "metrics:\n  ranks: {query: {object: customer, aggregations: [{type: avg, field: rank}]}}\n"
    assert problems_of(specs(customer=customer, shared=SHARED, metrics=metric)) == [
        "ontology_specs/customer.yaml:9: property 'city' has unknown type 'cod'; did you mean 'code'?",
        "ontology_specs/shared.yaml:3: unknown key 'lenght'; did you mean 'length'?",
        "ontology_specs/shared.yaml:5: unknown key 'onit'; did you mean 'unit'?",
        "ontology_specs/shared.yaml:9: unknown key 'unti'; did you mean 'unit'?",
        "ontology_specs/shared.yaml:13: unknown key 'wieght'; did you mean 'weight'?",
    ]


@pytest.mark.parametrize("unreadable", [ORDER.replace("title:", "title: ["), ORDER + "key: order_id\n"])
def test_names_in_a_file_that_is_no_yaml_are_known(specs: Write, unreadable: str) -> None:
    (told,) = problems_of(specs(order=unreadable, customer=COUNTING))
    assert told.startswith("ontology_specs/order.yaml:")
