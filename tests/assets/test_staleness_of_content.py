"""A build makes what another content asks for, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from palantir_assets.ontology.served_access import ACCESS_FILE, ServedAccess
from palantir_assets.release.manifest import read_manifest, verify
from tests.assets.conftest import First
from tests.assets.shop import ACCESS, BUILDS, CUSTOMER, EVALS, EVERY_ASSET, ORDER, ORDERS_CSV, ORDERS_SQL, PUBLISHING, Shop

pytestmark = BUILDS

Edit = Callable[[Shop], None]


def test_a_cold_build_makes_every_asset_once_and_a_release(first: First) -> None:
    assert first.built.made == EVERY_ASSET
    assert first.built.outcome.failed == [] == first.built.outcome.skipped
    assert first.shop.head() == first.built.outcome.release_id


def test_a_second_build_makes_nothing(shop: Shop) -> None:
    before = shop.head()
    again = shop.build()
    assert (again.outcome.rounds, again.outcome.materialised, again.events) == (0, [], [])
    assert again.outcome.release_id == before == shop.head()


def replaced(file: str, old: str, new: str) -> Edit:
    return lambda shop: shop.edit(file, old, new)


def appended(file: str, text: str) -> Edit:
    return lambda shop: shop.append(file, text)


def commented(shop: Shop) -> None:
    shop.append(ORDERS_SQL, "-- a comment\n/* and another */\n")
    shop.append("dbt_project/models/marts/marts.yml", "# a comment\n")


def touched(shop: Shop) -> None:
    content = (shop.root / ORDERS_CSV).read_bytes()
    (shop.root / ORDERS_CSV).unlink()
    (shop.root / ORDERS_CSV).write_bytes(content)


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(commented, id="comments in SQL and in dbt's YAML"),
        pytest.param(appended(ORDER, "# a comment\n"), id="a comment in a spec"),
        pytest.param(replaced(ORDER, "owner: team:shop\n", "owner:    team:shop   # theirs\n"), id="spaces in a spec"),
        pytest.param(touched, id="the same bytes written again"),
    ],
)
def test_what_says_the_same_makes_nothing(shop: Shop, edit: Edit) -> None:
    before = shop.head()
    edit(shop)
    again = shop.build()
    assert (again.made, again.checks) == (set(), [])
    assert shop.head() == before


@pytest.mark.parametrize(
    ("edit", "checks"),
    [
        pytest.param(replaced(ORDER, "expect: {min: 0}", "expect: {min: 1}"), ["objects/order expectations passed"], id="a constraint"),
        pytest.param(replaced(ORDER, "orphans: warn", "orphans: allow"), [], id="a check that is no longer wanted"),
        pytest.param(replaced(EVALS, "at_least: 1.0", "at_least: 0.9"), ["evals/facts gate passed"], id="the gate of a suite"),
    ],
)
def test_another_expectation_asks_its_own_check_and_releases(shop: Shop, edit: Edit, checks: list[str]) -> None:
    before = shop.head()
    edit(shop)
    again = shop.build()
    assert (again.made, again.checks) == ({"release/release"}, checks)
    assert shop.head() == again.outcome.release_id != before


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(replaced(ORDER, "label: {en: Order, ko: 주문}", "label: {en: Purchase, ko: 구매}"), id="of an object type"),
        pytest.param(replaced(CUSTOMER, "Somebody who has an account", "A person with an account"), id="a description"),
    ],
)
def test_another_label_makes_the_candidate_and_the_release_only(shop: Shop, edit: Edit) -> None:
    before = shop.head()
    edit(shop)
    again = shop.build()
    assert (again.made, again.checks) == (PUBLISHING - {"evals/facts"}, [])
    assert shop.head() != before


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(replaced(ACCESS, "default:", "anonymous: [viewer]\ndefault:"), id="who gets in without a token"),
        pytest.param(appended(ACCESS, "policies: {order: {rows: amount > 1, properties: {status: {roles: [admin]}}}}\n"), id="a policy"),
    ],
)
def test_who_may_makes_the_candidate_and_the_release_only(shop: Shop, edit: Edit) -> None:
    before = shop.head()
    edit(shop)
    again = shop.build()
    assert (again.made, again.checks) == (PUBLISHING - {"evals/facts"}, [])
    assert shop.head() != before


def test_a_release_holds_who_may_as_content(shop: Shop) -> None:
    shop.append(ACCESS, "policies: {order: {properties: {amount: {roles: [admin]}}}}\n")
    shop.build()
    folder = shop.settings.releases / str(shop.head())
    access = ServedAccess.model_validate_json((folder / ACCESS_FILE).read_bytes())
    assert access.types["order"].properties["amount"].roles == ("admin",)
    assert access.types["customer"].read == ("viewer",)
    assert ACCESS_FILE in read_manifest(folder).content
    (folder / ACCESS_FILE).write_bytes((folder / ACCESS_FILE).read_bytes().replace(b"admin", b"other"))
    assert [str(problem.place) for problem in verify(folder)] == [str(folder / ACCESS_FILE)]


def test_another_expression_with_the_same_content_makes_that_object_type_and_the_release_that_tells_it(shop: Shop) -> None:
    before = shop.head()
    shop.edit(ORDER, "amount >= 100000", "not (amount < 100000)")
    again = shop.build()
    released = {"candidate/answers", "candidate/candidate", "release/release"}
    assert (again.made, again.checks) == ({"objects/order", *released}, ["objects/order expectations passed"])
    assert shop.head() != before


def test_another_spelling_of_an_expression_makes_nothing(shop: Shop) -> None:
    before = shop.head()
    shop.edit(ORDER, "amount >= 100000", "(amount>=100000)")
    assert shop.build().made == set()
    assert shop.head() == before


def test_another_expression_with_other_content_makes_what_stands_on_it(shop: Shop) -> None:
    assert shop.served("order", "o-1002")["is_large"] is True
    shop.edit(ORDER, "amount >= 100000", "amount >= 200000")
    again = shop.build()
    assert again.made == {"objects/order", "links/order__customer", "graph/links"} | PUBLISHING
    assert shop.served("order", "o-1002")["is_large"] is False


def test_a_new_derived_property_is_made_checked_and_served(shop: Shop) -> None:
    shop.edit(ORDER, "links:\n", "  is_small: {type: boolean, derived: 'not is_large', optional: true}\nlinks:\n")
    assert shop.build().made == {"objects/order", "links/order__customer", "graph/links"} | PUBLISHING
    assert shop.served("order", "o-1001")["is_small"] is True
    assert "is_small" not in shop.served("order", "o-1007")


def test_another_file_makes_its_own_branch_and_keeps_a_ragged_line_with_its_number(shop: Shop) -> None:
    shop.append(ORDERS_CSV, "o-1011,c-005,2024-03-10 10:00:00,7000,open\no-1012,c-001,too few\n")
    again = shop.build()
    tables = {"raw/shop__orders", "staging/stg_orders", "marts/orders", "tables/dbt_docs"}
    assert again.made == tables | {"objects/order", "links/order__customer", "graph/links"} | PUBLISHING
    assert shop.served("order", "o-1011")["amount"] == 7000
    assert shop.served("order", "o-1012") is None
    assert shop.metadata("raw/shop__orders")["refused_rows"] == 1
    assert shop.sql("SELECT line, raw, reason FROM raw.shop__orders__refused") == [
        (13, "o-1012,c-001,too few", "has 3 fields where the header has 5")
    ]


@pytest.mark.parametrize(
    ("select", "made"),
    [
        ("objects/order", {"objects/order"}),
        ("group:links", {"links/order__customer"}),
        ('key:"objects/*"', {"objects/order", "objects/customer"}),
        ("candidate/candidate", {"candidate/candidate", "candidate/answers"}),
        ("objects/order+ and +graph/links", {"objects/order", "links/order__customer", "graph/links"}),
    ],
)
def test_what_is_selected_is_made_stale_or_not(shop: Shop, select: str, made: set[str]) -> None:
    before = shop.head()
    again = shop.build(select=select)
    assert (again.made, again.outcome.failed) == (made, [])
    assert shop.build().made == set()
    assert shop.head() == before
