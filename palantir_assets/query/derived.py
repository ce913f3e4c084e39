"""Derived properties of a `withProperties` set: how they are written, and what they mean for one object type.

A value is selected from the objects around each object (an aggregate, a list, or the one value there is), or
computed from other values. Numbers are computed as doubles; a missing operand makes the result missing, and so
do a division by zero and a result that is no number, while `least` and `greatest` leave missing operands out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field, StrictInt

from palantir_assets.ontology.served import LinkEnd
from palantir_assets.query.fields import Column, Definition, Form
from palantir_assets.query.forms import Number
from palantir_assets.query.predicates import Predicate

MAX_COLLECTED: Final = 100

Summary = Literal["count", "sum", "avg", "min", "max", "approximateDistinct", "exactDistinct", "approximatePercentile"]
Operation = Summary | Literal["get", "collectList", "collectSet"]
Arithmetic = Literal["add", "subtract", "multiply", "divide", "negate", "absoluteValue", "least", "greatest"]
DatePart = Literal["DAYS", "MONTHS", "QUARTERS", "YEARS"]


class CountForm(Form):
    type: Literal["count"]


class SelectForm(Form):
    type: Literal["sum", "avg", "min", "max", "approximateDistinct", "exactDistinct", "get"]
    selected_property_api_name: str


class PercentileForm(Form):
    type: Literal["approximatePercentile"]
    selected_property_api_name: str
    approximate_percentile: Annotated[Number, Field(ge=0, le=100)]


class CollectForm(Form):
    type: Literal["collectList", "collectSet"]
    selected_property_api_name: str
    limit: Annotated[StrictInt, Field(ge=1, le=MAX_COLLECTED)]


class SelectionForm(Form):
    """`objectSet` begins with `methodInput`; it is read by `planning`, which knows all sets."""

    type: Literal["selection"]
    object_set: dict[str, object]
    operation: Annotated[CountForm | SelectForm | PercentileForm | CollectForm, Field(discriminator="type")]


class PropertyForm(Form):
    type: Literal["property"]
    api_name: str


class PartsForm(Form):
    type: Literal["add", "multiply", "least", "greatest"]
    properties: tuple[DefinitionForm, ...] = Field(min_length=1, max_length=20)


class SidesForm(Form):
    type: Literal["subtract", "divide"]
    left: DefinitionForm
    right: DefinitionForm


class OneForm(Form):
    type: Literal["negate", "absoluteValue"]
    property: DefinitionForm


class ExtractForm(Form):
    type: Literal["extract"]
    property: DefinitionForm
    part: DatePart


DefinitionForm = Annotated[
    SelectionForm | PropertyForm | PartsForm | SidesForm | OneForm | ExtractForm, Field(discriminator="type")
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hop:
    """One link further; `at` is the moment the link must be valid, in microseconds, or None."""

    end: LinkEnd
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """Only the objects that a filter finds."""

    type: str
    test: Predicate


@dataclass(frozen=True, slots=True)
class Selected(Definition):
    """From each object along the steps, each object there once, and of those an aggregate, a list or the one value."""

    steps: tuple[Hop | Keep, ...]
    target: str
    operation: Operation
    column: Column | None
    argument: float | None = None


@dataclass(frozen=True, slots=True)
class Own(Definition):
    """A property as it is."""

    column: Column


@dataclass(frozen=True, slots=True)
class Computed(Definition):
    operation: Arithmetic
    parts: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Extracted(Definition):
    """The day of the month, the month, the quarter or the year."""

    part: DatePart
    of: Column
