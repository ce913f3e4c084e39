"""Another encoding reads as UTF-8, in pieces of any size; what cannot be decoded is never text."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.errors import SourceError
from palantir_assets.sources.encodings import AsUtf8, as_utf8, marked_as

ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "cp949", "shift_jis", "gb18030", "iso-8859-1")


def read(data: bytes, encoding: str, size: int) -> bytes:
    stream = AsUtf8(io.BytesIO(data), encoding)
    parts = []
    while part := stream.read(size):
        parts.append(part)
    return b"".join(parts)


@given(st.text(max_size=40), st.integers(1, 9), st.sampled_from(ENCODINGS))
def test_text_comes_out_as_it_went_in(text: str, size: int, encoding: str) -> None:
    data = text.encode(encoding, "ignore")
    assert read(data, encoding, size) == data.decode(encoding).encode()


@given(st.binary(max_size=40), st.integers(1, 9), st.sampled_from(ENCODINGS))
def test_bytes_come_out_as_the_text_they_are_or_as_no_text(data: bytes, size: int, encoding: str) -> None:
    try:
        found = read(data, encoding, size)
    except SourceError:
        assert encoding in ("utf-16", "utf-32") and marked_as(data) != encoding
        return
    try:
        said = data.decode(encoding)
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            found.decode()
    else:
        assert found == said.encode()


def test_utf_8_is_not_touched() -> None:
    stream = io.BytesIO(b"\xff")
    assert as_utf8(stream, "utf-8") is stream


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_byte_order_mark_tells_what_a_file_is(encoding: str) -> None:
    assert marked_as("a".encode(encoding)) == encoding.removesuffix("-sig")
    assert marked_as(b"id,name") is None
