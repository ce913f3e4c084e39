"""What must hold of the types of properties: that they exist, and that each says what its type needs and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from palantir_assets.errors import Place, Problem, did_you_mean
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.resolving import TYPE_WORDS
from palantir_assets.ontology.spec import PROPERTY_TYPES, Property, SharedProperty
from palantir_assets.ontology.wording import a

RESERVED: Final = frozenset({"true", "false", "none", "and", "or", "not", "in", "is", "if", "else"})
NEEDS: Final = {"array": ("of",), "struct": ("fields",), "vector": ("size",), "decimal": ("digits",), "timeseries": ("of", "points")}
"""What a type must say beside its name; `digits` also where a decimal is inside it."""


def property_types_exist(loaded: Loaded) -> Iterator[Problem]:
    for name in loaded.ontology.value_types:
        if name in PROPERTY_TYPES:
            yield Problem(f"value type {name!r} has the name of a built-in type", loaded.place("value_types", name))
    for section, owner, path, name, prop in declared(loaded):
        yield from _typed(loaded, prop, f"property {name!r}", section, owner, *path)
        if name in RESERVED:
            yield Problem(f"{name!r} is a word of the expression language", loaded.place(section, owner, *path))


def types_say_what_they_need(loaded: Loaded) -> Iterator[Problem]:
    for section, owner, path, name, prop in declared(loaded):
        base = loaded.ontology.base_type(prop)
        if base not in PROPERTY_TYPES:
            continue
        for word, hint in _missing(base, prop, points=isinstance(prop, Property)):
            yield Problem(f"property {name!r} is {a(base)}, which needs `{word}`", loaded.place(section, owner, *path), hint)
        for word in _idle(base, prop):
            yield Problem(
                f"`{word}` says nothing of property {name!r}, {a(base)}", loaded.place(section, owner, *path, word), "leave it out"
            )


def columns_fit_their_types(loaded: Loaded) -> Iterator[Problem]:
    """A geopoint is read from two columns, everything else from one; what is derived from none."""
    for object_type in loaded.ontology.objects.values():
        for name, prop in object_type.properties.items():
            place = loaded.place("objects", object_type.name, "properties", name)
            base = loaded.ontology.base_type(prop)
            if prop.derived is not None:
                yield from _derived(prop, name, base, place)
            elif prop.by_edits:
                continue  # no column at all: `action_rules.edited_properties_hold`
            elif base == "geopoint" and len(prop.columns) != 2:
                yield Problem(
                    f"property {name!r} is a geopoint, which is read from two columns", place, "add `from: [latitude, longitude]`"
                )
            elif base != "geopoint" and len(prop.columns) == 2:
                yield Problem(f"property {name!r} is {a(base)}, which is read from one column", place)
            if not prop.materialised and prop.derived is None:
                yield Problem(f"property {name!r} is a column, and columns are always kept", place, "leave `materialised` out")


def declared(loaded: Loaded) -> Iterator[tuple[str, str, tuple[str, ...], str, SharedProperty]]:
    """(section, owner, path in it, name, property) of everything that has a property's type."""
    ontology = loaded.ontology
    for object_type in ontology.objects.values():
        for name, prop in object_type.properties.items():
            yield "objects", object_type.name, ("properties", name), name, prop
    for owner, interface in ontology.interfaces.items():
        for name, wanted in interface.properties.items():
            yield "interfaces", owner, ("properties", name), name, wanted
    for name, shared in ontology.shared_properties.items():
        yield "shared_properties", name, (), name, shared


def _typed(loaded: Loaded, prop: SharedProperty, what: str, section: str, owner: str, *path: str) -> Iterator[Problem]:
    """That a type is named, by itself or by a shared property, and exists."""
    known = (*PROPERTY_TYPES, *loaded.ontology.value_types)
    shared: str | None = getattr(prop, "shared", None)
    place = loaded.place(section, owner, *path)
    if shared is not None and shared not in loaded.ontology.shared_properties:
        hint = did_you_mean(shared, loaded.ontology.shared_properties)
        if loaded.lacks(shared, "shared_properties"):
            yield Problem(f"{what} names unknown shared property {shared!r}", loaded.place(section, owner, *path, "shared"), hint)
    elif shared is not None and any(getattr(prop, word) != getattr(loaded.ontology.shared_properties[shared], word) for word in TYPE_WORDS):
        yield Problem(f"{what} is of another type than the shared property {shared!r}", place, "leave its type out, or `shared`")
    elif not prop.type:
        yield Problem(f"{what} has no type", place, "add `type`, or name a `shared` property" if path else "add `type`")
    elif prop.type not in known and loaded.lacks(prop.type, "value_types"):
        yield Problem(f"{what} has unknown type {prop.type!r}", loaded.place(section, owner, *path, "type"), did_you_mean(prop.type, known))


def _missing(base: str, prop: SharedProperty, *, points: bool) -> Iterator[tuple[str, str]]:
    for word in NEEDS.get(base, ()):
        if (word != "points" or points) and getattr(prop, word) is None:
            yield word, _EXAMPLES[word]
    if base != "decimal" and _holds_decimal(base, prop) and prop.digits is None:
        yield "digits", _EXAMPLES["digits"]
    if prop.digits is not None and prop.digits[0] < prop.digits[1]:
        yield "digits", "first all digits, then those after the point, such as `digits: [12, 2]`"


def _holds_decimal(base: str, prop: SharedProperty) -> bool:
    return base == "decimal" or prop.of == "decimal" or "decimal" in (prop.fields or {}).values()


def _idle(base: str, prop: SharedProperty) -> Iterator[str]:
    wanted = {*NEEDS.get(base, ()), *(("digits",) if _holds_decimal(base, prop) else ())}
    yield from (
        word for word in ("of", "fields", "size", "digits", "points") if word not in wanted and getattr(prop, word, None) is not None
    )


def _derived(prop: Property, name: str, base: str, place: Place | None) -> Iterator[Problem]:
    if prop.columns:
        yield Problem(f"property {name!r} says both `derived` and `from`", place, "keep one of them")
    if base in ("geopoint", "array", "struct", "vector", "timeseries"):
        yield Problem(f"property {name!r} is {a(base)}, which no expression gives", place, "make it in the dbt model")


_EXAMPLES: Final = {
    "of": "such as `of: string`",
    "fields": "such as `fields: {width: double}`",
    "size": "such as `size: 384`",
    "digits": "all digits, and those after the point, such as `digits: [12, 2]`",
    "points": "such as `points: {table: marts.readings, by: series_id, at: measured_at, value: value}`",
}
