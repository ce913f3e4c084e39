"""Objects in a bucket: found by key or pattern, fetched once, and again whenever they are others; against moto's server."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from moto.s3.models import s3_backends

from palantir_assets.errors import SourceError
from palantir_assets.ontology.spec import Source, SourceTable
from palantir_assets.sources import s3
from palantir_assets.sources.fetching import fetch, fetcher_of
from palantir_assets.sources.files import find_files
from palantir_assets.sources.loading import load
from palantir_assets.sources.raw_files import RawFiles
from palantir_assets.sources.s3 import Objects
from tests.buckets import ENVIRONMENT, Bucket, before, new_bucket, requests_of
from tests.sources.conftest import TABLE, Rows

COLUMNS = {"id": "integer"}
FILES = ["a.csv", "orders/2024-01.csv", "orders/2024-02.csv", "orders/old/2023.csv", "orders/old/more/2022.csv", "orders/notes.txt"]


def declared(file: str, **said: object) -> SourceTable:
    return SourceTable.model_validate({"file": file, "columns": COLUMNS, **said})


def source_of(bucket: Bucket, **said: object) -> Source:
    tables = {"orders": {"file": "orders.csv", "columns": COLUMNS}}
    return Source.model_validate({"kind": "s3", "s3": bucket.spec(**said), "tables": tables})


def objects_of(bucket: Bucket, **said: object) -> Objects:
    fetcher = fetcher_of(source_of(bucket, **said), project=Path("/nowhere"), environment=ENVIRONMENT)
    assert isinstance(fetcher, Objects)
    return fetcher


@pytest.fixture
def raw_files(tmp_path: Path) -> RawFiles:
    return RawFiles(tmp_path / "raw_files")


def kept(objects: Objects, file: str, into: RawFiles) -> dict[str, bytes]:
    return {found.name: found.path.read_bytes() for found in objects.fetch(declared(file), into)}


@pytest.mark.parametrize(
    "pattern",
    ["orders/2024-*.csv", "**/*.csv", "*.csv", "orders/**/20*.csv", "orders/*", "orders/old/**/*", "orders/2024-0[!2].csv", "**/202?.csv"],
)
def test_a_pattern_finds_the_objects_that_it_would_find_as_files(bucket: Bucket, raw_files: RawFiles, tmp_path: Path, pattern: str) -> None:
    bucket.put_all({f"exports/{name}": f"id\n{name}\n".encode() for name in FILES} | {"orders/2024-03.csv": b"", "exports/orders/": b""})
    for name in FILES:
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"id\n{name}\n")
    beside = Source.model_validate({"kind": "files", "tables": {"orders": {"file": pattern, "columns": COLUMNS}}})
    here = {
        path.relative_to(tmp_path / "project").as_posix(): path.read_bytes()
        for path in find_files(beside, pattern, project=tmp_path / "project")
    }
    assert kept(objects_of(bucket, prefix="exports"), pattern, raw_files) == here


def test_one_object_is_found_by_its_key(bucket: Bucket, raw_files: RawFiles) -> None:
    odd = "exports/주문 +1%20&?*.csv"
    bucket.put_all({"exports/orders.csv": b"id\n1\n", "exports/orders.csv.old": b"id\n9\n", odd: b"id\n2\n"})
    assert kept(objects_of(bucket, prefix="exports/"), "orders.csv", raw_files) == {"orders.csv": b"id\n1\n"}
    assert kept(objects_of(bucket), "exports/orders.csv", raw_files) == {"exports/orders.csv": b"id\n1\n"}
    assert kept(objects_of(bucket), "exports/주문*", raw_files) == {odd: b"id\n2\n"}


def test_only_the_part_of_the_bucket_that_can_fit_is_listed(bucket: Bucket) -> None:
    bucket.put(exports__orders__2024_csv=b"id\n1\n", exports__orders__deep__2023_csv=b"id\n1\n")
    objects = objects_of(bucket, prefix="exports")
    asked = requests_of(objects.client, "ListObjectsV2")
    objects.version(declared("orders/20*.csv"))
    objects.version(declared("orders/**/*.csv"))
    assert ["prefix=exports%2Forders%2F20&" in f"{request.url}&" for request in asked] == [True, False]
    assert ["delimiter=%2F" in request.url for request in asked] == [True, False]


def test_a_listing_of_more_than_a_thousand_objects_is_read_to_its_end(bucket: Bucket, raw_files: RawFiles) -> None:
    inside = next(iter(s3_backends.values()))["aws"]
    for number in range(1_050):
        inside.put_object(bucket.name, f"many/{number:04}.csv", f"id\n{number}\n".encode())
    objects = objects_of(bucket)
    listed, every = requests_of(objects.client, "ListObjectsV2"), declared("many/*.csv")
    before_it = objects.version(every)
    assert len(listed) == 2
    bucket.put_all({"many/1049.csv": b"id\n9\n"})
    assert objects.version(every) != before_it
    fetched = kept(objects, "many/10*.csv", raw_files)
    assert len(fetched) == 50 and fetched["many/1049.csv"] == b"id\n9\n" and fetched["many/1000.csv"] == b"id\n1000\n"


def test_a_version_changes_with_the_objects_and_costs_no_download(bucket: Bucket) -> None:
    bucket.put(orders__a_csv=b"id\n1\n", notes_txt=b"1")
    objects, every = objects_of(bucket), declared("orders/*.csv")
    read = requests_of(objects.client, "GetObject")
    versions = [objects.version(every)]

    def unchanged() -> bool:
        versions.append(objects.version(every))
        return versions[-1] == versions[-2]

    bucket.put(orders__a_csv=b"id\n1\n", notes_txt=b"2")
    assert unchanged(), "the same bytes again, and an object that is of no table"
    bucket.put(orders__a_csv=b"id\n2\n")
    assert not unchanged(), "other bytes of the same length"
    bucket.put(orders__b_csv=b"id\n1\n")
    assert not unchanged(), "one more"
    bucket.client.delete_object(Bucket=bucket.name, Key="orders/b.csv")
    assert not unchanged() and versions[-1] == versions[2], "one less"
    assert objects_of(bucket).version(every) == versions[-1] and read == []


def test_what_is_kept_is_not_fetched_again_and_what_changed_always_is(bucket: Bucket, raw_files: RawFiles) -> None:
    bucket.put(orders__a_csv=b"id\n1\n", orders__b_csv=b"id\n2\n", orders__c_csv=b"id\n3\n")
    objects = objects_of(bucket)
    read = requests_of(objects.client, "GetObject")
    first = objects.fetch(declared("orders/*.csv"), raw_files)
    assert len(read) == 3
    assert objects.fetch(declared("orders/*.csv"), raw_files) == first and len(read) == 3
    bucket.put(orders__b_csv=b"id\n5\n")
    second = objects.fetch(declared("orders/*.csv"), raw_files)
    assert [file.path.read_bytes() for file in second] == [b"id\n1\n", b"id\n5\n", b"id\n3\n"] and len(read) == 4
    second[0].path.unlink()
    assert objects.fetch(declared("orders/*.csv"), raw_files) == second and len(read) == 5


def test_what_was_fetched_before_another_object_failed_is_not_fetched_again(bucket: Bucket, raw_files: RawFiles) -> None:
    bucket.put_all({f"orders/{number:02}.csv": f"id\n{number}\n".encode() for number in range(30)})
    objects = objects_of(bucket)

    def fail(request: Any) -> None:
        if "/29.csv" in request.url:
            raise SourceError("the last one")

    before(objects.client, "GetObject", fail)
    with pytest.raises(SourceError, match="the last one"):
        objects.fetch(declared("orders/*.csv"), raw_files)
    again = objects_of(bucket)
    read = requests_of(again.client, "GetObject")
    assert [file.path.read_bytes() for file in again.fetch(declared("orders/*.csv"), raw_files)] == [
        f"id\n{number}\n".encode() for number in range(30)
    ]
    assert len(read) == 1


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"orders/a.csv": 3}', b'{"orders/a.csv": ["x", "y", 1]}'])
def test_a_damaged_note_of_what_was_fetched_costs_only_a_download(bucket: Bucket, raw_files: RawFiles, damage: bytes) -> None:
    bucket.put(orders__a_csv=b"id\n1\n")
    objects = objects_of(bucket)
    read, first = requests_of(objects.client, "GetObject"), objects.fetch(declared("orders/*.csv"), raw_files)
    (note,) = (raw_files.index / "objects").iterdir()
    note.write_bytes(damage)
    assert objects.fetch(declared("orders/*.csv"), raw_files) == first and len(read) == 2


def test_two_buckets_of_the_same_keys_are_not_taken_for_each_other(bucket: Bucket, store: str, raw_files: RawFiles) -> None:
    other = new_bucket(store)
    bucket.put(a_csv=b"id\n1\n")
    other.put(a_csv=b"id\n2\n")
    assert kept(objects_of(bucket), "a.csv", raw_files) == {"a.csv": b"id\n1\n"}
    assert kept(objects_of(other), "a.csv", raw_files) == {"a.csv": b"id\n2\n"}


def test_an_object_that_was_sent_in_parts_is_fetched_whole(bucket: Bucket, raw_files: RawFiles) -> None:
    parts = [b"id\n" + b"1\n" * (5 << 19), b"2\n" * 1000]
    upload = {"Bucket": bucket.name, "Key": "orders.csv"}
    number = bucket.client.create_multipart_upload(**upload)["UploadId"]
    tags = [
        bucket.client.upload_part(**upload, UploadId=number, PartNumber=place, Body=data)["ETag"]
        for place, data in enumerate(parts, start=1)
    ]
    told = [{"PartNumber": place, "ETag": tag} for place, tag in enumerate(tags, start=1)]
    bucket.client.complete_multipart_upload(**upload, UploadId=number, MultipartUpload={"Parts": told})
    assert "-2" in bucket.client.head_object(**upload)["ETag"]
    objects = objects_of(bucket)
    (file,) = objects.fetch(declared("orders.csv"), raw_files)
    assert (file.sha256, file.bytes) == (hashlib.sha256(b"".join(parts)).hexdigest(), sum(map(len, parts)))
    before_it = objects.version(declared("orders.csv"))
    bucket.put(orders_csv=b"".join(parts))  # the same bytes in one piece have another tag, and come to the same kept file
    assert objects.version(declared("orders.csv")) != before_it
    assert objects.fetch(declared("orders.csv"), raw_files) == [file]


def test_a_bucket_with_versions_gives_the_newest_one(bucket: Bucket, raw_files: RawFiles) -> None:
    bucket.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    objects, versions = objects_of(bucket), []
    for data in (b"id\n1\n", b"id\n2\n"):
        bucket.put(orders_csv=data)
        versions.append(objects.version(declared("orders.csv")))
        assert kept(objects, "orders.csv", raw_files) == {"orders.csv": data}
    marker = bucket.client.delete_object(Bucket=bucket.name, Key="orders.csv")["VersionId"]
    with pytest.raises(SourceError, match=r"there is no object 'orders\.csv'"):
        objects.version(declared("orders.csv"))
    bucket.client.delete_object(Bucket=bucket.name, Key="orders.csv", VersionId=marker)
    assert objects.version(declared("orders.csv")) == versions[1]
    (newest,) = [each["VersionId"] for each in bucket.client.list_object_versions(Bucket=bucket.name)["Versions"] if each["IsLatest"]]
    bucket.client.delete_object(Bucket=bucket.name, Key="orders.csv", VersionId=newest)
    assert objects.version(declared("orders.csv")) == versions[0]
    assert kept(objects, "orders.csv", raw_files) == {"orders.csv": b"id\n1\n"}


def times(most: int, do: Callable[[], object]) -> Callable[[Any], None]:
    """Do it before each of the first requests, and not before the others."""
    left = iter(range(most))

    def handler(_: Any) -> None:
        if next(left, None) is not None:
            do()

    return handler


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects are fetched in their order, so that one can change before its turn."""
    monkeypatch.setattr(s3, "STREAMS", 1)


