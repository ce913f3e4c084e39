"""A file opened as it is written: as it is declared, or as its ending tells."""

from __future__ import annotations

from typing import BinaryIO

from palantir_assets.ontology.spec import SourceTable
from palantir_assets.ontology.spec_sources import format_of
from palantir_assets.sources.columnar import ColumnarFile
from palantir_assets.sources.csv import CsvFile
from palantir_assets.sources.excel import ExcelFile
from palantir_assets.sources.json import JsonFile
from palantir_assets.sources.parts import Reading


def opened(stream: BinaryIO, name: str, table: SourceTable) -> Reading:
    """A file, to be read once. Raises SourceError if it cannot be, or lacks a declared column."""
    written = format_of(name, table)
    if written in ("json", "jsonl"):
        return JsonFile(stream, table, lines=written == "jsonl")
    if written in ("parquet", "arrow"):
        return ColumnarFile(stream, table, parquet=written == "parquet")
    if written == "excel":
        return ExcelFile(stream, table)
    return CsvFile(stream, table)
