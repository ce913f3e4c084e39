"""The warehouse: who may open it, what a kill leaves, and what a version is a version of."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from palantir_assets.errors import BuildError, WarehouseBusy
from palantir_assets.names import Name
from palantir_assets.stores.warehouse import (
    REPLACE_POINTS,
    SCHEMAS,
    Warehouse,
    columns,
    content_version,
    replace_table,
    replace_tables,
    rows,
    sample,
)

ORDERS = Name("raw", "shop__orders")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "var" / "warehouse.duckdb", memory_limit="500MB")


@pytest.fixture
def con(warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.write() as con:
        yield con


def version_of(con: duckdb.DuckDBPyConnection, select: str) -> str:
    replace_table(con, ORDERS, select)
    return content_version(con, ORDERS)


def test_writing_makes_the_file_and_its_schemas(con: duckdb.DuckDBPyConnection) -> None:
    found = {row[0] for row in con.execute("SELECT schema_name FROM duckdb_schemas()").fetchall()}
    assert set(SCHEMAS) <= found
    assert con.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]


def test_a_table_is_made_counted_described_and_sampled(con: duckdb.DuckDBPyConnection) -> None:
    assert replace_table(con, ORDERS, "SELECT i::INTEGER AS id, 'x' AS note FROM range(?) r(i)", [7]) == 7
    assert rows(con, ORDERS) == 7
    assert columns(con, ORDERS) == {"id": "INTEGER", "note": "VARCHAR"}
    assert sample(con, ORDERS, limit=1) == [{"id": 0, "note": "x"}]
    assert columns(con, Name("raw", "nothing")) == {}


def test_a_failed_replacement_leaves_every_old_table(con: duckdb.DuckDBPyConnection) -> None:
    refused = Name("raw", "shop__orders__refused")
    replace_tables(con, {ORDERS: "SELECT 1 AS id", refused: "SELECT 1 AS line"})
    with pytest.raises(duckdb.Error):
        replace_tables(con, {ORDERS: "SELECT 2 AS id", refused: "SELECT no_such_column"})
    assert sample(con, ORDERS) == [{"id": 1}]
    assert replace_table(con, ORDERS, f"SELECT id + 1 AS id FROM {ORDERS.sql}") == 1
    assert sample(con, ORDERS) == [{"id": 2}]


def test_reading_needs_a_warehouse(warehouse: Warehouse) -> None:
    with pytest.raises(BuildError, match=r"no warehouse at .* yet"), warehouse.read():
        pass


# ---- versions ----


def test_a_version_is_the_same_for_the_same_rows_in_another_order(con: duckdb.DuckDBPyConnection) -> None:
    up = version_of(con, "SELECT i AS id, i % 3 AS kind FROM range(1000) r(i) ORDER BY i")
    assert up == version_of(con, "SELECT i AS id, i % 3 AS kind FROM range(1000) r(i) ORDER BY i DESC")


@pytest.mark.parametrize(
    "other",
    [
        "SELECT * FROM (VALUES (1, 'a'), (1, 'a'), (2, 'b')) t(id, note)",
        "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) t(id, remark)",
        "SELECT * FROM (VALUES (1::BIGINT, 'a'), (2, 'b')) t(id, note)",
        "SELECT * FROM (VALUES (1, 'b'), (2, 'a')) t(id, note)",
        "SELECT * FROM (VALUES (1, 'a'), (2, NULL)) t(id, note)",
        "SELECT * FROM (VALUES (1, 'a'), (2, '')) t(id, note)",
        "SELECT * FROM (VALUES (1, 'a')) t(id, note)",
        "SELECT note, id FROM (VALUES (1, 'a'), (2, 'b')) t(id, note)",
        "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) t(id, note) LIMIT 0",
    ],
)
def test_a_version_differs_when_anything_differs(con: duckdb.DuckDBPyConnection, other: str) -> None:
    first = version_of(con, "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) t(id, note)")
    assert version_of(con, other) != first


def test_there_is_no_version_of_no_table(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(BuildError, match=r"no table raw\.shop__orders"):
        content_version(con, ORDERS)


# ---- other processes ----

HOLD = "import sys, duckdb; con = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


@pytest.mark.parametrize("door", ["read", "write"])
def test_a_busy_warehouse_names_the_process_that_holds_it(warehouse: Warehouse, door: str) -> None:
    with warehouse.write():
        pass
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(warehouse.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        with pytest.raises(WarehouseBusy, match=f"pid {holder.pid}"), getattr(warehouse, door)():
            pass
    finally:
        holder.communicate("")


def test_reading_beside_the_writer_in_one_process_is_busy_too(warehouse: Warehouse) -> None:
    with warehouse.write(), pytest.raises(WarehouseBusy, match=f"pid {os.getpid()}"), warehouse.read():
        pass


# ---- R13: a kill at any step leaves the old table or the new one ----

KILLED_AT = """
import os, signal, sys
from pathlib import Path
from palantir_assets.names import Name
from palantir_assets.stores.warehouse import Warehouse, replace_tables

