"""From the served form to the SQL of virtual properties: what is computed when a release's indexes are built.

Specs are not needed for it, nor read: a release carries the expressions. When it is run is decided in `release.virtual`.
"""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter

from palantir_assets.names import quoted
from palantir_assets.ontology.aggregates import Asked, Ground, Way, links_select, take_apart
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_parts import ServedProperty, ServedType
from palantir_assets.ontology.storing import sql_type


def virtual_select(served: ServedOntology, kind: ServedType) -> str | None:
    """The SELECT of a type's virtual properties: `_row` and a column for each; None where there are none.

    It reads a table for every type, called as the type, and `_links_<type>__<link>` with `source_row` and `target_row`.
    What cannot be computed of an object is null, so that one value never keeps a release from being read.
    """
    waiting = {name: prop for name, prop in kind.properties.items() if prop.virtual is not None}
    if not waiting:
        return None
    ground = Ground(
        {one.name: {name: prop.type for name, prop in one.properties.items() if prop.virtual is None} for one in served.types.values()},
        {name: {end.name: _way(end.to_type, end.table, end.direction) for end in served.links_of(name).values()} for name in served.types},
    )
    asked = [Asked(name, prop.virtual or "", sql_type(prop), prop.type) for name, prop in _in_order(waiting).items()]
    return links_select(ground, kind.name, asked, objects=quoted, links=lambda name: quoted(f"_links_{name}"), or_null=True)


def _in_order(waiting: Mapping[str, ServedProperty]) -> dict[str, ServedProperty]:
    """Expressions, each after those it reads."""
    order = TopologicalSorter({name: take_apart(prop.virtual or "").reads & waiting.keys() for name, prop in waiting.items()})
    return {name: waiting[name] for name in order.static_order()}


def _way(to: str, link: str, direction: str) -> Way:
    here, there = ("source_row", "target_row") if direction == "forward" else ("target_row", "source_row")
    return Way(to, link, here, there)
