"""What `access.yaml` names exists and fits, and every mistake is told where it stands, with what to write instead."""

from __future__ import annotations

import time

import pytest

from palantir_assets.errors import SpecError
from palantir_assets.ontology.access_rules import nobody_may_read
from palantir_assets.ontology.loading import examine_specs, load_ontology
from palantir_assets.ontology.policy_tests import policy_cases
from tests.ontology.conftest import CUSTOMER, ORDER, Write, problems_of

ACCESS = """\
roles:
  viewer: {}
  analyst: {includes: [viewer], label: {en: Analyst, ko: 분석가}}
attributes: {cities: strings, level: integer}
markings:
  personal: {roles: [analyst]}
anonymous: [viewer]
default: {read: {roles: [viewer]}}
policies:
  order:
    read: {roles: [viewer], needs: []}
    rows: amount < caller.level
    properties:
      amount: {roles: [analyst]}
      placed_at: {needs: personal, discover: true}
    links:
      customer: {roles: [analyst]}
declassify:
  - {property: order.is_big, removes: [personal], because: it names nobody, by: team:privacy}
policy_tests:
  - {as: {roles: [viewer], level: 3}, read: order/1, expect: visible, withheld: [amount]}
"""
OPEN_ORDER = ORDER.replace('search:\n  text: "{title} of {customer.name}"\n', "")
FUNCTION = """\
functions:
  best: {entry: "f.py:best", version: 1.0.0, output: string}
"""


def problems(specs: Write, access: str, **files: str) -> list[str]:
    return problems_of(specs(order=OPEN_ORDER, access=access, **files))


def test_access_that_fits_has_no_problem(specs: Write) -> None:
    assert problems(specs, ACCESS) == []


