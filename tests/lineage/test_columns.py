"""Column lineage: right where the SQL is read, too much rather than too little where it is not."""

from __future__ import annotations

import pytest

from palantir_assets.lineage.columns import Column, Sources, column_lineage

pytestmark = pytest.mark.filterwarnings("ignore:sqlglotrs is deprecated:DeprecationWarning")

SCHEMAS = {
    "raw.orders": {"id": "INTEGER", "amount": "INTEGER", "tags": "VARCHAR[]"},
    "raw.customers": {"id": "INTEGER", "name": "VARCHAR"},
}


def sources(sql: str, **columns: str) -> dict[str, Sources]:
    return column_lineage({"marts.m": sql}, {**SCHEMAS, "marts.m": columns})["marts.m"]


def of(*names: str) -> Sources:
    return Sources(tuple(Column(*name.rsplit(".", 1)) for name in sorted(names)))


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select amount as x from raw.orders", of("raw.orders.amount")),
        ('select amount as x from "warehouse"."raw"."orders"', of("raw.orders.amount")),
        ("select o.amount + c.id as x from raw.orders o join raw.customers c using (id)", of("raw.orders.amount", "raw.customers.id")),
        ("with big as (select * from raw.orders where id > 3) select sum(amount) as x from big", of("raw.orders.amount")),
        ("select amount as x from raw.orders union all select id from raw.customers", of("raw.orders.amount", "raw.customers.id")),
        ("select (select max(name) from raw.customers c where c.id = o.id) as x from raw.orders o", of("raw.customers.name")),
        ("select x from raw.orders, unnest(orders.tags) t(x)", of("raw.orders.tags")),
        ("select count(*) as x from raw.orders", of()),
        ("select i as x from range(5) r(i)", of()),
    ],
)
def test_a_column_is_traced_to_the_columns_it_is_computed_from(sql: str, expected: Sources) -> None:
    assert sources(sql, x="INTEGER") == {"x": expected}


def test_a_star_is_expanded_and_names_keep_their_spelling() -> None:
    assert sources('select *, name as "Name2" from raw.customers', id="INTEGER", name="VARCHAR", Name2="VARCHAR") == {
        "id": of("raw.customers.id"),
        "name": of("raw.customers.name"),
        "Name2": of("raw.customers.name"),
    }


@pytest.mark.parametrize(
    "sql",
    [
        "select from from raw.customers where (",
        "select nothing_like_it as x from raw.customers",
        "select columns('na.*') from raw.customers",
        "pivot raw.customers on id using max(name)",
    ],
)
def test_what_cannot_be_read_has_every_column_of_its_inputs_and_says_so(sql: str) -> None:
    everything = (Column("raw.customers", "id"), Column("raw.customers", "name"))
    assert sources(sql, x="VARCHAR") == {"x": Sources(everything, certain=False)}
