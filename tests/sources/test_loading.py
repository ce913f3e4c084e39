"""Several files, and several members of an archive, make one table; each row says which bytes it is of."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable

import duckdb
import pytest

from palantir_assets.errors import SourceError
from tests.sources.conftest import TABLE, LoadFiles, Rows

COLUMNS = {"id": "long", "name": "string"}
MAY, JUNE = b"id,name\n1,a\n2,b\n", b"name,id,more\nc,3,x\n,x,y\n"


def zipped(**members: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def test_files_of_several_kinds_make_one_table(con: duckdb.DuckDBPyConnection, load_files: LoadFiles) -> None:
    files = {"may.csv": MAY, "june.csv.gz": gzip.compress(JUNE, mtime=0), "july.jsonl": b'{"id":4,"name":"d"}\n'}
    loaded = load_files(files, COLUMNS, file="*")
    assert (loaded.rows, loaded.refused, loaded.files, loaded.undeclared) == (4, 1, 3, ("more",))
    assert con.execute(f"SELECT id, name, _record FROM {TABLE.sql} ORDER BY id").fetchall() == [
        (1, "a", 1),
        (2, "b", 2),
        (3, "c", 1),
        (4, "d", 1),
    ]
    assert con.execute(f"SELECT count(DISTINCT _source_sha256) FROM {TABLE.sql}").fetchall() == [(3,)]


def test_the_order_of_files_does_not_matter_and_their_content_does(load_files: LoadFiles) -> None:
    one = load_files({"may.csv": MAY, "june.csv": JUNE}, COLUMNS)
    other = load_files({"june.csv": JUNE, "may.csv": MAY}, COLUMNS)
    assert (one.sha256, one.version) == (other.sha256, other.version)
    assert load_files({"may.csv": MAY}, COLUMNS).sha256 != one.sha256 != load_files({"may.csv": MAY, "june.csv": MAY}, COLUMNS).sha256


def test_members_of_an_archive_are_numbered_on(
    con: duckdb.DuckDBPyConnection, load_files: LoadFiles, refused_rows: Callable[[], Rows]
) -> None:
    data = zipped(**{"2024/b.csv": JUNE, "2024/a.csv": MAY, "readme.txt": b"?", "2024/c.json": b'[{"id":4,"name":"d"}]'})
    loaded = load_files({"all.zip": data}, COLUMNS, member="2024/*")
    assert (loaded.rows, loaded.refused) == (4, 1)
    assert con.execute(f"SELECT id, _record FROM {TABLE.sql} ORDER BY id").fetchall() == [(1, 1), (2, 2), (3, 3), (4, 5)]
    assert [row[:2] for row in refused_rows()] == [(3, 4)]


@pytest.mark.parametrize(
    ("files", "declared", "reason"),
    [
        ({"a.zip": zipped(x=MAY, y=MAY)}, {}, "a.zip: it holds 2 files where one is wanted: x, y"),
        ({"a.zip": zipped(x=MAY)}, {"member": "y*"}, "a.zip: it holds 1 files where 'y*' is wanted: x"),
        ({"a.csv": MAY}, {"member": "x"}, "a.csv: it is no archive"),
        ({"a.zip": zipped(**{"x.csv": MAY, "y.csv": b"id\n1\n"})}, {"member": "*.csv"}, "a.zip: y.csv: its header does not fit"),
        ({"a.csv": MAY, "b.csv": b"id\n1\n"}, {}, "b.csv: its header does not fit"),
    ],
)
def test_what_cannot_be_read_is_named(files: dict[str, bytes], declared: dict[str, object], reason: str, load_files: LoadFiles) -> None:
    with pytest.raises(SourceError) as caught:
        load_files(files, COLUMNS, **declared)
    assert caught.value.message.startswith(reason)


def test_refused_rows_that_stop_the_build_say_which_file(load_files: LoadFiles) -> None:
    with pytest.raises(SourceError, match=r"^2 files: 1 row refused(.|\n)*june\.csv, line 3: id: 'x' is not a long"):
        load_files({"may.csv": MAY, "june.csv": JUNE}, COLUMNS, on_bad_row="fail")


def test_an_optional_column_may_be_missing_from_some_files(con: duckdb.DuckDBPyConnection, load_files: LoadFiles) -> None:
    columns = {"id": "long", "more": {"type": "string", "optional": True}}
    load_files({"may.csv": MAY, "june.csv": b"id,more\n3,x\n"}, columns)
    assert con.execute(f"SELECT id, more FROM {TABLE.sql} ORDER BY id").fetchall() == [(1, None), (2, None), (3, "x")]
