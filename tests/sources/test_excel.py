"""Workbooks: cells as the types they have, formulas as their saved results, and no error taken for a value."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest

from palantir_assets.errors import SourceError
from tests.sources.conftest import LoadFiles, Rows

COLUMNS = {"id": "long", "name": "string", "amount": "double", "day": "date"}
HEADER = ("id", "name", "amount", "day")


def workbook(*rows: Sequence[Any], sheet: str = "Orders", before: Sequence[str] = (), saved: str = "") -> bytes:
    """A workbook with this sheet after some others; `saved` is put in as the result of its only formula."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name in before:
        book.create_sheet(name).append(["nothing", "here"])
    page = book.create_sheet(sheet)
    for row in rows:
        page.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return with_result(out.getvalue(), saved) if saved else out.getvalue()


def with_result(data: bytes, saved: str) -> bytes:
    """As a program that computes would save it: `<f>…</f><v/>` gets its value."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.startswith("xl/worksheets/"):
                content = re.sub(rb"</f><v ?/?>(</v>)?", f"</f><v>{saved}</v>".encode(), content)
            new.writestr(name, content)
    return out.getvalue()


def test_cells_are_taken_as_the_types_they_have(load_files: LoadFiles, loaded_rows: Callable[[], Rows]) -> None:
    data = workbook(
        (),
        (*HEADER, None, "note"),
        (1, "Ada", 1.5, datetime(2024, 5, 1)),
        (2.0, "김철수", 2, date(2024, 5, 2), None, "x"),
        (),
        ("3", 12, "4.5", "2024-05-03"),
        (4, None, None, None),
    )
    loaded = load_files({"orders.xlsx": data}, COLUMNS)
    assert loaded_rows() == [
        (1, "Ada", 1.5, date(2024, 5, 1), 1),
        (2, "김철수", 2.0, date(2024, 5, 2), 2),
        (3, "12", 4.5, date(2024, 5, 3), 3),
        (4, None, None, None, 4),
    ]
    assert loaded.undeclared == ("(column 5, without a name)", "note")


def test_a_sheet_is_found_by_its_name(load_files: LoadFiles, loaded_rows: Callable[[], Rows]) -> None:
    data = workbook(("id",), (7,), sheet="주문", before=["Cover"])
    load_files({"orders.xlsx": data}, {"id": "long"}, sheet="주문")
    assert loaded_rows() == [(7, 1)]
    with pytest.raises(SourceError, match=r"^orders\.xlsx: there is no sheet 'Ordrs' among Cover, 주문"):
        load_files({"orders.xlsx": data}, {"id": "long"}, sheet="Ordrs")
    with pytest.raises(SourceError, match="there is no column id"):
        load_files({"orders.xlsx": data}, {"id": "long"})


def test_a_formula_is_its_saved_result(load_files: LoadFiles, loaded_rows: Callable[[], Rows]) -> None:
    load_files({"orders.xlsx": workbook(("id",), ("=1+1",), (3,), saved="2")}, {"id": "long"})
    assert loaded_rows() == [(2, 1), (3, 2)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((2.5, "x"), "id: 2.5 is not a long"),
        (("two", "x"), "id: 'two' is not a long"),
        ((True, "x"), "id: "),
        ((datetime(2024, 5, 1), "x"), "id: "),
        ((2, "#N/A"), "B3 holds the error #N/A"),
        (("=1+1", "x"), "A3 holds a formula whose result was not saved"),
        ((2, "x", None, "beyond"), "has a value beyond the header's 2 columns: 'beyond'"),
    ],
)
def test_a_row_that_breaks_the_declaration_is_kept_with_its_number(
    row: Sequence[Any], reason: str, load_files: LoadFiles, loaded_rows: Callable[[], Rows], refused_rows: Callable[[], Rows]
) -> None:
    load_files({"orders.xlsx": workbook(("id", "name"), (1, "a"), row, (3, "c"))}, {"id": "long", "name": "string"})
    assert loaded_rows() == [(1, "a", 1), (3, "c", 3)]
    ((line, record, told, raw),) = refused_rows()
    assert (line, record) == (3, 2) and told.startswith(reason) and raw.startswith("[")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no Excel workbook"),
        (b"id,name\n", "no Excel workbook"),
        (workbook(), "it is empty"),
        (workbook(("ID", "name")), "did you mean 'ID'"),
        (workbook(("id", "id", "name")), "occurs 2 times"),
    ],
)
def test_what_is_no_such_workbook_is_refused(data: bytes, reason: str, load_files: LoadFiles) -> None:
    with pytest.raises(SourceError, match=rf"^orders\.xlsx: (.|\n)*{reason}"):
        load_files({"orders.xlsx": data}, {"id": "long", "name": "string"})