def test_roles_may_be_a_plain_list(specs: Write) -> None:
    roles = load_ontology(specs(access="roles: [viewer, admin]\n")).ontology.roles
    assert list(roles) == ["viewer", "admin"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("includes: [viewer]", "includes: [viewr]", "3: role 'analyst' names unknown role 'viewr'; did you mean 'viewer'?"),
        ("{roles: [analyst]}\nanon", "{roles: [analist]}\nanon", "6: marking 'personal' names unknown role 'analist'; did you"),
        ("anonymous: [viewer]", "anonymous: [public]", "7: anonymous names unknown role 'public'; declare it under `roles`"),
        ("default: {read: {roles: [viewer]", "default: {read: {roles: [viwer]", "8: default names unknown role 'viwer'; did you"),
        ("read: {roles: [viewer], n", "read: {roles: [vewer], n", "11: the policy of order names unknown role 'vewer'; did you"),
        ("amount: {roles: [analyst]", "amount: {roles: [anlyst]", "14: the policy of order names unknown role 'anlyst'"),
        ("customer: {roles: [analyst]", "customer: {roles: [anlyst]", "17: the policy of order names unknown role 'anlyst'"),
        ("needs: personal", "needs: persnal", "15: the policy of order names unknown marking 'persnal'; did you mean 'personal'?"),
        ("needs: []", "needs: [secret]", "11: the policy of order names unknown marking 'secret'; declare it under `markings`"),
        ("removes: [personal]", "removes: [pers]", "19: declassify names unknown marking 'pers'; did you mean 'personal'?"),
        ("as: {roles: [viewer]", "as: {roles: [veiwer]", "21: a policy test names unknown role 'veiwer'; did you mean 'viewer'?"),
        ("as: {roles", "as: {markings: [x], roles", "21: a policy test names unknown marking 'x'; declare it under `markings`"),
        ("viewer: {}", "viewer: {includes: analyst}", "2: role 'viewer' includes itself; leave out one `includes` on the way"),
        ("{cities: strings,", "{roles: strings,", "4: every caller has caller.roles anyway; choose another name"),
        ("cities: strings,", "cities: list,", "4: attributes.cities: Input should be 'string', 'integer', 'double', 'boolean' or"),
        ("  order:\n    read", "  ordr:\n    read", "10: a policy of unknown object type 'ordr'; did you mean 'order'?"),
        ("      amount: {", "      amont: {", "14: the policy of order names unknown property 'amont' of order; did you mean 'amount'?"),
        ("      amount: {", "      order_id: {", "14: 'order_id' is the key of order, which has no rule of its own; who may not"),
        ("      customer: {", "      custmer: {", "17: the policy of order names unknown link 'custmer'; did you mean 'customer'?"),
        ("amount < caller.level", "amout < 1", "12: the rows of order: reads unknown property 'amout'; did you mean 'amount'?"),
        ("amount < caller.level", "amount < caller.levl", "12: the rows of order: reads unknown attribute 'levl' of the caller; did"),
        ("amount < caller.level", "amount", "12: the rows of order: gives a number where a boolean is needed"),
        ("amount < caller.level", "caller == 1", "12: the rows of order: `caller` stands before a name, such as caller.id"),
        ("order.is_big, rem", "order.is_bg, rem", "19: declassify names unknown property 'is_bg' of order; did you mean 'is_big'?"),
        ("order.is_big, rem", "oder.is_big, rem", "19: declassify names unknown object type 'oder'; did you mean 'order'?"),
        ("order.is_big, rem", "order.placed_at, rem", "19: declassify removes 'personal', which order.placed_at itself asks for"),
        ("by: team:privacy", "by: somebody", "19: declassify.0.by: String should match pattern"),
        ("because: it names nobody, ", "", "19: 'because' is missing in declassify.0"),
        ("read: order/1", "read: oder/1", "21: a policy test reads unknown object type 'oder'; did you mean 'order'?"),
        ("read: order/1", "read: order/one", "21: a policy test reads order 'one', whose key is a whole number"),
        ("read: order/1", "read: order", "21: policy_tests.0.read: String should match pattern"),
        ("withheld: [amount]", "withheld: [amont]", "21: a policy test withholds unknown property 'amont' of order; did you mean"),
        ("expect: visible", "expect: hidden", "21: a policy test withholds properties of an object that is hidden as a whole"),
        ("level: 3}", "levl: 3}", "21: a policy test gives its caller unknown attribute 'levl'; did you mean 'level'?"),
        ("level: 3}", "level: high}", "21: a policy test gives 'high' for 'level', where a whole number is needed"),
        ("level: 3}", "level: true}", "21: a policy test gives True for 'level', where a whole number is needed"),
        ("level: 3}", "cities: [1]}", "21: a policy test gives (1,) for 'cities', where a list of texts is needed"),
        ("discover: true", "discovr: true", "15: unknown key 'discovr'; did you mean 'discover'?"),
        ("policy_tests:", "polic_tests:", "20: unknown key 'polic_tests'; did you mean 'policy_tests'?"),
        ("default: {read", "default: {raed", "8: unknown key 'raed'; did you mean 'read'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_the_nearest_name(specs: Write, old: str, new: str, told: str) -> None:
    assert old in ACCESS
    found = problems(specs, ACCESS.replace(old, new, 1))
    assert any(f"access.yaml:{told}" in problem for problem in found), found


def test_every_mistake_is_told_at_once(specs: Write) -> None:
    broken = ACCESS.replace("includes: [viewer]", "includes: [viewr]").replace("rows: amount", "rows: amout").replace("order/1", "oder/1")
    assert [problem.split(": ")[0] for problem in problems(specs, broken)] == [
        "ontology_specs/access.yaml:3", "ontology_specs/access.yaml:12", "ontology_specs/access.yaml:21",
    ]  # fmt: skip


def test_a_rule_stands_on_the_type_that_declares_the_link(specs: Write) -> None:
    found = problems(specs, "roles: [viewer]\npolicies:\n  customer:\n    links: {orders: {roles: [viewer]}}\n")
    assert found == [
        "ontology_specs/access.yaml:4: the policy of customer names unknown link 'orders'; "
        "it is order.customer seen from its other end: put the rule there"
    ]


def test_a_row_rule_reads_nothing_that_is_computed_later(specs: Write) -> None:
    late = CUSTOMER + "  order_count: {type: integer, derived: count(orders)}\n"
    found = problems(specs, "policies:\n  customer: {rows: order_count > 1}\n", customer=late)
    assert len(found) == 1
    assert "the rows of customer: 'order_count' is computed later, over links or with the indexes; a row rule reads what" in found[0]


def test_a_search_text_goes_along_no_link_with_a_rule(specs: Write) -> None:
    found = problems_of(specs(access=ACCESS))
    assert found == [
        "ontology_specs/access.yaml:17: the search text of order goes along order.customer; "
        "leave 'customer.name' out of the text, or the rule off the link"
    ]


def test_policies_of_functions_and_models_name_what_there_is(specs: Write) -> None:
    folder = specs(order=OPEN_ORDER, shared=FUNCTION, access="roles: [viewer]\nfunction_policies:\n  bst: {call: {roles: [viewer]}}\n")
    (folder / "f.py").write_text("def best(objects):\n    return ''\n")
    assert problems_of(folder) == ["ontology_specs/access.yaml:3: a policy of unknown function 'bst'; did you mean 'best'?"]
    (folder / "access.yaml").write_text("model_policies:\n  best: {read: {roles: []}}\n")
    assert problems_of(folder) == ["ontology_specs/access.yaml:2: a policy of unknown model 'best'"]


def test_markings_of_sources_and_properties_exist(specs: Write) -> None:
    sources = (
        "sources:\n  shop:\n    kind: files\n    markings: [a]\n    tables:\n"
        "      orders: {file: o.csv, markings: b, columns: {x: {type: string, markings: [c]}}}\n"
    )
    marked = CUSTOMER.replace("city: {type: string,", "city: {type: string, markings: [d],")
    told = problems(specs, "roles: [viewer]\n", sources=sources, customer=marked)
    assert [problem.partition(": ")[2].partition(";")[0] for problem in told] == [
        "property 'city' names unknown marking 'd'",
        "source 'shop' names unknown marking 'a'",
        "column 'x' names unknown marking 'c'",
        "table 'orders' names unknown marking 'b'",
    ]


def test_several_files_add_up_and_a_name_stands_in_one_of_them(specs: Write) -> None:
    more = "roles:\n  guest: {}\npolicy_tests:\n  - {as: {roles: guest}, read: customer/2, expect: hidden}\n"
    loaded = load_ontology(specs(order=OPEN_ORDER, access=ACCESS, more=more))
    assert loaded.ontology.roles.keys() == {"viewer", "analyst", "guest"}
    assert [case.name for case in policy_cases(loaded.ontology)] == ["ontology_specs/access.yaml#0", "ontology_specs/more.yaml#0"]
    again = "anonymous: [viewer]\nroles: [viewer]\ndefault: {read: {roles: []}}\n"
    assert problems(specs, ACCESS, more=again) == [
        "ontology_specs/more.yaml:1: anonymous: 'anonymous' is declared twice; first in ontology_specs/access.yaml",
        "ontology_specs/more.yaml:2: roles: 'viewer' is declared twice; first in ontology_specs/access.yaml",
        "ontology_specs/more.yaml:3: default: 'default' is declared twice; first in ontology_specs/access.yaml",
    ]


def test_what_a_broken_file_may_declare_is_not_told_as_missing(specs: Write) -> None:
    found = problems(specs, ACCESS, roles="roles:\n  auditor: {lable: x}\n", more="policies:\n  customer: {read: {roles: [auditor]}}\n")
    assert found == ["ontology_specs/roles.yaml:2: unknown key 'lable'; did you mean 'label'?"]


def test_specs_without_access_load_and_a_note_says_that_nobody_may_read(specs: Write) -> None:
    loaded, found = examine_specs(specs())
    (note,) = nobody_may_read(loaded)
    assert found == []
    assert str(note).startswith("ontology_specs/customer.yaml:1: no spec says who may read, so nobody may; write `roles: [viewer]` and")


@pytest.mark.parametrize(
    "access", [ACCESS, "roles: [a]\npolicies:\n  order: {read: {roles: [a]}}\n", "roles: [a]\ndefault: {read: {roles: a}}\n"]
)
def test_there_is_no_note_where_somebody_may_read(specs: Write, access: str) -> None:
    assert list(nobody_may_read(examine_specs(specs(order=OPEN_ORDER, access=access))[0])) == []


def test_two_hundred_policies_take_no_more_than_their_types(specs: Write) -> None:
    names = [f"thing_{number}" for number in range(200)]
    types = {name: ORDER.replace("object: order", f"object: {name}").replace("reverse: orders", f"reverse: {name}s") for name in names}
    policy = "  {}:\n    rows: amount < caller.level or customer_id in [1, 2]\n    properties: {{amount: {{roles: [viewer]}}}}\n"
    head = "roles: [viewer]\nattributes: {level: integer}\npolicies:\n"
    folder = specs(**types)
    alone = _seconds(folder)
    (folder / "access.yaml").write_text(head + "".join(policy.format(name) for name in names))
    assert _seconds(folder) < 10 * alone + 5


def _seconds(folder: object) -> float:
    began = time.process_time()
    try:
        load_ontology(folder)  # type: ignore[arg-type]
    except SpecError as error:
        raise AssertionError(str(error)) from error
    return time.process_time() - began
