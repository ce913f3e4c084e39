"""Values and rows of a model, by hand: what its column `x` is made of, and what decides the rows it stands in.

Every text runs on DuckDB first, so that none of them says what no model could.
"""

from __future__ import annotations

import duckdb
import pytest

from palantir_assets.lineage.columns import Column, ModelLineage, model_lineage

pytestmark = pytest.mark.filterwarnings("ignore:sqlglotrs is deprecated:DeprecationWarning")

SCHEMAS = {
    "raw.orders": {
        "id": "INTEGER",
        "amount": "INTEGER",
        "tags": "VARCHAR[]",
        "spot": "STRUCT(a INTEGER, b INTEGER)",
        "placed": "TIMESTAMP",
    },
    "raw.customers": {"id": "INTEGER", "name": "VARCHAR", "city": "VARCHAR"},
}
SHORT = {"o": "raw.orders", "c": "raw.customers"}
EVERY_ORDER = "o.id o.amount o.tags o.spot o.placed"
EVERY_CUSTOMER = "c.id c.name c.city"

READ: list[tuple[str, str, str]] = [
    # plain values
    ("select amount as x from raw.orders", "o.amount", ""),
    ("from raw.orders select amount as x", "o.amount", ""),
    ('select "AMOUNT" as X from RAW."Orders"', "o.amount", ""),
    ("select id + amount as x from raw.orders", "o.id o.amount", ""),
    ("select case when amount > 3 then id else 0 end as x from raw.orders", "o.amount o.id", ""),
    ("select 1 as x from raw.orders", "", ""),
    ("select spot.a as x from raw.orders", "o.spot", ""),
    ("select o.spot.b as x from raw.orders o", "o.spot", ""),
    ("select spot['a'] as x from raw.orders", "o.spot", ""),
    ("select {'a': id, 'b': amount} as x from raw.orders", "o.id o.amount", ""),
    ("select o as x from raw.orders o", EVERY_ORDER, ""),
    ("select tags[1] || id as x from raw.orders", "o.tags o.id", ""),
    ("select amount::varchar as x from raw.orders", "o.amount", ""),
    ("select extract('year' from placed) as x from raw.orders", "o.placed", ""),
    ("select id as y, y + amount as x from raw.orders", "o.id o.amount", ""),
    # lambdas and comprehensions
    ("select list_transform(tags, lambda t: t || id) as x from raw.orders", "o.tags o.id", ""),
    ("select list_filter(tags, lambda id: id <> 'a') as x from raw.orders", "o.tags", ""),
    ("select [t || id for t in tags if t <> 'a'] as x from raw.orders", "o.tags o.id", ""),
    ("select list_reduce(tags, lambda a, b: a || b || amount) as x from raw.orders", "o.tags o.amount", ""),
    # stars
    ("select * exclude (id, tags, spot, placed) rename (amount as x) from raw.orders", "o.amount", ""),
    ("select x from (select * replace (amount * id as amount) from raw.orders) o(i, x, t, s, p)", "o.amount o.id", ""),
    ("select amount as x from (select * exclude (tags) replace (amount * id as amount) from raw.orders)", "o.amount o.id", ""),
    ("select o.*, name as x from raw.orders o join raw.customers using (id)", "c.name", "o.id c.id"),
    # filters
    ("select id as x from raw.orders where amount > 3", "o.id", "o.amount"),
    ("select amount as x from raw.orders where x > 3", "o.amount", "o.amount"),
    ("select id as x from raw.orders where id in (select id from raw.customers where city = 'Seoul')", "o.id", "o.id c.id c.city"),
    ("select id as x from raw.orders where amount > (select avg(id) from raw.customers)", "o.id", "o.amount c.id"),
    ("select id as x from raw.orders o where exists (select 1 from raw.customers c where c.id = o.amount)", "o.id", "c.id o.amount"),
    ("select id as x from raw.orders o where not exists (from raw.customers c where c.id = o.id)", "o.id", f"{EVERY_CUSTOMER} o.id"),
    ("select amount as x from raw.orders o where id = any (select id from raw.customers)", "o.amount", "o.id c.id"),
    # joins
    ("select amount as x from raw.orders o join raw.customers c on o.id = c.id", "o.amount", "o.id c.id"),
    ("select amount as x from raw.orders join raw.customers using (id)", "o.amount", "o.id c.id"),
    ("select id as x from raw.orders join raw.customers using (id)", "o.id c.id", "o.id c.id"),
    ("select amount as x from raw.orders natural join raw.customers", "o.amount", "o.id c.id"),
    ("select amount as x from raw.orders o left join raw.customers c on o.id = c.id and c.city = 'Seoul'", "o.amount", "o.id c.id c.city"),
    ("select id as x from raw.orders semi join raw.customers using (id)", "o.id", "o.id c.id"),
    ("select o.id as x from raw.orders o anti join raw.customers c on o.id = c.id and c.name = 'Kim'", "o.id", "o.id c.id c.name"),
    ("select o.id as x from raw.orders o asof join raw.customers c on o.amount >= c.id", "o.id", "o.amount c.id"),
    ("select amount as x from raw.orders, raw.customers where orders.id = customers.id", "o.amount", "o.id c.id"),
    ("select amount as x from raw.orders cross join raw.customers", "o.amount", ""),
    ("select o.amount as x from raw.orders o join (select id from raw.customers where city = 'Jeju') c using (id)", "o.amount",
     "o.id c.id c.city"),
    # groups and aggregates
    ("select count(*) as x from raw.orders", "", ""),
    ("select count(*) as x from raw.orders group by amount", "", "o.amount"),
    ("select sum(amount) as x from raw.orders group by all", "o.amount", ""),
    ("select sum(amount) as x, upper(city) as y from raw.orders join raw.customers using (id) group by all", "o.amount",
     "o.id c.id c.city"),
    ("select amount as y, count(*) as x from raw.orders group by 1", "", "o.amount"),
    ("select amount % 2 as y, count(*) as x from raw.orders group by y", "", "o.amount"),
    ("select id as x from raw.orders group by id having sum(amount) > 3", "o.id", "o.id o.amount"),
    ("select sum(amount) filter (where tags is not null) as x from raw.orders", "o.amount o.tags", ""),
    ("select count(distinct amount) as x from raw.orders", "o.amount", ""),
    ("select arg_max(id, amount) as x from raw.orders", "o.id o.amount", ""),
    ("select string_agg(id::varchar, ',' order by placed) as x from raw.orders", "o.id o.placed", ""),
    ("select count(*) as x from raw.orders group by rollup (id, amount)", "", "o.id o.amount"),
    ("select count(*) as x from raw.orders group by grouping sets ((id), (amount))", "", "o.id o.amount"),
    # windows
    ("select row_number() over (partition by amount order by placed) as x from raw.orders", "o.amount o.placed", ""),
    ("select sum(amount) over w as x from raw.orders window w as (partition by id order by placed)", "o.amount", "o.id o.placed"),
    ("select id as x from raw.orders qualify row_number() over (partition by amount order by placed) = 1", "o.id", "o.amount o.placed"),
    ("select id as x, rank() over (order by amount) as place from raw.orders qualify place < 3", "o.id", "o.amount"),
    # order, limit, distinct
    ("select id as x from raw.orders order by amount limit 3", "o.id", "o.amount"),
    ("select id as x from raw.orders order by amount", "o.id", "o.amount"),
    ("select id as x, amount from raw.orders order by 2 limit 3", "o.id", "o.amount"),
    ("select id as x, amount from raw.orders order by all limit 3", "o.id", "o.id o.amount"),
    ("select id as x from raw.orders limit (select max(id) from raw.customers)", "o.id", "c.id"),
    ("select distinct id as x, amount from raw.orders", "o.id", "o.id o.amount"),
    ("select distinct on (amount) id as x from raw.orders order by placed", "o.id", "o.amount o.placed"),
    ("select id as x from raw.orders using sample 10 rows", "o.id", ""),
    # set operations
    ("select amount as x from raw.orders union all select id from raw.customers", "o.amount c.id", ""),
    ("select amount as x from raw.orders union select id from raw.customers", "o.amount c.id", "o.amount c.id"),
    ("select amount as x from raw.orders except select id from raw.customers", "o.amount c.id", "o.amount c.id"),
    ("select id as x from raw.orders intersect all select id from raw.customers", "o.id c.id", "o.id c.id"),
    ("select id, amount as x from raw.orders union all by name select length(name) as x, id from raw.customers", "o.amount c.name", ""),
    ("select id as y, amount as x from raw.orders union all by name select id as y, 1 as x from raw.customers", "o.amount", ""),
    ("select id as x from raw.orders union all select id from raw.customers order by x limit 3", "o.id c.id", "o.id c.id"),
    ("select 1 as x union all select amount from raw.orders union all select id from raw.customers", "o.amount c.id", ""),
    # subqueries and CTEs
    ("with big as (select * from raw.orders where amount > 3) select id as x from big", "o.id", "o.amount"),
    ("with a as (select id, amount from raw.orders), b as (select a.id from a where amount > 3) select id as x from b", "o.id", "o.amount"),
    ("with a as materialized (select id, city k from raw.customers) select amount as x from raw.orders join a using (id) where k = 'Jeju'",
     "o.amount", "o.id c.id c.city"),
    ("with orders as (select name as amount from raw.customers) select amount as x from orders", "c.name", ""),
    ("with a(k, v) as (select id, amount from raw.orders) select v as x from a where k > 3", "o.amount", "o.id"),
    ("select (select max(name) from raw.customers c where c.id = o.id) as x from raw.orders o", "c.name", "c.id o.id"),
    ("select (select o.amount + max(c.id) from raw.customers c) as x from raw.orders o", "o.amount c.id", ""),
    ("select (select count(*) from raw.customers c where c.id = o.id) as x from raw.orders o", "", "c.id o.id"),
    ("select m as x from raw.orders o, lateral (select max(name) as m from raw.customers c where c.id = o.id) l", "c.name", "c.id o.id"),
    ("select m as x from raw.orders o left join lateral (select c.name || o.amount as m from raw.customers c where c.id = o.id) on true",
     "c.name o.amount", "c.id o.id"),
    ("with recursive r as (select id, 0 as x from raw.orders union all select r.x, c.id from r join raw.customers c on c.city = r.id::text "
     "where r.id < 3) select x from r", "o.id c.id", "c.city o.id c.id"),
    ("with recursive r as (select amount n, 0 as x from raw.orders union select n - 1, x + 1 from r where n > 0) select max(x) x from r",
     "o.amount", "o.amount"),
    # table functions, lists, values
    ("select t.v as x from raw.orders, unnest(tags) t(v)", "o.tags", "o.tags"),
    ("select unnest(tags) as x from raw.orders", "o.tags", "o.tags"),
    ("select id as x, unnest(tags) as tag from raw.orders", "o.id", "o.tags"),
    ("select i as x from range(5) r(i)", "", ""),
    ("select i as x from raw.orders, range(amount) r(i)", "o.amount", "o.amount"),
    ("select v.a as x from (values (1, 'one'), (2, 'two')) v(a, b)", "", ""),
    ("select b as x from raw.orders join (values (1, 'one')) v(a, b) on v.a = amount", "", "o.amount"),
    # what a macro leaves behind when it is written out
    ("select\n\n    -- won\n    round(amount * 1300, 2) as x\nfrom \"warehouse\".\"raw\".\"orders\"\n where 1=1 and id > 0",
     "o.amount", "o.id"),
]  # fmt: skip

