"""What a function gives, judged against what it declares and told as JSON.

Values are spelled as objects spell them: a long and a decimal as text, times in UTC with a Z; an object by its
key, an object set as its form. Values of numpy count as the Python values they stand for. Of edits only the form is
judged here: what they may change is asked in `actions.calling`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from palantir_assets.actions.calling import FORMS
from palantir_assets.functions.objects import Objects, ObjectSet
from palantir_assets.ontology.served_parts import ServedFunction, ServedParameter
from palantir_assets.ontology.spec import ScalarType
from palantir_assets.release.ready_json import key_text


class WrongResult(Exception):
    """What a function returned is not what it declares; the words say where."""


def result(function: ServedFunction, value: object, objects: Objects) -> object:
    """What a function returned, as JSON. Raises WrongResult."""
    return _told("its result", function.output, value, objects)


def _told(where: str, kind: ServedParameter, value: object, objects: Objects) -> object:
    if value is None:
        if not kind.optional:
            raise WrongResult(f"{where} is None and is not declared optional")
        return None
    match kind.type:
        case "object":
            return _told_object(where, kind, value)
        case "object_set":
            return _told_set(where, kind, value, objects)
        case "array":
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise WrongResult(f"{where} is {_kind(value)} instead of a list")
            return [_told_scalar(f"{where}[{index}]", kind.of or "string", item) for index, item in enumerate(value)]
        case "struct":
            return _told_struct(where, kind, value)
        case "edits":
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise WrongResult(f"{where} is {_kind(value)} instead of a list of edits")
            return [_told_edit(f"{where}[{index}]", edit) for index, edit in enumerate(value)]
        case scalar:
            return _told_scalar(where, scalar, value)


def _told_struct(where: str, kind: ServedParameter, value: object) -> object:
    fields = kind.fields or {}
    if not isinstance(value, Mapping) or value.keys() != fields.keys():
        given = f"a dict with {', '.join(map(str, value))}" if isinstance(value, Mapping) else _kind(value)
        raise WrongResult(f"{where} is {given} instead of a dict with {', '.join(fields)}")
    return {name: None if value[name] is None else _told_scalar(f"{where}.{name}", of, value[name]) for name, of in fields.items()}


def _told_edit(where: str, edit: object) -> object:
    """`{"modify": "book", "key": "B-1", "set": {"price": 3}}`: one verb, and the words that go with it."""
    said = dict(edit) if isinstance(edit, Mapping) else {}
    verbs = [word for word in FORMS if word in said]
    if len(verbs) != 1 or not isinstance(said[verbs[0]], str):
        raise WrongResult(f"{where} is {_kind(edit)} instead of an edit: a dict with one of {', '.join(FORMS)}, and what it is to change")
    verb, beside = verbs[0], FORMS[verbs[0]]
    needed = {word for word in beside if word != "set" or verb == "modify"}
    if not needed <= said.keys() <= {verb, *beside}:
        raise WrongResult(f"{where} has {', '.join(map(str, said))}, and to {verb} takes {', '.join(beside)}")
    told: dict[str, object] = {verb: said[verb]}
    for word in beside:
        if word == "set":
            told[word] = _told_values(f"{where}.set", said.get("set", {}))
        else:
            told[word] = _told_key(f"{where}.{word}", said[word])
    return told


def _told_values(where: str, values: object) -> object:
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        raise WrongResult(f"{where} is {_kind(values)} instead of a dict of values by property")
    return {name: _told_value(f"{where}.{name}", value) for name, value in values.items()}


def _told_key(where: str, key: object) -> object:
    found = _plain(key)
    told = _text(found) if isinstance(found, str) else _whole(found, 64)
    if told is None:
        raise WrongResult(f"{where} is {_kind(key)} instead of a key")
    return told


def _told_value(where: str, value: object) -> object:
    """A value by what it is in Python: which type the property has, is not asked here."""
    value = _plain(value)
    if value is None:
        return None
    for kind, tell in _TOLD_AS.items():
        if isinstance(value, kind) and (told := tell(value)) is not None:
            return told
    raise WrongResult(f"{where} is {_kind(value)} instead of a text, a number, a boolean, a date or a time")


def _told_object(where: str, kind: ServedParameter, value: object) -> object:
    """By its key, as Foundry tells an object that a query gives."""
    if not isinstance(value, Mapping) or value.get("__apiName") != kind.object or "__primaryKey" not in value:
        raise WrongResult(f"{where} is {_kind(value)} instead of an object of {kind.object}, as `objects` gives it")
    return value["__primaryKey"]


def _told_set(where: str, kind: ServedParameter, value: object, objects: Objects) -> object:
    if isinstance(value, ObjectSet):
        form: Mapping[str, object] = value.form
    elif isinstance(value, list):
        wrong = [item for item in value if not isinstance(item, Mapping) or "__rid" not in item]
        if wrong:
            raise WrongResult(f"{where} holds {_kind(wrong[0])} instead of objects, as `objects` gives them")
        form = {"type": "static", "objects": [item["__rid"] for item in value]}
    else:
        raise WrongResult(f"{where} is {_kind(value)} instead of an object set or a list of objects")
    found = objects.types_in(form)
    if kind.object is not None and any(name != kind.object for name in found):
        raise WrongResult(f"{where} holds objects of {', '.join(found)} instead of {kind.object}")
    return form


def _told_scalar(where: str, kind: ScalarType, value: object) -> object:
    told = _TELLERS[kind](_plain(value))
    if told is None:
        raise WrongResult(f"{where} is {_kind(value)} instead of {kind}")
    return told


def _plain(value: object) -> object:
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value


def _whole(value: object, bits: int) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1) else None


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return str(value)


def _long(value: object) -> str | None:
    return None if (found := _whole(value, 64)) is None else str(found)


def _double(value: object) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and isinstance(value, int | float) and math.isfinite(value) else None


def _decimal(value: object) -> str | None:
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    return None if (found := _whole(value, 127)) is None else str(found)


def _timestamp(value: object) -> str | None:
    if not isinstance(value, datetime):
        return None
    return key_text(value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value)


_TELLERS: Final[Mapping[ScalarType, Callable[[object], object]]] = {
    "string": _text,
    "boolean": lambda value: value if isinstance(value, bool) else None,
    "integer": lambda value: _whole(value, 32),
    "long": _long,
    "double": _double,
    "decimal": _decimal,
    "date": lambda value: value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else None,
    "timestamp": _timestamp,
}
_TOLD_AS: Final[Mapping[type, Callable[[object], object]]] = {
    bool: lambda value: value,
    int: lambda value: _whole(value, 64),
    float: _double,
    str: _text,
    Decimal: _decimal,
    datetime: _timestamp,
    date: _TELLERS["date"],
}


def _kind(value: object) -> str:
    text = repr(value) if isinstance(value, bool | int | float) else ""
    return f"{type(value).__name__} {text[:40]}".strip()
