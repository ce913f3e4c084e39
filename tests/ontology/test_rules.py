"""Each rule, broken once: the problem is told with its line and what to do."""

from __future__ import annotations

import pytest

from palantir_assets.names import quoted
from tests.ontology.conftest import CUSTOMER, ORDER, Write, problems_of

MODEL = """\
models:
  big_order:
    object: order
    predict: is_big
    at: placed_at
    features: [{features}]
    split: {{by: placed_at, train_until: 2020-01-01}}
    estimators: {{boosting: {{kind: gradient_boosting}}}}
    serve: {serve}
    writes: {{{writes}: {{type: double}}}}
"""
GRAPH = """\
graphs:
  shops:
    nodes: {nodes}
    edges: {{object: order, source: customer, target: {target}}}
    measures: {{rank: {{kind: pagerank}}}}
"""


def test_specs_that_hold_together_have_no_problem(specs: Write) -> None:
    assert problems_of(specs()) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "to: customer,",
            "to: custmer,",
            "order.yaml:13: link 'customer' points at unknown object type 'custmer'; did you mean 'customer'?",
        ),
        ("by: customer_id", "by: custmer_id", "order.yaml:13: link 'customer' names unknown property 'custmer_id' of order; did you mean"),
        ("type: double", "type: duoble", "order.yaml:9: property 'amount' has unknown type 'duoble'; did you mean 'double'?"),
        ("derived: amount > 100", "derived: amout > 100", "order.yaml:11: property 'is_big': reads unknown property 'amout'; did you mean"),
        (
            "derived: amount > 100",
            "derived: amount + 1",
            "order.yaml:11: property 'is_big' is a boolean, but its expression gives a number",
        ),
        ("derived: amount > 100", "derived: is_big", "order.yaml:11: property 'is_big' is derived from itself"),
        ("derived: amount > 100", "derived: __import__('os')", "order.yaml:11: property 'is_big': unknown function '__import__'"),
        ("key: order_id", "key: order_nr", "order.yaml:4: the key names unknown property 'order_nr' of order; did you mean 'order_id'?"),
        ("{customer.name}", "{customer.nam}", "order.yaml:15: the search text reads 'customer.nam', which order does not have"),
        ('"Order {order_id}"', '"{customer.name}"', "order.yaml:5: the title reads 'customer.name'; a title is made of the object's own"),
        ("reverse: orders", "reverse: city", "order.yaml:13: 'city' is already a property of customer; choose another name"),
        ("expect: {min: 0}", "expect: {matches: x}", "order.yaml:9: `matches` and `length` are for strings; 'amount' is a double"),
        (
            "customer_id: {type: integer}",
            "customer_id: {type: string}",
            "order.yaml:13: link 'customer' goes by a string, but customer's key is",
        ),
        (
            "customer_id: {type: integer}",
            "customer_id: {type: integer, optional: true}",
            "but is not optional; add `optional: true` to the link",
        ),
        ("expect: {min: 0}", "expect: {between: [5, 1]}", "order.yaml:9: `between` is [5.0, 1.0] of 'amount', which no value meets; write"),
        ("expect: {min: 0}", "expect: {min: 2, max: 1}", "order.yaml:9: `min` is 2.0 and `max` is 1.0 of 'amount', which no value meets"),
        (
            "expect: {min: 0}",
            "expect: {min: 0, max: 2020-01-01}",
            "order.yaml:9: `min` is 0.0 and `max` is 2020-01-01 of 'amount': one",
        ),
        (
            "properties:",
            "rows: {min: 9, max: 3}\nproperties:",
            "order.yaml:6: `min` is 9 and `max` is 3 of the rows of 'order', which no value meets; write the smaller one first: 3, 9",
        ),
        ("order_id: {type: integer}", "order_id: {type: double}", "the key 'order_id' is a double; a key is a string, integer or long"),
    ],
)
def test_a_broken_name_is_told_with_its_line_and_the_nearest_one(specs: Write, old: str, new: str, told: str) -> None:
    problems = problems_of(specs(order=ORDER.replace(old, new)))
    assert any(told in problem for problem in problems), problems


