"""Bad specs, bad SQL, missing files: every problem at once, each with its place, and the last release stays served."""

from __future__ import annotations

from pathlib import Path

import pytest

from palantir_assets.assets.problems import Findings, find_problems, look_over
from palantir_assets.cli import project as template
from palantir_assets.errors import BuildError, SpecError
from palantir_assets.settings import load_settings
from tests.assets.shop import BUILDS, CUSTOMER, ORDER, ORDERS_SQL, SOURCES, Shop

pytestmark = BUILDS

BROKEN = {
    "customer.yaml": """\
object: customer
label: Customer
from: marts.customers
key: customer_id
title: "{name}"
properties:
  customer_id: {type: string}
  name: {type: strin}
  city: {type: string, lable: City}
""",
    "order.yaml": """\
object: order
label: Order
from: marts.orders
key: order_nr
title: "Order {order_id}"
properties:
  order_id: {type: string}
  amount: {type: double, expect: {matches: "^[0-9]+$"}}
  shop_id: {type: string}
  is_large: {type: boolean, derived: amuont > 100}
links:
  shop: {to: shopp, by: shop_id, reverse: orders}
  customer: {to: customer, by: shop_id, reverse: orders}   # its file is broken, which is told there and not here
""",
    "shop.yaml": "object: shop\nlabel: Shop\nfrom: marts.shops\nkey: shop_id\ntitle: Shop\nproperties:\n  shop_id: {type: string}\n",
    "twice.yaml": "evals:\n  facts:\n    target: query\n    target: search\n",
    "half.yaml": "sources:\n  shop: {kind: files, tables: {\n",
    "gate.yaml": "evals:\n  facts: {target: query}\n",
    "empty.yaml": "object: nothing\n",
}


CONTRACT = "  - name: orders\n    description: One row for each order.\n    config: {contract: {enforced: true}}\n"


def test_every_problem_of_broken_specs_is_told_at_once_with_file_and_line(tmp_path: Path) -> None:
    template.write(tmp_path / "shop")
    folder = tmp_path / "shop" / "ontology_specs"
    for name, text in BROKEN.items():
        (folder / "shop" / name).write_text(text)
    told = "\n".join(str(problem) for problem in find_problems(load_settings({}, project=tmp_path / "shop")))
    assert f"{told}\n" == (Path(__file__).parent / "golden" / "problems.txt").read_text()


def test_a_project_that_holds_together_has_no_problems(shop: Shop) -> None:
    assert find_problems(shop.settings) == []


def test_a_project_that_nobody_may_read_holds_together_with_a_note(shop: Shop) -> None:
    (shop.root / "ontology_specs" / "shop" / "access.yaml").unlink()
    found = look_over(shop.settings)
    assert (found.problems, [note.message for note in found.notes]) == ((), ["no spec says who may read, so nobody may"])


def test_what_specs_and_tables_do_not_have_in_common_is_told_at_once(shop: Shop) -> None:
    shop.edit(ORDER, "links:\n", "  colour: {type: string}\nlinks:\n")
    shop.edit(CUSTOMER, "from: marts.customers", "from: marts.customer")
    shop.edit(SOURCES, "file: data/orders.csv", "file: data/order.csv")
    shop.edit(SOURCES, "      customers:\n", "      custmers:\n")
    told = [str(problem).replace(f"{shop.root}/", "") for problem in find_problems(shop.settings)]
    assert told == [
        f"ontology_specs/shop/sources.yaml:12: there is no file 'data/order.csv' in {shop.root}; did you mean 'orders.csv'?",
        "ontology_specs/shop/customer.yaml:6: there is no dbt model marts.customer; did you mean 'marts.customers'?",
        "ontology_specs/shop/order.yaml:16: property 'colour' has no column in marts.orders",
        "dbt_project/models/sources.yml: dbt source 'shop__customers' names the asset raw/shop__customers, which no source declares; "
        "did you mean 'raw/shop__custmers'?",
    ]


def test_a_missing_column_of_a_model_without_a_contract_is_told_before_it_is_made(shop: Shop) -> None:
    shop.edit("dbt_project/models/marts/marts.yml", CONTRACT, CONTRACT.partition("    config")[0])
    shop.edit(ORDERS_SQL, "select order_id, customer_id, ordered_at, amount, status", "select * exclude (status), status as state")
    told = [str(problem) for problem in find_problems(shop.settings)]
    assert told == ["ontology_specs/shop/order.yaml:14: property 'status' has no column in marts.orders; did you mean 'state'?"]


