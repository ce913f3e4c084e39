"""The ontology as a release holds it: what a reader needs, and no constraint, source or policy.

`ontology.compiling.served_ontology` makes it from the specs; `release` stores it as `ontology.json`;
`query`, `engine` and `serving` read it. A constraint that changes leaves it, and so the release's
content, as it was; what a value type demands is told in `ServedValueType`, because callers validate by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict

from palantir_assets.errors import UnknownName
from palantir_assets.ontology.spec import Label, PropertyType, Scalar, ScalarType

Origin = Literal["table", "derived", "links", "graph", "model"]
"""Where a value comes from; `links` is an aggregate over linked objects."""
Cardinality = Literal["many_to_one", "one_to_one", "many_to_many"]
Status = Literal["active", "experimental", "deprecated"]


class Served(BaseModel):
    """A part of the served ontology: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServedProperty(Served):
    """One property. Of `of`, `fields`, `size` and `digits` only what its type needs is set."""

    type: PropertyType
    label: Label | None = None
    description: str = ""
    unit: str | None = None
    optional: bool = False
    origin: Origin = "table"
    status: Status = "active"
    aliases: tuple[str, ...] = ()
    renamed_from: str | None = None
    of: ScalarType | None = None
    """array: what it holds."""
    fields: dict[str, ScalarType] | None = None
    """struct: its fields, in order."""
    size: int | None = None
    """vector: how many numbers."""
    digits: tuple[int, int] | None = None
    """decimal: all digits, and those after the point."""
    value_type: str | None = None
    shared: str | None = None
    """The shared property it is one of."""
    virtual: str | None = None
    """The SQL-free expression of a property that is computed with the indexes and is no part of the truth."""


class ServedLink(Served):
    """A link as declared on its source type.

    `by` is the property of the source that holds the target's key; a link without it goes through a join
    table or, where `through` names one, through objects of a type that stand for the link and hold its
    properties. `dated` tells that each link has an interval in which it is valid.
    """

    to: str
    reverse: str
    cardinality: Cardinality
    optional: bool = False
    label: Label | None = None
    reverse_label: Label | None = None
    description: str = ""
    status: Status = "active"
    by: str | None = None
    through: str | None = None
    dated: bool = False


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """A link as seen from one of its two ends; both ends have a name and can be walked.

    `table` names the stored link (`order__customer`), `direction` which of its two arrays to walk, `many`
    whether more than one object can be at the other side, and `by` the property on *this* side that holds
    the other's key, if there is one.
    """

    name: str
    from_type: str
    to_type: str
    table: str
    direction: Literal["forward", "reverse"]
    many: bool
    label: Label | None
    by: str | None = None
    through: str | None = None
    dated: bool = False
    status: Status = "active"


class ServedType(Served):
    """An object type. `implements` tells, by interface, which own property stands for which of the interface's."""

    name: str
    label: Label
    plural: Label | None = None
    description: str = ""
    key: str
    title: str
    owner: str | None = None
    status: Status = "active"
    aliases: tuple[str, ...] = ()
    renamed_from: str | None = None
    properties: dict[str, ServedProperty]
    links: dict[str, ServedLink] = {}
    implements: dict[str, dict[str, str]] = {}
    searchable: bool = False
    indexes: tuple[str, ...] = ()

    def find_property(self, name: str) -> ServedProperty:
        """The property of that name; raises UnknownName with the nearest one."""
        if name not in self.properties:
            raise UnknownName("property", name, self.properties, of=self.name)
        return self.properties[name]


class InterfaceLink(Served):
    """A link that every implementer has: `to` is an interface or an object type, by name."""

    to: str
    many: bool = True
    label: Label | None = None
    description: str = ""


class ServedInterface(Served):
    """What several object types have in common; `properties` and `links` are its own, without those it inherits."""

    name: str
    label: Label
    description: str = ""
    extends: tuple[str, ...] = ()
    properties: dict[str, ServedProperty] = {}
    links: dict[str, InterfaceLink] = {}


class ServedValueType(Served):
    """A named type with what its values must be."""

    type: ScalarType
    version: int = 1
    label: Label | None = None
    description: str = ""
    unit: str | None = None
    matches: str | None = None
    one_of: tuple[Scalar, ...] | None = None
    min: float | None = None
    max: float | None = None
    length: tuple[int, int] | None = None
    uuid: bool = False
    status: Status = "active"


