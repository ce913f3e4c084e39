"""Equal data makes equal bytes, in pieces of bounded size."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from palantir_assets.release import writing
from palantir_assets.release.writing import object_schema, write_objects
from tests.release.shop import ONTOLOGY, orders, table

ORDER = ONTOLOGY.types["order"]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_equal_data_makes_equal_bytes_however_it_is_chunked(tmp_path: Path) -> None:
    whole = table("order", orders(500))
    pieces = pa.concat_tables([whole.slice(0, 7), whole.slice(7, 300), whole.slice(307)])
    with duckdb.connect() as con:
        con.register("source", whole)
        queried = con.sql("SELECT * FROM source ORDER BY _row").to_arrow_table()
    for name, data in (("whole", whole), ("pieces", pieces), ("queried", queried), ("shuffled", whole.select(sorted(whole.column_names)))):
        assert write_objects(data, tmp_path / name, ORDER) == 500
    assert files(tmp_path / "whole") == files(tmp_path / "pieces") == files(tmp_path / "queried") == files(tmp_path / "shuffled")


def test_pieces_are_bounded_and_ordered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PIECE_ROWS", 200)
    write_objects(table("order", orders(450)), tmp_path, ORDER)
    assert [pq.read_table(path).num_rows for path in sorted(tmp_path.iterdir())] == [200, 200, 50]
    assert pq.read_table(tmp_path / "part-00002.parquet").column("order_id").to_pylist() == list(range(400, 450))


def test_no_rows_make_one_empty_piece_with_its_columns(tmp_path: Path) -> None:
    assert write_objects(object_schema(ORDER).empty_table(), tmp_path, ORDER) == 0
    assert pq.read_table(tmp_path / "part-00000.parquet").schema.names == object_schema(ORDER).names


def test_rows_that_do_not_count_from_zero_are_refused(tmp_path: Path) -> None:
    with pytest.raises(pa.ArrowInvalid, match="_row does not count"):
        write_objects(table("order", orders(5)).slice(1), tmp_path, ORDER)


def test_a_value_that_does_not_fit_its_type_is_refused(tmp_path: Path) -> None:
    data = table("order", orders(1))
    grown = data.set_column(data.schema.get_field_index("order_id"), "order_id", pa.array([2**40]))
    with pytest.raises(pa.ArrowInvalid):
        write_objects(grown, tmp_path, ORDER)
