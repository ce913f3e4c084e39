"""What a dbt manifest tells of a model that its text does not: then everything that it may read counts."""

from __future__ import annotations

from typing import Any

import pytest

from palantir_assets.assets.model_lineage import lineage_of, made_nodes, unknown_lineage
from palantir_assets.lineage.reading import Column

SCHEMAS = {
    "raw.customers": {"id": "INTEGER", "name": "VARCHAR"},
    "raw.orders": {"id": "INTEGER"},
    "marts.m": {"id": "INTEGER"},
    "seeds.codes": {"code": "VARCHAR"},
}
SQL = 'select id from "warehouse"."raw"."orders"'
ORDERS = Column("raw.orders", "id")
CUSTOMERS = {Column("raw.customers", "id"), Column("raw.customers", "name")}


def source(name: str) -> dict[str, Any]:
    return {"resource_type": "source", "schema": "raw", "name": name, "identifier": name}


def model(name: str, *reads: str, **more: Any) -> dict[str, Any]:
    return {"resource_type": "model", "schema": "marts", "name": name, "depends_on": {"nodes": list(reads)}, **more}


def manifest(**nodes: dict[str, Any]) -> dict[str, Any]:
    return {"nodes": nodes, "sources": {"orders": source("orders"), "customers": source("customers")}}


def test_a_model_in_sql_is_read_from_its_text() -> None:
    node = model("m", "orders")
    found = lineage_of(node, manifest(m=node), SQL, SCHEMAS)
    assert (found.certain, found.values, found.rows) == (True, {"id": (ORDERS,)}, ())


def test_what_is_read_while_the_text_is_written_decides_about_the_rows() -> None:
    node = model("m", "orders", "customers")
    assert set(lineage_of(node, manifest(m=node), SQL, SCHEMAS).rows) == CUSTOMERS


def test_an_ephemeral_model_stands_for_what_it_reads_and_is_no_table() -> None:
    node, ephemeral = model("m", "e"), model("e", "orders", config={"materialized": "ephemeral"})
    found = manifest(m=node, e=ephemeral)
    sql = f"with __dbt__cte__e as ({SQL}) select id from __dbt__cte__e"
    assert lineage_of(node, found, sql, SCHEMAS).inputs == ("raw.orders",)
    assert list(made_nodes(found)) == ["marts.m"]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"config": {"materialized": "incremental"}}, id="incremental"),
        pytest.param({"resource_type": "snapshot"}, id="a snapshot"),
        pytest.param({"language": "python"}, id="Python"),
        pytest.param({"config": {"post-hook": [{"sql": "update marts.m set id = 1"}]}}, id="a hook"),
    ],
)
def test_what_its_text_does_not_tell_whole_counts_everything_it_may_read(more: dict[str, Any]) -> None:
    node = model("m", "orders", "customers", **more)
    found = lineage_of(node, manifest(m=node), SQL, SCHEMAS)
    assert not found.certain
    assert set(found.rows) == set(found.values["id"]) == {ORDERS, *CUSTOMERS}


def test_a_hook_that_names_a_table_reads_it() -> None:
    node = model("m", "orders", config={"pre-hook": ["insert into marts.m select id from raw.customers"]})
    assert set(lineage_of(node, manifest(m=node), SQL, SCHEMAS).rows) == {ORDERS, *CUSTOMERS}


def test_a_seed_is_made_of_nothing_and_an_unknown_model_of_everything() -> None:
    seed, node = {"resource_type": "seed", "schema": "seeds", "name": "codes"}, model("m", "customers")
    assert lineage_of(seed, manifest(codes=seed), "", SCHEMAS).values == {"code": ()}
    assert set(unknown_lineage(node, manifest(m=node), SCHEMAS).rows) == CUSTOMERS
