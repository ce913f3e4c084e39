"""What a function takes: JSON on the service's side, Python values on the function's.

    string boolean integer long double        str bool int int float
    decimal date timestamp                    Decimal date datetime (UTC, without an offset)
    object                                    a dict, as `objects` gives it; by its key in JSON
    object_set                                an `ObjectSet`; Foundry's object set JSON, or the id of a saved one
    array struct                              a list, a dict, of scalars

A parameter that does not fit is the caller's error. What a function gives is judged in `results`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

import orjson

from palantir_assets.access.views import View
from palantir_assets.engine.objects import get
from palantir_assets.errors import QueryError, did_you_mean
from palantir_assets.functions.objects import Objects, ObjectSet
from palantir_assets.ontology.served_parts import ServedFunction, ServedParameter
from palantir_assets.ontology.spec import ScalarType
from palantir_assets.query.plans import parse_query, plan
from palantir_assets.query.sets import SavedSets
from palantir_assets.query.values import InvalidValue, typed_value
from palantir_assets.release.editing import Opened
from palantir_assets.release.ready_json import key_text

_MAX_NESTING: Final = 100
_MOST_REFERENCES: Final = 100


class InvalidParameter(QueryError):
    """A parameter that is missing, unknown, or not of its type."""

    def __init__(self, function: str, parameter: str, problem: str) -> None:
        self.function, self.parameter = function, parameter
        super().__init__(f"{parameter!r} of the function {function} {problem}")


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, of which release, and where object sets are saved."""

    release: Opened
    view: View
    saved: SavedSets | None = None


def checked(function: ServedFunction, raw: Mapping[str, object], asking: Asking) -> dict[str, object]:
    """The parameters, ready to travel: typed, objects in full, object sets without references. Raises QueryError."""
    for name in raw:
        if name not in function.parameters:
            raise InvalidParameter(function.name, name, "is no parameter" + _hint(name, function.parameters))
    return {name: _checked(function.name, name, kind, raw.get(name), asking) for name, kind in function.parameters.items()}


def arguments(function: ServedFunction, sent: Mapping[str, object], objects: Objects) -> dict[str, object]:
    """The same as Python values, for the function."""
    return {name: _argument(name, function.parameters[name], value, objects) for name, value in sent.items()}


def _checked(function: str, name: str, kind: ServedParameter, raw: object, asking: Asking) -> object:
    if raw is None:
        if not kind.optional:
            raise InvalidParameter(function, name, "is missing")
        return None
    try:
        match kind.type:
            case "object":
                return _object(kind, raw, asking)
            case "object_set":
                return _set(kind, raw, asking)
            case "array" | "struct":
                return _composite(name, kind, raw)
            case "edits":
                raise _Misfit("takes edits, which nobody can tell")
            case scalar:
                return _ready(name, scalar, raw)
    except InvalidValue as error:
        raise InvalidParameter(function, name, f"takes {_wanted(kind)}, not {_shown(error.value)}") from None
    except _Misfit as error:
        raise InvalidParameter(function, name, str(error)) from None


class _Misfit(Exception):
    pass


def _object(kind: ServedParameter, raw: object, asking: Asking) -> object:
    found = asking.view.ontology.find_type(kind.object or "")
    key = key_text(typed_value(found.key, found.properties[found.key].type, raw))
    return orjson.loads(get(asking.release, asking.view, found.name, key))


def _set(kind: ServedParameter, raw: object, asking: Asking) -> object:
    form = _without_references({"type": "reference", "reference": raw} if isinstance(raw, str) else raw, asking.saved, [])
    if not isinstance(form, Mapping):
        raise _Misfit("takes an object set or the id of a saved one")
    made = plan(parse_query({"set": form, "count": True}), asking.view)
    try:
        orjson.dumps(form)
    except TypeError:
        raise _Misfit("holds a value that JSON between programs has no word for, such as a number of more than 64 bits") from None
    others = [each.name for each in made.types if kind.object not in (None, each.name)]
    if others:
        raise _Misfit(f"takes objects of {kind.object}, not of {others[0]}")
    return form


def _without_references(form: object, saved: SavedSets | None, followed: list[str], depth: int = 0) -> object:
    """The form with what it refers to in its place: a worker knows no saved sets."""
    if depth > _MAX_NESTING:
        raise _Misfit("is nested too deeply")
    if isinstance(form, list):
        return [_without_references(part, saved, followed, depth + 1) for part in form]
    if not isinstance(form, Mapping):
        return form
    if form.get("type") == "reference" and isinstance(form.get("reference"), str):
        found = saved.find(str(form["reference"])) if saved else None
        if found is None:
            raise _Misfit(f"names the object set {form['reference']}, which is not kept (any more)")
        followed.append(str(form["reference"]))
        if len(followed) > _MOST_REFERENCES:
            raise _Misfit(f"refers to saved sets more than {_MOST_REFERENCES} times, those within saved sets included")
        return _without_references(found, saved, followed, depth + 1)
    return {name: _without_references(part, saved, followed, depth + 1) for name, part in form.items()}


def _composite(name: str, kind: ServedParameter, raw: object) -> object:
    if kind.type == "array":
        if not isinstance(raw, list):
            raise _Misfit(f"takes {_wanted(kind)}")
        return [_ready(name, kind.of or "string", item) for item in raw]
    if not isinstance(raw, Mapping):
        raise _Misfit(f"takes {_wanted(kind)}")
    fields = kind.fields or {}
    for field in raw:
        if field not in fields:
            raise _Misfit(f"has no field {field!r}" + _hint(str(field), fields))
    return {field: None if raw.get(field) is None else _ready(f"{name}.{field}", of, raw[field]) for field, of in fields.items()}


def _ready(name: str, kind: ScalarType, raw: object) -> object:
    """The value as JSON that reads the same everywhere: numbers beyond 64 bits do not, unless as text."""
    value = typed_value(name, kind, raw)
    if isinstance(value, Decimal):
        return format(value, "f")
    return key_text(value) if isinstance(value, date) else value


def _argument(name: str, kind: ServedParameter, sent: object, objects: Objects) -> object:
    if sent is None:
        return None
    match kind.type:
        case "object" if isinstance(sent, dict):
            return objects.typed(kind.object or "", sent)
        case "object_set" if isinstance(sent, dict):
            return ObjectSet(objects, sent)
        case "array" if isinstance(sent, list):
            return [typed_value(name, kind.of or "string", item) for item in sent]
        case "struct" if isinstance(sent, dict):
            fields = (kind.fields or {}).items()
            return {field: None if sent.get(field) is None else typed_value(field, of, sent[field]) for field, of in fields}
        case "object" | "object_set" | "array" | "struct" | "edits":
            raise TypeError(f"{name} travelled as {type(sent).__name__}")
        case scalar:
            return typed_value(name, scalar, sent)


def _wanted(kind: ServedParameter) -> str:
    match kind.type:
        case "object":
            return f"the key of an object of {kind.object}"
        case "array":
            return f"a list of {kind.of}"
        case "struct":
            return f"an object with {', '.join(kind.fields or {})}"
        case other:
            return f"a value of type {other}"


def _shown(value: object) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= 80 else value[:77] + "…")
    return repr(value)[:40] if value is None or isinstance(value, bool | int | float) else "a list or an object"


def _hint(name: str, known: Mapping[str, object]) -> str:
    found = did_you_mean(name, known)
    return f"; {found}" if found else ""
