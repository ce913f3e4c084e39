"""The parts of the ontology as a release holds it: types, links, interfaces, functions, metrics, graphs and models.

`ontology.served` puts them together. A constraint that changes leaves them, and so the release's content, as
they were; what a value type demands is told in `ServedValueType`, because callers validate by it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from palantir_assets.errors import UnknownName
from palantir_assets.ontology.spec import Label, PropertyType, Scalar, ScalarType

Origin = Literal["table", "derived", "links", "graph", "model", "edits"]
"""Where a value comes from; `links` is an aggregate over linked objects, `edits` what only actions set."""
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
    default: Scalar | None = None
    """What a property that edits set holds until one does."""
    personal: bool = False
    """Whether what edits say of it is kept so that it can be erased."""
    virtual: str | None = None
    """The SQL-free expression of a property that is computed with the indexes and is no part of the truth."""
    expression: str | None = None
    """The same of a property that the build computes and stores: an edit of what it reads computes it anew."""

    @property
    def computed_by(self) -> str | None:
        """What its value is computed by, whenever that is done; None of what is told."""
        return self.virtual if self.expression is None else self.expression


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

    def personal(self) -> frozenset[str]:
        """The names of its personal properties."""
        return frozenset(name for name, prop in self.properties.items() if prop.personal)


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
    """What a function takes or gives: a scalar, an object or set of a type, or a list or struct of scalars; `edits` is only given."""

    type: ScalarType | Literal["object", "object_set", "array", "struct", "edits"]
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
