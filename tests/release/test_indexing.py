"""Indexes are made from the truth alone: deleted, damaged or half built, they come back and answer the same."""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import lmdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palantir_assets.errors import ReleaseError
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.release import indexing
from palantir_assets.release.bodies import BODIES
from palantir_assets.release.indexing import ensure_indexes, is_whole
from palantir_assets.release.reading import open_release
from palantir_assets.release.ready_json import ready_select
from palantir_assets.release.rows import open_rows, stored_key, write_rows
from palantir_assets.release.sealing import Candidate, Shelf
from palantir_assets.release.writing import object_schema
from tests.release.shop import ONTOLOGY, seal_shop, table


def no_search(folder: Path, target: Path) -> None:
    """Nothing is searchable in this shop."""


def bodies(candidate: Candidate, indexes: Path) -> list[bytes]:
    release = open_release(candidate.folder, indexes)
    try:
        return release.json_rows("order", range(10)) + release.json_rows("customer", range(3))
    finally:
        release.close()


@pytest.mark.parametrize("harm", ["deleted", "no marker", "rows cut", "rows noise", "database noise", "database gone"])
def test_damaged_indexes_are_built_anew(shelf: Shelf, indexes: Path, harm: str) -> None:
    candidate = seal_shop(shelf)
    before = bodies(candidate, indexes)
    target = indexes / candidate.content_id
    rows, database = target / indexing.ROWS, target / indexing.OBJECTS
    match harm:
        case "deleted":
            target.rename(indexes / "away")
        case "no marker":
            (target / indexing.DONE).unlink()
        case "rows cut":
            os.truncate(rows, rows.stat().st_size // 2)
        case "rows noise":
            rows.write_bytes(os.urandom(rows.stat().st_size))
        case "database noise":
            database.write_bytes(os.urandom(database.stat().st_size))
        case "database gone":
            database.unlink()
    assert bodies(candidate, indexes) == before
    assert is_whole(target)


def test_indexes_of_another_format_or_duckdb_are_not_whole(shelf: Shelf, indexes: Path) -> None:
    candidate = seal_shop(shelf)
    bodies(candidate, indexes)
    marker = indexes / candidate.content_id / indexing.DONE
    told = json.loads(marker.read_bytes())
    for change in ({"format": 0}, {"duckdb": "0.1"}):
        marker.write_text(json.dumps({**told, **change}))
        assert not is_whole(marker.parent)
    marker.write_text(json.dumps(told))
    assert is_whole(marker.parent)


def test_a_killed_build_leaves_no_index_and_the_next_one_succeeds(shelf: Shelf, indexes: Path) -> None:
    candidate = seal_shop(shelf)

    def die(folder: Path, target: Path) -> None:
        os._exit(9)

    child = os.fork()
    if child == 0:
        ensure_indexes(candidate.folder, candidate.manifest, ONTOLOGY, indexes, build_search=die)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert not (indexes / candidate.content_id).exists()
    assert len(bodies(candidate, indexes)) == 13


def test_of_many_who_ask_at_once_one_builds(shelf: Shelf, indexes: Path) -> None:
    candidate = seal_shop(shelf)
    built: list[Path] = []
    threads = [
        threading.Thread(
            target=lambda: ensure_indexes(
                candidate.folder, candidate.manifest, ONTOLOGY, indexes, build_search=lambda _, target: built.append(target)
            )
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1


def test_a_type_without_files_is_told(shelf: Shelf, indexes: Path) -> None:
    candidate = seal_shop(shelf)
    ghost = ServedOntology.model_validate({"types": {"ghost": {**ONTOLOGY.types["customer"].model_dump(), "name": "ghost"}}})
    with pytest.raises(ReleaseError, match="holds no objects of type 'ghost'"):
        ensure_indexes(candidate.folder, candidate.manifest, ghost, indexes, build_search=no_search)
    assert [entry.suffix for entry in indexes.iterdir()] == [".lock"]


def batch(rows: list[int], keys: list[str]) -> pa.Table:
    return pa.table({"_row": pa.array(rows, pa.int32()), "key": keys, "body": [f"body {row}" for row in rows]})


@given(keys=st.lists(st.text(max_size=600), max_size=30, unique=True))
@settings(max_examples=60, deadline=None)
def test_any_key_leads_back_to_its_row(tmp_path_factory: pytest.TempPathFactory, keys: list[str]) -> None:
    keys = [key.encode("utf-8", "replace").decode() for key in keys]
    keys = list(dict.fromkeys([*keys, "", "\x00sha256:", "k" * 481, "k" * 480, "키" * 161]))
    path = tmp_path_factory.mktemp("rows") / "rows.lmdb"
    half = len(keys) // 2
    batches = [batch(list(range(half)), keys[:half]), batch(list(range(half, len(keys))), keys[half:])]
    write_rows(path, [("thing", batches), ("nothing", [])], count=2)
    store = open_rows(path, ("thing", "nothing"))
    try:
        assert [store.row_of("thing", key) for key in keys] == list(range(len(keys)))
        assert store.json_rows("thing", range(len(keys))) == [f"body {row}".encode() for row in range(len(keys))]
        assert store.json_rows("thing", [2, 0, 2]) == [b"body 2", b"body 0", b"body 2"]
        for missing in (-1, len(keys)):
            with pytest.raises(IndexError):
                store.json_rows("thing", [missing])
        assert (store.count("thing"), store.count("nothing"), store.row_of("nothing", "x")) == (len(keys), 0, None)
    finally:
        store.close()


def test_a_key_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="thing has a key twice"):
        write_rows(tmp_path / "rows.lmdb", [("thing", [batch([0, 1], ["a", "a"])])], count=1)


def test_rows_that_do_not_ascend_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="the rows of thing do not count from 0 without a gap"):
        write_rows(tmp_path / "rows.lmdb", [("thing", [batch([1, 0], ["a", "b"])])], count=1)


def test_a_long_key_is_stored_as_its_hash() -> None:
    assert len(stored_key("k" * 481)) == len(b"\x00sha256:") + 32
    assert stored_key("k") == b"k"


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


def ready(con: duckdb.DuckDBPyConnection, **values: object) -> dict[str, object]:
    order = {"_title": "t", "order_id": 1, "customer_id": "c", "cents": 0, **values}
    con.register("source", table("order", [order]))
    (row,) = con.execute(ready_select(ONTOLOGY.types["order"], "source")).fetchall()
    con.unregister("source")
    told: dict[str, object] = json.loads(row[2])
    return told


@given(number=st.floats(), text=st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
@settings(max_examples=150, deadline=None)
def test_numbers_and_texts_come_back_exactly(con: duckdb.DuckDBPyConnection, number: float, text: str) -> None:
    told = ready(con, amount=number, customer_id=text)
    assert told["customer_id"] == text
    if math.isfinite(number):
        assert told["amount"] == number
    else:
        assert "amount" not in told


def test_nulls_are_left_out_and_times_end_in_z(con: duckdb.DuckDBPyConnection) -> None:
    told = ready(con, ordered_at=datetime(2013, 1, 1, 10, 15), cents=2**62, paid=False)
    assert told == {
        "__rid": "ri.ontology.main.object.order.1",
        "__primaryKey": 1,
        "__apiName": "order",
        "__title": "t",
        "order_id": 1,
        "customer_id": "c",
        "cents": str(2**62),
        "paid": False,
        "ordered_at": "2013-01-01T10:15:00Z",
    }
    assert ready(con, ordered_at=datetime(2013, 1, 1, 0, 0, 0, 120_300))["ordered_at"] == "2013-01-01T00:00:00.1203Z"


def test_the_columns_of_a_release_are_those_of_the_spec_in_its_order() -> None:
    assert object_schema(ONTOLOGY.types["order"]).names == ["_row", "_title", *ONTOLOGY.types["order"].properties]


def test_lmdb_maps_what_it_wrote(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.lmdb", [("thing", [batch([0], ["a"])])], count=1)
    assert (tmp_path / "rows.lmdb").stat().st_size < 1_000_000, "the address space reserved is not disk used"
    with pytest.raises(lmdb.Error):
        open_rows(tmp_path / "rows.lmdb", ("ghost",))


def test_bodies_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.lmdb", [("thing", [batch([0, 1], ["a", "b"])])], count=1)
    file = tmp_path / BODIES / "thing.json"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="do not fit together"):
        open_rows(tmp_path / "rows.lmdb", ("thing",))
