"""CSV: the declared columns of each record, as texts.

How bytes become records is decided in `records`; here is only which of their fields are wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import pyarrow as pa

from palantir_assets.errors import SourceError, did_you_mean
from palantir_assets.ontology.spec import SourceTable
from palantir_assets.sources.parts import Part
from palantir_assets.sources.records import Block, Dialect, Records


class CsvFile:
    """A CSV file that is being read. Raises SourceError for a header that cannot be read, or that does not fit the declaration."""

    def __init__(self, stream: BinaryIO, table: SourceTable) -> None:
        said = table.csv
        self._records = Records(stream, Dialect(said.delimiter, said.quote, said.encoding, said.header, said.multiline))
        self._places = find_columns(self._records.header, table)
        self._heads = [head.strip() if said.header else "" for head in self._records.header]
        self._missing = [name for name in table.columns if name not in self._places]

    @property
    def undeclared(self) -> Sequence[str]:
        """The columns that are not wanted."""
        wanted = set(self._places.values())
        left_out = [(place, head) for place, head in enumerate(self._heads) if place not in wanted]
        return [head or f"(column {place + 1}, without a name)" for place, head in left_out]

    def parts(self) -> Iterator[Part]:
        """The records, block by block."""
        return map(self._part, self._records.blocks())

    def _part(self, block: Block) -> Part:
        fields = {name: block.fields[place] for name, place in self._places.items()}
        fields |= {name: pa.nulls(len(block.records), pa.string()) for name in self._missing}
        return Part(fields, block.records, lambda index: block.lines[index], block.raw, block.refused)


def find_columns(header: Sequence[str], table: SourceTable) -> dict[str, int]:
    """Declared column → its place in the file. Raises SourceError with every column that is missing or double.

    An optional column that is missing has no place.
    """
    declared = enumerate(table.columns.items(), 1)
    if table.csv.header:
        placed = {name: column.position for _, (name, column) in declared if column.position is not None}
    else:
        placed = {name: column.position or place for place, (name, column) in declared}
    heads = [head.strip() for head in header]
    wanted = {name: column.header or name for name, column in table.columns.items() if name not in placed}
    problems = [
        f"column {head!r} occurs {heads.count(head)} times; tell which by its `position`"
        for head in wanted.values()
        if heads.count(head) > 1
    ]
    problems += [f"column {name} is to be the {place}. of {len(heads)}" for name, place in placed.items() if place > len(heads)]
    for column, head in wanted.items():
        if head not in heads and not table.columns[column].optional:
            hint = did_you_mean(head, set(heads) - set(wanted.values()))
            called = f"{column} (header {head!r})" if head != column else head
            problems.append(f"there is no column {called}" + (f"; {hint}" if hint else ""))
    if problems:
        what = "header" if table.csv.header else "first record"
        raise SourceError(f"its {what} does not fit the declaration:\n" + "\n".join(f"  {problem}" for problem in problems))
    there = [name for name in table.columns if name in placed or wanted[name] in heads]
    return {name: placed[name] - 1 if name in placed else heads.index(wanted[name]) for name in there}
