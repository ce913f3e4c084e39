"""Which markings are declared where: on sources, their tables and columns, on properties, and what is declassified.

How they travel from there is decided in `access.markings`, along what, in `lineage` and `access.derived`.
"""

from __future__ import annotations

from dataclasses import dataclass

from palantir_assets.access.markings import ROWS, Markings, Place
from palantir_assets.names import object_table, raw_table
from palantir_assets.ontology.spec import Ontology, Policy, Source, SourceColumn, SourceTable

ADDED = ("_source_sha256", "_record")
"""What every raw table has beside its declared columns."""


@dataclass(frozen=True, slots=True)
class Declassified:
    """That markings were taken off a property, why, and by whom; for the manifest and the audit log."""

    property: str
    removes: tuple[str, ...]
    because: str
    by: str


def is_marked(ontology: Ontology) -> bool:
    """Whether anything at all is declared to bear a marking."""
    return bool(declared_markings(ontology) or declared_on_properties(ontology))


def declared_markings(ontology: Ontology) -> dict[Place, Markings]:
    """The marked columns of raw tables; what a source or a table is marked with, its rows bear too."""
    found: dict[Place, Markings] = {}
    for source_name, source in ontology.sources.items():
        for table_name, table in source.tables.items():
            raw, whole = raw_table(source_name, table_name).table, _said(source) | _said(table)
            own = {name: whole | _said(column) for name, column in table.columns.items()}
            every = whole.union(*own.values())  # the hash of a file is of all that stands in it
            found |= {Place(raw, name): markings for name, markings in {**own, ROWS: whole, ADDED[0]: every, ADDED[1]: whole}.items()}
    return {place: markings for place, markings in found.items() if markings}


def declarations(ontology: Ontology) -> list[tuple[str, str, list[str]]]:
    """The same as plain values, for a fingerprint: (table, column, markings)."""
    return sorted((place.table, place.column, sorted(markings)) for place, markings in declared_markings(ontology).items())


def declared_on_properties(ontology: Ontology) -> dict[Place, Markings]:
    """The markings that properties are declared with, and those that a policy says who reads them needs."""
    found: dict[Place, Markings] = {}
    for owner, object_type in ontology.objects.items():
        policy = ontology.policies.get(owner, Policy())
        asked = {name: {*prop.markings} for name, prop in object_type.properties.items()} | {ROWS: {*policy.read.needs}}
        for name, rule in policy.properties.items():
            asked.setdefault(name, set()).update(rule.needs)
        found |= {Place(object_table(owner).table, name): frozenset(markings) for name, markings in asked.items() if markings}
    return found


def removed_on_the_way(ontology: Ontology) -> dict[Place, Markings]:
    """What declassifications keep from a property."""
    found: dict[Place, Markings] = {}
    for one in ontology.declassify.values():
        owner, _, name = one.property.partition(".")
        place = Place(object_table(owner).table, name)
        found[place] = found.get(place, frozenset()) | frozenset(one.removes)
    return found


def declassifications(ontology: Ontology) -> list[Declassified]:
    """Every declassification of a project, in the order of the properties it speaks of."""
    found = [Declassified(one.property, tuple(sorted(one.removes)), one.because, one.by) for one in ontology.declassify.values()]
    return sorted(found, key=lambda one: (one.property, one.removes))


def _said(declared: Source | SourceTable | SourceColumn) -> Markings:
    return frozenset(declared.markings)
