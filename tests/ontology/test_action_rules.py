"""Actions in the specs, broken one way at a time: every problem is told with its line and what to do."""

from __future__ import annotations

import pytest

from palantir_assets.ontology.compiling import missing_columns, object_select, served_ontology
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.versioning import object_version
from tests.ontology.conftest import CUSTOMER, ORDER, Write, problems_of

EDITED = CUSTOMER.replace(
    "  city:", "  vip: {type: boolean, from: edits, default: false}\n  note: {type: string, from: edits, optional: true}\n  city:"
)
ACTIONS = """\
actions:
  praise:
    label: {en: Praise, ko: 칭찬}
    parameters:
      customer: {object: customer}
      words: {type: string, length: [3, 100], optional: true, default: Thanks}
      town: {type: string, from: {object: customer, property: city, where: city is not None}, optional: true}
    allow: {roles: [clerk]}
    require:
      - {that: customer.vip == false, say: {en: Praised already., ko: 이미 칭찬했습니다.}}
    do:
      - {modify: customer, set: {vip: true, note: $words}}
    then:
      - {mail: {to: "role:clerk", template: praised}}
      - {webhook: till}
      - {materialize: [objects.customer]}
  place:
    label: Place an order
    parameters: {customer: {object: customer}, number: integer, amount: double, old: {object: order, optional: true}}
    allow: {roles: [clerk]}
    do:
      - {create: order, key: $number, set: {customer_id: $customer, amount: $amount * 2, placed_at: $now}}
      - {link: {from: old, link: customer, to: customer}}
mails:
  praised: {subject: "To {customer.title}", text: "{words}, {customer.city}"}
webhooks:
  till: {label: Till}
roles: [clerk]
"""


def problems(specs: Write, old: str = "", new: str = "", **files: str) -> list[str]:
    assert old in ACTIONS
    return problems_of(specs(**{"customer": EDITED, "actions": ACTIONS.replace(old, new, 1), **files}))


def test_actions_that_hold_together_have_no_problem(specs: Write) -> None:
    assert problems(specs) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("{object: customer}", "{object: custmer}", "actions.yaml:5: action 'praise': parameter 'customer' is of unknown object type"),
        ("{object: customer}", "{object: customer, type: string}", "says either `type` or `object`"),
        ("words: {type", "caller: {type", "actions.yaml:6: action 'praise': 'caller' is a word of the language"),
        ("default: Thanks", "default: 7", "the default of 'words' is 7 where a string is needed"),
        ("length: [3, 100]", "length: [9, 3]", "`length` of 'words' is [9, 3], which no text meets"),
        ("length: [3, 100]", "min: 3", "`min` says nothing of 'words', a string; leave it out"),
        ("length: [3, 100]", "matches: '('", "`matches` of 'words' is no regular expression"),
        ("length: [3, 100]", "one_of: [1]", "`one_of` of 'words' holds 1, and it is a string"),
        ("property: city", "property: cty", "'town' is chosen from unknown property 'cty' of customer; did you mean 'city'?"),
        ("property: city", "property: customer_id", "'town' is chosen from 'customer_id' of customer, an integer"),
        ("{object: customer, property", "{object: nobody, property", "'town' is chosen from unknown object type 'nobody'"),
        ("where: city is not None", "where: city", "'city': gives a string where a boolean is needed"),
        ("customer.vip == false", "customer.vipp == false", "actions.yaml:10: action 'praise': 'customer.vipp == false': reads"),
        ("customer.vip == false", "words", "'words': gives a string where a boolean is needed"),
        ("customer.vip == false", "words >", "cannot be parsed"),
        ("{vip: true", "{vp: true", "actions.yaml:12: action 'praise': it sets unknown property 'vp' of customer; did you mean 'vip'?"),
        ("{vip: true", "{vip: 1", "what it sets 'vip' of customer to is 1 where a boolean is needed"),
        ("{vip: true", "{customer_id: 1", "it sets 'customer_id' of customer, which is the key"),
        ("{vip: true", "{name: null", "it sets 'name' of customer to null, and it is not optional"),
        ("note: $words", "note: $wrds", "what it sets 'note' of customer to reads unknown name 'wrds'; did you mean 'words'?"),
        ("note: $words", "note: $customer.vip", "gives a boolean where a string is needed"),
        ("{modify: customer, set: {vip: true, note: $words}}", "{modify: customer}", "it modifies 'customer' and sets nothing"),
        ("note: $words}}", "note: $words}, when: customer.vop}", "unknown name 'customer.vop'; did you mean 'customer.vip'"),
        ("note: $words}}", "note: $words}, when: customer.city}", "actions.yaml:12: action 'praise': `when` of a step"),
        ("{object: order, optional: true}", "{object: order, list: true, default: x}", "the list 'old' has a default, and a list has none"),
        ("{customer: {object: customer}, number", "{customer: {object: customer, list: true}, number", "gives an array where"),
        ("{modify: customer,", "{modify: $customer,", "actions.yaml:12: actions.praise.do.0.modify: String should match pattern"),
        ("{modify: customer,", "{modify: words,", "the parameter 'words' is no object"),
        ("{modify: customer,", "{delete: customer,", "`set` says nothing where it is to delete"),
        ("{modify: customer,", "{modify: customer, delete: customer,", "a step does exactly one of create, modify"),
        ("template: praised", "template: prased", "actions.yaml:13: action 'praise': unknown mail 'prased'; did you mean 'praised'?"),
        ("webhook: till", "webhook: tll", "unknown webhook 'tll'; did you mean 'till'?"),
        ("objects.customer]", "objects.custmer]", "there is no asset 'objects.custmer'; did you mean 'objects.customer'?"),
        ("{customer.title}", "{customer.titl}", "actions.yaml:25: mail 'praised' reads 'customer.titl', which action"),
        ("create: order", "create: ordr", "it creates objects of unknown type 'ordr'; did you mean 'order'?"),
        ("key: $number, ", "", "it creates an order without a key; add `key: $…`"),
        ("key: $number", "key: $amount < 1", "the key of what it creates gives a boolean where an integer is needed"),
        (", placed_at: $now", "", "it creates an order without 'placed_at', which is not optional"),
        ("amount: $amount * 2", "is_big: true, amount: 1", "it sets 'is_big' of order, which is derived; set what it is derived from"),
        ("link: customer, to", "link: custmer, to", "order has no link 'custmer' of its own; did you mean 'customer'?"),
        ("{link: {from: old", "{unlink: {from: old", "the link 'customer' may not be missing"),
        ("customer, to: customer}", "customer, to: old}", "the link 'customer' leads to customer, and 'old' is an order"),
        ("to: \"role:clerk\"", "to: clerk", "String should match pattern"),
        ("allow: {roles: [clerk]}", "alow: {roles: [clerk]}", "actions.yaml:8: unknown key 'alow'; did you mean 'allow'?"),
    ],
)  # fmt: skip
def test_a_broken_action_is_told_with_its_line(specs: Write, old: str, new: str, told: str) -> None:
    found = problems(specs, old, new)
    assert any(told in problem for problem in found), found


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("default: false", "optional: false", "customer.yaml:9: property 'vip' is set by actions, and has nothing to hold until then"),
        ("default: false", "default: never", "property 'vip' is a boolean, and its default is 'never'"),
        ("default: false", "default: false, conflict: source_wins", "is set by actions only: no source says otherwise"),
        ("{type: boolean, from: edits, default: false}", "{type: geopoint, from: edits}", "is a geopoint, which no action sets"),
        ("{type: string, optional: true}", "{type: string, optional: true, default: Rome}", "has a default, which only what is"),
        ("{type: string, optional: true}", "{type: string, optional: true, conflict: latest_wins}", "nothing tells when the source"),
        ("title:", "updated_at: city\ntitle:", "`updated_at` names 'city', a string, and is a timestamp"),
        ("title:", "updated_at: cty\ntitle:", "`updated_at` names unknown property 'cty' of customer"),
        ("customer_id: {type: integer}", "customer_id: {type: integer, from: edits}", "is the key, which no edit sets"),
        ("customer_id: {type: integer}", "customer_id: {type: integer, personal: true}", "is the key, which stays in the history"),
        ("{type: string, optional: true}", "{type: integer, derived: length(name), personal: true}", "is derived: no edit holds it"),
    ],
)  # fmt: skip
def test_a_property_that_people_set_is_held_to_its_rules(specs: Write, old: str, new: str, told: str) -> None:
    assert old in EDITED
    found = problems_of(specs(customer=EDITED.replace(old, new, 1)))
    assert any(told in problem for problem in found), found


