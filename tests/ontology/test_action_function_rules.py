"""Steps that call functions in the specs, broken one way at a time: every problem is told with its line and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from palantir_assets.ontology.compiling import served_ontology
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.spec_actions import VERBS
from palantir_assets.ontology.versioning import spec_version
from tests.ontology.conftest import CUSTOMER, ORDER, Write, problems_of

LINKED = f"""{CUSTOMER}links:
  rivals: {{to: customer, via: {{table: marts.rivals, source: one, target: other}}, cardinality: many_to_many, reverse: rivalled_by}}
"""
SOURCE = """\
def moves(objects, *, customer, most, towns=None, day=None):
    return []


def counted(objects):
    return 1


def by_set(objects, *, orders):
    return []
"""
ACTIONS = """\
functions:
  moves:
    entry: moves.py:moves
    version: 1.0.0
    parameters:
      customer: {type: object, object: customer}
      most: integer
      towns: {type: array, of: string, optional: true}
      day: {type: date, optional: true}
    output: edits
  counted: {entry: moves.py:counted, version: 1.0.0, output: integer}
  by_set: {entry: moves.py:by_set, version: 1.0.0, parameters: {orders: {type: object_set, object: order}}, output: edits}
actions:
  rebalance:
    label: Rebalance
    parameters:
      customer: {object: customer}
      orders: {object: order, list: true, optional: true}
      towns: {type: string, list: true, optional: true}
      most: {type: integer, default: 5}
    allow: {roles: [clerk]}
    do:
      - {function: moves, with: {customer: $customer, most: $most, towns: $towns}, edits: [order, customer.rivals], when: most > 0}
