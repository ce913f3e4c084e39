"""What must hold of expectations: that a value of the type can be held against them, and that some value can meet them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from palantir_assets.errors import Place, Problem
from palantir_assets.ontology.expressions import kind_of
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import PROPERTY_TYPES, Expect, PropertyType, Rows, ValueType
from palantir_assets.ontology.stages import stages_of


def expectations_fit(loaded: Loaded) -> Iterator[Problem]:
    ontology = loaded.ontology
    for object_type in ontology.objects.values():
        stages = stages_of(object_type)
        for name, prop in object_type.properties.items():
            if prop.type not in (*PROPERTY_TYPES, *ontology.value_types) or prop.expect is None:
                continue
            place, base = loaded.place("objects", object_type.name, "properties", name, "expect"), ontology.base_type(prop)
            if stages[name] != "table":
                yield Problem(f"{name!r} is computed after the objects are checked; `expect` cannot be asked of it", place)
            yield from (Problem(said, place) for said in _unfit(prop.expect, base, name))
            yield from _bad_pattern(prop.expect.matches, name, place)
    for name, value_type in ontology.value_types.items():
        place = loaded.place("value_types", name)
        yield from (Problem(said, place) for said in _unfit(value_type, value_type.type, name))
        yield from _bad_pattern(value_type.matches, name, place)


def _unfit(limits: Expect | ValueType, base: PropertyType, name: str) -> Iterator[str]:
    """What is expected that a value of the type cannot be held against."""
    kind = kind_of(base)
    if kind != "string" and (limits.matches or limits.length or getattr(limits, "uuid", False)):
        words = "`matches`, `length` and `uuid`" if isinstance(limits, ValueType) else "`matches` and `length`"
        yield f"{words} are for strings; {name!r} is a {base}"
    bounded = limits.min is not None or limits.max is not None or getattr(limits, "between", None)
    if kind not in ("number", "date", "timestamp") and bounded:
        yield f"`min`, `max` and `between` are for numbers and times; {name!r} is a {base}"
    if kind not in ("boolean", "number", "string", "date", "timestamp") and (limits.one_of or getattr(limits, "unique", False)):
        yield f"`one_of` and `unique` are for values that can be compared; {name!r} is a {base}"
    if base == "decimal" and limits.one_of and not all(isinstance(value, int) for value in limits.one_of):
        yield f"`one_of` takes whole numbers where {name!r} is a decimal: 0.1 is no decimal in YAML"


def bounds_are_in_order(loaded: Loaded) -> Iterator[Problem]:
    """What is expected first comes first: no value is at least 5 and at most 1."""
    for object_type in loaded.ontology.objects.values():
        yield from _disordered(loaded, object_type.rows, f"the rows of {object_type.name!r}", "objects", object_type.name, "rows")
        for name, prop in object_type.properties.items():
            if prop.expect is not None:
                yield from _disordered(loaded, prop.expect, repr(name), "objects", object_type.name, "properties", name, "expect")
    for name, value_type in loaded.ontology.value_types.items():
        yield from _disordered(loaded, value_type, repr(name), "value_types", name)


def _disordered(loaded: Loaded, limits: Expect | ValueType | Rows, what: str, section: str, owner: str, *path: str) -> Iterator[Problem]:
    pairs: list[tuple[str, object, object]] = [("max", limits.min, limits.max)]
    pairs += [(word, *pair) for word in ("between", "length") if (pair := getattr(limits, word, None)) is not None]
    for word, low, high in pairs:
        place = loaded.place(section, owner, *path, word)
        if low is None or high is None:
            continue
        said = f"`min` is {low} and `max` is {high}" if word == "max" else f"`{word}` is [{low}, {high}]"
        if isinstance(low, date) != isinstance(high, date):
            yield Problem(f"{said} of {what}: one is a date and the other a number", place, "make both of one kind")
        elif low > high:  # type: ignore[operator]  # both are numbers, or both dates
            yield Problem(f"{said} of {what}, which no value meets", place, f"write the smaller one first: {high}, {low}")


def _bad_pattern(pattern: str | None, name: str, place: Place | None) -> Iterator[Problem]:
    try:
        re.compile(pattern or "")
    except re.error as error:
        yield Problem(f"the pattern of {name!r} is not a regular expression: {error}", place)