def test_what_is_personal_is_known_of_the_served_type_and_makes_no_table_anew(specs: Write) -> None:
    plain, marked = (
        load_ontology(specs(customer=text)).ontology for text in (CUSTOMER, CUSTOMER.replace("string}", "string, personal: true}"))
    )
    assert served_ontology(marked).types["customer"].personal() == {"name"}
    assert served_ontology(plain).types["customer"].personal() == frozenset()
    assert object_version(marked, marked.objects["customer"]) == object_version(plain, plain.objects["customer"])


def test_a_property_from_edits_needs_no_column_and_holds_its_default(specs: Write) -> None:
    duckdb = pytest.importorskip("duckdb")
    loaded = load_ontology(specs(customer=EDITED))
    customer = loaded.ontology.objects["customer"]
    assert missing_columns(loaded, customer, ["customer_id", "name", "city"]) == []
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA marts; CREATE TABLE marts.customers AS SELECT 1 AS customer_id, 'Ann' AS name, NULL AS city")
        rows = con.execute(f"SELECT vip, note, typeof(vip), typeof(note) FROM ({object_select(loaded.ontology, customer)})").fetchall()
    assert rows == [(False, None, "BOOLEAN", "VARCHAR")]
    served = served_ontology(loaded.ontology).types["customer"].properties
    assert (served["vip"].origin, served["name"].origin) == ("edits", "table")


def test_an_action_is_served_with_everything_that_plans_it(specs: Write) -> None:
    served = served_ontology(load_ontology(specs(customer=EDITED, actions=ACTIONS)).ontology)
    place = served.find_action("place")
    assert [(step.verb, step.what, step.source, step.target, step.key) for step in place.do] == [
        ("create", "order", None, None, "$number"),
        ("link", "customer", "old", "customer", None),
    ]
    assert place.parameters["customer"].object == "customer" and place.approve == ()
    assert [(effect.kind, effect.names, effect.to) for effect in served.actions["praise"].then] == [
        ("mail", ("praised",), "role:clerk"), ("webhook", ("till",), None), ("materialize", ("objects.customer",), None),
    ]  # fmt: skip
    assert served.mails["praised"].subject.en == "To {customer.title}"


def test_orders_are_untouched_by_actions_on_customers(specs: Write) -> None:
    plain, edited = load_ontology(specs()), load_ontology(specs(customer=EDITED))
    assert object_select(plain.ontology, plain.ontology.objects["order"]) == object_select(
        edited.ontology, edited.ontology.objects["order"]
    )
    assert "conflict" not in ORDER
