"""Every malformed file is read right or refused with its place: not one cell is silently wrong."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from palantir_assets.errors import SourceError
from palantir_assets.names import raw_table
from palantir_assets.ontology.spec import SourceTable
from palantir_assets.sources.loading import load, refused_table
from palantir_assets.sources.raw_files import RawFiles
from palantir_assets.sources.records import Records
from palantir_assets.stores.warehouse import Warehouse
from tests.scorecard import Score
from tests.sources.malformed import COLUMNS, File, files

TABLE = raw_table("shop", "orders")
FILES = list(files())
AT_LEAST = 60


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with Warehouse(tmp_path_factory.mktemp("malformed") / "warehouse.duckdb", memory_limit="500MB").write() as con:
        yield con


def found_in(con: duckdb.DuckDBPyConnection, kept: Path, file: File) -> tuple[dict[int, tuple[object, ...]], dict[int, int]]:
    """Record → cells of the rows that were taken, and record → line of those that were refused with a reason and their text."""
    declared = {"file": "orders.csv", "columns": COLUMNS, **file.declared}
    table = SourceTable.model_validate(declared)
    load(con, TABLE, table, [RawFiles(kept).keep(io.BytesIO(file.data), name="orders.csv")])
    names = ", ".join(f'"{name}"' for name in table.columns)
    taken = {row[0]: row[1:] for row in con.execute(f"SELECT _record, {names} FROM {TABLE.sql}").fetchall()}
    refused = con.execute(f"SELECT record, line, reason, raw FROM {refused_table(TABLE).sql}").fetchall()
    assert all(reason and raw is not None for _, _, reason, raw in refused)
    return taken, {record: line for record, line, _, _ in refused}


@pytest.mark.parametrize("block_bytes", [1 << 20, 7])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_is_read_right_or_refused_with_its_place(
    file: File, block_bytes: int, con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, score: Score
) -> None:
    monkeypatch.setattr(Records.__init__, "__defaults__", (*(Records.__init__.__defaults__ or ())[:-1], block_bytes))
    if file.refused:
        with pytest.raises(SourceError, match=r"^orders\.csv: ") as caught:
            found_in(con, tmp_path, file)
        assert file.refused in caught.value.message
        wrong = 0
    else:
        taken, refused = found_in(con, tmp_path, file)
        truth = dict(enumerate(file.records, 1))
        assert refused.keys() == {record for record, cells in truth.items() if cells is None}
        if file.lines:
            assert sorted(refused.values()) == list(file.lines)
        wrong = sum(taken.get(record) != cells for record, cells in truth.items() if cells is not None) + len(taken.keys() - truth.keys())
    score("CSV", 1 if block_bytes > 7 else 0, wrong)


def test_they_are_many_and_no_two_are_the_same() -> None:
    assert len({(file.data, repr(file.declared)) for file in FILES}) == len({file.name for file in FILES}) == len(FILES) >= AT_LEAST
    assert {bool(file.refused) for file in FILES} == {True, False}
