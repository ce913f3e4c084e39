"""Types of properties, parameters and value types, in Foundry's words. What they hold is `ontology`'s affair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from palantir_assets.ontology.served_parts import ServedParameter, ServedProperty, ServedValueType
from palantir_assets.ontology.spec import PropertyType
from palantir_assets.serving.rids import rid

Json = dict[str, object]


def property_type(what: ServedProperty, owner: str, name: str) -> Json:
    """An `ObjectPropertyType`; `owner` and `name` are what struct fields are identified by."""
    make = _PROPERTY.get(what.type)
    return make(what, owner, name) if make else {"type": what.type}


def parameter_type(what: ServedParameter) -> Json:
    """A `QueryDataType`. There is no decimal among them: Foundry calls such a one unsupported and names it."""
    match what.type:
        case "object":
            return {"type": "object", "objectApiName": what.object, "objectTypeApiName": what.object}
        case "object_set":
            return {"type": "objectSet", "objectApiName": what.object, "objectTypeApiName": what.object}
        case "array":
            return {"type": "array", "subType": _query_scalar(what.of or "string")}
        case "struct":
            return {
                "type": "struct",
                "fields": [{"name": name, "fieldType": _query_scalar(kind)} for name, kind in (what.fields or {}).items()],
            }
        case "edits":
            return {"type": "unsupported", "unsupportedType": "edits", "params": {}}
        case scalar:
            return _query_scalar(scalar)


def constraints(what: ServedValueType) -> list[Json]:
    """What a value must be, as Foundry's constraints; a unit is no constraint and stands in the description."""
    told: list[Json] = []
    if what.matches is not None:
        told.append({"type": "regex", "pattern": what.matches, "partialMatch": False})
    if what.one_of is not None:
        told.append({"type": "enum", "options": list(what.one_of)})
    if what.min is not None or what.max is not None:
        told.append(_without_nones({"type": "range", "minimumValue": what.min, "maximumValue": what.max}))
    if what.length is not None:
        told.append({"type": "length", "minimumLength": what.length[0], "maximumLength": what.length[1]})
    if what.uuid:
        told.append({"type": "uuid"})
    return told


def unit_format(unit: str) -> Json:
    """How a number with a unit is to be shown: a unit of the project's own."""
    constant = {"type": "constant", "value": unit}
    return {"type": "number", "numberType": {"type": "customUnit", "baseFormatOptions": {}, "unit": constant}}


def _query_scalar(kind: str) -> Json:
    return {"type": "unsupported", "unsupportedType": kind, "params": {}} if kind == "decimal" else {"type": kind}


def _decimal(what: ServedProperty, owner: str, name: str) -> Json:
    precision, scale = what.digits or (None, None)
    return _without_nones({"type": "decimal", "precision": precision, "scale": scale})


def _array(what: ServedProperty, owner: str, name: str) -> Json:
    return {"type": "array", "subType": {"type": what.of or "string"}, "reducers": []}


def _struct(what: ServedProperty, owner: str, name: str) -> Json:
    fields = [
        {"apiName": field, "rid": rid("property", owner, name, field), "dataType": {"type": kind}}
        for field, kind in (what.fields or {}).items()
    ]
    return {"type": "struct", "structFieldTypes": fields}


def _vector(what: ServedProperty, owner: str, name: str) -> Json:
    return {"type": "vector", "dimension": what.size, "supportsSearchWith": [{"value": "COSINE_SIMILARITY"}]}


def _timeseries(what: ServedProperty, owner: str, name: str) -> Json:
    return {"type": "timeseries", "itemType": {"type": "string" if what.of == "string" else "double"}}


_PROPERTY: Final[dict[PropertyType, Callable[[ServedProperty, str, str], Json]]] = {
    "decimal": _decimal,
    "array": _array,
    "struct": _struct,
    "vector": _vector,
    "timeseries": _timeseries,
}


def _without_nones(parts: Json) -> Json:
    return {name: value for name, value in parts.items() if value is not None}
