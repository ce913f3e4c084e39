"""An open release answers by row, by key and by SQL, and refuses what is damaged."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from palantir_assets.errors import ReleaseError, UnknownName
from palantir_assets.release.reading import Release, open_release
from palantir_assets.release.sealing import Shelf, seal_candidate, staging
from tests.release.shop import CUSTOMERS, PROVENANCE, VERSIONS, orders, seal_shop, write_content


@pytest.fixture
def release(shelf: Shelf, indexes: Path) -> Iterator[Release]:
    release = open_release(seal_shop(shelf).folder, indexes)
    yield release
    release.close()


def test_every_object_is_found_by_its_key_and_told_as_it_was_written(release: Release) -> None:
    for row, customer in enumerate(CUSTOMERS):
        assert release.row_of("customer", customer["customer_id"]) == row
    told = [json.loads(body) for body in release.json_rows("customer", [2, 0])]
    assert [one["customer_id"] for one in told] == ["한국", "a-1"]
    assert told[1] == {
        "__rid": "ri.ontology.main.object.customer.a-1",
        "__primaryKey": "a-1",
        "__apiName": "customer",
        "__title": "Ada",
        "customer_id": "a-1",
        "name": "Ada",
    }


def test_ready_json_equals_what_python_says_of_each_order(release: Release) -> None:
    written = orders(10)
    for order, body in zip(written, release.json_rows("order", range(10)), strict=True):
        moment, day, cents = order["ordered_at"], order["ordered_on"], order["cents"]
        assert isinstance(moment, datetime)
        spelled = {
            "ordered_at": moment.isoformat().rstrip("0").removesuffix(":") + "Z" if moment.microsecond else f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            "ordered_on": str(day),
            "cents": str(cents),
        }
        expected = {name: spelled.get(name, value) for name, value in order.items() if value is not None and name != "_title"}
        told = json.loads(body)
        assert {name: value for name, value in told.items() if not name.startswith("__")} == expected
        assert list(told)[4:] == list(expected), "properties stand in the order of the spec"


def test_an_unknown_key_is_none_and_an_unknown_type_is_told(release: Release) -> None:
    assert release.row_of("customer", "nobody") is None
    assert release.row_of("order", 7) == 7
    assert release.row_of("order", "7") == 7
    with pytest.raises(UnknownName, match="did you mean 'order'"):
        release.row_of("ordr", "1")


def test_a_row_that_is_not_there_is_an_index_error(release: Release) -> None:
    with pytest.raises(IndexError, match="order has no row 10"):
        release.json_rows("order", [9, 10])


def test_links_lead_both_ways(release: Release) -> None:
    links = release.links["order__customer"]
    assert links.forward.of(4).tolist() == [1]
    assert links.reverse.of(1).tolist() == [1, 4, 7]


def test_sql_sees_the_objects_and_nothing_else(release: Release, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with release.sql() as cursor:
        assert cursor.execute('SELECT count(*), sum(order_id) FROM "order"').fetchall() == [(10, 45)]
        assert cursor.execute('SELECT ordered_at FROM "order" WHERE _row = 0').fetchall() == [(datetime(2024, 1, 1, 10, 15),)]
        for forbidden in (
            f"SELECT * FROM read_csv('{tmp_path}/secret.csv')",
            "ATTACH ':memory:' AS other; CREATE TABLE other.t (a INT); COPY other.t TO '/tmp/t.csv'",
            "SET enable_external_access = true",
            "SET memory_limit = '64GB'",
            'DELETE FROM "order"',
            "INSTALL httpfs",
        ):
            with pytest.raises(duckdb.Error):
                cursor.execute(forbidden).fetchall()


def test_what_sql_may_take_of_memory_and_of_the_disk_is_told_in_bytes(release: Release) -> None:
    with release.sql() as cursor:
        told = cursor.execute("SELECT current_setting('memory_limit'), current_setting('max_temp_directory_size')").fetchall()
    assert told == [("244.1 MiB", "1.8 GiB")]


def test_many_threads_read_one_release(release: Release) -> None:
    wrong: list[object] = []

    def read() -> None:
        for number in range(200):
            with release.sql() as cursor:
                (found,) = cursor.execute('SELECT count(*) FROM "order"').fetchall()
            body = json.loads(release.json_rows("order", [number % 10])[0])
            if found != (10,) or body["order_id"] != release.row_of("order", number % 10):
                wrong.append((found, body))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_two_releases_of_one_content_share_their_indexes_and_the_last_one_closes_them(shelf: Shelf, indexes: Path) -> None:
    folder = seal_shop(shelf).folder
    first, second = open_release(folder, indexes), open_release(folder, indexes)
    first.close()
    first.close()
    assert second.count("order") == 10
    second.close()
    third = open_release(folder, indexes)
    assert third.count("order") == 10
    third.close()


@pytest.mark.parametrize("harm", ["missing", "short", "no manifest", "manifest of another format", "no links"])
def test_a_damaged_folder_is_refused_with_its_name(shelf: Shelf, indexes: Path, harm: str) -> None:
    folder = seal_shop(shelf).folder
    piece = folder / "objects" / "order" / "part-00000.parquet"
    match harm:
        case "missing":
            piece.unlink()
        case "short":
            piece.chmod(0o644)
            piece.write_bytes(piece.read_bytes()[:-1])
        case "no manifest":
            (folder / "manifest.json").unlink()
        case "manifest of another format":
            text = (folder / "manifest.json").read_text()
            (folder / "manifest.json").write_text(text.replace('"format":1', '"format":99'))
        case "no links":
            shutil.rmtree(folder / "links")
    with pytest.raises(ReleaseError, match=folder.name):
        open_release(folder, indexes)


def test_a_release_without_the_arrays_of_a_link_is_refused(shelf: Shelf, indexes: Path) -> None:
    with staging(shelf) as folder:
        rows = write_content(folder)
        shutil.rmtree(folder / "links")
        candidate = seal_candidate(folder, shelf, versions=VERSIONS, provenance=PROVENANCE, rows=rows)
    with pytest.raises(ReleaseError, match="lacks the link arrays of order__customer"):
        open_release(candidate.folder, indexes)
