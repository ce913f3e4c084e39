"""What a derived property means for one object type: the way from each object, what is done there, and the resulting type.

How definitions are written is told in `derived`; their values are found in `engine.deriving`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never, cast

from palantir_assets.access.views import View
from palantir_assets.errors import QueryError
from palantir_assets.ontology.served import LinkEnd
from palantir_assets.ontology.spec import PropertyType, ScalarType
from palantir_assets.query.derived import (
    CollectForm,
    Computed,
    CountForm,
    DefinitionForm,
    Extracted,
    ExtractForm,
    Hop,
    Keep,
    OneForm,
    Own,
    PartsForm,
    PercentileForm,
    PropertyForm,
    Selected,
    SelectionForm,
    SidesForm,
)
from palantir_assets.query.fields import ORDERED, Column, Lens, lens_of
from palantir_assets.query.moments import micros
from palantir_assets.query.sets import FilterForm, MethodInputForm, ObjectSet, SearchAroundForm
from palantir_assets.query.values import typed_value
from palantir_assets.query.where import typed

NUMBERS: Final = frozenset({"integer", "long", "double", "decimal"})
DATES: Final = frozenset({"date", "timestamp"})
_MAX_DEPTH: Final = 10
_MAX_HOPS: Final = 5


@dataclass(frozen=True)
class Methods:
    """What is needed to read a definition."""

    view: View
    now: datetime
    parse: Callable[[Mapping[str, object]], ObjectSet]


def define(name: str, form: DefinitionForm, lens: Lens, methods: Methods, *, depth: int = 0) -> Column:
    """The derived property as a column with its definition. Raises QueryError for what cannot be computed."""
    if depth > _MAX_DEPTH:
        raise QueryError(f"derived property {name!r}: nested deeper than {_MAX_DEPTH}")
    if isinstance(form, SelectionForm):
        return _selected(name, form, lens, methods)
    if isinstance(form, PropertyForm):
        held = lens.find(form.api_name)
        own = Column(name, None, held.type, of=held.of, digits=held.digits, derived=Own(held), fields=held.fields)
        return held if held.derived else own
    inner = [define(name, part, lens, methods, depth=depth + 1) for part in _inner(form)]
    match form:
        case ExtractForm():
            _demand(name, inner, DATES, "extract takes a date or a timestamp")
            return Column(name, None, "integer", derived=Extracted(form.part, inner[0]))
        case PartsForm(type="least" | "greatest"):
            return _extreme(name, form, inner)
        case _:
            _demand(name, inner, NUMBERS, f"{form.type} takes numbers")
            return Column(name, None, "double", derived=Computed(form.type, tuple(inner)))


def _inner(form: PartsForm | SidesForm | OneForm | ExtractForm) -> tuple[DefinitionForm, ...]:
    match form:
        case PartsForm():
            return form.properties
        case SidesForm():
            return (form.left, form.right)
        case OneForm() | ExtractForm():
            return (form.property,)
        case _:
            assert_never(form)


def _extreme(name: str, form: PartsForm, inner: list[Column]) -> Column:
    kinds = {part.type for part in inner}
    if kinds <= NUMBERS:
        return Column(name, None, "double", derived=Computed(form.type, tuple(inner)))
    if len(kinds) == 1 and kinds <= DATES:
        return Column(name, None, inner[0].type, derived=Computed(form.type, tuple(inner)))
    raise QueryError(f"derived property {name!r}: {form.type} takes numbers, or dates, or timestamps")


def _demand(name: str, inner: list[Column], kinds: frozenset[str], words: str) -> None:
    for part in inner:
        if part.type not in kinds:
            raise QueryError(f"derived property {name!r}: {words}, not {part.type}")


def _selected(name: str, form: SelectionForm, lens: Lens, methods: Methods) -> Column:
    steps, target = _steps(name, methods.parse(form.object_set), lens, methods)
    operation = form.operation
    if isinstance(operation, CountForm):
        return Column(name, None, "long", derived=Selected(steps, target.type.name, "count", None))
    held = target.find(operation.selected_property_api_name)
    if operation.type == "get" and any(isinstance(step, Hop) and step.end.many for step in steps):
        raise QueryError(f"derived property {name!r}: get takes a link to one object; collectList takes many")
    kind, of = _result(name, operation.type, held)
    argument = None
    if isinstance(operation, PercentileForm):
        argument = float(operation.approximate_percentile) / 100
    if isinstance(operation, CollectForm):
        argument = float(operation.limit)
    digits = None if kind != "decimal" or held.digits is None else (38, held.digits[1]) if operation.type == "sum" else held.digits
    derived = Selected(steps, target.type.name, operation.type, held, argument)
    size, fields = held.size if kind == "vector" else None, held.fields if kind == "struct" else ()
    return Column(name, None, kind, of=of, size=size, digits=digits, derived=derived, fields=fields)


def _result(name: str, operation: str, held: Column) -> tuple[PropertyType, ScalarType | None]:
    """The type of the value, and of its elements."""
    if operation == "get":
        return held.type, held.of
    if operation in ("sum", "avg", "approximatePercentile") and held.type not in NUMBERS:
        raise QueryError(f"derived property {name!r}: {operation} takes numbers, and {held.name!r} is of type {held.type}")
    if held.type not in ORDERED:
        raise QueryError(f"derived property {name!r}: {operation} of a {held.type} is not defined")
    match operation:
        case "sum":
            return ("long" if held.type == "integer" else held.type), None
        case "avg" | "approximatePercentile":
            return "double", None
        case "approximateDistinct" | "exactDistinct":
            return "long", None
        case "collectList" | "collectSet":
            return "array", cast("ScalarType", held.type)
        case _:
            return held.type, None


def _steps(name: str, form: ObjectSet, lens: Lens, methods: Methods) -> tuple[tuple[Hop | Keep, ...], Lens]:
    """The way from one object, and the lens of where it ends."""
    match form:
        case MethodInputForm():
            return (), lens
        case SearchAroundForm(depth=None):
            steps, here = _steps(name, form.object_set, lens, methods)
            if sum(isinstance(step, Hop) for step in steps) >= _MAX_HOPS:
                raise QueryError(f"derived property {name!r}: more than {_MAX_HOPS} links away")
            end = methods.view.ontology.find_link(here.type.name, form.link)
            hop = Hop(end, _moment(end, form.valid_at))
            return (*steps, hop), lens_of(methods.view, end.to_type)
        case FilterForm():
            steps, here = _steps(name, form.object_set, lens, methods)
            return (*steps, Keep(here.type.name, typed(form.where, here, methods.now))), here
        case _:
            raise QueryError(f"derived property {name!r}: its set begins with methodInput and goes on by searchAround and filter only")


def _moment(end: LinkEnd, text: str | None) -> int | None:
    if text is None:
        return None
    if not end.dated:
        raise QueryError(f"validAt: the link {end.name!r} has no dates")
    return micros(typed_value("validAt", "timestamp", text))
