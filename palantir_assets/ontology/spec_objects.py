"""The nouns of object types, links, interfaces and what they share: what exists, and what is expected of it.

Whether the names in them exist and fit together is asked in `ontology.rules` and its neighbours; how they become SQL,
in `ontology.compiling`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from palantir_assets.ontology.spec_actions import EDITS, Conflict
from palantir_assets.ontology.spec_words import (
    PROPERTY_TYPES,
    DbtTable,
    Identifier,
    Labelled,
    Names,
    Owner,
    Scalar,
    ScalarType,
    Severity,
    Spec,
    Status,
)


class Expect(Spec):
    """What is expected of a property's values. Nulls are judged by `optional`, not here."""

    min: float | date | None = None
    max: float | date | None = None
    between: tuple[float, float] | None = None
    one_of: tuple[Scalar, ...] | None = Field(None, min_length=1)
    matches: str | None = Field(None, max_length=500)
    length: tuple[int, int] | None = None
    unique: bool = False
    null_share: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="at most this share of nulls")
    severity: Severity = "block"


class ValueType(Spec):
    """A named, versioned type with its own constraint: `tail_number` is a string that matches a pattern."""

    type: ScalarType
    version: int = Field(1, ge=1)
    label: Labelled | None = None
    description: str = ""
    unit: str | None = None
    status: Status = "active"
    matches: str | None = Field(None, max_length=500)
    uuid: bool = Field(False, description="whether each value must be a UUID, as 8-4-4-4-12 hex digits")
    one_of: tuple[Scalar, ...] | None = Field(None, min_length=1)
    min: float | None = None
    max: float | None = None
    length: tuple[int, int] | None = None
    severity: Severity = "block"


class SharedProperty(Spec):
    """A property that several object types and interfaces have in common: its type and words are said once."""

    type: Identifier = Field("", description="one of " + ", ".join(PROPERTY_TYPES) + ", or a value type")
    of: ScalarType | None = Field(None, description="what an array holds, or what the points of a time series are")
    fields: dict[Identifier, ScalarType] | None = Field(None, min_length=1, max_length=100, description="the fields of a struct")
    size: int | None = Field(None, ge=1, le=4096, description="how many numbers a vector has")
    digits: tuple[Annotated[int, Field(ge=1, le=38)], Annotated[int, Field(ge=0, le=38)]] | None = Field(
        None, description="all digits of a decimal, and those after the point"
    )
    label: Labelled | None = None
    description: str = ""
    unit: str | None = None
    status: Status = "active"
    aliases: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = ()


class InterfaceProperty(SharedProperty):
    """A property that every implementing object type has."""

    shared: Identifier | None = None
    optional: bool = Field(False, description="whether an implementing type may do without it, and its values may be null")


class Points(Spec):
    """Where the points of a time series are: a dbt table with a column for the series' id, the time and the value."""

    table: DbtTable
    by: Identifier
    at: Identifier
    value: Identifier


class Property(SharedProperty):
    """One property. It is the column of the same name, or of the name in `from`, unless `derived` says how it is computed."""

    shared: Identifier | None = None
    columns: Names = Field(
        (), alias="from", max_length=2, description="the column, [latitude, longitude] of a geopoint, or `edits`: set by actions only"
    )
    default: Scalar | None = Field(None, description="what a property `from: edits` holds until an action sets it")
    conflict: Conflict | None = Field(None, description="what a build keeps where an edit and the source differ; edit_wins unless said")
    personal: bool = Field(False, description="whether it is about a person: what edits say of it can be erased for good")
    points: Points | None = None
    optional: bool = False
    derived: str | None = Field(None, description="an expression over the other properties, and aggregates over links")
    materialised: bool = Field(True, description="false: computed with the indexes, and no part of the released tables")
    known_at: Identifier | None = Field(None, description="the timestamp property from which on this value is known")
    renamed_from: Identifier | None = None
    markings: Names = Field((), description="markings it bears beside those of what it is computed of")
    expect: Expect | None = None

    @property
    def by_edits(self) -> bool:
        """Whether only actions set it: no column holds it."""
        return self.columns == (EDITS,)


