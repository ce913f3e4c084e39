"""Which column a name in a question means: a property, a struct's field, the title, the key, or a derived value.

A question names properties as the set it is asked of shows them: an object type by its own names, an
interface by the interface's. A `Lens` knows both, so that everything behind it deals in columns of one type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from palantir_assets.access.views import View
from palantir_assets.errors import QueryError, UnknownName
from palantir_assets.ontology.served_parts import ServedProperty, ServedType
from palantir_assets.ontology.spec import PropertyType, ScalarType

TEXTS: Final = frozenset({"string", "attachment", "marking", "timeseries"})
ORDERED: Final = frozenset({"string", "boolean", "integer", "long", "double", "decimal", "date", "timestamp"})
TITLE: Final = "_title"


class Form(BaseModel):
    """A part of a question as it is written: frozen, closed to keys it does not know, camelCase or snake_case."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class PropertySelector(Form):
    type: Literal["property"]
    api_name: str


class StructFieldSelector(Form):
    type: Literal["structField"]
    property_api_name: str
    struct_field_api_name: str


class TitleSelector(Form):
    type: Literal["titleProperty"]


class KeySelector(Form):
    type: Literal["primaryKeyProperty"]


class LoadLevel(Form):
    type: Literal["applyReducersAndExtractMainValue", "applyReducers", "extractMainValue", "noLoadLevel"]


class LoadLevelSelector(Form):
    """No property here has reducers or a main value, and a level that cannot be applied is ignored."""

    type: Literal["propertyWithLoadLevel"]
    property_identifier: PropertyIdentifier
    load_level: LoadLevel


PropertyIdentifier = Annotated[
    PropertySelector | StructFieldSelector | TitleSelector | KeySelector | LoadLevelSelector, Field(discriminator="type")
]
"""Foundry's ways to say which property is meant."""


@dataclass(frozen=True, slots=True)
class Definition:
    """How a derived value is computed; the kinds are in `derived`."""


@dataclass(frozen=True, slots=True)
class Column:
    """What a name means in one object type.

    `name` is as it was asked and stands in messages. `column` is None where a type does not have an
    interface's optional property: every value is missing. `member` is a struct's field and `fields` are all a struct
    has; `derived` is there where the question itself says how the value is computed.
    """

    name: str
    column: str | None
    type: PropertyType
    of: ScalarType | None = None
    member: str | None = None
    size: int | None = None
    digits: tuple[int, int] | None = None
    derived: Definition | None = None
    fields: tuple[tuple[str, ScalarType], ...] = ()


@dataclass(frozen=True)
class Lens:
    """An object type as a set shows it: by its own names, or by `shown` (a name → an own one, or None), and what was derived.

    Of a type that is not `titled`, the caller may not read the title: its key stands in.
    """

    type: ServedType
    shown: Mapping[str, tuple[str | None, ServedProperty]] | None = None
    derived: Mapping[str, Column] = field(default_factory=dict)
    titled: bool = True

    def names(self) -> list[str]:
        """Every name that may be asked for."""
        return [*(self.type.properties if self.shown is None else self.shown), *self.derived]

    def find(self, name: str) -> Column:
        """The column of a name; raises UnknownName with the nearest one."""
        if name in self.derived:
            return self.derived[name]
        if self.shown is None:
            return _column(name, name, self.type.find_property(name))
        if name not in self.shown:
            raise UnknownName("property", name, self.shown)
        own, prop = self.shown[name]
        return _column(name, own, self.type.properties[own] if own is not None else prop)

    def pick(self, name: str | None, identifier: PropertyIdentifier | None) -> Column:
        """The column of `field` or of `propertyIdentifier`, of which one must be given."""
        if (name is None) == (identifier is None):
            raise QueryError("give either `field` or `propertyIdentifier`, one of them and not both")
        return self.find(name) if name is not None else self._identified(identifier)

    def _identified(self, identifier: PropertyIdentifier | None) -> Column:
        match identifier:
            case PropertySelector():
                return self.find(identifier.api_name)
            case StructFieldSelector():
                return self._member(identifier.property_api_name, identifier.struct_field_api_name)
            case TitleSelector() if self.titled:
                return Column("the title", TITLE, "string")
            case KeySelector() | TitleSelector():
                return _column(self.type.key, self.type.key, self.type.properties[self.type.key])
            case LoadLevelSelector():
                return self._identified(identifier.property_identifier)
        raise QueryError("propertyIdentifier: a kind that is not known")

    def _member(self, name: str, member: str) -> Column:
        held = self.find(name)
        prop = self.type.properties.get(held.column or "")
        fields = (prop.fields if prop else self.shown[name][1].fields if self.shown and name in self.shown else None) or {}
        if held.type != "struct":
            raise QueryError(f"{name!r} is of type {held.type} and has no fields; only a struct has")
        if member not in fields:
            raise UnknownName("property", f"{name}.{member}", [f"{name}.{known}" for known in fields])
        return Column(f"{name}.{member}", held.column, fields[member], member=member, digits=held.digits)


def lens_of(view: View, name: str, shown: Mapping[str, tuple[str | None, ServedProperty]] | None = None) -> Lens:
    """An object type as the caller sees it."""
    return Lens(view.ontology.types[name], shown, titled=name not in view.untitled)


def _column(name: str, own: str | None, prop: ServedProperty) -> Column:
    return Column(name, own, prop.type, of=prop.of, size=prop.size, digits=prop.digits, fields=tuple((prop.fields or {}).items()))
