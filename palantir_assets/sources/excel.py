"""Excel workbooks (.xlsx): one sheet, its first row that is not empty the header, as the types that its cells have.

A formula counts as the result that was saved with it; one without a result is refused, and so is an error such as #N/A.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO, Final
from zipfile import BadZipFile

import pyarrow as pa

from palantir_assets.errors import SourceError, did_you_mean
from palantir_assets.ontology.spec import SourceTable
from palantir_assets.sources.csv import find_columns
from palantir_assets.sources.parts import Part, Refused

AT_ONCE: Final = 10_000

Row = tuple[int, Sequence[Any], str]
"""A row: its number in the sheet, the values of its cells, and why it cannot be read."""


class ExcelFile:
    """A workbook that is being read. Raises SourceError for what is none, a sheet that is not there, or a header that does not fit."""

    def __init__(self, stream: BinaryIO, table: SourceTable) -> None:
        self._rows = _rows(stream, table.sheet)
        header = next((values for _, values, _ in self._rows if any(value is not None for value in values)), None)
        if header is None:
            raise SourceError("it is empty: there is no header")
        self._heads = [("" if value is None else str(value)).strip() for value in header]
        while self._heads and not self._heads[-1]:
            self._heads.pop()
        self._places = find_columns(self._heads, table)
        self._missing = [name for name in table.columns if name not in self._places]

    @property
    def undeclared(self) -> Sequence[str]:
        """The columns that are not wanted."""
        wanted = set(self._places.values())
        return [head or f"(column {place + 1}, without a name)" for place, head in enumerate(self._heads) if place not in wanted]

    def parts(self) -> Iterator[Part]:
        """The rows, some at a time; empty ones are none."""
        first = 1
        there = (row for row in self._rows if row[2] or any(value is not None for value in row[1]))
        while some := list(islice(there, AT_ONCE)):
            yield self._part(some, first)
            first += len(some)

    def _part(self, some: Sequence[Row], first: int) -> Part:
        right, refused = [], []
        for record, (line, values, reason) in enumerate(some, first):
            beyond = [value for value in values[len(self._heads) :] if value is not None]
            told = reason or (f"has a value beyond the header's {len(self._heads)} columns: {beyond[0]!r}" if beyond else "")
            if told:
                refused.append(Refused(line, record, told, _raw(values)))
            else:
                right.append((record, line, [*values, *[None] * (len(self._heads) - len(values))]))
        fields: dict[str, Any] = {name: _column([values[place] for _, _, values in right]) for name, place in self._places.items()}
        fields |= {name: pa.nulls(len(right)) for name in self._missing}
        records = [record for record, _, _ in right]
        return Part(fields, records, lambda index: right[index][1], lambda index: _raw(right[index][2]), refused)


def _rows(stream: BinaryIO, sheet: str | None) -> Iterator[Row]:
    """Each row with the saved results of its formulas; both readings of the sheet go along, for a formula without one is empty."""
    import openpyxl  # brought in where a file needs it

    data = stream.read()
    try:
        books = [openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=saved) for saved in (True, False)]
    except (BadZipFile, KeyError, ValueError, OSError, EOFError) as error:
        raise SourceError(f"it is no Excel workbook (.xlsx) that can be read: {error}") from error
    results, formulas = (_sheet(book, sheet) for book in books)
    for line, (values, written) in enumerate(zip(results.iter_rows(values_only=True), formulas.iter_rows(), strict=True), 1):
        yield line, values, _unreadable(values, written)


def _sheet(book: Any, name: str | None) -> Any:
    sheets = {each.title: each for each in book.worksheets}
    if not sheets:
        raise SourceError("it holds no sheet of cells")
    if name is None:
        return next(iter(sheets.values()))
    if name not in sheets:
        hint = did_you_mean(name, sheets)
        raise SourceError(f"there is no sheet {name!r} among {', '.join(sheets)}" + (f"; {hint}" if hint else ""))
    return sheets[name]


def _unreadable(values: Sequence[Any], written: Sequence[Any]) -> str:
    for value, cell in zip(values, written, strict=False):
        if cell.data_type == "e" or (isinstance(value, str) and value in ERRORS):
            return f"{cell.coordinate} holds the error {value}"
        if cell.data_type == "f" and value is None:
            return f"{cell.coordinate} holds a formula whose result was not saved"
    return ""


ERRORS: Final = frozenset({"#N/A", "#REF!", "#NAME?", "#DIV/0!", "#VALUE!", "#NUM!", "#NULL!"})


def _column(values: list[Any]) -> pa.Array | list[Any]:
    """Values of one kind as Arrow's; of several kinds, as they are."""
    return pa.array(values) if len({type(value) for value in values if value is not None}) < 2 else values


def _raw(values: Sequence[Any]) -> str:
    return json.dumps(list(values), ensure_ascii=False, default=str)