@pytest.mark.usefixtures("one_by_one")
def test_an_object_that_is_replaced_while_it_is_fetched_is_listed_again(bucket: Bucket, raw_files: RawFiles) -> None:
    bucket.put(orders__a_csv=b"id\n1\n", orders__b_csv=b"id\n2\n")
    objects = objects_of(bucket)
    before(objects.client, "GetObject", times(1, lambda: bucket.put(orders__b_csv=b"id\n5\n", orders__c_csv=b"id\n6\n")))
    assert kept(objects, "orders/*.csv", raw_files) == {"orders/a.csv": b"id\n1\n", "orders/b.csv": b"id\n5\n", "orders/c.csv": b"id\n6\n"}


@pytest.mark.usefixtures("one_by_one")
def test_an_object_that_goes_while_others_are_fetched_is_left_out(bucket: Bucket, raw_files: RawFiles) -> None:
    bucket.put(orders__a_csv=b"id\n1\n", orders__b_csv=b"id\n2\n")
    objects = objects_of(bucket)
    before(objects.client, "GetObject", times(1, lambda: bucket.client.delete_object(Bucket=bucket.name, Key="orders/b.csv")))
    assert kept(objects, "orders/*.csv", raw_files) == {"orders/a.csv": b"id\n1\n"}


def test_an_object_that_is_replaced_again_and_again_is_told(bucket: Bucket, raw_files: RawFiles) -> None:
    bucket.put(orders_csv=b"id\n0\n")
    objects, numbers = objects_of(bucket), iter(range(1, 100))
    before(objects.client, "GetObject", times(100, lambda: bucket.put(orders_csv=f"id\n{next(numbers)}\n".encode())))
    with pytest.raises(SourceError, match=r"'orders\.csv' in s3://shop-\d+ .* was replaced while it was read, 2 times in a row") as told:
        objects.fetch(declared("orders.csv"), raw_files)
    assert "wait until whoever writes there is done" in told.value.advice


