"""From the constraints in an object type's spec to a suite of expectations. Pure; nothing is evaluated here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from palantir_assets.names import fingerprint, quoted
from palantir_assets.ontology.spec import Expect, ObjectType, Ontology, Property, PropertyType, Severity, ValueType
from palantir_assets.ontology.stages import stages_of
from palantir_assets.ontology.versioning import MAKERS

NOT_NULL = "ExpectColumnValuesToNotBeNull"
UNIQUE = "ExpectColumnValuesToBeUnique"
BETWEEN = "ExpectColumnValuesToBeBetween"
IN_SET = "ExpectColumnValuesToBeInSet"
MATCHES = "ExpectColumnValuesToMatchRegex"
LENGTH = "ExpectColumnValueLengthsToBeBetween"
ROW_COUNT = "ExpectTableRowCountToBeBetween"
UUID = "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
WHOLE: Mapping[PropertyType, str] = {"geopoint": "both_halves_are_numbers", "vector": "all_are_numbers"}


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation: its Great Expectations class, the column it is about ("" for the table), and its arguments."""

    kind: str
    column: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.arguments.items())
        return f"{self.column or 'table'}: {self.kind.removeprefix('Expect')}({values})"


@dataclass(frozen=True, slots=True)
class Suite:
    """What is expected of one object type, at one severity."""

    object_type: str
    severity: Severity
    expectations: tuple[Expectation, ...]

    @property
    def name(self) -> str:
        return "expectations" if self.severity == "block" else "warnings"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns the suite looks at, each once."""
        return tuple(dict.fromkeys(expectation.column for expectation in self.expectations if expectation.column))

    @property
    def fingerprint(self) -> str:
        """Of what is expected: results of another fingerprint are old."""
        return fingerprint(MAKERS["checks"], [str(expectation) for expectation in self.expectations])


def column_sql(column: str) -> str:
    """The SQL of a column that a suite looks at: a property, or `property.part` of a geopoint or vector."""
    name, _, part = column.partition(".")
    whole = quoted(name)
    match part:
        case "latitude" | "longitude":
            sql = f"struct_extract({whole}, '{part}')"
        case "both_halves_are_numbers":
            halves = [f"coalesce(isfinite(struct_extract({whole}, '{half}')), false)" for half in ("latitude", "longitude")]
            sql = f"CASE WHEN {whole} IS NOT NULL THEN {' AND '.join(halves)} END"
        case "all_are_numbers":
            sql = f"list_bool_and(list_transform({whole}::FLOAT[], lambda number: coalesce(isfinite(number), false)))"
        case _:
            return whole
    return f"{sql} AS {quoted(column)}"


def suites_of(ontology: Ontology, object_type: ObjectType) -> tuple[Suite, ...]:
    """The suites of an object type: what blocks a release, and what only warns. A suite with nothing in it is left out."""
    found: dict[Severity, list[Expectation]] = {"block": [], "warn": []}
    for severity, expectation in _expectations(ontology, object_type):
        found[severity].append(expectation)
    return tuple(Suite(object_type.name, severity, tuple(expectations)) for severity, expectations in found.items() if expectations)


def _expectations(ontology: Ontology, object_type: ObjectType) -> Iterator[tuple[Severity, Expectation]]:
    rows, stages = object_type.rows, stages_of(object_type)
    yield rows.severity, Expectation(ROW_COUNT, "", {"min_value": rows.min, "max_value": rows.max})
    yield "block", Expectation(UNIQUE, object_type.key)
    for name, prop in object_type.properties.items():
        if stages[name] != "table":
            continue  # it is computed after the objects are checked
        yield from _of_property(name, prop)
        yield from (("block", expectation) for expectation in _of_type(name, ontology.base_type(prop)))
        value_type = ontology.value_types.get(prop.type)
        if value_type:
            yield from _of_value_type(name, value_type)


def _of_property(name: str, prop: Property) -> Iterator[tuple[Severity, Expectation]]:
    if not prop.optional:
        yield "block", Expectation(NOT_NULL, name)
    expect = prop.expect
    if expect is None:
        return
    yield from ((expect.severity, expectation) for expectation in _common(name, expect))
    if expect.between is not None:
        yield expect.severity, Expectation(BETWEEN, name, {"min_value": expect.between[0], "max_value": expect.between[1]})
    if expect.unique:
        yield expect.severity, Expectation(UNIQUE, name)
    if expect.null_share is not None:
        yield expect.severity, Expectation(NOT_NULL, name, {"mostly": round(1 - expect.null_share, 6)})


def _of_type(name: str, base: PropertyType) -> Iterator[Expectation]:
    """What every value of a type must be, asked of parts of it: see `column_sql`."""
    if base == "geopoint":
        yield Expectation(BETWEEN, f"{name}.latitude", {"min_value": -90, "max_value": 90})
        yield Expectation(BETWEEN, f"{name}.longitude", {"min_value": -180, "max_value": 180})
    if base in ("geopoint", "vector"):
        yield Expectation(IN_SET, f"{name}.{WHOLE[base]}", {"value_set": [True]})


def _of_value_type(name: str, value_type: ValueType) -> Iterator[tuple[Severity, Expectation]]:
    yield from ((value_type.severity, expectation) for expectation in _common(name, value_type))
    if value_type.uuid:
        yield value_type.severity, Expectation(MATCHES, name, {"regex": UUID})


def _common(name: str, limits: Expect | ValueType) -> Iterator[Expectation]:
    """What a property's `expect` and a value type say in the same words."""
    if limits.min is not None or limits.max is not None:
        yield Expectation(BETWEEN, name, {"min_value": limits.min, "max_value": limits.max})
    if limits.one_of is not None:
        yield Expectation(IN_SET, name, {"value_set": list(limits.one_of)})
    if limits.matches is not None:
        yield Expectation(MATCHES, name, {"regex": limits.matches})
    if limits.length is not None:
        yield Expectation(LENGTH, name, {"min_value": limits.length[0], "max_value": limits.length[1]})
