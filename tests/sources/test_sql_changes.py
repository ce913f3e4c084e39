"""`read: changes` gives the rows that a full read gives, whatever happened in between, and asks for few of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palantir_assets.ontology.spec import SourceTable
from palantir_assets.sources import sql_changes
from palantir_assets.sources.raw_files import RawFiles
from palantir_assets.stores.source_database import Moment
from tests import postgres
from tests.conftest import DATABASES
from tests.sources.databases import ShopDatabase, declared

COLUMNS = {"order_id": "string", "line": "integer", "changed_at": "timestamp", "amount": "string"}
CHANGES = declared(columns=COLUMNS, key=["order_id", "line"], cursor="changed_at", read="changes")
ALL = declared(columns=COLUMNS, key=["order_id", "line"])
NAMES = itertools.count(1)

Steps = list[list[tuple[str, int, int, int]]]


@pytest.fixture(params=DATABASES)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> ShopDatabase:
    if request.param == "sqlite":
        return ShopDatabase(f"sqlite:///{tmp_path / 'shop.db'}", tmp_path)
    server: postgres.Server = request.getfixturevalue("postgres_server")
    return ShopDatabase(server.new_database(), tmp_path)


def empty_orders(shop: ShopDatabase) -> None:
    kinds = "order_id varchar(9), line integer, changed_at timestamp, amount numeric(9,2), PRIMARY KEY (order_id, line)"
    shop.run("DROP TABLE IF EXISTS orders", f"CREATE TABLE orders ({kinds})")


def put(shop: ShopDatabase, key: int, minute: int, amount: int) -> None:
    row = {"id": f"o-{key // 2}", "line": key % 2, "at": f"2024-05-01 10:{minute:02}:00", "amount": amount}
    at = "CAST(:at AS timestamp)" if shop.is_postgresql else ":at"
    insert = f"INSERT INTO orders VALUES (:id, :line, {at}, :amount)"
    with shop.writer() as connection:
        connection.execute(sa.text("DELETE FROM orders WHERE order_id = :id AND line = :line"), row)
        connection.execute(sa.text(insert), row)


def delete(shop: ShopDatabase, key: int) -> None:
    shop.run("DELETE FROM orders WHERE order_id = :id AND line = :line", rows=[{"id": f"o-{key // 2}", "line": key % 2}])


def rows_of(shop: ShopDatabase, table: SourceTable, kept: RawFiles) -> list[tuple[Any, ...]]:
    """The rows that are kept, in an order of their own."""
    files = shop.tables(table).fetch(table, kept)
    tables = [pa.ipc.open_stream(file.path.read_bytes()).read_all() for file in files]
    return sorted(tuple(row.values()) for rows in tables for row in rows.to_pylist())


STEPS = st.lists(
    st.lists(
        st.one_of(
            st.tuples(st.just("new or changed"), st.integers(0, 3), st.integers(0, 2), st.integers(0, 99)),
            st.tuples(st.just("late"), st.integers(4, 7), st.integers(1, 40), st.integers(0, 99)),
            st.tuples(st.just("deleted"), st.integers(0, 7), st.just(0), st.just(0)),
        ),
        max_size=4,
    ),
    min_size=2,
    max_size=5,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_what_changed_gives_the_rows_of_a_full_read(
    shop: ShopDatabase, tmp_path: Path, steps: list[list[tuple[str, int, int, int]]]
) -> None:
    """A new or changed row has a cursor at or past the last; a late one is new and lies before it; any row may go."""
    empty_orders(shop)
    kept, last, before = RawFiles(tmp_path / f"raw_files_{next(NAMES)}"), 5, set[int]()
    there: set[int] = set()
    for step in steps:
        for kind, key, minutes, amount in step:
            if kind == "deleted":
                delete(shop, key)
                there.discard(key)
            elif kind == "new or changed":
                last = min(59, last + minutes)
                put(shop, key, last, amount)
                there.add(key)
            elif key not in there | before:  # one that was read before, and comes back with an older cursor, is not seen
                put(shop, key, max(0, last - minutes), amount)
                there.add(key)
        found = rows_of(shop, CHANGES, kept)
        assert found == rows_of(shop, ALL, RawFiles(tmp_path / "all")) and len(found) == len(there)
        before = set(there)


def test_a_row_that_was_deleted_is_gone(shop: ShopDatabase, tmp_path: Path) -> None:
    empty_orders(shop)
    kept = RawFiles(tmp_path / "raw_files")
    for key in range(4):
        put(shop, key, key, key)
    assert len(rows_of(shop, CHANGES, kept)) == 4
    delete(shop, 1)
    delete(shop, 3)
    assert [row[:2] for row in rows_of(shop, CHANGES, kept)] == [("o-0", 0), ("o-1", 0)]
    for key in range(4):
        delete(shop, key)
    assert rows_of(shop, CHANGES, kept) == []
    put(shop, 2, 1, 1)
    assert len(rows_of(shop, CHANGES, kept)) == 1


def test_no_row_is_lost_where_the_key_is_none(shop: ShopDatabase, tmp_path: Path) -> None:
    kept, table = RawFiles(tmp_path / "raw_files"), declared(columns={"n": "long", "at": "long"}, key="n", cursor="at", read="changes")
    shop.run("CREATE TABLE orders (n integer, at integer)", "INSERT INTO orders VALUES (1, 1), (1, 2)")
    assert rows_of(shop, table, kept) == rows_of(shop, table, kept) == [(1, 1), (1, 2)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(columns, rows) of everything that was read."""
    seen: list[tuple[int, int]] = []
    rows = Moment.rows

    def told(self: Moment, relation: Any, columns: Any, **rest: Any) -> Iterator[Any]:
        found = list(rows(self, relation, columns, **rest))
        seen.append((len(columns), sum(len(batch) for batch in found)))
        return iter(found)

    monkeypatch.setattr(Moment, "rows", told)
    return seen