class ServedParameter(Served):
    """What a function takes or gives: a scalar, an object or set of a type, or a list or struct of scalars."""

    type: ScalarType | Literal["object", "object_set", "array", "struct"]
    object: str | None = None
    of: ScalarType | None = None
    fields: dict[str, ScalarType] | None = None
    optional: bool = False
    label: Label | None = None
    description: str = ""


class ServedFunction(Served):
    """A typed entry point over objects. `source` names the sealed file it lives in, `entry` the callable there."""

    name: str
    version: str
    label: Label | None = None
    description: str = ""
    entry: str
    source: str
    parameters: dict[str, ServedParameter] = {}
    output: ServedParameter
    time_limit_seconds: float = 5.0


class ServedMetric(Served):
    """A named aggregate; `query` is an aggregate query as `query.aggregates` reads it."""

    label: Label | None = None
    description: str = ""
    unit: str | None = None
    query: dict[str, object]


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
    interfaces: dict[str, ServedInterface] = {}
    shared_properties: dict[str, ServedProperty] = {}
    value_types: dict[str, ServedValueType] = {}
    functions: dict[str, ServedFunction] = {}
    metrics: dict[str, ServedMetric] = {}
    graphs: dict[str, ServedGraph] = {}
    models: dict[str, ServedModel] = {}

    def find_type(self, name: str) -> ServedType:
        """The object type of that name; raises UnknownName with the nearest one."""
        if name not in self.types:
            raise UnknownName("object type", name, self.types)
        return self.types[name]

    def find_interface(self, name: str) -> ServedInterface:
        """The interface of that name; raises UnknownName with the nearest one."""
        if name not in self.interfaces:
            raise UnknownName("interface", name, self.interfaces)
        return self.interfaces[name]

    def ancestors(self, interface: str) -> tuple[str, ...]:
        """Every interface that one extends, directly or not, nearest first, each once."""
        found: dict[str, None] = {}
        level = self.find_interface(interface).extends
        while level:
            found |= dict.fromkeys(level)
            level = tuple(name for parent in level for name in self.interfaces[parent].extends if name not in found)
        return tuple(found)

    def interface_properties(self, interface: str) -> dict[str, ServedProperty]:
        """The properties of an interface with those it inherits."""
        lineage = [*reversed(self.ancestors(interface)), interface]
        return {name: prop for one in lineage for name, prop in self.interfaces[one].properties.items()}

    def interface_links(self, interface: str) -> dict[str, InterfaceLink]:
        """The links of an interface with those it inherits."""
        lineage = [*reversed(self.ancestors(interface)), interface]
        return {name: link for one in lineage for name, link in self.interfaces[one].links.items()}

    def implementers(self, interface: str) -> tuple[str, ...]:
        """The object types that implement an interface, in spec order. `implements` lists inherited ones too."""
        return tuple(name for name, kind in self.types.items() if interface in kind.implements)

    def links_of(self, type_name: str) -> dict[str, LinkEnd]:
        """Every link that can be walked from a type: its own, and the reverse of those that point at it."""
        self.find_type(type_name)
        return self._ends.get(type_name, {})

    def find_link(self, type_name: str, name: str) -> LinkEnd:
        """One link of a type; raises UnknownName with the nearest one."""
        ends = self.links_of(type_name)
        if name not in ends:
            raise UnknownName("link", name, ends, of=type_name)
        return ends[name]

    @cached_property
    def _ends(self) -> dict[str, dict[str, LinkEnd]]:
        ends: dict[str, dict[str, LinkEnd]] = {
            source.name: {name: _forward(source.name, name, link) for name, link in source.links.items()} for source in self.types.values()
        }
        for source in self.types.values():
            for name, link in source.links.items():
                ends.setdefault(link.to, {})[link.reverse] = _reverse(source.name, name, link)
        return ends


def _forward(source: str, name: str, link: ServedLink) -> LinkEnd:
    many = link.cardinality == "many_to_many"
    return LinkEnd(
        name, source, link.to, f"{source}__{name}", "forward", many=many, label=link.label,
        by=link.by, through=link.through, dated=link.dated, status=link.status,
    )  # fmt: skip


def _reverse(source: str, name: str, link: ServedLink) -> LinkEnd:
    many = link.cardinality != "one_to_one"
    return LinkEnd(
        link.reverse, link.to, source, f"{source}__{name}", "reverse", many=many, label=link.reverse_label,
        through=link.through, dated=link.dated, status=link.status,
    )  # fmt: skip
