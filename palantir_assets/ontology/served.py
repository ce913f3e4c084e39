"""The ontology as a release holds it: what a reader needs, and no constraint, source or policy.

`ontology.compiling.served_ontology` makes it from the specs; `release` stores it as `ontology.json`;
`query`, `engine` and `serving` read it. A constraint that changes leaves it, and so the release's
content, as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from palantir_assets.errors import UnknownName
from palantir_assets.ontology.spec import Label, PropertyType

Origin = Literal["table", "derived", "graph", "model"]


class Served(BaseModel):
    """A part of the served ontology: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServedProperty(Served):
    type: PropertyType
    label: Label | None = None
    description: str = ""
    unit: str | None = None
    optional: bool = False
    origin: Origin = "table"


class ServedLink(Served):
    """A link as declared on its source type."""

    to: str
    reverse: str
    cardinality: Literal["many_to_one", "one_to_one"]
    optional: bool = False
    label: Label | None = None
    reverse_label: Label | None = None


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """A link as seen from one of its two ends; both ends have a name and can be walked.

    `table` names the stored link (`order__customer`), `direction` which of its two arrays to walk.
    """

    name: str
    from_type: str
    to_type: str
    table: str
    direction: Literal["forward", "reverse"]
    many: bool
    label: Label | None


class ServedType(Served):
    name: str
    label: Label
    plural: Label | None = None
    description: str = ""
    key: str
    title: str
    owner: str | None = None
    properties: dict[str, ServedProperty]
    links: dict[str, ServedLink] = {}
    searchable: bool = False
    indexes: tuple[str, ...] = ()

    def find_property(self, name: str) -> ServedProperty:
        """The property of that name; raises UnknownName with the nearest one."""
        if name not in self.properties:
            raise UnknownName("property", name, self.properties)
        return self.properties[name]


class ServedGraph(Served):
    label: Label | None = None
    description: str = ""
    nodes: str
    measures: tuple[str, ...]


class ServedModel(Served):
    label: Label | None = None
    description: str = ""
    object: str
    writes: str


class ServedOntology(Served):
    """Everything a reader may ask about, by name."""

    types: dict[str, ServedType] = {}
    graphs: dict[str, ServedGraph] = {}
    models: dict[str, ServedModel] = {}

    def find_type(self, name: str) -> ServedType:
        """The object type of that name; raises UnknownName with the nearest one."""
        if name not in self.types:
            raise UnknownName("object type", name, self.types)
        return self.types[name]

    def links_of(self, type_name: str) -> dict[str, LinkEnd]:
        """Every link that can be walked from a type: its own, and the reverse of those that point at it."""
        ends = {name: _forward(type_name, name, link) for name, link in self.find_type(type_name).links.items()}
        for source in self.types.values():
            for name, link in source.links.items():
                if link.to == type_name:
                    ends[link.reverse] = _reverse(source.name, name, link)
        return ends

    def find_link(self, type_name: str, name: str) -> LinkEnd:
        """One link of a type; raises UnknownName with the nearest one."""
        ends = self.links_of(type_name)
        if name not in ends:
            raise UnknownName("link", name, ends)
        return ends[name]


def _forward(source: str, name: str, link: ServedLink) -> LinkEnd:
    return LinkEnd(name, source, link.to, f"{source}__{name}", "forward", many=False, label=link.label)


def _reverse(source: str, name: str, link: ServedLink) -> LinkEnd:
    many = link.cardinality == "many_to_one"
    return LinkEnd(link.reverse, link.to, source, f"{source}__{name}", "reverse", many=many, label=link.reverse_label)
