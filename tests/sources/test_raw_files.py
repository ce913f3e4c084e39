"""Raw files: the same bytes once, whole or not at all, and unpacked without surprise."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from pathlib import Path

import pytest
from backports import zstd

from palantir_assets.errors import SourceError
from palantir_assets.sources.raw_files import RawFiles


def test_bytes_are_kept_under_their_hash_and_never_written_again(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a\n1\n")
    store = RawFiles(tmp_path / "raw_files")
    kept = store.keep(tmp_path / "a.csv")
    assert (kept.name, kept.bytes, kept.sha256) == ("a.csv", 4, hashlib.sha256(b"a\n1\n").hexdigest())
    written = kept.path.stat()
    assert kept.path.name == kept.sha256 and not written.st_mode & 0o222
    assert store.keep(io.BytesIO(b"a\n1\n"), name="b.csv").path == store.keep(tmp_path / "a.csv").path == kept.path
    assert kept.path.stat().st_mtime_ns == written.st_mtime_ns
    assert [path.name for path in store.folder.iterdir()] == [kept.sha256]


def test_a_stream_that_breaks_leaves_nothing_behind(tmp_path: Path) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if not self.tell():
                return super().read(10)
            raise OSError(5, "Input/output error")

    store = RawFiles(tmp_path / "raw_files")
    with pytest.raises(SourceError, match="Input/output error"):
        store.keep(Breaking(b"x" * 100), name="a.csv")
    assert list(store.folder.iterdir()) == []


def test_a_kept_file_that_was_cut_short_is_mended(tmp_path: Path) -> None:
    store = RawFiles(tmp_path)
    kept = store.keep(io.BytesIO(b"whole"), name="a.csv")
    kept.path.chmod(0o644)
    kept.path.write_bytes(b"who")
    assert store.keep(io.BytesIO(b"whole"), name="a.csv").path.read_bytes() == b"whole"


def zipped(**members: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def damaged(data: bytes) -> bytes:
    return data[:100] + bytes([data[100] ^ 0xFF]) + data[101:]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", b"a\n1\n"),
        ("a.csv.gz", gzip.compress(b"a\n1\n", mtime=0)),
        ("a.csv.zst", zstd.compress(b"a\n1\n")),
        ("a.csv.zip", zipped(a=b"a\n1\n")),
        ("b.zip", zipped(**{"a.gz": gzip.compress(b"a\n1\n")})),
    ],
)
def test_packed_bytes_are_kept_packed_and_read_unpacked(tmp_path: Path, name: str, data: bytes) -> None:
    kept = RawFiles(tmp_path).keep(io.BytesIO(data), name=name)
    assert kept.path.read_bytes() == data
    with kept.unpacked(*kept.pieces()) as stream:
        assert stream.read() == b"a\n1\n"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.zip", zipped(a=b"1", b=b"2"), "holds 2 files where one is wanted: a, b"),
        ("a.zip", zipped(), "holds 0 files"),
        ("a.zip", b"no zip", "cannot be unpacked"),
        ("a.zip", damaged(zipped(a=bytes(range(256)))), "cannot be unpacked"),
        ("a.gz", b"no gzip", "cannot be unpacked"),
        ("a.zst", b"no zstd", "cannot be unpacked"),
        ("a.zst", zstd.compress(bytes(range(256)) * 100)[:-12], "cannot be unpacked"),
        ("a.gz", gzip.compress(b"a" * 10_000, mtime=0)[:-12], "cannot be unpacked"),
    ],
)
def test_a_damaged_archive_is_refused(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    kept = RawFiles(tmp_path).keep(io.BytesIO(data), name=name)
    with pytest.raises(SourceError, match=f"^it {message}"), kept.unpacked(*kept.pieces()) as stream:
        stream.read()
