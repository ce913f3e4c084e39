"""Filters: the JSON of a search request, and the typed tree a plan holds.

The JSON is Foundry's search JSON v2 (`{"type": "eq", "field": "status", "value": "open"}`; `and`, `or`
and `not` nest). Parsing says whether it is a filter at all; `typed` says whether it fits an object
type. How the tree is evaluated is `engine`'s affair.

Nulls follow SQL: a comparison with a missing property is neither true nor false, and neither is its
`not`, so such an object is found by `isNull` only. Text is compared by code point and `startsWith` is a
plain, case-sensitive prefix of the whole text (Foundry's works on words).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr

from palantir_assets.errors import QueryError
from palantir_assets.ontology.served import ServedType
from palantir_assets.query.values import InvalidValue, Value, typed_value

MAX_DEPTH: Final = 20
MAX_CONDITIONS: Final = 200
MAX_CHOICES: Final = 1_000

Operator = Literal["eq", "lt", "lte", "gt", "gte"]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ComparisonForm(_Form):
    type: Operator
    field: str
    value: object  # judged by `typed`, which knows the property and can say what it expects


class InForm(_Form):
    type: Literal["in"]
    field: str
    value: tuple[object, ...] = Field(max_length=MAX_CHOICES)


class IsNullForm(_Form):
    type: Literal["isNull"]
    field: str
    value: StrictBool = True


class StartsWithForm(_Form):
    type: Literal["startsWith"]
    field: str
    value: StrictStr


class JunctionForm(_Form):
    type: Literal["and", "or"]
    value: tuple[Where, ...] = Field(min_length=1)


class NotForm(_Form):
    type: Literal["not"]
    value: Where


Where = Annotated[ComparisonForm | InForm | IsNullForm | StartsWithForm | JunctionForm | NotForm, Field(discriminator="type")]
"""A filter as it is written."""


@dataclass(frozen=True, slots=True)
class Compare:
    field: str
    op: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class OneOf:
    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class IsNull:
    field: str


@dataclass(frozen=True, slots=True)
class StartsWith:
    field: str
    prefix: str


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


Predicate = Compare | OneOf | IsNull | StartsWith | Every | AnyOf | Not
"""A filter whose names exist and whose values have the properties' types."""


def check_size(where: object) -> None:
    """Refuse a filter too deep or too long before anything walks it recursively."""
    level, conditions, depth = [where], 0, 0
    while level:
        depth, conditions = depth + 1, conditions + len(level)
        if depth > MAX_DEPTH:
            raise QueryError(f"where: nested deeper than {MAX_DEPTH}")
        if conditions > MAX_CONDITIONS:
            raise QueryError(f"where: more than {MAX_CONDITIONS} conditions")
        level = [part for node in level for part in _parts(node)]


def _parts(node: object) -> list[object]:
    value = node.get("value") if isinstance(node, Mapping) and node.get("type") in ("and", "or", "not") else None
    if isinstance(value, Mapping):
        return [value]
    return list(value) if isinstance(value, list | tuple) else []


def typed(where: Where, served_type: ServedType) -> Predicate:
    """The filter with its values typed by the object type's properties.

    Raises UnknownName for a property that does not exist and InvalidValue for a value of another type.
    """
    match where:
        case JunctionForm():
            parts = tuple(typed(part, served_type) for part in where.value)
            return Every(parts) if where.type == "and" else AnyOf(parts)
        case NotForm():
            return Not(typed(where.value, served_type))
        case _:
            return _leaf(where, served_type)


def _leaf(where: ComparisonForm | InForm | IsNullForm | StartsWithForm, served_type: ServedType) -> Predicate:
    kind = served_type.find_property(where.field).type
    match where:
        case ComparisonForm():
            if kind == "boolean" and where.type != "eq":
                raise QueryError(f"{where.field!r} is of type boolean, which has no order; use eq")
            return Compare(where.field, where.type, typed_value(where.field, kind, where.value))
        case InForm():
            values = tuple(typed_value(where.field, kind, value) for value in where.value)
            # An empty list matches everything: so Foundry documents it, and so its clients rely on it.
            return OneOf(where.field, values) if values else Every(())
        case IsNullForm():
            return IsNull(where.field) if where.value else Not(IsNull(where.field))
        case StartsWithForm():
            if kind != "string":
                raise InvalidValue(where.field, kind, where.value)
            return StartsWith(where.field, str(typed_value(where.field, kind, where.value)))
