"""The words that specs are made of: names, types, labels. The nouns stand in `spec_objects`, `spec_stations` and `spec`."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
DbtTable = Annotated[str, StringConstraints(pattern=r"^(staging|marts)\.[a-z][a-z0-9_]{0,62}$")]
Path = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}(\.[a-z][a-z0-9_]{0,62}){0,3}$")]
Owner = Annotated[str, StringConstraints(pattern=r"^(team:[\w-]+|[^@\s]+@[^@\s]+)$")]
SourceType = Literal["string", "boolean", "integer", "long", "double", "date", "timestamp"]
"""What a column of a source may be."""
ScalarType = Literal["string", "boolean", "integer", "long", "double", "decimal", "date", "timestamp"]
PropertyType = ScalarType | Literal["geopoint", "array", "struct", "vector", "timeseries", "attachment", "marking"]
AttributeType = Literal["string", "integer", "double", "boolean", "strings"]
"""What a caller may have; `strings` is a list of strings, such as the regions a caller works for."""
Severity = Literal["warn", "block"]
Status = Literal["active", "experimental", "deprecated"]
Scalar = bool | int | float | str

SOURCE_TYPES: tuple[SourceType, ...] = get_args(SourceType)
SCALAR_TYPES: tuple[ScalarType, ...] = get_args(ScalarType)
PROPERTY_TYPES: tuple[PropertyType, ...] = (
    *SCALAR_TYPES, "geopoint", "array", "struct", "vector", "timeseries", "attachment", "marking",
)  # fmt: skip


class Spec(BaseModel):
    """A part of a spec: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Label(Spec):
    """A name for people, in English and, if given, in Korean."""

    en: str
    ko: str | None = None


def _label(value: object) -> object:
    return {"en": value} if isinstance(value, str) else value


def texts(value: object) -> object:
    """One text where several may stand, as several."""
    return (value,) if isinstance(value, str) else value


Labelled = Annotated[Label, BeforeValidator(_label, json_schema_input_type=str | Label)]
Names = Annotated[tuple[Identifier, ...], BeforeValidator(texts, json_schema_input_type=Identifier | tuple[Identifier, ...])]
"""One name, or several."""
