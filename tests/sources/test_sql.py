"""A database as a source: the same body on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pytest

from palantir_assets.errors import SourceError
from palantir_assets.ontology.spec import SourceTable
from palantir_assets.sources import sql
from palantir_assets.sources.loading import Loaded, load
from palantir_assets.sources.raw_files import RawFiles
from palantir_assets.stores.source_database import Relation, moment
from tests import postgres
from tests.conftest import DATABASES
from tests.sources.conftest import TABLE, Rows
from tests.sources.databases import VARIABLE, ShopDatabase, declared

LoadTable = Callable[[SourceTable], Loaded]
LoadedRows = Callable[[], Rows]

ORDERS = declared(columns={"order_id": "string", "amount": "long"})
KEYED = declared(columns={"order_id": "string", "amount": "long"}, key="order_id")


@pytest.fixture(params=DATABASES)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> ShopDatabase:
    if request.param == "sqlite":
        return ShopDatabase(f"sqlite:///{tmp_path / 'shop.db'}", tmp_path)
    server: postgres.Server = request.getfixturevalue("postgres_server")
    return ShopDatabase(server.new_database(), tmp_path)


@pytest.fixture
def orders(shop: ShopDatabase) -> ShopDatabase:
    """A table of eight orders and a column that nobody declares."""
    create = "CREATE TABLE orders (order_id varchar(10) PRIMARY KEY, amount bigint, note text)"
    shop.run(create, "INSERT INTO orders VALUES (:id, :n, 'x')", rows=[{"id": f"o-{n}", "n": 9 - n} for n in range(1, 9)])
    return shop


@pytest.fixture
def kept(tmp_path: Path) -> RawFiles:
    return RawFiles(tmp_path / "raw_files")


@pytest.fixture
def load_table(con: duckdb.DuckDBPyConnection, shop: ShopDatabase, kept: RawFiles) -> Callable[[SourceTable], Loaded]:
    return lambda table: load(con, TABLE, table, shop.tables(table).fetch(table, kept))


def test_a_table_is_loaded_whole_in_the_order_of_its_key(orders: ShopDatabase, load_table: LoadTable, loaded_rows: LoadedRows) -> None:
    loaded = load_table(KEYED)
    assert loaded_rows() == [(f"o-{n}", 9 - n, n) for n in range(1, 9)]
    assert (loaded.rows, loaded.refused, loaded.files, loaded.undeclared) == (8, 0, 1, ())


def test_the_same_rows_give_the_same_bytes_wherever_they_lie(orders: ShopDatabase, kept: RawFiles) -> None:
    before = orders.tables(ORDERS).fetch(ORDERS, kept)
    orders.run("DELETE FROM orders WHERE order_id = 'o-3'")
    fewer = orders.tables(ORDERS).fetch(ORDERS, kept)
    orders.run("INSERT INTO orders VALUES ('o-3', 6, 'another note')")
    again = orders.tables(ORDERS).fetch(ORDERS, kept)
    assert [file.sha256 for file in before] == [file.sha256 for file in again] != [file.sha256 for file in fewer]


def test_the_version_is_that_of_the_bytes_which_would_be_kept(orders: ShopDatabase, kept: RawFiles) -> None:
    tables = orders.tables(ORDERS)
    version = tables.version(ORDERS)
    assert [version] == [file.sha256 for file in tables.fetch(ORDERS, kept)]
    orders.run("UPDATE orders SET note = 'y'")
    assert tables.version(ORDERS) == version
    orders.run("UPDATE orders SET amount = 1 WHERE order_id = 'o-1'")
    assert tables.version(ORDERS) != version


def test_with_a_cursor_the_version_is_of_the_rows_that_it_counts(orders: ShopDatabase) -> None:
    table = declared(columns={"order_id": "string", "amount": "long"}, cursor="amount")
    tables = orders.tables(table)
    seen = [tables.version(table)]
    for change in ("INSERT INTO orders VALUES ('o-9', 1, '')", "UPDATE orders SET amount = 10 WHERE order_id = 'o-9'"):
        orders.run(change)
        seen.append(tables.version(table))
    assert len(set(seen)) == 3
    orders.run("UPDATE orders SET order_id = 'o-0' WHERE order_id = 'o-9'")
    assert tables.version(table) == seen[-1], "the cursor did not move: nothing was seen"


def test_a_query_is_read_by_the_columns_that_are_declared(orders: ShopDatabase, load_table: LoadTable, loaded_rows: LoadedRows) -> None:
    text = "SELECT order_id AS id, amount AS \"Amount\", ':x 100%' AS mark, note FROM orders WHERE amount > 6; -- the large"
    columns = {"id": "string", "amount": {"type": "double", "header": "Amount"}, "mark": "string"}
    load_table(declared(query=text.replace(";", ""), columns=columns, key="id"))
    assert loaded_rows() == [("o-1", 8.0, ":x 100%", 1), ("o-2", 7.0, ":x 100%", 2)]
    load_table(declared(query=text.partition(" --")[0] + "\n", columns=columns, key="id"))
    assert len(loaded_rows()) == 2


def test_an_empty_table_has_its_columns_and_no_rows(orders: ShopDatabase, load_table: LoadTable, loaded_rows: LoadedRows) -> None:
    orders.run("DELETE FROM orders")
    assert (load_table(ORDERS).files, loaded_rows()) == (1, [])
    with pytest.raises(SourceError, match=r"orders has no column amont; did you mean 'amount'\?"):
        load_table(declared(columns={"order_id": "string", "amont": "long"}))


def test_a_column_that_may_be_missing_is_null(orders: ShopDatabase, load_table: LoadTable, loaded_rows: LoadedRows) -> None:
    load_table(declared(columns={"order_id": "string", "paid": {"type": "date", "optional": True}}))
    assert loaded_rows()[0] == ("o-1", None, 1)


def test_every_row_is_of_one_moment(orders: ShopDatabase) -> None:
    if not orders.is_postgresql:  # otherwise the writer waits until the reader is done
        orders.run("PRAGMA journal_mode = WAL")
    with moment(orders.url, named=VARIABLE, timeout=60, clock=lambda: 0) as now:
        batches = now.rows(Relation("orders"), ["order_id", "amount"], order=["order_id"], size=3)
        found = list(next(batches))
        orders.run("UPDATE orders SET amount = -1", "DELETE FROM orders WHERE order_id > 'o-6'", "INSERT INTO orders VALUES ('o-9', 0, '')")
        found += [row for batch in batches for row in batch]
        assert [tuple(row) for row in found] == [(f"o-{n}", 9 - n) for n in range(1, 9)]
        assert now.extent(Relation("orders"), "amount") == (8, 8)
    with moment(orders.url, named=VARIABLE, timeout=60, clock=lambda: 0) as now:
        assert now.extent(Relation("orders"), "amount") == (7, 0)


def test_a_table_without_an_end_is_read_some_rows_at_a_time(shop: ShopDatabase) -> None:
    shop.run("CREATE TABLE empty (n integer)")
    endless = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) SELECT n FROM numbers"
    with moment(shop.url, named=VARIABLE, timeout=60, clock=lambda: 0) as now:
        batches = now.rows(Relation(query=endless), ["n"], order=[], size=100)
        assert [len(batch) for batch in islice(batches, 5)] == [100] * 5
        assert next(batches)[0][0] == 501


def test_no_more_than_a_batch_is_held_while_a_table_is_kept(orders: ShopDatabase, kept: RawFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    made, opened = sql.batch_of, sql.pa.ipc.new_stream

    class Told:
        def __init__(self, *args: Any, **rest: Any) -> None:
            self.writer = opened(*args, **rest)

        def __enter__(self) -> Told:
            return self

        def __exit__(self, *_: object) -> None:
            self.writer.close()

        def write_batch(self, batch: Any) -> None:
            said.append(f"wrote {batch.num_rows}")
            self.writer.write_batch(batch)

    def counted(rows: Any, columns: Any) -> Any:
        said.append(f"made {len(rows)}")
        return made(rows, columns)

    monkeypatch.setattr(sql, "batch_of", counted)
    monkeypatch.setattr(sql.pa.ipc, "new_stream", Told)
    orders.tables(ORDERS).fetch(ORDERS, kept)
    assert said == ["made 3", "wrote 3", "made 3", "wrote 3", "made 2", "wrote 2"]


POSTGRESQL: dict[str, tuple[str, str, str, Any]] = {
    "numeric with more digits than a double": ("numeric", "12345678901234567890.123456789", "string", "12345678901234567890.123456789"),
    "numeric with its zeros": ("numeric(10,2)", "1.50", "string", "1.50"),
    "numeric that is whole": ("numeric(10,2)", "12.00", "long", 12),
    "numeric as a double": ("numeric", "0.1", "double", 0.1),
    "smallest bigint": ("bigint", "-9223372036854775808", "long", -(2**63)),
    "smallint": ("smallint", "-7", "integer", -7),
    "real": ("real", "0.1", "double", 0.1),
    "double": ("double precision", "1e-300", "double", 1e-300),
    "boolean": ("boolean", "true", "boolean", True),
    "date": ("date", "2024-02-29", "date", date(2024, 2, 29)),
    "timestamp": ("timestamp", "2024-03-31 02:30:00.123456", "timestamp", datetime(2024, 3, 31, 2, 30, 0, 123456)),
    "timestamptz": ("timestamptz", "2024-03-31 02:30:00.5+09", "timestamp", datetime(2024, 3, 30, 17, 30, 0, 500000)),
    "json": ("json", '{"a": 1.10, "b": 12345678901234567890}', "string", '{"a": 1.10, "b": 12345678901234567890}'),
    "jsonb": ("jsonb", '{"b":1.10}', "string", '{"b": 1.10}'),
    "uuid": ("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "string", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "interval": ("interval", "1 month 2 days", "string", "P1M2D"),
    "array": ("integer[]", "{1,NULL,3}", "string", "{1,NULL,3}"),
    "time": ("time", "10:00", "string", "10:00:00"),
    "text": ("text", "a\nb 한국", "string", "a\nb 한국"),
    "fixed text": ("char(3)", "a", "string", "a  "),
}
REFUSED: dict[str, tuple[str, str, str]] = {
    "numeric with decimals as a whole number": ("numeric", "12.5", "long"),
    "bigint as an integer": ("bigint", "3000000000", "integer"),
    "numeric without a number": ("numeric", "NaN", "double"),
    "date without an end": ("date", "infinity", "date"),
    "timestamp before Christ": ("timestamp", "2000-01-01 00:00:00 BC", "timestamp"),
    "timestamp as a date": ("timestamp", "2024-01-01 10:00", "date"),
    "text as a number": ("text", "12a", "double"),
}


@pytest.fixture
def one_value(
    postgres_server: postgres.Server, tmp_path: Path, con: duckdb.DuckDBPyConnection, kept: RawFiles
) -> Callable[[str, str, str], Loaded]:
    """Load a table of PostgreSQL with one value, and a null below it."""

    def run(kind: str, value: str, column: str) -> Loaded:
        shop = ShopDatabase(postgres_server.new_database(), tmp_path)
        shop.run(
            f"CREATE TABLE orders (n integer, v {kind})",
            f"INSERT INTO orders VALUES (1, CAST(:v AS {kind})), (2, NULL)",
            rows=[{"v": value}],
        )
        table = declared(columns={"n": "integer", "v": column}, key="n")
        return load(con, TABLE, table, shop.tables(table).fetch(table, kept))

    return run


OneValue = Callable[[str, str, str], Loaded]


@pytest.mark.parametrize(("kind", "value", "column", "expected"), POSTGRESQL.values(), ids=POSTGRESQL)
def test_a_value_of_postgresql_arrives_exactly(
    one_value: OneValue, loaded_rows: LoadedRows, kind: str, value: str, column: str, expected: Any
) -> None:
    assert one_value(kind, value, column).refused == 0
    assert loaded_rows() == [(1, expected, 1), (2, None, 2)]


@pytest.mark.parametrize(("kind", "value", "column"), REFUSED.values(), ids=REFUSED)
def test_a_value_that_the_declared_type_does_not_hold_is_refused(
    one_value: OneValue, loaded_rows: LoadedRows, refused_rows: LoadedRows, kind: str, value: str, column: str
) -> None:
    assert (one_value(kind, value, column).refused, loaded_rows()) == (1, [(2, None, 2)])
    ((_, record, reason, _),) = refused_rows()
    assert record == 1 and reason.startswith("v: ") and f" {column}" in reason


def test_bytes_are_told_with_what_to_do(one_value: OneValue) -> None:
    with pytest.raises(SourceError, match="column v holds bytes") as told:
        one_value("bytea", "abc", "string")
    assert "encode(" in told.value.advice


def test_a_column_of_sqlite_may_hold_values_of_several_types(
    tmp_path: Path, con: duckdb.DuckDBPyConnection, kept: RawFiles, loaded_rows: LoadedRows, refused_rows: LoadedRows
) -> None:
    shop = ShopDatabase(f"sqlite:///{tmp_path / 'shop.db'}", tmp_path)
    values = [1, 2.5, "3", "no", None, 9007199254740993, 4, 5, 6.5]
    shop.run("CREATE TABLE orders (n, v)", "INSERT INTO orders VALUES (:n, :v)", rows=[{"n": n, "v": v} for n, v in enumerate(values)])
    table = declared(columns={"n": "integer", "v": "double"}, key="n")
    loaded = load(con, TABLE, table, shop.tables(table).fetch(table, kept))
    assert sorted(row[:2] for row in loaded_rows()) == [(0, 1.0), (1, 2.5), (2, 3.0), (4, None), (6, 4.0), (7, 5.0), (8, 6.5)]
    assert sorted(reason for _, _, reason, _ in refused_rows()) == ["v: 'no' is not a double", "v: 9007199254740993 is not a double"]
    assert loaded.files == 3, "one for each batch, whose columns hold other types"
