"""Every type of property through Parquet, DuckDB and ready JSON: what comes out is what Python says it is, byte for byte each time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palantir_assets.ontology.served_parts import ServedProperty, ServedType
from palantir_assets.ontology.spec import SCALAR_TYPES, Label, PropertyType, ScalarType
from palantir_assets.ontology.storing import sql_type
from palantir_assets.release.ready_json import ready_select
from palantir_assets.release.virtual import ready_source, table_select
from palantir_assets.release.writing import arrow_type, write_objects

MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))
SCALARS: dict[ScalarType, st.SearchStrategy[Any]] = {
    "string": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    "boolean": st.booleans(),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(),
    "decimal": st.decimals(-99999, 99999, places=3, allow_nan=False, allow_infinity=False),
    "date": st.dates(date(1900, 1, 1), date(2200, 1, 1)),
    "timestamp": MOMENTS,
}
DIGITS = (12, 3)
STRUCT: dict[str, ScalarType] = {name.replace("string", "text"): name for name in SCALAR_TYPES}


def nullable(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def kind_of(props: dict[str, ServedProperty]) -> ServedType:
    key = ServedProperty(type="integer")
    return ServedType(name="thing", label=Label(en="Thing"), key="id", title="{id}", properties={"id": key, **props})


def bodies(props: dict[str, ServedProperty], rows: list[dict[str, Any]], folder: Path) -> list[Any]:
    """The ready JSON of rows that were written as a release's Parquet and indexed as its tables."""
    kind = kind_of(props)
    columns = {
        "_row": pa.array(range(len(rows)), pa.int32()),
        "_title": pa.array(["t"] * len(rows)),
        "id": pa.array(range(len(rows)), pa.int32()),
    }
    columns |= {name: pa.array([row[name] for row in rows], arrow_type(prop)) for name, prop in props.items()}
    write_objects(pa.table(columns), folder, kind)
    piece = f"read_parquet('{folder}/part-00000.parquet')"
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(f"CREATE TABLE thing AS {table_select(kind, piece)}")
        stored = dict(con.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'thing'").fetchall())
        for name, prop in props.items():
            wanted = con.execute(f"SELECT typeof(NULL::{sql_type(prop)})").fetchall()[0][0]
            assert stored[name] == wanted, "a column is indexed as another type than its table of objects has"
        found = con.execute(ready_select(kind, ready_source(kind, piece))).fetchall()
    return [json.loads(body) for _, _, body in found]


def told(of: PropertyType, value: Any) -> Any:
    """What JSON tells of a scalar; None where it can tell nothing."""
    spell: dict[str, Callable[[Any], Any]] = {
        "long": str,
        "decimal": lambda number: f"{number:.3f}",
        "double": lambda number: number if math.isfinite(number) else None,
        "date": lambda day: day.isoformat(),
        "timestamp": lambda moment: (
            moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else "") + "Z"
        ),
    }
    return None if value is None else spell.get(of, lambda same: same)(value)


@pytest.mark.parametrize("of", SCALAR_TYPES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_an_array_holds_every_scalar_and_nulls_keep_their_places(
    of: ScalarType, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    props = {"items": ServedProperty(type="array", of=of, digits=DIGITS if of == "decimal" else None)}
    rows = [{"items": data.draw(nullable(st.lists(nullable(SCALARS[of]), max_size=4)))} for _ in range(3)]
    for row, body in zip(rows, bodies(props, rows, tmp_path_factory.mktemp("array")), strict=True):
        assert body.get("items") == (None if row["items"] is None else [told(of, item) for item in row["items"]])


@settings(max_examples=25, deadline=None)
@given(st.lists(nullable(st.fixed_dictionaries({name: nullable(SCALARS[of]) for name, of in STRUCT.items()})), min_size=1, max_size=4))
def test_a_struct_tells_the_fields_that_it_has(tmp_path_factory: pytest.TempPathFactory, values: list[dict[str, Any] | None]) -> None:
    props = {"parts": ServedProperty(type="struct", fields=STRUCT, digits=DIGITS)}
    found = bodies(props, [{"parts": value} for value in values], tmp_path_factory.mktemp("struct"))
    for value, body in zip(values, found, strict=True):
        spelled = {name: told(of, value[name]) for name, of in STRUCT.items()} if value is not None else None
        assert body.get("parts") == (None if spelled is None else {name: item for name, item in spelled.items() if item is not None})


def test_a_place_is_geojson_and_half_a_place_is_told_as_none(tmp_path: Path) -> None:
    whole, half = {"latitude": 37.5, "longitude": -127.25}, {"latitude": 37.5, "longitude": None}
    found = bodies({"place": ServedProperty(type="geopoint")}, [{"place": whole}, {"place": half}, {"place": None}], tmp_path)
    assert [body.get("place") for body in found] == [{"type": "Point", "coordinates": [-127.25, 37.5]}, None, None]


def test_a_vector_has_its_size_and_one_that_is_no_number_is_left_out(tmp_path: Path) -> None:
    rows = [{"v": [0.1, -3.0, 1e30]}, {"v": None}, {"v": [0.0, math.nan, 1.0]}, {"v": [1.0, math.inf, 0.0]}]
    found = bodies({"v": ServedProperty(type="vector", size=3)}, rows, tmp_path)
    assert [body.get("v") for body in found] == [[0.1, -3.0, 1e30], None, None, None]


def test_series_attachments_markings_and_decimals_are_texts(tmp_path: Path) -> None:
    props = {name: ServedProperty(type=name) for name in ("timeseries", "attachment", "marking")}
    props["price"] = ServedProperty(type="decimal", digits=(38, 2))
    rows = [{"timeseries": 's"1', "attachment": "a/b.pdf", "marking": "crew", "price": Decimal("-12345678901234567890123456789012345.10")}]
    (body,) = bodies(props, rows, tmp_path)
    assert {name: body[name] for name in props} == {**rows[0], "price": "-12345678901234567890123456789012345.10"}


def test_equal_rows_make_equal_bytes_however_they_came(tmp_path: Path) -> None:
    props = {
        "a": ServedProperty(type="array", of="string"),
        "s": ServedProperty(type="struct", fields={"x": "double", "t": "timestamp"}),
        "v": ServedProperty(type="vector", size=2),
        "d": ServedProperty(type="decimal", digits=(9, 2)),
        "p": ServedProperty(type="geopoint"),
    }
    kind = kind_of(props)
    with duckdb.connect() as con:
        sql = (
            "SELECT i::INTEGER AS _row, 't' AS _title, i::INTEGER AS id, [i::VARCHAR, NULL] AS a, "
            "{x: i / 3, t: TIMESTAMP '2024-01-01'} AS s, "
            "[i, 1]::FLOAT[2] AS v, (i / 7)::DECIMAL(9, 2) AS d, {latitude: 1.0::DOUBLE, longitude: 2.0::DOUBLE} AS p FROM range(5000) t(i)"
        )
        whole = con.sql(sql).to_arrow_table()
        chunked = pa.Table.from_batches(whole.to_batches(max_chunksize=701))
    write_objects(whole, tmp_path / "one", kind)
    write_objects(chunked, tmp_path / "two", kind)
    assert (tmp_path / "one" / "part-00000.parquet").read_bytes() == (tmp_path / "two" / "part-00000.parquet").read_bytes()
