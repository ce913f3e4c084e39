"""A filter whose names exist and whose values have the properties' types: what `engine` evaluates.

Every leaf is true, false, or unknown where the value is missing, and the junctions keep SQL's three values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from palantir_assets.query.fields import Column
from palantir_assets.query.forms import Operator
from palantir_assets.query.values import Value

Ring = tuple[tuple[float, float], ...]
"""Longitude and latitude of each corner; the last is the first."""


@dataclass(frozen=True, slots=True)
class Compare:
    column: Column
    op: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class OneOf:
    column: Column
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class IsNull:
    column: Column


@dataclass(frozen=True, slots=True)
class Nothing:
    """False wherever there is a value."""

    column: Column


@dataclass(frozen=True, slots=True)
class Contains:
    """One element of an array is the value."""

    column: Column
    value: Value


@dataclass(frozen=True, slots=True)
class Pattern:
    """The whole text matches: a wildcard pattern (`*`, `?`, backslash) or a regular expression (RE2)."""

    column: Column
    kind: Literal["wildcard", "regex"]
    pattern: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """The terms one after the other; with `prefix`, the last is the beginning of a word."""

    column: Column
    terms: tuple[str, ...]
    prefix: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """All of the terms, or any."""

    column: Column
    terms: tuple[str, ...]
    every: bool
    fuzzy: bool


@dataclass(frozen=True, slots=True)
class Match:
    """Terms in one place: in order or not, with at most `max_gaps` other words between them."""

    terms: tuple[str, ...]
    max_gaps: int | None
    ordered: bool


@dataclass(frozen=True, slots=True)
class PrefixMatch:
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FuzzyMatch:
    term: str
    distance: int


@dataclass(frozen=True, slots=True)
class AllRules:
    rules: tuple[Rule, ...]
    max_gaps: int | None
    ordered: bool


@dataclass(frozen=True, slots=True)
class AnyRule:
    rules: tuple[Rule, ...]


Rule = Match | PrefixMatch | FuzzyMatch | AllRules | AnyRule


@dataclass(frozen=True, slots=True)
class Interval:
    """The words of the text fit a rule."""

    column: Column
    rule: Rule


@dataclass(frozen=True, slots=True)
class Near:
    """At most so many metres from a point, along a great circle of the mean sphere."""

    column: Column
    longitude: float
    latitude: float
    meters: float


@dataclass(frozen=True, slots=True)
class InBox:
    """Edges included; a box whose west lies east of its east crosses the date line."""

    column: Column
    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class InPolygon:
    """In one of the polygons, each an outline and holes, on a flat map of longitude and latitude; edges included."""

    column: Column
    polygons: tuple[tuple[Ring, ...], ...]


@dataclass(frozen=True, slots=True)
class Every:
    """All of the parts; of no parts, everything."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Predicate


Leaf = Compare | OneOf | IsNull | Nothing | Contains | Pattern | Phrase | Terms | Interval | Near | InBox | InPolygon
Predicate = Leaf | Every | AnyOf | Not


def leaves(predicate: Predicate) -> list[Leaf]:
    """Every test of a property in a filter."""
    match predicate:
        case Not(part):
            return leaves(part)
        case Every(parts) | AnyOf(parts):
            return [leaf for part in parts for leaf in leaves(part)]
        case _:
            return [predicate]
