"""How a value of each type is stored: its DuckDB type, and the SQL that reads it from the columns of a dbt table.

The same types as Arrow stand in `release.writing`, as JSON in `release.ready_json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from palantir_assets.names import literal, quoted
from palantir_assets.ontology.served_parts import ServedProperty
from palantir_assets.ontology.spec import Property, Scalar, ScalarType

SCALARS: Final[Mapping[ScalarType, str]] = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "integer": "INTEGER",
    "long": "BIGINT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
GEOPOINT: Final = "STRUCT(latitude DOUBLE, longitude DOUBLE)"


def sql_type(prop: ServedProperty) -> str:
    """The DuckDB type of a property.

    >>> sql_type(ServedProperty(type="array", of="decimal", digits=(12, 2)))
    'DECIMAL(12, 2)[]'
    """
    match prop.type:
        case "geopoint":
            return GEOPOINT
        case "array":
            return f"{scalar_sql(prop.of or 'string', prop.digits)}[]"
        case "struct":
            fields = ", ".join(f"{quoted(name)} {scalar_sql(of, prop.digits)}" for name, of in (prop.fields or {}).items())
            return f"STRUCT({fields})"
        case "vector":
            return f"FLOAT[{prop.size}]"
        case "timeseries" | "attachment" | "marking":
            return "VARCHAR"
        case _:
            return scalar_sql(prop.type, prop.digits)


def scalar_sql(of: ScalarType, digits: tuple[int, int] | None) -> str:
    """The DuckDB type of a scalar; `digits` are those of a decimal."""
    if of != "decimal":
        return SCALARS[of]
    whole, after = digits or (38, 9)
    return f"DECIMAL({whole}, {after})"


def columns_of(name: str, prop: Property) -> tuple[str, ...]:
    """The columns that a property is read from; none if it is derived, or set by edits alone."""
    if prop.derived is not None or prop.by_edits:
        return ()
    return prop.columns or (name,)


def stored_value(name: str, prop: Property, served: ServedProperty) -> str:
    """The SQL of a column's value, or of the default of what only edits set.

    A geopoint with one half missing stays one, so that a check can find it.
    """
    columns = columns_of(name, prop)
    if not columns:
        return f"CAST({_literal(prop.default)} AS {sql_type(served)})"
    if len(columns) == 1:
        return f"CAST({quoted(columns[0])} AS {sql_type(served)})"
    latitude, longitude = (f"CAST({quoted(column)} AS DOUBLE)" for column in columns)
    point = f"struct_pack(latitude := {latitude}, longitude := {longitude})"
    return f"CASE WHEN {quoted(columns[0])} IS NOT NULL OR {quoted(columns[1])} IS NOT NULL THEN {point} END"


def _literal(value: Scalar | None) -> str:
    """A declared value as SQL; the cast around it makes it one of the property's type."""
    return "NULL" if value is None else literal(value if isinstance(value, str) else str(value))
