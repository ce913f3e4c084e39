"""A database says where it is and what is read of it, puts no secret into a spec, and has no word of a file."""

from __future__ import annotations

import pytest

from tests.ontology.conftest import Write, problems_of

SOURCES = """\
sources:
  shop:
    kind: {kind}
    {sql}
    tables:
      orders: {{{table}, columns: {columns}}}
"""
COLUMNS = "{order_id: string, changed_at: timestamp}"
FROM = "sql: {url_from: SHOP_DATABASE_URL}"


@pytest.mark.parametrize(
    ("kind", "sql", "told"),
    [
        ("sql", "description: a shop", "data.yaml:2: source 'shop': `sql` stands with `kind: sql`, and only there"),
        ("sql", "sql: {}", "`sql` tells its `url_from` or its `url`: one of them"),
        ("sql", "sql: {url_from: SHOP, url: 'sqlite:///data/shop.db'}", "`sql` tells its `url_from` or its `url`: one of them"),
        ("sql", "sql: {url_from: PALANTIR_LEDGER_URL}", "PALANTIR_LEDGER_URL is kept for settings of the platform"),
        ("sql", "sql: {url: 'sqlite:///data/../../shop.db'}", "points out of the project; name a file inside it"),
        ("sql", "sql: {url: 'sqlite:////srv/shop.db'}", "String should match pattern"),
        ("sql", "sql: {url: 'postgresql://u:p@host/shop'}", "String should match pattern"),
        ("sql", "sql: {url_from: 'postgresql://u:p@host/shop'}", "String should match pattern"),
        ("sql", "sql: {url_from: SHOP, timeout: long}", "String should match pattern"),
    ],
)
def test_where_a_database_is_must_be_told_once_and_without_a_secret(specs: Write, kind: str, sql: str, told: str) -> None:
    (problem,) = problems_of(specs(data=SOURCES.format(kind=kind, sql=sql, table="table: orders", columns=COLUMNS)))
    assert told in problem


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("description: rows", "it needs a `table` or a `query`: one of them"),
        ("table: orders, query: SELECT 1", "it needs a `table` or a `query`: one of them"),
        ("table: a.b.c", "String should match pattern"),
        ("table: orders, key: ordr_id", "`key` names 'ordr_id', which is no declared column; did you mean 'order_id'?"),
        ("table: orders, cursor: updated_at", "`cursor` names 'updated_at', which is no declared column"),
        ("table: orders, read: changes", "`read: changes` needs a `key` and a `cursor`"),
        ("table: orders, read: changes, key: order_id", "`read: changes` needs a `key` and a `cursor`"),
        ("table: orders, file: data/orders.csv", "`file` is not of a source of `kind: sql`"),
        ("table: orders, csv: {delimiter: ;}", "`csv` is not of a source of `kind: sql`"),
        ("table: orders, member: x", "`member` is not of a source of `kind: sql`"),
    ],
)
def test_what_is_read_of_a_database_is_told_once(specs: Write, table: str, told: str) -> None:
    (problem,) = problems_of(specs(data=SOURCES.format(kind="sql", sql=FROM, table=table, columns=COLUMNS)))
    assert told in problem


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ("{order_id: {type: string, optional: true}, changed_at: date}", "`key` names 'order_id', which may be missing"),
        ("{order_id: string, changed_at: {type: date, optional: true}}", "`cursor` names 'changed_at', which may be missing"),
        ("{order_id: {type: string, position: 1}, changed_at: date}", "column 'order_id' has a `position`, which is of a file"),
    ],
)
def test_columns_of_a_database_have_names_and_are_there(specs: Write, columns: str, told: str) -> None:
    table = "table: orders, key: order_id, cursor: changed_at"
    (problem,) = problems_of(specs(data=SOURCES.format(kind="sql", sql=FROM, table=table, columns=columns)))
    assert told in problem


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("description: rows", "it needs a `file`"),
        ("file: data/orders.csv, cursor: changed_at", "`cursor` is not of a source of `kind: files`"),
        ("file: data/orders.csv, read: changes", "`read` is not of a source of `kind: files`"),
        ("file: data/orders.csv, table: orders", "`table` is not of a source of `kind: files`"),
    ],
)
def test_a_file_is_not_told_as_a_table(specs: Write, table: str, told: str) -> None:
    (problem,) = problems_of(specs(data=SOURCES.format(kind="files", sql="description: a shop", table=table, columns=COLUMNS)))
    assert told in problem


@pytest.mark.parametrize("table", ["table: orders", "table: public.orders, key: [order_id], cursor: changed_at", "query: SELECT 1"])
def test_what_fits_has_no_problem(specs: Write, table: str) -> None:
    assert problems_of(specs(data=SOURCES.format(kind="sql", sql=FROM, table=table, columns=COLUMNS))) == []
