"""Which columns a SELECT gives: told to the last one, or not at all."""

from __future__ import annotations

import pytest

from palantir_assets.lineage.outputs import output_columns

pytestmark = pytest.mark.filterwarnings("ignore:sqlglotrs is deprecated:DeprecationWarning")

SCHEMAS = {"raw.orders": {"id": "INTEGER", "amount": "INTEGER"}, "raw.customers": {"id": "INTEGER", "name": "VARCHAR"}}


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("select * from raw.orders", ("id", "amount")),
        ('from "warehouse"."raw"."orders"', ("id", "amount")),
        ("select o.*, name as buyer from raw.orders o join raw.customers c using (id)", ("id", "amount", "buyer")),
        ("with big as (select * from raw.orders where id > 3) select * exclude (amount), 1 as one from big", ("id", "one")),
        ("select amount from raw.orders union all select id from raw.customers", ("amount",)),
        ("select i from range(5) r(i)", ("i",)),
    ],
)
def test_the_columns_of_a_select_are_told_in_its_order(sql: str, columns: tuple[str, ...]) -> None:
    assert output_columns(sql, SCHEMAS) == columns


@pytest.mark.parametrize(
    "sql",
    [
        "select * from raw.nobody",
        "select columns('a.*') from raw.orders",
        "pivot raw.orders on id using sum(amount)",
        "select id, unnest({'a': 1, 'b': 2}) from raw.orders",
        "select from from",
        "create table x as select 1 as y",
        "{{ macro() }}",
        "",
    ],
)
def test_what_cannot_be_told_to_the_last_column_is_not_guessed(sql: str) -> None:
    assert output_columns(sql, SCHEMAS) is None
