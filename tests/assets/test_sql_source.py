"""A table of a database is a source like any other: what changed there makes its own branch, and nothing else."""

from __future__ import annotations

import csv

import pytest

from palantir_assets.assets.problems import find_problems
from tests.assets.shop import BUILDS, PUBLISHING, SOURCES, Shop
from tests.sources.databases import ShopDatabase

pytestmark = BUILDS

OF_ORDERS = {
    "raw/shop__orders",
    "staging/stg_orders",
    "marts/orders",
    "tables/dbt_docs",
    "objects/order",
    "links/order__customer",
    "graph/links",
}


@pytest.fixture
def database(shop: Shop) -> ShopDatabase:
    """The shop's two files as tables of a SQLite file in the project, and declared so."""
    database = ShopDatabase(f"sqlite:///{shop.root / 'data' / 'shop.db'}", shop.root)
    for name in ("customers", "orders"):
        with (shop.root / "data" / f"{name}.csv").open(newline="") as file:
            rows = [{column: value or None for column, value in row.items()} for row in csv.DictReader(file)]
        database.run(
            f"CREATE TABLE {name} ({', '.join(rows[0])})", f"INSERT INTO {name} VALUES ({', '.join(f':{c}' for c in rows[0])})", rows=rows
        )
        shop.edit(SOURCES, f"file: data/{name}.csv", f"table: {name}\n        key: {name[:-1]}_id")
    shop.edit(SOURCES, "kind: files", 'kind: sql\n    sql: {url: "sqlite:///data/shop.db"}')
    return database


def test_a_changed_row_makes_its_own_branch_again(shop: Shop, database: ShopDatabase) -> None:
    assert find_problems(shop.settings) == []
    built = shop.build()
    assert built.outcome.failed == [] and {"raw/shop__orders", "raw/shop__customers"} <= built.made
    assert shop.build().made == set()
    before = shop.head()
    database.run("UPDATE orders SET amount = 130001 WHERE order_id = 'o-1002'")
    again = shop.build()
    assert again.made == OF_ORDERS | PUBLISHING
    assert shop.served("order", "o-1002")["amount"] == 130001
    assert shop.head() != before
    assert shop.build().made == set()


@pytest.mark.soundness  # of the long tier, as it builds again and again
def test_a_database_that_is_gone_leaves_what_was_built_and_is_told(shop: Shop, database: ShopDatabase) -> None:
    shop.build()
    before = shop.head()
    (shop.root / "data" / "shop.db").rename(shop.root / "data" / "shop-old.db")
    assert shop.build().made == set()
    assert shop.head() == before
    problems = [str(problem) for problem in find_problems(shop.settings)]
    assert len(problems) == 2 and all("there is no file 'shop.db' in" in problem and "sources.yaml:" in problem for problem in problems)
    failed = shop.build(select="raw/shop__orders")
    assert any("there is no file 'shop.db' in" in said for said in failed.failures.values())
