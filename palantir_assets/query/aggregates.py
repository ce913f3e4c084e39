"""Aggregates: Foundry's JSON for metrics and groups over an object set, and the plan that only a View can have made.

Nulls are left out of every metric but count. Sums are exact: of whole numbers told as numbers, of decimals as text;
an average, minimum or sum of nothing is null. Percentiles interpolate between neighbours and, like distinct counts, are computed
exactly, so that an answer is always accurate. An object whose group property is missing, or lies in no
range, is in no group, unless `includeNullValues` or `defaultValue` makes one for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from palantir_assets.access.views import View
from palantir_assets.errors import QueryError
from palantir_assets.query.derived import Summary
from palantir_assets.query.fields import ORDERED, Column, PropertyIdentifier
from palantir_assets.query.forms import Where
from palantir_assets.query.groupings import (
    MAX_GROUPS,
    CountMetricForm,
    DurationForm,
    ExactForm,
    FixedWidthForm,
    GroupOfSet,
    MetricForm,
    MetricOfSet,
    PercentileMetricForm,
    RangeForm,
    RangesForm,
    Unit,
)
from palantir_assets.query.nodes import Node, Scope
from palantir_assets.query.planning import Planner
from palantir_assets.query.selecting import DATES, NUMBERS
from palantir_assets.query.sets import BaseForm, ObjectSet, SavedSets, check_form
from palantir_assets.query.values import Value, typed_value
from palantir_assets.query.where import check_size
from palantir_assets.query.wording import in_words

_MADE_BY_PLAN: Final = object()


class AggregateQuery(BaseModel):
    """Metrics over a set, in groups: `object` and `where`, or `set`."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)
    object: str | None = None
    set: ObjectSet | None = Field(None, validation_alias=AliasChoices("set", "objectSet", "object_set"))
    where: Where | None = None
    aggregations: tuple[MetricOfSet, ...] = Field(min_length=1, max_length=50, validation_alias=AliasChoices("aggregations", "aggregation"))
    group_by: tuple[GroupOfSet, ...] = Field((), max_length=10)
    accuracy: Literal["REQUIRE_ACCURATE", "ALLOW_APPROXIMATE"] = "ALLOW_APPROXIMATE"


@dataclass(frozen=True, slots=True)
class Metric:
    """What is computed, by type of the set's objects the column it is computed of; `columns` is empty for a count."""

    name: str
    kind: Summary
    columns: tuple[tuple[str, Column], ...] = ()
    percentile: float | None = None
    direction: Literal["ASC", "DESC"] | None = None


@dataclass(frozen=True, slots=True)
class Exact:
    name: str
    columns: tuple[tuple[str, Column], ...]
    most: int
    default: str | None
    nulls: bool


@dataclass(frozen=True, slots=True)
class FixedWidth:
    """Groups begin at multiples of the width."""

    name: str
    columns: tuple[tuple[str, Column], ...]
    width: int


@dataclass(frozen=True, slots=True)
class Ranges:
    """An object is in every range that holds its value."""

    name: str
    columns: tuple[tuple[str, Column], ...]
    ranges: tuple[tuple[Value | None, Value | None], ...]


@dataclass(frozen=True, slots=True)
class Duration:
    """Calendar units, or multiples of fixed ones counted from 1970-01-01 (weeks from a Monday)."""

    name: str
    columns: tuple[tuple[str, Column], ...]
    value: int
    unit: Unit


Grouping = Exact | FixedWidth | Ranges | Duration


@dataclass(frozen=True)
class AggregatePlan:
    """An aggregate that may be asked. Made by `plan_aggregate` alone."""

    view: View
    node: Node
    scope: Scope
    metrics: tuple[Metric, ...]
    groups: tuple[Grouping, ...]
    require_accurate: bool
    made_by: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.made_by is not _MADE_BY_PLAN:
            raise TypeError("an AggregatePlan is made by query.aggregates.plan_aggregate, which asks for a View")


def parse_aggregate(raw: Mapping[str, object]) -> AggregateQuery:
    """An AggregateQuery from plain data. Raises QueryError that names every part it cannot use."""
    check_form(raw)
    check_size(raw.get("where"))
    try:
        return AggregateQuery.model_validate(raw)
    except ValidationError as error:
        raise QueryError(in_words(error.errors(include_url=False), raw, AggregateQuery)) from None