def test_bytes_are_fetched_with_the_version_of_before_them(bucket: Bucket, raw_files: RawFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put(orders_csv=b"id\n1\n")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    source = source_of(bucket)
    fetched = fetch(source, source.tables["orders"], project=Path("/nowhere"), into=raw_files)
    assert ([file.name for file in fetched.files], fetched.version) == (["orders.csv"], objects_of(bucket).version(source.tables["orders"]))


def packed(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.csv", data)
    return out.getvalue()


def test_objects_of_a_pattern_are_loaded_as_one_table(
    bucket: Bucket, raw_files: RawFiles, con: duckdb.DuckDBPyConnection, loaded_rows: Callable[[], Rows], refused_rows: Callable[[], Rows]
) -> None:
    bucket.put_all({"in/1.csv.gz": gzip.compress(b"id\n1\n2\n"), "in/2.csv": b"id\n3\nfour\n"})
    table = declared("in/*")
    loaded = load(con, TABLE, table, objects_of(bucket).fetch(table, raw_files))
    assert (loaded.rows, loaded.refused, loaded.files) == (3, 1, 2)
    assert sorted(row[0] for row in loaded_rows()) == [1, 2, 3]
    assert refused_rows() == [(3, 2, "id: 'four' is not an integer", "four")]


def test_members_of_an_archive_in_a_bucket_are_loaded(
    bucket: Bucket, raw_files: RawFiles, con: duckdb.DuckDBPyConnection, loaded_rows: Callable[[], Rows]
) -> None:
    bucket.put_all({"in/all.zip": packed(orders_1=b"id\n1\n", orders_2=b"id\n2\n", notes=b"x\n")})
    table = declared("in/*.zip", member="orders_*.csv")
    assert load(con, TABLE, table, objects_of(bucket).fetch(table, raw_files)).rows == 2
    assert [row[0] for row in loaded_rows()] == [1, 2]
