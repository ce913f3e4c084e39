"""Specs as SQL, run on real tables: rows, titles, links, orphans and paths."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from palantir_assets.ontology.compiling import link_select, missing_columns, object_select, orphans_select, paths_select, served_ontology
from palantir_assets.ontology.reading import Loaded


@pytest.fixture
def warehouse(shop: Loaded) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA marts; CREATE SCHEMA objects; CREATE SCHEMA links")
        con.execute(
            "CREATE TABLE marts.customers AS SELECT * FROM (VALUES (2, 'Bo', NULL), (1, '안나', '서울')) t(customer_id, name, city)"
        )
        con.execute(
            "CREATE TABLE marts.orders AS SELECT * FROM (VALUES (12, 1, 150, now()), (11, 2, 5, now()), (13, 9, NULL, now())) "
            "t(order_id, customer_id, amount, placed_at)"
        )
        for name, object_type in shop.ontology.objects.items():
            con.execute(f"CREATE TABLE objects.{name} AS {object_select(shop.ontology, object_type)}")
        order = shop.ontology.objects["order"]
        con.execute(f"CREATE TABLE links.order__customer AS {link_select(shop.ontology, order, order.links['customer'])}")
        yield con


def test_objects_are_numbered_in_key_order_and_titled(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert warehouse.execute('SELECT _row, _title, is_big FROM objects."order"').fetchall() == [
        (0, "Order 11", False),
        (1, "Order 12", True),
        (2, "Order 13", None),
    ]


def test_a_link_pairs_rows_and_lists_the_keys_that_lead_nowhere(warehouse: duckdb.DuckDBPyConnection, shop: Loaded) -> None:
    order = shop.ontology.objects["order"]
    assert warehouse.execute("SELECT * FROM links.order__customer").fetchall() == [(0, 1), (1, 0)]
    assert warehouse.execute(orphans_select(shop.ontology, order, order.links["customer"])).fetchall() == [("9", 1)]


def test_a_path_follows_links_and_is_null_where_one_is_missing(warehouse: duckdb.DuckDBPyConnection, shop: Loaded) -> None:
    sql = paths_select(shop.ontology, "order", ["customer.name", "amount"], also=["order_id"])
    assert warehouse.execute(sql).fetchall() == [(0, 11, "Bo", 5.0), (1, 12, "안나", 150.0), (2, 13, None, None)]


def test_a_property_without_a_column_is_told_with_its_line(shop: Loaded) -> None:
    problems = missing_columns(shop, shop.ontology.objects["order"], ["order_id", "customer_id", "amout", "placed_at"])
    assert [str(problem) for problem in problems] == [
        "ontology_specs/order.yaml:9: property 'amount' has no column in marts.orders; did you mean 'amout'?"
    ]


def test_what_is_served_says_where_a_property_comes_from_and_nothing_of_what_is_expected(shop: Loaded) -> None:
    served = served_ontology(shop.ontology)
    assert {name: prop.origin for name, prop in served.types["order"].properties.items()}["is_big"] == "derived"
    assert "min" not in served.model_dump_json()
    assert [(end.name, end.to_type, end.many) for end in served.links_of("customer").values()] == [("orders", "order", True)]