def test_few_rows_are_read_where_few_changed(shop: ShopDatabase, tmp_path: Path, asked: list[tuple[int, int]]) -> None:
    empty_orders(shop)
    kept = RawFiles(tmp_path / "raw_files")
    for key in range(20):
        put(shop, key, key, key)
    rows_of(shop, CHANGES, kept)
    assert asked == [(4, 20)], "nothing was kept before: all is read"
    put(shop, 3, 30, 77)
    delete(shop, 5)
    asked.clear()
    rows_of(shop, CHANGES, kept)
    assert asked == [(4, 2), (2, 19)], "the last one again, what changed, and the keys alone"
    put(shop, 41, 1, 1)
    asked.clear()
    rows_of(shop, CHANGES, kept)
    assert asked == [(4, 1), (2, 20), (4, 20)], "a key that nobody knows came late: all is read"


def test_all_is_read_where_what_was_kept_is_gone_or_of_another_declaration(
    shop: ShopDatabase, tmp_path: Path, asked: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_orders(shop)
    for key in range(6):
        put(shop, key, key, key)
    kept = RawFiles(tmp_path / "raw_files")
    (file,) = shop.tables(CHANGES).fetch(CHANGES, kept)
    file.path.unlink()
    asked.clear()
    rows_of(shop, CHANGES, kept)
    assert asked == [(4, 6)]
    other = CHANGES.model_copy(update={"columns": {name: CHANGES.columns[name] for name in ("order_id", "line", "changed_at")}})
    asked.clear()
    rows_of(shop, other, kept)
    assert asked == [(3, 6)]
    monkeypatch.setattr(sql_changes, "MOST", 0)
    asked.clear()
    rows_of(shop, CHANGES, kept)
    assert asked == [(4, 1), (4, 6)]


def test_what_was_kept_stays_in_few_pieces_and_holds_values_of_several_types(tmp_path: Path) -> None:
    shop = ShopDatabase(f"sqlite:///{tmp_path / 'shop.db'}", tmp_path)
    shop.run(
        "CREATE TABLE orders (n, at, v)",
        "INSERT INTO orders VALUES (:n, :n, :v)",
        rows=[{"n": n, "v": "x" if n % 2 else n} for n in range(9)],
    )
    table = declared(columns={"n": "integer", "at": "integer", "v": "string"}, key="n", cursor="at", read="changes")
    kept, tables = RawFiles(tmp_path / "raw_files"), shop.tables(table, rows=100)
    for at in range(9, 30):
        shop.run(f"UPDATE orders SET at = {at}, v = {at}.5 WHERE n = {at % 7}")
        files = tables.fetch(table, kept)
    read = [pa.ipc.open_stream(file.path.read_bytes()) for file in files]
    batches = [batch for reader in read for batch in reader]
    assert len(batches) <= 2
    found = sorted((row["n"], row["at"], row["v"]) for batch in batches for row in batch.to_pylist())
    with shop.writer() as connection:
        assert found == sorted(tuple(row) for row in connection.exec_driver_sql("SELECT n, at, v FROM orders"))