def test_columns_that_only_the_warehouse_knows_count_while_nothing_has_changed(shop: Shop) -> None:
    shop.edit("dbt_project/models/marts/marts.yml", CONTRACT, CONTRACT.partition("    config")[0])
    shop.edit(ORDERS_SQL, "select order_id", "{% set all = 1 %}select order_id")
    assert look_over(shop.settings) == Findings((), ("marts.orders",))
    assert shop.build().outcome.failed == []
    assert look_over(shop.settings) == Findings(())
    shop.edit(ORDER, "links:\n", "  stauts: {type: string}\nlinks:\n")
    (told,) = find_problems(shop.settings)
    assert told.message == "property 'stauts' has no column in marts.orders" and told.hint == "did you mean 'status'?"
    shop.edit("dbt_project/models/staging/stg_orders.sql", "select", "{{ '' }}select")
    assert look_over(shop.settings) == Findings((), ("marts.orders",))


def test_a_broken_spec_stops_a_build_before_anything_is_made(shop: Shop) -> None:
    before = shop.head()
    shop.edit(ORDER, "to: customer,", "to: custmer,")
    with pytest.raises(SpecError, match=r"order.yaml:18: link 'customer' points at unknown object type 'custmer'; did you mean 'customer'"):
        shop.build()
    assert shop.head() == before


def test_a_property_without_a_column_fails_its_object_type_with_file_and_line(shop: Shop) -> None:
    before = shop.head()
    shop.edit(ORDER, "links:\n", "  stauts: {type: string}\nlinks:\n")
    failed = shop.build()
    assert failed.outcome.failed == ["objects__order"]
    assert failed.made == set() and {"objects/order", "candidate/candidate"} <= set(failed.outcome.skipped)
    place = "ontology_specs/shop/order.yaml:16"
    assert f"{place}: property 'stauts' has no column in marts.orders; did you mean 'status'?" in failed.failures["objects__order"]
    assert shop.head() == before


def test_a_dbt_model_that_fails_is_named_and_nothing_is_released(shop: Shop) -> None:
    before = shop.head()
    shop.edit(ORDERS_SQL, "amount, status", "amount, cast(order_id as integer)::varchar as status")
    failed = shop.build()
    assert (failed.made, failed.outcome.failed) == (set(), ["tables"])
    said = failed.failures["tables"]
    assert said.startswith("dbt build failed:\n  model orders: ")
    assert "Could not convert string 'o-1001' to INT32" in said and "its log is " in said
    assert shop.head() == before


def test_a_source_file_that_is_gone_is_a_problem_and_leaves_what_was_made(shop: Shop) -> None:
    before = shop.head()
    (shop.root / "data" / "orders.csv").unlink()
    assert [problem.message.partition(" in ")[0] for problem in find_problems(shop.settings)] == ["there is no file 'data/orders.csv'"]
    assert shop.build().made == set()
    failed = shop.build(select="raw/shop__orders")
    assert failed.outcome.failed == ["raw__shop"] and "there is no file 'data/orders.csv'" in failed.failures["raw__shop"]
    assert shop.sql("SELECT count(*) FROM raw.shop__orders") == [(10,)]
    assert shop.head() == before


def test_a_file_without_a_declared_column_fails_its_table_and_names_the_column(shop: Shop) -> None:
    before = shop.head()
    shop.edit("data/orders.csv", "order_id,customer_id,ordered_at,amount,status", "order_id,customer_id,ordered_at,amonut,status")
    failed = shop.build()
    assert failed.outcome.failed == ["raw__shop"] and failed.made == set()
    assert (
        "orders.csv: its header does not fit the declaration:\n  there is no column amount; did you mean 'amonut'?"
        in failed.failures["raw__shop"]
    )
    assert shop.head() == before


@pytest.mark.parametrize(
    ("select", "words"),
    [
        ("objects/ordr", "did you mean 'objects/order'"),
        ("objects//(", "is not a selection"),
        ("group:nothing", "selects nothing"),
        ("", "is not a selection"),
    ],
)
def test_a_selection_of_nothing_is_refused(shop: Shop, select: str, words: str) -> None:
    with pytest.raises(BuildError, match=words.replace("(", r"\(")):
        shop.build(select=select)