def plan_aggregate(query: AggregateQuery, view: View, *, saved: SavedSets | None = None, now: datetime | None = None) -> AggregatePlan:
    """The aggregate, checked. Raises UnknownName, InvalidValue, or QueryError."""
    if (query.object is None) == (query.set is None):
        raise QueryError("give either `object` or `set`, one of them and not both")
    planner = Planner(view, now or datetime.now(UTC), saved)
    source = planner.planned(query.set or BaseForm(type="base", object_type=query.object or ""))
    if query.where is not None:
        source = planner.filtered(source, query.where)
    metrics = tuple(_metric(form, source.scope) for form in query.aggregations)
    names = [metric.name for metric in metrics]
    if len(set(names)) < len(names):
        raise QueryError(f"aggregation: two metrics are called {next(name for name in names if names.count(name) > 1)!r}; give each a name")
    groups = tuple(_grouping(form, source.scope) for form in query.group_by)
    if len({group.name for group in groups}) < len(groups):
        raise QueryError("groupBy: a property is grouped by twice")
    if any(isinstance(group, Exact) and group.nulls for group in groups) and any(metric.direction for metric in metrics):
        raise QueryError("groupBy: includeNullValues does not go with an ordered metric; defaultValue does")
    return AggregatePlan(
        view, source.node, source.scope, metrics, groups, query.accuracy == "REQUIRE_ACCURATE", made_by=_MADE_BY_PLAN
    )  # fmt: skip


def _metric(form: CountMetricForm | MetricForm | PercentileMetricForm, scope: Scope) -> Metric:
    if isinstance(form, CountMetricForm):
        return Metric(form.name or "count", "count", direction=form.direction)
    columns = _columns(form.field, form.property_identifier, scope)
    name = columns[0][1].name if columns else form.field or "value"
    kind = columns[0][1].type if columns else "double"
    numeric = form.type in ("sum", "avg", "approximatePercentile")
    if kind not in (NUMBERS if numeric else ORDERED):
        raise QueryError(f"aggregation: {form.type} of {name!r}, which is of type {kind}, is not defined")
    percentile = float(form.approximate_percentile) / 100 if isinstance(form, PercentileMetricForm) else None
    return Metric(form.name or f"{form.type}.{name}", form.type, columns, percentile, form.direction)


def _columns(name: str | None, identifier: PropertyIdentifier | None, scope: Scope) -> tuple[tuple[str, Column], ...]:
    """The property in every object type of the set; it must be of one type in all."""
    columns = tuple((kind, lens.pick(name, identifier)) for kind, lens in scope.lenses.items())
    if len({column.type for _, column in columns}) > 1:
        raise QueryError(f"{columns[0][1].name!r} is not of one type in all object types of the set")
    return columns


def _grouping(form: ExactForm | FixedWidthForm | RangesForm | DurationForm, scope: Scope) -> Grouping:
    columns = _columns(form.field, form.property_identifier, scope)
    name = columns[0][1].name if columns else form.field or "value"
    kind = columns[0][1].type if columns else "string"
    match form:
        case ExactForm():
            _demand(form.type, name, kind, ORDERED | {"marking", "attachment", "timeseries"})
            if form.default_value is not None and form.include_null_values:
                raise QueryError(f"groupBy {name!r}: defaultValue and includeNullValues exclude each other")
            return Exact(name, columns, form.max_group_count or MAX_GROUPS, form.default_value, bool(form.include_null_values))
        case FixedWidthForm():
            _demand(form.type, name, kind, NUMBERS)
            return FixedWidth(name, columns, form.fixed_width)
        case RangesForm():
            _demand(form.type, name, kind, ORDERED - {"boolean", "string"})
            return Ranges(name, columns, tuple(_range(name, columns, part) for part in form.ranges))
        case DurationForm():
            _demand(form.type, name, kind, DATES)
            if form.unit in ("WEEKS", "MONTHS", "QUARTERS", "YEARS") and form.value != 1:
                raise QueryError(f"groupBy {name!r}: {form.unit} are grouped by one, not by {form.value}")
            if kind == "date" and form.unit in ("MILLISECONDS", "SECONDS", "MINUTES", "HOURS"):
                raise QueryError(f"groupBy {name!r}: a date has no {form.unit.lower()}")
            return Duration(name, columns, form.value, form.unit)


def _demand(form: str, name: str, kind: str, kinds: frozenset[str]) -> None:
    if kind not in kinds:
        raise QueryError(f"groupBy: {form} of {name!r}, which is of type {kind}, is not defined")


def _range(name: str, columns: tuple[tuple[str, Column], ...], part: RangeForm) -> tuple[Value | None, Value | None]:
    if part.start_value is None and part.end_value is None:
        raise QueryError(f"groupBy {name!r}: a range has a startValue, an endValue, or both")
    kind = columns[0][1].type if columns else "double"
    start, end = (None if raw is None else typed_value(name, kind, raw) for raw in (part.start_value, part.end_value))
    return start, end