UNREAD = [
    "pivot raw.customers on city using max(name) group by id",
    "select * from (pivot raw.customers on city using max(name))",
    "select * from raw.customers unpivot (v for n in (name, city))",
    "select columns('na.*') from raw.customers",
    "select max(columns(*)) from raw.customers",
    "select * like 'na%' from raw.customers",
    "select name.upper() as x from raw.customers",
    "select (name || city).upper() as x from raw.customers",
    "select a as x from raw.customers as c(a, b, d)",
    "select * from raw.customers positional join raw.customers d",
    "select rowid as x from raw.customers",
    "select unnest({'a': id, 'b': name}) from raw.customers",
    "select #1 as x from raw.customers",
    "select * from query_table('raw.customers')",
    "(select id as x from raw.customers) order by x limit 1",
]


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("ATTACH ':memory:' AS warehouse; USE warehouse; CREATE SCHEMA raw")
    for table, columns in SCHEMAS.items():
        con.execute(f"CREATE TABLE {table} ({', '.join(f'{name} {type_}' for name, type_ in columns.items())})")
    return con


def lineage(con: duckdb.DuckDBPyConnection, sql: str) -> ModelLineage:
    made = {name: str(type_) for name, type_, *_ in con.execute(f"DESCRIBE {sql}").fetchall()}
    return model_lineage("marts.m", sql, {**SCHEMAS, "marts.m": made})