roles: [clerk]
"""


def written(specs: Write, **files: str) -> Path:
    folder = specs(**{"customer": LINKED, "actions": ACTIONS, **files})
    (folder / "moves.py").write_text(SOURCE, encoding="utf-8")
    return folder


def test_a_step_that_calls_a_function_and_holds_together_has_no_problem(specs: Write) -> None:
    assert problems_of(written(specs)) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("{function: moves,", "{function: movs,", "23: action 'rebalance': it calls unknown function 'movs'; did you mean 'moves'?"),
        ("{function: moves,", "{function: counted,", "the function 'counted' gives an integer, and no edits; declare its `output: edits`"),
        ("{function: moves,", "{function: by_set,", "'by_set' takes 'orders', an object_set, which no action can tell it; take an array"),
        ("output: edits\n  counted", "output: {type: edits, of: string}\n  counted", "stands with type array, and only there (output)"),
        ("most: integer", "most: edits", "edits are what a function gives, and no parameter is (most)"),
        ("most: integer", "most: {type: edits}", "7: function 'moves': edits are what a function gives, and no parameter is (most)"),
        ("{customer: $customer, most", "{custmer: $customer, most", "'moves' has no parameter 'custmer'; did you mean 'customer'?"),
        ("{customer: $customer, most", "{custmer: $customer, most", "it does not tell 'moves' its parameter 'customer'; add it to `with`"),
        ("customer: $customer, most: $most,", "customer: $customer, most: null,", "it does not tell 'moves' its parameter 'most'"),
        ("most: $most,", "most: $mst,", "what it tells 'moves' as 'most' reads unknown name 'mst'; did you mean 'most'?"),
        ("most: $most,", "most: $now,", "what it tells 'moves' as 'most' gives a timestamp where an integer is needed"),
        ("most: $most,", "most: many,", "what it tells 'moves' as 'most' is 'many' where an integer is needed"),
        ("towns: $towns}", "towns: Seoul}", "what it tells 'moves' as 'towns' is 'Seoul' where an array is needed"),
        ("towns: $towns}", "towns: $orders}", "what it tells 'moves' as 'towns' is a list of integer where one of string is needed"),
        ("customer: {object: customer}\n", "customer: {object: order}\n", "as 'customer' is an order where a customer is needed"),
        ("edits: [order, customer.rivals]", "edits: []", "it lists nothing that 'moves' may change; add `edits: […]`"),
        ("edits: [order,", "edits: [ordr,", "23: action 'rebalance': `edits` lists unknown object type 'ordr'; did you mean 'order'?"),
        ("edits: [order,", "edits: [order.customer,", "'order.customer', a link by the property 'customer_id'; list `order`"),
        ("customer.rivals]", "customer.rival]", "'customer.rival', and customer has no link 'rival' of its own; did you mean"),
        ("when: most > 0", "when: most", "`when` of a step: 'most': gives a number where a boolean is needed"),
        ("when: most > 0", "set: {most: 1}", "`set` says nothing where it calls a function; leave it out"),
        ("when: most > 0", "key: 1", "`key` says nothing where it calls a function; leave it out"),
        ("{function: moves,", "{function: moves, delete: customer,", f"a step does exactly one of {', '.join(VERBS)}"),
    ],
)  # fmt: skip
def test_a_broken_call_is_told_with_its_line(specs: Write, old: str, new: str, told: str) -> None:
    assert old in ACTIONS
    found = problems_of(written(specs, actions=ACTIONS.replace(old, new, 1)))
    assert any(told in problem for problem in found), found


def test_what_a_function_takes_says_nothing_beside_another_verb(specs: Write) -> None:
    step = "      - {delete: customer, with: {most: 1}, edits: customer}"
    found = problems_of(written(specs, actions=ACTIONS[: ACTIONS.index("      - {function")] + step + "\nroles: [clerk]\n"))
    assert sorted(problem.partition("'rebalance': ")[2] for problem in found) == [
        f"`{word}` says nothing where it is to delete; leave it out" for word in ("edits", "with")
    ]


def test_a_link_through_objects_is_made_of_these(specs: Write) -> None:
    order = ORDER.replace("  customer_id: {type: integer}", "  customer_id: {type: integer}\n  other_id: {type: integer}").replace(
        "reverse: orders}", "reverse: orders}\n  other: {to: customer, by: other_id, reverse: gifts}"
    )
    through = "  friends: {to: customer, through: {object: order, source: customer, target: other}, reverse: friend_of}\n"
    actions = ACTIONS.replace("customer.rivals]", "customer.friends]")
    found = problems_of(written(specs, customer=LINKED + through, order=order, actions=actions))
    assert [problem.partition("'rebalance': ")[2] for problem in found] == [
        "`edits` lists 'customer.friends', a link through objects of order; list `order`, and create or delete an order"
    ]


def test_a_call_is_served_with_all_that_plans_it_and_makes_another_release(specs: Write) -> None:
    ontology = load_ontology(written(specs)).ontology
    served = served_ontology(ontology)
    (step,) = served.find_action("rebalance").do
    assert (step.verb, step.what, step.when) == ("function", "moves", "most > 0")
    assert step.given == {"customer": "$customer", "most": "$most", "towns": "$towns"}
    assert (step.edits, step.types, step.links) == (("order", "customer.rivals"), ("order",), (("customer", "rivals"),))
    assert sorted(served.functions) == ["by_set", "counted", "moves"] and sorted(served.queries) == ["counted"]
    fewer = load_ontology(written(specs, actions=ACTIONS.replace("edits: [order, customer.rivals]", "edits: order"))).ontology
    assert served_ontology(fewer) != served and spec_version(fewer) != spec_version(ontology)


def test_no_type_and_no_other_link_is_called_what_a_link_is_kept_as(specs: Write) -> None:
    taken = CUSTOMER.replace("object: customer", "object: customer__rivals").replace("Customer", "Rivals")
    (found,) = problems_of(written(specs, rivals=taken))
    assert found == (
        "ontology_specs/customer.yaml:11: link 'rivals' is kept as 'customer__rivals', which is an object type; "
        "choose another name for one of them"
    )
    one = (
        CUSTOMER.replace("object: customer", "object: customer__best")
        + "links:\n  friend: {to: customer, by: customer_id, reverse: best}\n"
    )
    two = LINKED + "  best__friend: {to: customer, by: customer_id, reverse: best_friend_of}\n"
    found = problems_of(written(specs, customer=two, best=one))
    assert any("is kept as 'customer__best__friend', like the link" in problem for problem in found), found
