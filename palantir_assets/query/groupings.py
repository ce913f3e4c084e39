"""Metrics and groups of an aggregate as they are written: Foundry's JSON, one class a kind. What they mean is settled in `aggregates`."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, StrictStr

from palantir_assets.query.fields import Form, PropertyIdentifier
from palantir_assets.query.forms import Number

MAX_GROUPS: Final = 10_000

Direction = Annotated[Literal["ASC", "DESC"], BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)]
Unit = Literal["MILLISECONDS", "SECONDS", "MINUTES", "HOURS", "DAYS", "WEEKS", "MONTHS", "QUARTERS", "YEARS"]


class CountMetricForm(Form):
    type: Literal["count"]
    name: StrictStr | None = Field(None, max_length=200)
    direction: Direction | None = None


class MetricForm(Form):
    type: Literal["sum", "avg", "min", "max", "approximateDistinct", "exactDistinct"]
    field: str | None = None
    property_identifier: PropertyIdentifier | None = None
    name: StrictStr | None = Field(None, max_length=200)
    direction: Direction | None = None


class PercentileMetricForm(Form):
    type: Literal["approximatePercentile"]
    field: str | None = None
    property_identifier: PropertyIdentifier | None = None
    name: StrictStr | None = Field(None, max_length=200)
    approximate_percentile: Annotated[Number, Field(ge=0, le=100)]
    direction: Direction | None = None


class ExactForm(Form):
    type: Literal["exact"]
    field: str | None = None
    property_identifier: PropertyIdentifier | None = None
    max_group_count: Annotated[StrictInt, Field(ge=1, le=MAX_GROUPS)] | None = None
    default_value: StrictStr | None = Field(None, max_length=1_000)
    include_null_values: StrictBool | None = None


class FixedWidthForm(Form):
    type: Literal["fixedWidth"]
    field: str | None = None
    property_identifier: PropertyIdentifier | None = None
    fixed_width: Annotated[StrictInt, Field(ge=1, le=2**53)]


class RangeForm(Form):
    """From `startValue` on and below `endValue`; one of them may be missing."""

    start_value: object = None
    end_value: object = None


class RangesForm(Form):
    type: Literal["ranges"]
    field: str | None = None
    property_identifier: PropertyIdentifier | None = None
    ranges: tuple[RangeForm, ...] = Field(min_length=1, max_length=100)


class DurationForm(Form):
    type: Literal["duration"]
    field: str | None = None
    property_identifier: PropertyIdentifier | None = None
    value: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
    unit: Unit


MetricOfSet = Annotated[CountMetricForm | MetricForm | PercentileMetricForm, Field(discriminator="type")]
GroupOfSet = Annotated[ExactForm | FixedWidthForm | RangesForm | DurationForm, Field(discriminator="type")]
