"""Filters as they are written: Foundry's search JSON v2, one class an operator.

Parsing says whether something is a filter at all; whether it fits an object type is asked in `where`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from palantir_assets.query.fields import Form, PropertyIdentifier

MAX_CHOICES: Final = 1_000
MAX_PATTERN: Final = 1_000
MAX_VERTICES: Final = 2_000

Operator = Literal["eq", "lt", "lte", "gt", "gte"]
Number = StrictInt | StrictFloat


class LeafForm(Form):
    """What every test of a property has: the property, named in one of two ways."""

    field: str | None = None
    property_identifier: PropertyIdentifier | None = None


class ComparisonForm(LeafForm):
    type: Operator
    value: object  # judged by `where`, which knows the property and can say what it expects


class InForm(LeafForm):
    type: Literal["in"]
    value: tuple[object, ...] = Field(max_length=MAX_CHOICES)


class IsNullForm(LeafForm):
    type: Literal["isNull"]
    value: StrictBool = True


class ContainsForm(LeafForm):
    """Arrays only: whether one of the elements is the value."""

    type: Literal["contains"]
    value: object


class PatternForm(LeafForm):
    type: Literal["wildcard", "regex"]
    value: StrictStr = Field(max_length=MAX_PATTERN)


class PhraseForm(LeafForm):
    """`startsWith` is Foundry's other name for `containsAllTermsInOrderPrefixLastTerm`: it works on words."""

    type: Literal["containsAllTermsInOrder", "containsAllTermsInOrderPrefixLastTerm", "startsWith"]
    value: StrictStr


class TermsForm(LeafForm):
    type: Literal["containsAllTerms", "containsAnyTerm"]
    value: StrictStr
    fuzzy: StrictBool | None = None


class MatchRuleForm(Form):
    type: Literal["match"]
    query: StrictStr
    max_gaps: Annotated[StrictInt, Field(ge=0, le=1_000)] | None = None
    ordered: StrictBool


class PrefixRuleForm(Form):
    type: Literal["prefixOnLastToken"]
    query: StrictStr


class FuzzyRuleForm(Form):
    type: Literal["fuzzy"]
    term: StrictStr
    fuzziness: Annotated[StrictInt, Field(ge=0, le=2)] | None = None


class AllOfRuleForm(Form):
    type: Literal["allOf"]
    rules: tuple[RuleForm, ...] = Field(max_length=20)
    max_gaps: Annotated[StrictInt, Field(ge=0, le=1_000)] | None = None
    ordered: StrictBool


class AnyOfRuleForm(Form):
    type: Literal["anyOf"]
    rules: tuple[RuleForm, ...] = Field(max_length=20)


RuleForm = Annotated[MatchRuleForm | PrefixRuleForm | FuzzyRuleForm | AllOfRuleForm | AnyOfRuleForm, Field(discriminator="type")]


class IntervalForm(LeafForm):
    type: Literal["interval"]
    rule: RuleForm


class BoundForm(Form):
    type: Literal["relativePoint"] = "relativePoint"
    value: Annotated[StrictInt, Field(ge=-100_000, le=100_000)]
    time_unit: Literal["DAY", "WEEK", "MONTH", "YEAR"]


class RelativeDateRangeForm(LeafForm):
    type: Literal["relativeDateRange"]
    relative_start_time: BoundForm | None = None
    relative_end_time: BoundForm | None = None
    time_zone_id: StrictStr = Field(max_length=64)


Longitude = Annotated[Number, Field(ge=-180, le=180)]
Latitude = Annotated[Number, Field(ge=-90, le=90)]
Position = tuple[Longitude, Latitude]


class PointForm(Form):
    """A GeoJSON point: longitude first."""

    type: Literal["Point"] = "Point"
    coordinates: Position
    bbox: object = None


class DistanceForm(Form):
    value: Annotated[Number, Field(ge=0)]
    unit: Literal[
        "MILLIMETERS", "CENTIMETERS", "METERS", "KILOMETERS", "INCHES", "FEET", "YARDS", "MILES", "NAUTICAL_MILES"
    ]  # fmt: skip


class CenterForm(Form):
    center: PointForm
    distance: DistanceForm


class BoxForm(Form):
    type: Literal["envelope"] = "envelope"
    top_left: PointForm
    bottom_right: PointForm


class PolygonForm(Form):
    """A GeoJSON polygon: its outline, then its holes; each ring ends where it began."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: tuple[Annotated[tuple[Position, ...], Field(min_length=4, max_length=MAX_VERTICES)], ...] = Field(
        min_length=1, max_length=50
    )
    bbox: object = None


class DistanceOfForm(LeafForm):
    type: Literal["withinDistanceOf"]
    value: CenterForm


class InBoxForm(LeafForm):
    type: Literal["withinBoundingBox", "intersectsBoundingBox", "doesNotIntersectBoundingBox"]
    value: BoxForm


class InPolygonForm(LeafForm):
    type: Literal["withinPolygon", "intersectsPolygon", "doesNotIntersectPolygon"]
    value: PolygonForm


class GeoJsonForm(Form):
    """A geometry as GeoJSON in a text."""

    type: Literal["geoJson"]
    geo_json: StrictStr = Field(max_length=100_000)


class ShapeForm(LeafForm):
    type: Literal["geoShapeV2"]
    geometry: Annotated[BoxForm | GeoJsonForm, Field(discriminator="type")]
    spatial_filter_mode: Literal["INTERSECTS", "DISJOINT", "WITHIN", "CONTAINS"]


class JunctionForm(Form):
    type: Literal["and", "or"]
    value: tuple[Where, ...] = Field(min_length=1)


class NotForm(Form):
    type: Literal["not"]
    value: Where


Leaf = (
    ComparisonForm | InForm | IsNullForm | ContainsForm | PatternForm | PhraseForm | TermsForm | IntervalForm
    | RelativeDateRangeForm | DistanceOfForm | InBoxForm | InPolygonForm | ShapeForm
)  # fmt: skip
Where = Annotated[Leaf | JunctionForm | NotForm, Field(discriminator="type")]
"""A filter as it is written."""
