"""The kinds of value and the functions of the expression language, and the one error it knows.

How an expression is parsed, typed and turned into SQL is decided in `ontology.expressions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from palantir_assets.ontology.spec_words import PropertyType

Kind = Literal["boolean", "number", "string", "date", "timestamp", "geopoint", "array", "struct", "vector", "null"]

_KINDS: Final[Mapping[PropertyType, Kind]] = {
    "string": "string",
    "boolean": "boolean",
    "integer": "number",
    "long": "number",
    "double": "number",
    "decimal": "number",
    "date": "date",
    "timestamp": "timestamp",
    "geopoint": "geopoint",
    "array": "array",
    "struct": "struct",
    "vector": "vector",
    "timeseries": "string",
    "attachment": "string",
    "marking": "string",
}


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language: the kinds it takes, the kind it gives, and its SQL with `{0}`, `{1}` …"""

    takes: tuple[Kind | Literal["time", "same"], ...]
    gives: Kind | Literal["same"]
    sql: str


FUNCTIONS: Final[Mapping[str, Function]] = {
    "lower": Function(("string",), "string", "lower({0})"),
    "upper": Function(("string",), "string", "upper({0})"),
    "length": Function(("string",), "number", "length({0})"),
    "contains": Function(("string", "string"), "boolean", "contains({0}, {1})"),
    "starts_with": Function(("string", "string"), "boolean", "starts_with({0}, {1})"),
    "abs": Function(("number",), "number", "abs({0})"),
    "round": Function(("number", "number"), "number", "round({0}, CAST({1} AS INTEGER))"),
    "coalesce": Function(("same", "same"), "same", "coalesce({0}, {1})"),
    "if_else": Function(("boolean", "same", "same"), "same", "CASE WHEN {0} THEN {1} WHEN NOT ({0}) THEN {2} END"),
    "year": Function(("time",), "number", "year({0})"),
    "month": Function(("time",), "number", "month({0})"),
    "day": Function(("time",), "number", "day({0})"),
    "hour": Function(("timestamp",), "number", "hour({0})"),
    "weekday": Function(("time",), "number", "isodow({0})"),
    "size": Function(("array",), "number", "len({0})"),
    "latitude": Function(("geopoint",), "number", "struct_extract({0}, 'latitude')"),
    "longitude": Function(("geopoint",), "number", "struct_extract({0}, 'longitude')"),
    "minutes_between": Function(("timestamp", "timestamp"), "number", "date_diff('minute', {0}, {1})"),
    "days_between": Function(("date", "date"), "number", "date_diff('day', {0}, {1})"),
}


class ExpressionError(ValueError):
    """An expression that cannot be parsed or does not type-check; the message is for its author."""


def kind_of(property_type: PropertyType) -> Kind:
    """The kind of value a property type holds."""
    return _KINDS[property_type]