def of(names: str) -> set[Column]:
    return {Column(SHORT[short], name) for short, name in (one.split(".") for one in names.split())}


@pytest.mark.parametrize(("sql", "values", "rows"), READ)
def test_what_a_column_is_made_of_and_what_decides_its_rows(con: duckdb.DuckDBPyConnection, sql: str, values: str, rows: str) -> None:
    found = lineage(con, sql)
    assert found.why == ""
    assert set(found.values["x" if "x" in found.values else "X"]) == of(values)
    assert set(found.rows) == of(rows)


@pytest.mark.parametrize("sql", UNREAD)
def test_what_cannot_be_followed_counts_every_column_of_every_input_everywhere(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    found = lineage(con, sql)
    assert not found.certain
    assert set(found.rows) == of(EVERY_CUSTOMER)
    assert found.values and all(set(columns) == of(EVERY_CUSTOMER) for columns in found.values.values())


def test_a_table_that_was_only_read_while_the_text_was_written_decides_about_rows() -> None:
    sql = "select id as x from raw.orders where amount in (1, 2)"
    found = model_lineage("marts.m", sql, {**SCHEMAS, "marts.m": {"x": "INTEGER"}}, declared=["raw.orders", "raw.customers"])
    assert found.certain and set(found.rows) == of(f"o.amount {EVERY_CUSTOMER}")
    assert found.inputs == ("raw.customers", "raw.orders")


def test_a_text_that_is_no_sql_counts_what_it_is_declared_to_read() -> None:
    found = model_lineage("marts.m", "def model(dbt, session): ...", {**SCHEMAS, "marts.m": {"x": "INTEGER"}}, declared=["raw.customers"])
    assert not found.certain and set(found.values["x"]) == of(EVERY_CUSTOMER)
