"""Loading: rows and refused rows add up to the file, and are replaced together."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from palantir_assets.errors import SourceError
from palantir_assets.names import raw_table
from palantir_assets.ontology.spec import SourceTable
from palantir_assets.sources.loading import Loaded, load, refused_table
from palantir_assets.sources.raw_files import RawFiles
from palantir_assets.stores.warehouse import Warehouse, columns, content_version, rows, sample

ORDERS = raw_table("shop", "orders")
COLUMNS: Mapping[str, object] = {"order_id": {"header": "Order ID", "type": "integer"}, "placed_at": "timestamp", "note": "string"}


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with Warehouse(tmp_path / "warehouse.duckdb", memory_limit="500MB").write() as con:
        yield con


@pytest.fixture
def ingest(con: duckdb.DuckDBPyConnection, tmp_path: Path):  # type: ignore[no-untyped-def]  # a function of the text and of the declaration
    def run(text: str | bytes, columns: Mapping[str, object] = COLUMNS, **declared: object) -> Loaded:
        data = text.encode() if isinstance(text, str) else text
        kept = RawFiles(tmp_path / "raw_files").keep(io.BytesIO(data), name="orders.csv")
        return load(con, ORDERS, SourceTable.model_validate({"file": "orders.csv", "columns": columns, **declared}), [kept])

    return run


def test_rows_carry_their_bytes_and_their_ordinal(con: duckdb.DuckDBPyConnection, ingest) -> None:  # type: ignore[no-untyped-def]
    loaded = ingest("Order ID,extra,placed_at,note,\n1,x,2013-01-01T10:00:00Z,NA,\n2,x,2013-01-01 12:00:00+02:00,b,\n", empty_is="NA")
    at = datetime(2013, 1, 1, 10)
    assert sample(con, ORDERS) == [
        {"order_id": 1, "placed_at": at, "note": None, "_source_sha256": loaded.sha256, "_record": 1},
        {"order_id": 2, "placed_at": at, "note": "b", "_source_sha256": loaded.sha256, "_record": 2},
    ]
    assert columns(con, ORDERS) == {
        "order_id": "INTEGER",
        "placed_at": "TIMESTAMP",
        "note": "VARCHAR",
        "_source_sha256": "VARCHAR",
        "_record": "BIGINT",
    }
    assert (loaded.rows, loaded.refused, loaded.undeclared) == (2, 0, ("extra", "(column 5, without a name)"))
    assert loaded.version == content_version(con, ORDERS)


def test_refused_rows_are_kept_with_line_record_reason_and_column(con: duckdb.DuckDBPyConnection, ingest) -> None:  # type: ignore[no-untyped-def]
    loaded = ingest('Order ID,placed_at,note\n1,2013-01-01,"two\nlines"\n12.5,soon,x\n3,2013-01-01\n4,2013-01-01,d\n')
    assert (loaded.rows, loaded.refused) == (2, 2)
    assert con.execute(f"SELECT order_id, _record FROM {ORDERS.sql} ORDER BY 1").fetchall() == [(1, 1), (4, 4)]
    assert con.execute(f"SELECT * FROM {refused_table(ORDERS).sql} ORDER BY line").fetchall() == [
        (
            4,
            2,
            "order_id: '12.5' is not an integer; placed_at: 'soon' is not a timestamp",
            "12.5,soon,x",
            "order_id",
            loaded.sha256,
        ),
        (5, 3, "has 2 fields where the header has 3", "3,2013-01-01", None, loaded.sha256),
    ]


@pytest.mark.parametrize("bad_every", [0, 7, 1])
def test_rows_and_refused_rows_add_up_to_the_records_of_the_file(con: duckdb.DuckDBPyConnection, ingest, bad_every: int) -> None:  # type: ignore[no-untyped-def]
    lines = [f"{'x' if bad_every and n % bad_every == 0 else n},2013-01-01,note {n}" for n in range(20_000)]
    text = "Order ID,placed_at,note\n" + "\n".join(lines) + "\n"
    loaded = ingest(text)
    records = list(csv.reader(io.StringIO(text)))[1:]
    assert loaded.rows + loaded.refused == len(records)
    both = f"SELECT _record FROM {ORDERS.sql} UNION ALL SELECT record FROM {refused_table(ORDERS).sql}"
    assert con.execute(f"SELECT count(DISTINCT _record), min(_record), max(_record) FROM ({both})").fetchall() == [(20_000, 1, 20_000)]
    assert con.execute(f"SELECT count(*) FROM {ORDERS.sql} WHERE note <> 'note ' || (_record - 1)").fetchall() == [(0,)]
    assert con.execute(f"SELECT count(*) FROM {refused_table(ORDERS).sql} WHERE line <> record + 1").fetchall() == [(0,)]


def test_the_same_bytes_and_declaration_make_the_same_version(con: duckdb.DuckDBPyConnection, ingest) -> None:  # type: ignore[no-untyped-def]
    text = "Order ID,placed_at,note\n1,2013-01-01,a\n"
    first = ingest(text)
    assert ingest(text) == first
    assert ingest(text, empty_is="a").version != first.version
    assert ingest(text + "2,2013-01-01,a\n").version != first.version


def test_a_header_that_does_not_fit_is_told_with_every_problem(ingest) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SourceError) as caught:
        ingest("Order Id,placed_at,placed_at,x,x\n1,2013-01-01,2013-01-01,a,b\n")
    assert caught.value.message == (
        "orders.csv: its header does not fit the declaration:\n"
        "  column 'placed_at' occurs 2 times; tell which by its `position`\n"
        "  there is no column order_id (header 'Order ID'); did you mean 'Order Id'?\n"
        "  there is no column note"
    )


@pytest.mark.parametrize("bad", ["Order Id\n1\n", "", b"\x00\x01\x02"])
def test_a_file_that_cannot_be_loaded_leaves_what_was_there(con: duckdb.DuckDBPyConnection, ingest, bad: str | bytes) -> None:  # type: ignore[no-untyped-def]
    ingest("Order ID,placed_at,note\n1,2013-01-01,a\nx,2013-01-01,b\n")
    with pytest.raises(SourceError, match=r"^orders\.csv: "):
        ingest(bad)
    assert (rows(con, ORDERS), rows(con, refused_table(ORDERS))) == (1, 1)


def test_bad_rows_stop_the_build_where_the_declaration_says_so(con: duckdb.DuckDBPyConnection, ingest) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SourceError, match=r"2 rows refused(.|\n)*line 3: order_id: 'x' is not an integer") as caught:
        ingest("Order ID,placed_at,note\n1,2013-01-01,a\nx,2013-01-01,b\n3\n", on_bad_row="fail")
    assert "quarantine" in caught.value.advice
    assert columns(con, ORDERS) == {}
    assert ingest("Order ID,placed_at,note\n1,2013-01-01,a\n", on_bad_row="fail").rows == 1


def test_a_header_alone_loads_no_rows(con: duckdb.DuckDBPyConnection, ingest) -> None:  # type: ignore[no-untyped-def]
    assert (ingest("Order ID,placed_at,note\n").rows, rows(con, ORDERS), rows(con, refused_table(ORDERS))) == (0, 0, 0)
