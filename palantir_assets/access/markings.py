"""How markings travel: every column bears those of what it was made of. Pure; knows no SQL and no specs.

A table's columns are computed from others, and which rows it has is decided by others: whoever sees a value of it, or
counts its rows, learns of both. What was computed from what is read in `lineage`; how markings come off again, in
`ontology.serving_access`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


def of_table(borne: Mapping[Place, Markings], table: str) -> dict[str, Markings]:
    """The marked columns of one table, its rows (`ROWS`) among them."""
    return {place.column: markings for place, markings in borne.items() if place.table == table}


def _readers(made: Mapping[str, Made]) -> Mapping[Place, set[Place]]:
    """Who reads a place: the lineage turned round. Every column of a table reads the table's rows."""
    readers: defaultdict[Place, set[Place]] = defaultdict(set)
    for table, how in made.items():
        rows = Place(table, ROWS)
        for source in how.rows:
            readers[source].add(rows)
        for column, sources in how.values.items():
            for source in {*sources, rows}:
                readers[source].add(Place(table, column))
    return readers
