"""How markings travel: every column bears those of what it was made of. Pure; knows no SQL and no specs.

A table's columns are computed from others, and which rows it has is decided by others: whoever sees a value of it, or
counts its rows, learns of both. What was computed from what is read in `lineage`; how markings come off again, in
`ontology.serving_access`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

Markings = frozenset[str]
NONE: Final[Markings] = frozenset()
ROWS: Final = "*"
"""The name that stands for the rows of a table: which there are, how often, and in which order."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """What may bear markings: a column of a table, or with the column `ROWS` the rows of it."""

    table: str
    column: str


@dataclass(frozen=True, slots=True)
class Made:
    """How a table was made: what each column's value, and what the choice of its rows, was computed from."""

    values: Mapping[str, frozenset[Place]]
    rows: frozenset[Place]


@dataclass(frozen=True, slots=True)
class TableMarkings:
    """What a table's rows bear, and which of its columns bear more."""

    rows: Markings = NONE
    columns: Mapping[str, Markings] = field(default_factory=dict)

    def of(self, column: str) -> Markings:
        """The markings of a column, whether it is known or not."""
        return self.columns.get(column, NONE) | self.rows

    @property
    def all(self) -> Markings:
        """The union of everything in the table."""
        return self.rows.union(*self.columns.values())


UNMARKED: Final = TableMarkings()


def propagate(
    declared: Mapping[Place, Markings], made: Mapping[str, Made], removed: Mapping[Place, Markings] | None = None
) -> dict[Place, Markings]:
    """The markings of every place that bears any: the declared ones, and those of all it was made of, at any distance.

    A column bears those of its value's sources and those of its table's rows. A circle (a table that reads itself)
    is harmless: markings are only ever added, until nothing changes. What is `removed` at a place does not come to it
    from elsewhere, and so not to what is made of it; what is declared there stays.
    """
    readers, kept_out = _readers(made), removed or {}
    borne: dict[Place, Markings] = {place: markings for place, markings in declared.items() if markings}
    front = list(borne)
    while front:
        source = front.pop()
        for reader in readers.get(source, ()):
            more = borne.get(reader, NONE) | (borne[source] - kept_out.get(reader, NONE))
            if more != borne.get(reader, NONE):
                borne[reader] = more
                front.append(reader)
    return borne


def bearing(borne: Mapping[Place, Markings], place: Place) -> Markings:
    """The markings of one place. A column that nobody knows bears at least those of its table's rows."""
    return borne.get(place, NONE) | borne.get(Place(place.table, ROWS), NONE)


def union(borne: Mapping[Place, Markings], places: Iterable[Place]) -> Markings:
    """The markings of whatever was made of these places: a model, a vector, a report."""
    return NONE.union(*(bearing(borne, place) for place in places))


def of_table(borne: Mapping[Place, Markings], table: str) -> TableMarkings:
    """The markings of one table."""
    columns = {place.column: markings for place, markings in borne.items() if place.table == table and place.column != ROWS}
    return TableMarkings(borne.get(Place(table, ROWS), NONE), columns)


def every(borne: Mapping[Place, Markings]) -> Markings:
    """The union of everything: what a whole that holds all of it bears."""
    return NONE.union(*borne.values())


def _readers(made: Mapping[str, Made]) -> Mapping[Place, set[Place]]:
    """Who reads a place: the lineage turned round. Who reads a column reads the rows of its table."""
    readers: defaultdict[Place, set[Place]] = defaultdict(set)
    for table, how in made.items():
        rows = Place(table, ROWS)
        _add(readers, how.rows, rows)
        for column, sources in how.values.items():
            _add(readers, {*sources, rows}, Place(table, column))
    return readers


def _add(readers: Mapping[Place, set[Place]], sources: Iterable[Place], reader: Place) -> None:
    for source in sources:
        readers[source].add(reader)
        readers[Place(source.table, ROWS)].add(reader)
