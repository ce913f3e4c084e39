"""What an object says: its text, rendered from the template of its type, and the table of all texts.

A template is parsed in `ontology.paths`; its values are fetched in `assets`. A point number is the
place of a document in the table, the same in the vectors and in every index.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from palantir_assets.errors import BuildError, ReleaseError
from palantir_assets.ontology.paths import split_template

SCHEMA: Final = pa.schema(
    [("object_type", pa.string()), ("row", pa.int32()), ("key", pa.string()), ("title", pa.string()), ("text", pa.string())]
)
_TIDY: Final = (
    (re.compile(r"\(\s*[,;:]*\s*\)|\[\s*[,;:]*\s*\]"), ""),  # brackets that held nothing but the field
    (re.compile(r"\s*[→–—/|]\s*(?=$|[,;.!?)\]])|(?:^|(?<=[(\[,;.]))\s*[→–—/|]\s*"), ""),  # an arrow to or from nowhere
    (re.compile(r"(?:\s*[,;:])+(\s*[.!?)\]]|\s*$)"), r"\1"),  # a comma before the end
    (re.compile(r"([,;:])(?:\s*[,;:])+"), r"\1"),  # two commas
    (re.compile(r"([(\[]|[.!?]\s)\s*[,;:.]+\s*"), r"\1"),  # a comma at the start
    (re.compile(r"^[\s,;:.!?]+"), ""),
    (re.compile(r"\s+([,;:.!?)\]])"), r"\1"),
    (re.compile(r"([.!?])(?:\s*[.!?])+"), r"\1"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True, slots=True)
class Document:
    """What one object says, and which object it is."""

    object_type: str
    row: int
    key: str
    title: str
    text: str


@dataclass(frozen=True)
class Documents:
    """All documents in the order (object_type, row). `table` has SCHEMA's columns; `text` may be left out when reading."""

    table: pa.Table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def rows(self) -> npt.NDArray[np.int32]:
        """The row number of each point within its type, int32 (n)."""
        return np.array(self.table.column("row").to_pylist(), dtype=np.int32)

    @cached_property
    def ranges(self) -> Mapping[str, range]:
        """The points of each object type: the table is ordered by type, so they lie together."""
        types = self.table.column("object_type").to_pylist()
        starts = [point for point, name in enumerate(types) if not point or name != types[point - 1]]
        return {types[start]: range(start, stop) for start, stop in pairwise([*starts, len(types)])}

    def column(self, name: str) -> list[str]:
        """A text column as a list."""
        return [value or "" for value in self.table.column(name).to_pylist()]

    def document(self, point: int) -> Document:
        """The document at a point, its text empty if it was not read."""
        found = self.table.slice(point, 1).to_pylist()[0]
        return Document(found["object_type"], found["row"], found["key"], found["title"] or "", found.get("text") or "")


def render(template: str, values: Mapping[str, object]) -> str:
    """The text of a template with the values put in; a null vanishes with the punctuation around it.

    >>> render("{title} ({city}), {seats} seats.", {"title": "Blue", "city": None, "seats": 4})
    'Blue, 4 seats.'
    """
    pieces: list[str] = []
    gaps = False
    for text, path in split_template(template):
        shown = _shown(values.get(path)) if path else ""
        gaps = gaps or (bool(path) and not shown)
        pieces += (text, shown)
    rendered = "".join(pieces)
    for pattern, replacement in _TIDY if gaps else ():
        rendered = pattern.sub(replacement, rendered)
    return " ".join(rendered.split())


def collect(documents: Iterable[Document]) -> Documents:
    """Documents in their order; raises BuildError if two have the same type and row."""
    ordered = sorted(documents, key=lambda document: (document.object_type, document.row))
    for one, next_one in pairwise(ordered):
        if (one.object_type, one.row) == (next_one.object_type, next_one.row):
            raise BuildError(f"two documents for row {one.row} of {one.object_type}")
    columns = {name: [getattr(document, name) for document in ordered] for name in SCHEMA.names}
    return Documents(pa.table(columns, schema=SCHEMA))


def write(documents: Documents, path: Path) -> None:
    """Write documents as Parquet, by a rename, so that the file is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    pq.write_table(documents.table, fresh, compression="zstd")
    fresh.replace(path)


def read(path: Path, *, texts: bool = True) -> Documents:
    """The documents of a file, their texts only if asked for (serving does not). Raises ReleaseError."""
    names = [name for name in SCHEMA.names if texts or name != "text"]
    try:
        # not read_table, nor to_numpy: they import pandas where it is installed, 30 MB that serving does not need
        with pq.ParquetFile(path) as file:
            return Documents(file.read(columns=names))
    except (OSError, pa.ArrowException) as error:
        raise ReleaseError(f"documents {path.name} cannot be read: {error}") from error


def safe_text(text: str, *, limit: int) -> str:
    """Text of at most `limit` characters that every library below takes: no NUL, no lone surrogate."""
    return text[:limit].replace("\0", " ").encode("utf-8", "replace").decode()


def _shown(value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return value.isoformat() if isinstance(value, date) else str(value)
