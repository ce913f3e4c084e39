"""A filter that was parsed, fitted to an object type: names exist, values have the properties' types.

How filters are written is told in `forms`, what comes out in `predicates`; how it is evaluated is `engine`'s affair.

Nulls follow SQL: a comparison with a missing property is neither true nor false, and neither is its
`not`, so such an object is found by `isNull` only. Text is compared by code point; what counts as a
term is told in `terms`; text operators on an array of texts ask whether one element fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Final, assert_never

from palantir_assets.errors import QueryError
from palantir_assets.query.fields import ORDERED, TEXTS, Column, Lens
from palantir_assets.query.forms import (
    ComparisonForm,
    ContainsForm,
    DistanceOfForm,
    InBoxForm,
    InForm,
    InPolygonForm,
    IntervalForm,
    IsNullForm,
    JunctionForm,
    Leaf,
    NotForm,
    Operator,
    PatternForm,
    PhraseForm,
    RelativeDateRangeForm,
    ShapeForm,
    TermsForm,
    Where,
)
from palantir_assets.query.geometry import box_test, distance_test, polygon_test, shape_test
from palantir_assets.query.moments import relative_range
from palantir_assets.query.predicates import (
    AnyOf,
    Compare,
    Contains,
    Every,
    Interval,
    IsNull,
    Not,
    Nothing,
    OneOf,
    Pattern,
    Phrase,
    Predicate,
    Terms,
)
from palantir_assets.query.rules import typed_rule
from palantir_assets.query.terms import asked_terms
from palantir_assets.query.values import InvalidValue, Value, typed_value

MAX_DEPTH: Final = 20
MAX_CONDITIONS: Final = 200


def check_size(where: object) -> None:
    """Refuse a filter too deep or too long before anything walks it recursively."""
    level, conditions, depth = [where], 0, 0
    while level:
        depth, conditions = depth + 1, conditions + len(level)
        if depth > MAX_DEPTH:
            raise QueryError(f"where: nested deeper than {MAX_DEPTH}")
        if conditions > MAX_CONDITIONS:
            raise QueryError(f"where: more than {MAX_CONDITIONS} conditions")
        level = [part for node in level for part in _parts(node)]


def _parts(node: object) -> list[object]:
    value = node.get("value") if isinstance(node, Mapping) and node.get("type") in ("and", "or", "not") else None
    if isinstance(value, Mapping):
        return [value]
    return list(value) if isinstance(value, list | tuple) else []


def typed(where: Where, lens: Lens, now: datetime) -> Predicate:
    """The filter with its values typed by the properties of the object type a lens shows.

    `now` is what relative dates count from. Raises UnknownName for a property that does not exist,
    InvalidValue for a value of another type, QueryError for a test its type does not have.
    """
    match where:
        case JunctionForm():
            parts = tuple(typed(part, lens, now) for part in where.value)
            return Every(parts) if where.type == "and" else AnyOf(parts)
        case NotForm():
            return Not(typed(where.value, lens, now))
        case _:
            return _leaf(where, lens.pick(where.field, where.property_identifier), now)


def _leaf(where: Leaf, column: Column, now: datetime) -> Predicate:
    match where:
        case ComparisonForm():
            return _comparison(column, where.type, where.value)
        case InForm():
            # An empty list matches everything: so Foundry documents it, and so its clients rely on it.
            return _one_of(column, where.value) if where.value else Every(())
        case IsNullForm():
            return IsNull(column) if where.value else Not(IsNull(column))
        case ContainsForm():
            return _contains(column, where.value)
        case RelativeDateRangeForm():
            return _relative(column, where, now)
        case DistanceOfForm():
            return distance_test(column, where.value)
        case InBoxForm():
            return box_test(column, where.type, where.value)
        case InPolygonForm():
            return polygon_test(column, where.type, where.value)
        case ShapeForm():
            return shape_test(column, where)
        case PatternForm() | PhraseForm() | TermsForm() | IntervalForm():
            return _text_test(_texts(column, where.type), where)
        case _:
            assert_never(where)


def _text_test(column: Column, where: PatternForm | PhraseForm | TermsForm | IntervalForm) -> Predicate:
    match where:
        case PatternForm():
            return Pattern(column, where.type, str(typed_value(column.name, "string", where.value)))
        case PhraseForm():
            found = asked_terms(column.name, where.value)
            return Phrase(column, found, prefix=where.type != "containsAllTermsInOrder") if found else Nothing(column)
        case TermsForm():
            found = asked_terms(column.name, where.value)
            every = where.type == "containsAllTerms"
            return Terms(column, found, every=every, fuzzy=bool(where.fuzzy)) if found else Nothing(column)
        case IntervalForm():
            return Interval(column, typed_rule(column.name, where.rule))
        case _:
            assert_never(where)


def _comparison(column: Column, op: Operator, raw: object) -> Predicate:
    if column.type not in ORDERED and not (column.type in TEXTS and op == "eq"):
        raise InvalidValue(column.name, column.type, raw)
    if column.type == "boolean" and op != "eq":
        raise QueryError(f"{column.name!r} is of type boolean, which has no order; use eq")
    value = typed_value(column.name, column.type, raw)
    return decimal_test(column, op, value) if isinstance(value, Decimal) else Compare(column, op, value)


def _one_of(column: Column, raw: tuple[object, ...]) -> Predicate:
    if column.type not in ORDERED | TEXTS:
        raise InvalidValue(column.name, column.type, raw)
    values = [typed_value(column.name, column.type, value) for value in raw]
    fitting = tuple(value for value in values if not isinstance(value, Decimal) or _fits(column, value))
    return OneOf(column, tuple(dict.fromkeys(fitting))) if fitting else Nothing(column)


def _contains(column: Column, raw: object) -> Predicate:
    if column.type != "array" or column.of is None:
        raise QueryError(f"{column.name!r} is of type {column.type}; contains asks arrays for an element")
    value = typed_value(column.name, column.of, raw)
    return Nothing(column) if isinstance(value, Decimal) and not _fits(column, value) else Contains(column, value)


def _texts(column: Column, operator: str) -> Column:
    if column.type in TEXTS or (column.type == "array" and column.of == "string"):
        return column
    raise QueryError(f"{column.name!r} is of type {column.type}; {operator} asks texts")


def _fits(column: Column, value: Decimal) -> bool:
    """Whether a property with so many digits can have that value at all."""
    rounded = _to_digits(column, value, ROUND_FLOOR)
    return rounded is not None and rounded == value


def _to_digits(column: Column, value: Decimal, rounding: str) -> Decimal | None:
    """The value rounded to the digits that the property has after the point, or None where it has too many before."""
    whole, after = column.digits or (38, 9)
    rounded = value.quantize(Decimal(1).scaleb(-after), rounding=rounding, context=Context(prec=100))
    return rounded if abs(rounded) < Decimal(10) ** (whole - after) else None


def decimal_test(column: Column, op: Operator, value: Decimal) -> Predicate:
    """The comparison with a number that the property can have: databases refuse or round what does not fit."""
    if op == "eq":
        return Compare(column, op, value) if _fits(column, value) else Nothing(column)
    # below v is below the next value at or above v; at most v is at most the next value at or below it
    bound = _to_digits(column, value, ROUND_CEILING if op in ("lt", "gte") else ROUND_FLOOR)
    if bound is not None:
        return Compare(column, op, bound)
    everything = (value > 0) == (op in ("lt", "lte"))
    # Not(Nothing) is true wherever there is a value
    return Not(Nothing(column)) if everything else Nothing(column)


def _relative(column: Column, where: RelativeDateRangeForm, now: datetime) -> Predicate:
    if column.type not in ("date", "timestamp"):
        raise QueryError(f"{column.name!r} is of type {column.type}; relativeDateRange asks dates and timestamps")
    start, end = relative_range(where, now)
    bounds: list[Predicate] = []
    if start is not None:
        bounds.append(Compare(column, "gte", _at(column, start)))
    if end is not None:
        bounds.append(Compare(column, "lt", _at(column, end)))
    return Every(tuple(bounds)) if bounds else Not(Nothing(column))


def _at(column: Column, moment: datetime) -> Value:
    """A local midnight as the property's type: its date, or its instant."""
    if column.type == "date":
        return moment.date()
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        return datetime.min if moment.year == 1 else datetime.max
