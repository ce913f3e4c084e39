"""A planned object set: names resolved, rights checked, one frozen dataclass a kind. `engine.sets` finds its rows.

A node names object types and links; what its objects look like from outside is its `Scope`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from palantir_assets.ontology.served import LinkEnd
from palantir_assets.query.fields import Column, Lens
from palantir_assets.query.predicates import Predicate


@dataclass(frozen=True, slots=True)
class Base:
    type: str


@dataclass(frozen=True, slots=True)
class Static:
    """Objects by type and key, as they were named."""

    members: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """By type, the test its objects must pass; a type without one has no objects in the set."""

    source: Node
    tests: tuple[tuple[str, Predicate], ...]


@dataclass(frozen=True, slots=True)
class Union:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Intersect:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Subtract:
    first: Node
    others: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """Objects linked to the source's; with `depth`, those whose shortest way is so many links long at least and at most."""

    source: Node
    ends: tuple[LinkEnd, ...]
    at: int | None = None
    depth: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class OfTypes:
    """Only the objects of these types."""

    source: Node
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The most similar by a vector property, by type; the query is a vector, or a text to be encoded."""

    source: Node
    columns: tuple[tuple[str, Column], ...]
    query: tuple[float, ...] | str
    count: int
    threshold: float | None


Node = Base | Static | Filter | Union | Intersect | Subtract | Around | OfTypes | Nearest


@dataclass(frozen=True)
class Scope:
    """The object types a set may hold, in order, each with the lens it is seen through.

    `interface` is the one it is seen as; `cut` tells whether objects then show the interface's properties only.
    """

    lenses: Mapping[str, Lens]
    interface: str | None = None
    cut: bool = False


@dataclass(frozen=True)
class Planned:
    """A set and its scope."""

    node: Node
    scope: Scope