def test_all_problems_are_told_at_once_in_the_order_of_files_and_lines(specs: Write) -> None:
    broken = ORDER.replace("type: double", "type: duoble").replace("to: customer,", "to: nobody,")
    problems = problems_of(specs(order=broken, customer=CUSTOMER.replace("name: {type: string}", "name: {type: string, lenght: 3}")))
    assert [problem.split(": ")[0] for problem in problems] == [
        "ontology_specs/customer.yaml:8",
        "ontology_specs/order.yaml:9",
        "ontology_specs/order.yaml:13",
    ]


def test_an_unknown_key_is_refused_with_a_suggestion(specs: Write) -> None:
    problems = problems_of(specs(customer=CUSTOMER.replace("title:", "titel:")))
    assert "ontology_specs/customer.yaml:5: unknown key 'titel'; did you mean 'title'?" in problems


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("matches: x, length: [3, 2]", "value_types.yaml:2: `length` is [3, 2] of 'code', which no value meets"),
        ("min: 3, max: 2", "value_types.yaml:2: `min` is 3.0 and `max` is 2.0 of 'code', which no value meets"),
    ],
)
def test_bounds_of_a_value_type_are_in_order(specs: Write, words: str, told: str) -> None:
    problems = problems_of(specs(value_types=f"value_types:\n  code: {{type: string, {words}}}\n"))
    assert any(told in problem for problem in problems), problems


def test_an_object_type_declared_twice_is_told(specs: Write) -> None:
    assert problems_of(specs(again=CUSTOMER)) == [
        "ontology_specs/customer.yaml:1: objects: 'customer' is declared twice; first in ontology_specs/again.yaml"
    ]


@pytest.mark.parametrize(
    ("features", "told"),
    [
        ("is_big", "it is what is predicted"),
        ("amount", "the target 'is_big' is derived from 'amount'"),
        ("amont", "which order does not have"),
    ],
)
def test_a_feature_that_leaks_is_refused(specs: Write, features: str, told: str) -> None:
    assert any(told in problem for problem in problems_of(specs(models=MODEL.format(features=features, serve="boosting", writes="chance"))))


def test_a_model_that_serves_what_it_does_not_train_is_refused(specs: Write) -> None:
    problems = problems_of(specs(models=MODEL.format(features="customer_id", serve="bosting", writes="chance")))
    assert problems == ["ontology_specs/models.yaml:9: model 'big_order' serves unknown estimator 'bosting'; did you mean 'boosting'?"]


def test_a_score_may_not_take_a_propertys_name(specs: Write) -> None:
    problems = problems_of(specs(models=MODEL.format(features="customer_id", serve="boosting", writes="amount")))
    assert problems == ["ontology_specs/models.yaml:2: 'amount' is already a property of order; choose another name"]


def test_a_graph_whose_edge_leads_elsewhere_is_refused(specs: Write) -> None:
    assert any(
        "has no link 'cutomer'" in problem for problem in problems_of(specs(graphs=GRAPH.format(nodes="customer", target="cutomer")))
    )
    assert any(
        "leads to customer, not to order" in problem
        for problem in problems_of(specs(graphs=GRAPH.format(nodes="order", target="customer")))
    )


@pytest.mark.parametrize("name", ['a"; drop table x; --', "Order", "1st", "a b", "x" * 64, "주문", "order\n"])
def test_a_name_that_is_no_identifier_never_gets_past_the_loader(specs: Write, name: str) -> None:
    quoted_name = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    text = CUSTOMER.replace("  city:", f'  "{quoted_name}":')
    assert problems_of(specs(customer=text)), f"{name!r} was let through"


def test_an_identifier_is_quoted_so_that_it_cannot_end_early() -> None:
    assert quoted('a"; drop') == '"a""; drop"'
