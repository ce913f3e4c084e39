"""Some records of a file, read: the fields of each as they were written, and beside them those that could not be read.

Every way of writing a file (`csv`, `json`, `columnar`) gives its records as this; what their fields mean is decided in
`casting`, and where they go in `loading`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that is kept aside: its line in the file (the first is 1; None where a file has no lines), its ordinal, and why."""

    line: int | None
    record: int
    reason: str
    raw: str
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Some records in their order. `fields` holds a declared column each, one value a record; `records` is as long.

    A column is an Arrow array, or a list where a file has values of several types in one column.

    Records are numbered from 1 in their file. `line` and `raw` tell of the record at an index.
    """

    fields: Mapping[str, pa.Array | list[Any]]
    records: Sequence[int]
    line: Callable[[int], int | None]
    raw: Callable[[int], str]
    refused: Sequence[Refused] = ()


class Reading(Protocol):
    """A file that is being read, once. Raises SourceError where it cannot be."""

    def parts(self) -> Iterator[Part]:
        """Its records, some at a time."""
        ...

    @property
    def undeclared(self) -> Sequence[str]:
        """What the file holds beyond the declared columns; whole when all parts were read."""
        ...
