"""A warehouse, and a way to load files into it as one declared table."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from palantir_assets.names import raw_table
from palantir_assets.ontology.spec import SourceTable
from palantir_assets.sources.loading import Loaded, load, refused_table
from palantir_assets.sources.raw_files import RawFiles
from palantir_assets.stores.warehouse import Warehouse
from tests import buckets

TABLE = raw_table("shop", "orders")

Rows = list[tuple[Any, ...]]
LoadFiles = Callable[..., Loaded]


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with Warehouse(tmp_path_factory.mktemp("sources") / "warehouse.duckdb", memory_limit="500MB").write() as con:
        yield con


@pytest.fixture
def load_files(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> LoadFiles:
    """`load_files({"orders.json": data}, columns, **what else is declared)`."""

    def run(files: Mapping[str, bytes], columns: Mapping[str, object], **declared: object) -> Loaded:
        store = RawFiles(tmp_path / "raw_files")
        kept = [store.keep(io.BytesIO(data), name=name) for name, data in files.items()]
        table = SourceTable.model_validate({"file": next(iter(files)), "columns": columns, **declared})
        return load(con, TABLE, table, kept)

    return run


@pytest.fixture
def loaded_rows(con: duckdb.DuckDBPyConnection) -> Callable[[], Rows]:
    """The rows that were taken, by their ordinal, which comes last."""
    return lambda: con.execute(f"SELECT * EXCLUDE (_source_sha256) FROM {TABLE.sql} ORDER BY _source_sha256, _record").fetchall()


@pytest.fixture
def refused_rows(con: duckdb.DuckDBPyConnection) -> Callable[[], Rows]:
    """(line, record, reason, raw) of those that were refused."""
    return lambda: con.execute(f"SELECT line, record, reason, raw FROM {refused_table(TABLE).sql} ORDER BY record").fetchall()


@pytest.fixture(scope="package")
def store() -> Iterator[str]:
    """The endpoint of a store of objects."""
    with buckets.running() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(store: str, monkeypatch: pytest.MonkeyPatch) -> buckets.Bucket:
    """An empty bucket, on a machine that knows nothing of AWS."""
    buckets.without_aws(monkeypatch, os.environ)
    return buckets.new_bucket(store)