class Via(Spec):
    """A join table: each of its rows is a link between the two objects whose keys it holds."""

    table: DbtTable
    source: Identifier
    target: Identifier


class Through(Spec):
    """Objects that stand for a link: each links, by two links of its own, one source and one target."""

    object: Identifier
    source: Identifier
    target: Identifier


class Valid(Spec):
    """From when until when a link holds: columns of the join table, or properties of the objects it goes through."""

    from_: Identifier | None = Field(None, alias="from")
    until: Identifier | None = None


class Link(Spec):
    """A link along a property that holds the other object's key, a join table, or objects that stand for it."""

    to: Identifier
    by: Identifier | None = None
    via: Via | None = None
    through: Through | None = None
    valid: Valid | None = None
    reverse: Identifier
    label: Labelled | None = None
    reverse_label: Labelled | None = None
    description: str = ""
    status: Status = "active"
    optional: bool = Field(False, description="whether the key may be missing")
    cardinality: Literal["many_to_one", "one_to_one", "many_to_many"] = Field(
        "many_to_one", description="many_to_many unless said otherwise where the link goes via a table or through objects"
    )
    orphans: Literal["allow", "warn", "block"] = "block"
    severity: Severity = Field("block", description="what a breach of the cardinality does")

    @model_validator(mode="before")
    @classmethod
    def _many_unless_by_a_key(cls, values: Any) -> Any:
        if isinstance(values, dict) and "cardinality" not in values and ("via" in values or "through" in values):
            return {**values, "cardinality": "many_to_many"}
        return values

    @property
    def way(self) -> str:
        """What the link goes along, in words."""
        if self.via:
            return f"via {self.via.table}"
        return f"through {self.through.object}" if self.through else f"by {self.by}"


class InterfaceLink(Spec):
    """A link that every implementing object type has, under the same name; to an interface or an object type."""

    to: Identifier
    many: bool = Field(True, description="whether it may lead to several objects")
    label: Labelled | None = None
    description: str = ""


class Interface(Spec):
    """What several object types have in common, to be asked for as one."""

    label: Labelled
    description: str = ""
    extends: Names = ()
    properties: dict[Identifier, InterfaceProperty] = Field({})
    links: dict[Identifier, InterfaceLink] = Field({})


class Search(Spec):
    """The text an object is found by. `{name}` is a property, `{link.name}` one of a linked object."""

    text: str = Field(min_length=1, max_length=4_000)


class Rows(Spec):
    """How many objects a type has at the least and at the most."""

    min: int = Field(1, ge=0)
    max: int | None = Field(None, ge=0)
    severity: Severity = "block"


def _implemented(value: object) -> object:
    if isinstance(value, str):
        return {value: {}}
    return {name: {} for name in value} if isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value) else value


Implements = Annotated[
    dict[Identifier, dict[Identifier, Identifier]],
    BeforeValidator(_implemented, json_schema_input_type=tuple[Identifier, ...] | dict[Identifier, dict[Identifier, Identifier]]),
]
"""Interface → interface property → own property; what is not listed has the same name here and there."""


class ObjectType(Spec):
    """One object type; its file says all about it."""

    name: Identifier = Field(alias="object")
    label: Labelled
    plural: Labelled | None = None
    description: str = ""
    status: Status = "active"
    aliases: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = ()
    renamed_from: Identifier | None = None
    table: DbtTable = Field(alias="from")
    key: Identifier
    title: str = Field(min_length=1, max_length=500)
    owner: Owner | None = None
    implements: Implements = Field({})
    properties: dict[Identifier, Property] = Field(min_length=1)
    links: dict[Identifier, Link] = Field({})
    rows: Rows = Field(Rows(), description="how many objects there must be; one at the least unless said otherwise")
    search: Search | None = None
    indexes: tuple[Identifier, ...] = ()
    updated_at: Identifier | None = Field(None, description="the timestamp that tells when the source last changed an object")
