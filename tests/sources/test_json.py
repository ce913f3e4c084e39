"""JSON: every record right or refused with its place, numbers as they are spelt, and no key lost in silence."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palantir_assets.errors import SourceError
from tests.sources.conftest import LoadFiles, Rows

COLUMNS = {"id": "long", "name": "string", "amount": "double"}
GOOD = b'{"id":1,"name":"Ada","amount":1.5}'


def lines(*each: bytes) -> dict[str, bytes]:
    return {"orders.jsonl": b"\n".join([GOOD, *each, b'{"id":9,"name":"Z","amount":9}', b""])}


def test_a_document_and_lines_give_the_same_rows(load_files: LoadFiles, loaded_rows: Callable[[], Rows]) -> None:
    records = [{"id": 1, "name": "Ada", "amount": 1.5}, {"id": 2, "name": None, "more": 1}, {"id": 3, "name": "김철수 🛒", "amount": None}]
    rows = [(1, "Ada", 1.5, 1), (2, None, None, 2), (3, "김철수 🛒", None, 3)]
    for files, told in (
        ({"orders.json": json.dumps(records).encode()}, {}),
        ({"orders.json": json.dumps({"data": {"items": records}, "next": None}).encode()}, {"records": "data.items"}),
        ({"orders.jsonl": "\n\n".join(map(json.dumps, records)).encode()}, {}),
        ({"orders.ndjson": b"\xef\xbb\xbf" + "\r\n".join(map(json.dumps, records)).encode()}, {}),
        ({"orders.txt": "\n".join(map(json.dumps, records)).encode()}, {"format": "jsonl"}),
    ):
        loaded = load_files(files, COLUMNS, **told)
        assert (loaded_rows(), loaded.refused, loaded.undeclared) == (rows, 0, ("more",))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id":2', "is no JSON at character 9"),
        (b'{"id":2,}', "is no JSON at character"),
        (b"[2]", "is no object"),
        (b"2", "is no object"),
        (b"null", "is no object"),
        (b'{"id":2} {"id":3}', "is no JSON at character 10: Extra data"),
        (b'{"id":2,"id":3}', "has the key 'id' twice"),
        (b'{"id":NaN}', "holds NaN, which is no JSON"),
        (b'{"amount":-Infinity}', "holds -Infinity, which is no JSON"),
        (b"{'id':2}", "is no JSON"),
        (b'{"name":"\xff"}', "is not UTF-8 at byte 10"),
        (b'{"name":"a\x01b"}', "is no JSON"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"id":2.5}', "id: '2.5' is not a long"),
        (b'{"id":1e400,"amount":1e400}', "amount: '1e400' is not a double"),
        (b'{"id":true}', "id: 'true' is not a long"),
        (b'{"id":[1]}', "id: '[1]' is not a long"),
        (b'{"id":9223372036854775808}', "id: '9223372036854775808' is not a long"),
    ],
)
def test_a_broken_line_is_kept_with_its_number_and_the_next_is_read(
    line: bytes, reason: str, load_files: LoadFiles, loaded_rows: Callable[[], Rows], refused_rows: Callable[[], Rows]
) -> None:
    load_files(lines(line), COLUMNS)
    assert loaded_rows() == [(1, "Ada", 1.5, 1), (9, "Z", 9.0, 3)]
    ((at, record, told, raw),) = refused_rows()
    assert (at, record) == (2, 2) and reason in told and raw == line.decode(errors="backslashreplace")


@pytest.mark.parametrize(
    ("data", "told", "reason"),
    [
        (b"", {}, "it is no JSON at line 1"),
        (b'[{"id":1},\n{"id":2]', {}, "it is no JSON at line 2, character 8"),
        (b'{"id":1}\n{"id":2}', {}, "one record a line is `format: jsonl`"),
        (b'{"items":[]}', {}, "it is no list of records; it holds a list at items"),
        (b'{"items":[]}', {"records": "itms"}, "there is no list at 'itms'; it holds a list at items"),
        (b'{"items":{}}', {"records": "items"}, "there is no list at 'items'"),
        (b'[{"id":1,"id":2}]', {}, "has the key 'id' twice"),
        (b"[" * 100_000, {}, "nested too deeply"),
        ("[]".encode("utf-16"), {}, "it is not UTF-8"),
        (b'[{"id":1,"nmae":"x","amount":1}]', {}, "no record has name; did you mean 'nmae'?"),
    ],
)
def test_a_document_that_cannot_be_read_is_refused_with_its_place(
    data: bytes, told: dict[str, object], reason: str, load_files: LoadFiles
) -> None:
    with pytest.raises(SourceError, match=r"^orders\.json: ") as caught:
        load_files({"orders.json": data}, COLUMNS, **told)
    assert reason in caught.value.message


def test_records_of_a_document_that_are_none_are_kept_with_their_ordinal(load_files: LoadFiles, refused_rows: Callable[[], Rows]) -> None:
    load_files({"orders.json": b'[{"id":1,"name":"a","amount":1},[2, {"x":1.50}],3]'}, COLUMNS)
    assert refused_rows() == [(None, 2, "is no object", '[2,{"x":1.50}]'), (None, 3, "is no object", "3")]


def test_a_column_may_be_a_path_or_be_missing(load_files: LoadFiles, loaded_rows: Callable[[], Rows]) -> None:
    columns = {
        "city": {"type": "string", "header": "customer.address.city"},
        "dotted": {"type": "string", "header": "a.b"},
        "tags": "string",
        "note": {"type": "string", "optional": True},
    }
    first = {"customer": {"address": {"city": "서울"}}, "a.b": "key", "tags": ["x", {"n": 1.0}]}
    second = {"customer": None, "a": {"b": "path"}, "tags": "plain"}
    loaded = load_files({"orders.json": json.dumps([first, second]).encode()}, columns)
    assert loaded_rows() == [("서울", "key", '["x",{"n":1.0}]', None, 1), (None, "path", "plain", None, 2)]
    assert loaded.undeclared == ()


def test_an_empty_list_is_a_table_without_rows(load_files: LoadFiles) -> None:
    assert load_files({"orders.json": b"[]"}, COLUMNS).rows == load_files({"orders.jsonl": b""}, COLUMNS).rows == 0


@given(numbers=st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)), max_size=20))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_numbers_come_out_as_they_went_in(numbers: list[tuple[int, float]], load_files: LoadFiles, loaded_rows: Callable[[], Rows]) -> None:
    records = [{"id": whole, "name": "x", "amount": amount} for whole, amount in numbers]
    load_files({"orders.json": json.dumps(records).encode()}, COLUMNS)
    assert [(row[0], row[2]) for row in loaded_rows()] == numbers