def die(point):
    if point == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

with Warehouse(Path(sys.argv[1])).write() as con:
    select = "SELECT i, 'new' AS age FROM range(200000) r(i)"
    replace_tables(con, {Name("raw", "shop__orders"): select, Name("raw", "shop__orders__refused"): select}, at=die)
"""


@pytest.mark.parametrize("point", REPLACE_POINTS)
def test_a_kill_while_replacing_leaves_the_old_tables_or_the_new_ones(warehouse: Warehouse, point: str) -> None:
    both = (ORDERS, Name("raw", "shop__orders__refused"))
    with warehouse.write() as con:
        replace_tables(con, dict.fromkeys(both, "SELECT 1 AS i, 'old' AS age"))
    killed = subprocess.run([sys.executable, "-c", KILLED_AT, str(warehouse.path), point], check=False)
    assert killed.returncode == -signal.SIGKILL
    for door in (warehouse.read, warehouse.write):
        with door() as con:
            ages = [con.execute(f"SELECT DISTINCT age, count(*) FROM {name.sql} GROUP BY age").fetchall() for name in both]
        assert ages == ([[("new", 200_000)]] * 2 if point == "committed" else [[("old", 1)]] * 2)


# ---- disks ----


def test_a_folder_that_cannot_be_made_is_told_with_a_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BuildError, match="cannot be written") as caught, Warehouse(tmp_path / "file" / "warehouse.duckdb").write():
        pass
    assert "PALANTIR_STATE" in caught.value.advice


def test_a_file_that_is_no_warehouse_is_told_with_a_next_step(tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").write_bytes(b"not a database, but long enough to look like one" * 200)
    with pytest.raises(BuildError, match="cannot be used") as caught, Warehouse(tmp_path / "warehouse.duckdb").write():
        pass
    assert "palantir build" in caught.value.advice


FULL = """
import resource, sys
from pathlib import Path
from palantir_assets.errors import BuildError
from palantir_assets.names import Name
from palantir_assets.stores.warehouse import Warehouse, replace_table

resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
try:
    with Warehouse(Path(sys.argv[1])).write() as con:
        replace_table(con, Name("raw", "shop__orders"), "SELECT i, hash(i) AS h FROM range(3000000) r(i)")
except BuildError as error:
    print(error)
"""


def test_a_full_disk_is_told_with_a_next_step_and_loses_nothing(warehouse: Warehouse) -> None:
    with warehouse.write() as con:
        replace_table(con, ORDERS, "SELECT 1 AS i")
    full = subprocess.run([sys.executable, "-c", FULL, str(warehouse.path)], capture_output=True, text=True, check=False)
    assert "is full" in full.stdout and "free some space" in full.stdout, full.stdout + full.stderr
    with warehouse.read() as con:
        assert sample(con, ORDERS) == [{"i": 1}]


def test_an_error_tells_no_value_where_values_are_hidden(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", hide_values=True)
    with pytest.raises(BuildError) as told, warehouse.write() as con:
        con.execute("SELECT CAST('Kim Minji' AS INTEGER)")
    assert "Kim" not in str(told.value) and "Could not convert string ••• to INT32" in str(told.value)
    with pytest.raises(duckdb.ConversionException, match="Kim"), Warehouse(warehouse.path).read() as con:
        con.execute("SELECT CAST('Kim Minji' AS INTEGER)")
