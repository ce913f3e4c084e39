"""Files with types of their own: what a declared type holds exactly is taken, and everything else is refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from palantir_assets.errors import SourceError
from tests.sources.conftest import LoadFiles, Rows


def as_parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    parquet.write_table(table, out, row_group_size=2)
    return out.getvalue()


def as_arrow(table: pa.Table, *, stream: bool = False) -> bytes:
    out = io.BytesIO()
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return out.getvalue()


ORDERS = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int32()),
        "at": pa.array([datetime(2024, 5, 1, 9), None, datetime(2024, 5, 2)], pa.timestamp("ns", "Asia/Seoul")),
        "who": pa.array([{"name": "Ada"}, {"name": None}, None]),
        "kind": pa.array(["a", "b", "a"]).dictionary_encode(),
        "more": pa.array([1, 2, 3]),
    }
)
COLUMNS = {"id": "long", "at": "timestamp", "name": {"type": "string", "header": "who.name"}, "kind": "string"}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("orders.parquet", as_parquet(ORDERS)),
        ("orders.arrow", as_arrow(ORDERS)),
        ("orders.feather", as_arrow(ORDERS, stream=True)),
    ],
)
def test_every_way_of_writing_gives_the_same_rows(name: str, data: bytes, load_files: LoadFiles, loaded_rows: Callable[[], Rows]) -> None:
    loaded = load_files({name: data}, COLUMNS)
    assert loaded_rows() == [
        (1, datetime(2024, 5, 1, 9), "Ada", "a", 1),
        (2, None, None, "b", 2),
        (3, datetime(2024, 5, 2), None, "a", 3),
    ]
    assert (loaded.undeclared, loaded.refused) == (("more",), 0)


@pytest.mark.parametrize(
    ("value", "type_", "kind", "taken"),
    [
        (2**31, pa.int64(), "integer", "refused"),
        (2**31 - 1, pa.int64(), "integer", 2**31 - 1),
        (2**63, pa.uint64(), "long", "refused"),
        (12.0, pa.float64(), "integer", 12),
        (12.5, pa.float64(), "integer", "refused"),
        (float("nan"), pa.float64(), "integer", "refused"),
        (float("nan"), pa.float32(), "double", "refused"),
        (2**53 + 1, pa.int64(), "double", "refused"),
        (2**53, pa.int64(), "double", 2.0**53),
        (Decimal("12.00"), pa.decimal128(10, 2), "integer", 12),
        (Decimal("12.10"), pa.decimal128(10, 2), "double", 12.1),
        (True, pa.bool_(), "integer", "refused"),
        (1, pa.int8(), "boolean", True),
        (2, pa.int8(), "boolean", "refused"),
        ("12", pa.string(), "integer", 12),
        ("x", pa.large_string(), "integer", "refused"),
        (12, pa.int64(), "string", "12"),
        (True, pa.bool_(), "string", "true"),
        (b"ab", pa.binary(), "string", "ab"),
        (b"\xff", pa.binary(), "string", "refused"),
        ([1, None], pa.list_(pa.int64()), "string", "[1,null]"),
        ({"a": date(2024, 1, 2)}, pa.struct({"a": pa.date32()}), "string", '{"a":"2024-01-02"}'),
        (date(2024, 1, 2), pa.date32(), "timestamp", datetime(2024, 1, 2)),
        (datetime(2024, 1, 2), pa.timestamp("us"), "date", date(2024, 1, 2)),
        (datetime(2024, 1, 2, 3), pa.timestamp("us"), "date", "refused"),
        (datetime(2024, 1, 2, 3, tzinfo=UTC), pa.timestamp("s", "Asia/Seoul"), "timestamp", datetime(2024, 1, 2, 3)),
        (5, pa.int64(), "timestamp", "refused"),
        (5, pa.int64(), "date", "refused"),
        (None, pa.null(), "double", None),
        (None, pa.float64(), "integer", None),
        ("NA", pa.string(), "double", None),
        (-999, pa.int64(), "double", -999.0),
    ],
)
def test_a_value_is_taken_where_its_declared_type_holds_it_exactly(
    value: Any, type_: pa.DataType, kind: str, taken: object, load_files: LoadFiles, loaded_rows: Callable[[], Rows]
) -> None:
    loaded = load_files({"v.parquet": as_parquet(pa.table({"v": pa.array([value], type_)}))}, {"v": kind}, empty_is=["NA"])
    assert [row[0] for row in loaded_rows()] == ([] if taken == "refused" else [taken])
    assert loaded.refused == (taken == "refused")


def test_a_refused_row_is_kept_with_its_ordinal_and_all_of_it(load_files: LoadFiles, refused_rows: Callable[[], Rows]) -> None:
    table = pa.table({"id": pa.array([1.0, 2.5, 3.0]), "note": ["a", "비", "c"]})
    load_files({"orders.parquet": as_parquet(table)}, {"id": "long"})
    assert refused_rows() == [(None, 2, "id: 2.5 is not a long", '{"id": 2.5, "note": "비"}')]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("o.parquet", b"", "no Parquet file that can be read"),
        ("o.parquet", b"id,at\n1,2\n", "no Parquet file that can be read"),
        ("o.parquet", as_parquet(ORDERS)[:-9], "no Parquet file that can be read"),
        ("o.arrow", b"id", "no Arrow file that can be read"),
        ("o.parquet", as_parquet(ORDERS.rename_columns(["ID", "at", "who", "kind", "more"])), "there is no column id; did you mean 'ID'?"),
        ("o.parquet", as_parquet(ORDERS.drop_columns(["who"])), "there is no column who.name"),
    ],
)
def test_a_file_that_cannot_be_read_as_declared_is_refused(name: str, data: bytes, reason: str, load_files: LoadFiles) -> None:
    with pytest.raises(SourceError, match=rf"^{name}: ") as caught:
        load_files({name: data}, COLUMNS)
    assert reason in caught.value.message


def test_a_file_with_damage_in_the_middle_is_refused(load_files: LoadFiles) -> None:
    data = bytearray(as_parquet(pa.table({"id": list(range(5000))})))
    data[40:60] = bytes(20)
    with pytest.raises(SourceError, match=r"^orders\.parquet: it is"):
        load_files({"orders.parquet": bytes(data)}, {"id": "long"})


def test_an_optional_column_may_be_missing(load_files: LoadFiles, loaded_rows: Callable[[], Rows]) -> None:
    columns = {"id": "long", "note": {"type": "string", "optional": True}}
    load_files({"orders.parquet": as_parquet(ORDERS)}, columns)
    assert [row[:2] for row in loaded_rows()] == [(1, None), (2, None), (3, None)]
