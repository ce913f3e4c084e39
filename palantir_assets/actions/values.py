"""Values between JSON, where objects and edits spell them, and Python, where expressions are evaluated."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from palantir_assets.actions.edits import Json
from palantir_assets.ontology.served_parts import ServedProperty, ServedType, ServedValueType
from palantir_assets.ontology.spec import PropertyType
from palantir_assets.query.values import InvalidValue, typed_value


class Unfit(ValueError):
    """A value that a property cannot have; the words say what it must be."""


def python_value(kind: PropertyType, value: Json) -> Any:
    """A value of an object as Python has it: times as such, a geopoint as its two halves; what cannot be read is null."""
    if value is None:
        return None
    if kind == "geopoint":
        longitude, latitude = value["coordinates"][:2]
        return {"latitude": latitude, "longitude": longitude}
    if kind in ("array", "struct", "vector"):
        return value
    try:
        return typed_value("", kind, value)
    except InvalidValue:
        return None


def named_values(name: str, kind: ServedType, values: Mapping[str, Json]) -> dict[str, Any]:
    """Every property of an object by a dotted name: `bicycle.gears`."""
    return {f"{name}.{word}": python_value(prop.type, values.get(word)) for word, prop in kind.properties.items()}


def json_value(prop: ServedProperty, value: Any, demands: ServedValueType | None = None) -> Json:
    """A Python value as the JSON of a property; raises Unfit for one that the property, or its value type, cannot have."""
    if value is None:
        if not prop.optional:
            raise Unfit("may not be null")
        return None
    told = _spelled(prop, value)
    if demands is not None:
        _meets(told, demands)
    return told


def storable(key: str) -> bool:
    """Whether any object could have a key: databases hold no NUL in a text, and nothing that is not Unicode."""
    return not any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in key)


def key_text(value: Any) -> str:
    """A key as it stands in a URL."""
    return str(value)


def _spelled(prop: ServedProperty, value: Any) -> Json:
    match prop.type:
        case "integer" | "long":
            whole = _whole(value, 31 if prop.type == "integer" else 63)
            return whole if prop.type == "integer" else str(whole)
        case "double" if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        case "decimal" if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return _decimal(value, prop.digits or (38, 9))
        case "timestamp" if isinstance(value, datetime):
            fraction = f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
            return f"{value:%Y-%m-%dT%H:%M:%S}{fraction}Z"
        case "date" if isinstance(value, date) and not isinstance(value, datetime):
            return value.isoformat()
        case "boolean" if isinstance(value, bool):
            return value
        case "string" | "attachment" | "marking" if isinstance(value, str):
            return value
    raise Unfit(f"must be of type {prop.type}")


def _whole(value: Any, bits: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not math.isfinite(value) or int(value) != value:
        raise Unfit("must be a whole number")
    if not -(2**bits) <= int(value) < 2**bits:
        raise Unfit(f"must fit into {bits + 1} bits")
    return int(value)


def _decimal(value: int | float | Decimal, digits: tuple[int, int]) -> str:
    whole, after = digits
    try:
        exact = Decimal(str(value)).quantize(Decimal(1).scaleb(-after), ROUND_HALF_UP)
    except InvalidOperation:
        raise Unfit(f"must be a number of {whole} digits") from None
    if len(exact.as_tuple().digits) > whole:
        raise Unfit(f"must be a number of {whole} digits, {after} of them after the point")
    return format(exact, "f")


def _meets(value: Json, demands: ServedValueType) -> None:
    if demands.one_of is not None and value not in demands.one_of:
        raise Unfit(f"must be one of {', '.join(map(str, demands.one_of))}")
    if isinstance(value, str) and demands.length and not demands.length[0] <= len(value) <= demands.length[1]:
        raise Unfit(f"must have {demands.length[0]} to {demands.length[1]} characters")
    if isinstance(value, str) and demands.matches and not re.search(demands.matches, value):
        raise Unfit(f"must match {demands.matches}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if demands.min is not None and value < demands.min:
            raise Unfit(f"must be {demands.min:g} at the least")
        if demands.max is not None and value > demands.max:
            raise Unfit(f"must be {demands.max:g} at the most")
