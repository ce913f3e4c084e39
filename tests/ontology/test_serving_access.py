"""The rules of a release: complete, denied where nothing is said, closed under derivation; only a declassification lifts a marking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.errors import SpecError
from palantir_assets.ontology.demands import Demand, Demands
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.served_access import CallRule, LinkRule, PropertyRule, Reads, ServedAccess
from palantir_assets.ontology.serving_access import served_access
from palantir_assets.ontology.spec import Default, Grant, Ontology, Role
from tests.ontology.conftest import ORDER, Write
from tests.ontology.test_derivation import PAYING, SHARED, SPENDING

ROLES = """\
roles: {viewer: {}, analyst: {includes: viewer}, clerk: {includes: viewer}, admin: {includes: [analyst, clerk]}}
attributes: {cities: strings}
markings: {personal: {roles: [clerk], label: Personal}, secret: {}}
anonymous: [viewer]
default: {read: {roles: [viewer]}}
"""
NO_TEXT = PAYING.replace('search:\n  text: "{title} of {customer.name}"\n', "")


def ontology(specs: Write, access: str, **files: str) -> Ontology:
    made = {"customer": SPENDING, "order": NO_TEXT, "shared": SHARED, "access": ROLES + access, **files}
    return load_ontology(specs(**made)).ontology


def test_a_project_that_says_nothing_denies_everything(specs: Write) -> None:
    found = served_access(load_ontology(specs()).ontology, {})
    assert {name: rules.read for name, rules in found.types.items()} == {"customer": (), "order": ()}
    assert (found.roles, found.anonymous) == ({}, ())


def test_every_type_function_and_model_has_its_rules(specs: Write) -> None:
    function = 'functions:\n  best: {entry: "f.py:best", version: 1.0.0, output: string}\n'
    folder = specs(customer=SPENDING, order=NO_TEXT, shared=SHARED, access=ROLES, more=function)
    (folder / "f.py").write_text("def best(objects):\n    return ''\n")
    found = served_access(load_ontology(folder).ontology, {})
    assert {name: rules.read for name, rules in found.types.items()} == {"customer": ("viewer",), "order": ("viewer",)}
    assert (found.functions, found.models) == ({"best": CallRule(roles=("viewer",))}, {"big": CallRule(roles=("viewer",))})
    assert (found.anonymous, found.attributes) == (("viewer",), {"cities": "strings"})


def test_what_a_role_includes_is_closed(specs: Write) -> None:
    found = served_access(ontology(specs, ""), {}).roles
    assert {name: role.includes for name, role in found.items()} == {
        "viewer": (), "analyst": ("viewer",), "clerk": ("viewer",), "admin": ("analyst", "clerk", "viewer"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "read", "needs"),
    [
        ("{rows: amount > 1}", ("viewer",), ()),
        ("{read: {roles: [analyst]}}", ("analyst",), ()),
        ("{read: {needs: secret}}", ("viewer",), ("secret",)),
        ("{read: {roles: [], needs: secret}}", (), ("secret",)),
    ],
)
def test_a_policy_says_what_the_default_does_not(specs: Write, policy: str, read: tuple[str, ...], needs: tuple[str, ...]) -> None:
    rules = served_access(ontology(specs, f"policies:\n  order: {policy}\n"), {}).types["order"]
    assert (rules.read, rules.needs) == (read, needs)


def test_only_what_says_more_than_its_type_is_listed(specs: Write) -> None:
    order = served_access(ontology(specs, "policies:\n  order:\n    properties: {amount: {roles: [analyst], discover: true}}\n"), {}).types[
        "order"
    ]
    assert order.properties["amount"] == PropertyRule(roles=("analyst",), discover=True)
    assert order.properties["is_big"] == PropertyRule(reads=Reads(properties=("order.amount",)))
    assert order.properties.keys() == {"amount", "is_big", "chance"}
    assert order.links == {}


def test_a_property_bears_its_own_markings_its_policy_s_and_its_column_s(specs: Write) -> None:
    order = NO_TEXT.replace("amount: {type: double,", "amount: {type: double, markings: [secret],")
    made = ontology(specs, "policies:\n  order:\n    properties: {placed_at: {needs: secret}}\n", order=order)
    found = served_access(made, {"order": {"amount": frozenset({"personal"}), "customer_id": frozenset({"personal"})}}).types["order"]
    assert {name: rule.needs for name, rule in found.properties.items() if rule.needs} == {
        "amount": ("personal", "secret"), "placed_at": ("secret",), "customer_id": ("personal",),
    }  # fmt: skip


def test_a_marked_key_marks_its_type_and_has_no_rule_of_its_own(specs: Write) -> None:
    found = served_access(ontology(specs, ""), {"order": {"order_id": frozenset({"personal"})}}).types["order"]
    assert found.needs == ("personal",)
    assert "order_id" not in found.properties


def test_a_link_asks_what_the_property_asks_that_holds_its_key(specs: Write) -> None:
    access = "policies:\n  order:\n    properties: {customer_id: {roles: [analyst]}}\n    links: {payer: {roles: [clerk], needs: secret}}\n"
    links = served_access(ontology(specs, access), {"order": {"payer_id": frozenset({"personal"})}}).types["order"].links
    assert links["customer"] == LinkRule(roles=("analyst",))
    assert links["payer"] == LinkRule(roles=("clerk",), needs=("personal", "secret"))


def test_a_link_through_objects_asks_what_they_and_their_keys_ask(specs: Write) -> None:
    access = "policies:\n  order:\n    read: {roles: [clerk]}\n    properties: {payer_id: {needs: secret}}\n"
    assert served_access(ontology(specs, access), {}).types["customer"].links["introduced"] == LinkRule(roles=("clerk",), needs=("secret",))


def test_a_link_via_a_table_bears_the_markings_of_its_columns_and_so_does_what_is_counted_over_it(specs: Write) -> None:
    customer = served_access(ontology(specs, ""), {"customer": {"friends": frozenset({"personal"})}}).types["customer"]
    assert customer.links["friends"] == LinkRule(needs=("personal",))
    assert customer.properties["friend_count"].needs == ("personal",)


def test_who_may_not_walk_a_link_may_not_read_what_was_computed_over_it(specs: Write) -> None:
    found = served_access(ontology(specs, "policies:\n  order:\n    links: {customer: {roles: [analyst]}}\n"), {})
    computed = {name: rule.roles for name, rule in found.types["customer"].properties.items() if rule.roles}
    assert computed == dict.fromkeys(("spent", "order_count", "bought_together", "rank", "degree"), ("analyst",))
    assert found.types["order"].properties["chance"].roles == ("analyst",)
    assert found.models["big"].roles == ("admin", "analyst")


def test_a_model_asks_what_all_it_learned_from_asks(specs: Write) -> None:
    access = "policies:\n  customer:\n    read: {needs: secret}\n    properties: {city: {needs: personal}}\n"
    assert served_access(ontology(specs, access), {}).models["big"] == CallRule(roles=("viewer",), needs=("personal",))
    more = access + "model_policies:\n  big: {read: {roles: [clerk]}}\n"
    assert served_access(ontology(specs, more), {}).models["big"].roles == ("admin", "clerk")


def test_two_roles_at_once_are_asked_of_one_role(specs: Write) -> None:
    demands = Demands(ontology(specs, ""), {})
    assert demands.both((Demand(frozenset({"analyst"})), Demand(frozenset({"clerk"})))).roles == {"admin"}
    assert demands.both((Demand(frozenset({"viewer"})), Demand(frozenset({"clerk"})))).roles == {"clerk", "admin"}
    assert demands.both((Demand(), Demand(frozenset({"clerk"})), Demand())).roles == {"clerk"}
    assert demands.both((Demand(frozenset()), Demand(frozenset({"clerk"})))).roles == frozenset()


DECLASSIFY = "declassify:\n  - {{property: {}, removes: [{}], because: nobody is named, by: team:privacy}}\n"


def test_a_declassification_takes_off_what_came_from_elsewhere(specs: Write) -> None:
    marked = {"order": {"amount": frozenset({"personal", "secret"})}}
    before = served_access(ontology(specs, ""), marked).types["order"].properties
    assert before["is_big"] == PropertyRule(reads=Reads(properties=("order.amount",)))
    after = served_access(ontology(specs, DECLASSIFY.format("order.is_big", "personal")), marked).types["order"].properties
    assert after["is_big"] == PropertyRule(needs=("secret",))
    assert after["amount"].needs == ("personal", "secret")
    both = served_access(ontology(specs, DECLASSIFY.format("order.is_big", "personal, secret")), marked).types["order"].properties
    assert "is_big" not in both


def test_a_declassified_aggregate_is_still_of_all_rows(specs: Write) -> None:
    marked = {"order": {"amount": frozenset({"personal"}), "customer_id": frozenset({"personal"})}}
    made = ontology(specs, DECLASSIFY.format("customer.spent", "personal"))
    assert served_access(made, marked).types["customer"].properties["spent"] == PropertyRule(reads=Reads(rows_of=("order",)))


def test_a_declassification_opens_no_role(specs: Write) -> None:
    access = "policies:\n  order:\n    properties: {amount: {roles: [analyst], needs: personal}}\n" + DECLASSIFY.format(
        "order.is_big", "personal"
    )
    assert served_access(ontology(specs, access), {}).types["order"].properties["is_big"] == PropertyRule(roles=("analyst",))


def test_what_is_declassified_on_the_way_comes_no_further(specs: Write) -> None:
    """`spent_each` reads `spent`, which is declassified, and `order_count`, which bears another marking."""
    marked = {"order": {"amount": frozenset({"personal"}), "customer_id": frozenset({"secret"})}}
    demands = Demands(ontology(specs, DECLASSIFY.format("customer.spent", "personal")), marked)
    assert demands.whole("customer", "spent_each") == Demand(None, frozenset({"secret"}), frozenset({"order"}))


def test_a_search_text_along_a_marked_join_table_stops_the_build(specs: Write) -> None:
    order = ORDER.replace(
        "customer: {to: customer, by: customer_id,",
        "customer: {to: customer, via: {table: marts.x, source: a, target: b}, cardinality: many_to_one,",
    )
    made = load_ontology(specs(order=order, access=ROLES)).ontology
    assert served_access(made, {}).types["order"].search.rows_of == ("customer",)
    with pytest.raises(SpecError, match=r"the search text of order goes along order\.customer, which not everybody may walk"):
        served_access(made, {"order": {"customer": frozenset({"personal"})}})


def test_it_comes_back_from_json_as_it_was(specs: Write) -> None:
    properties = "properties: {amount: {needs: personal, discover: true}}"
    access = f"policies:\n  order:\n    rows: customer_id in [1]\n    {properties}\n    discover: true\n"
    found = served_access(ontology(specs, access), {"order": {"order_id": frozenset({"secret"})}})
    assert ServedAccess.model_validate_json(found.model_dump_json()) == found


NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
DAGS = st.dictionaries(NAMES, st.lists(NAMES, max_size=3), max_size=5).map(
    lambda found: {name: Role(includes=tuple(other for other in includes if other > name)) for name, includes in found.items()}
)
SAID = st.lists(st.tuples(st.none() | st.frozensets(NAMES, max_size=2), st.frozensets(NAMES, max_size=2)), max_size=4)


@given(roles=DAGS, said=SAID, held=NAMES)
def test_who_meets_both_by_one_role_is_let_in_and_who_lacks_either_is_not(
    roles: dict[str, Role], said: list[tuple[frozenset[str] | None, frozenset[str]]], held: str
) -> None:
    demands = Demands(Ontology.model_construct(None, roles=roles, default=Default(read=Grant(roles=()))), {})
    all_held = demands.included.get(held, frozenset())
    met = [asked is None or bool(all_held & asked) for asked, _ in said]
    both = demands.both(Demand(asked, needs) for asked, needs in said)
    assert both.needs == frozenset[str]().union(*(needs for _, needs in said))
    assert (both.roles is None or bool(all_held & both.roles)) == all(met)
