"""Records: every one right or refused, with its line; and the quick way says what the careful way says."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palantir_assets.errors import SourceError
from palantir_assets.sources.parts import Refused
from palantir_assets.sources.records import LIMIT, Block, Dialect, Records

Read = tuple[list[tuple[int, int, list[str]]], list[Refused]]


def read(data: bytes, *, block_bytes: int = 1 << 20, dialect: Dialect | None = None) -> Read:
    """(record, line, fields) of the right records, and the refused ones."""
    records = Records(io.BytesIO(data), dialect or Dialect(), block_bytes)
    right: list[tuple[int, int, list[str]]] = []
    refused: list[Refused] = []
    for block in records.blocks():
        columns = [column.to_pylist() for column in block.fields]
        right += [(number, line, list(row)) for number, line, *row in zip(block.records, block.lines, *columns, strict=True)]
        refused += block.refused
    return right, refused


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"2,y", "has 2 fields where the header has 3"),
        (b"3,z,4,5", "has 4 fields where the header has 3"),
        (b'4,"open,1', "a quote is not closed"),
        (b'4,"a"b,1', "a quote is not closed, or stands where none may"),
        (b"6,\xff\xfe,1", "is not UTF-8 at byte 3"),
        (b"6,a\x00b,1", "holds a NUL byte"),
        (b"6,a\rb,1", "cannot be read"),
    ],
)
@pytest.mark.parametrize("block_bytes", [1 << 20, 5])
def test_a_broken_line_is_kept_with_its_number_and_the_next_is_read(line: bytes, reason: str, block_bytes: int) -> None:
    right, refused = read(b'a,b,c\n1,"two\nlines",3\n\n' + line + b"\n8,ok,1\n9,,1", block_bytes=block_bytes)
    assert right == [(1, 2, ["1", "two\nlines", "3"]), (3, 6, ["8", "ok", "1"]), (4, 7, ["9", "", "1"])]
    assert [(item.record, item.line, item.raw) for item in refused] == [
        (2, 5, line.decode(errors="backslashreplace").replace("\0", "\\x00"))
    ]
    assert reason in refused[0].reason


def test_a_ragged_record_of_several_lines_is_refused_as_a_whole() -> None:
    right, refused = read(b'a,b,c\n1,"note:\n7,8,9\n"\n2,x,y\n')
    assert right == [(2, 5, ["2", "x", "y"])]
    assert [(item.line, item.raw) for item in refused] == [(2, '1,"note:\n7,8,9\n"')]


def test_a_quote_that_is_never_closed_costs_its_own_line_only() -> None:
    rows = [f"{n},x" for n in range(30_000)]
    rows[100] = '100,"x'
    right, refused = read(("a,b\n" + "\n".join(rows)).encode(), block_bytes=50_000)
    assert len(right) == 29_999
    assert [(item.line, item.record) for item in refused] == [(102, 101)]


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_field_beyond_the_limit_is_refused_either_way(quote: bytes) -> None:
    right, refused = read(b"a,b\n0,y\n1," + quote + b"x" * (LIMIT + 1) + quote + b"\n2,y\n", block_bytes=4)
    assert right == [(1, 2, ["0", "y"]), (3, 4, ["2", "y"])] and "longer than" in refused[0].reason


def test_a_byte_order_mark_windows_lines_and_another_dialect_are_understood() -> None:
    assert read(b"\xef\xbb\xbfa;b\r\n1;'x;y'\r\n2;z\r\n", dialect=Dialect(";", "'")) == ([(1, 2, ["1", "x;y"]), (2, 3, ["2", "z"])], [])


@pytest.mark.parametrize(
    ("data", "message"), [(b"", "empty"), (b"\n\n", "empty"), ("a,b\n".encode("utf-16"), "UTF-16"), (b"a,\xff\n", "UTF-8")]
)
def test_a_file_without_a_header_that_can_be_read_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        Records(io.BytesIO(data))


def test_a_header_alone_is_a_table_without_rows() -> None:
    assert read(b"a,b") == read(b"a,b\n") == ([], [])


FIELD = st.text(alphabet="ab1 ,\"'\n\r;é", max_size=6)


@given(st.lists(st.tuples(FIELD, FIELD), max_size=12), st.integers(4, 64))
@settings(deadline=None)
def test_what_the_csv_module_writes_is_read_back(rows: list[tuple[str, str]], block_bytes: int) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("a", "b"), *rows])
    right, refused = read(text.getvalue().encode(), block_bytes=block_bytes)
    assert [tuple(row) for _, _, row in right] == rows and not refused
    assert [number for number, _, _ in right] == list(range(1, len(rows) + 1))


@given(
    st.lists(st.sampled_from([b"1,2", b"x,", b",", b"1", b"1,2,3", b"", b"a\r", b"\xff,1", b" ,1", b"\xc3\xa9,1", b"4,5\r"]), max_size=20)
)
@settings(deadline=None, max_examples=300)
def test_the_quick_way_and_the_careful_way_say_the_same(lines: list[bytes]) -> None:
    data = b"a,b\n" + b"\n".join(lines) + b"\n"
    careful = read(data)  # the header's reader takes a whole small file line by line
    assert read(data, block_bytes=5) == read(data, block_bytes=30) == careful


def test_plain_blocks_go_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    careful, called = Records._careful, list[bytes]()

    def counted(self: Records, block: bytes = b"") -> Block:
        called.append(block)
        return careful(self, block)

    monkeypatch.setattr(Records, "_careful", counted)
    data = "".join(f"{n},x\n" for n in range(1000))
    right, refused = read(b"a,b\n" + data.encode(), block_bytes=30)
    assert [row for _, _, row in right] == [[str(n), "x"] for n in range(1000)] and not refused
    assert called == [b""]  # what the header's reader had taken beyond the header
