"""One typed query, and the plan that only a View can have made.

REST, evals and everything that asks later says an `ObjectQuery`; `plan` checks it against the served
caller's view of the ontology. What a plan answers is found in `engine`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, ValidationError

from palantir_assets.access.views import View
from palantir_assets.errors import QueryError, UnknownName
from palantir_assets.names import fingerprint
from palantir_assets.ontology.served_parts import ServedType
from palantir_assets.query.fields import ORDERED, TEXTS, Column, Form, PropertyIdentifier
from palantir_assets.query.forms import Where
from palantir_assets.query.nodes import Base, Filter, Nearest, Node, Planned, Scope
from palantir_assets.query.planning import Planner
from palantir_assets.query.predicates import Predicate
from palantir_assets.query.sets import BaseForm, ObjectSet, SavedSets, check_form
from palantir_assets.query.tokens import InvalidToken, PageToken, read_token
from palantir_assets.query.where import check_size
from palantir_assets.query.wording import in_words

DEFAULT_PAGE: Final = 100
MAX_PAGE: Final = 10_000
_MAX_ORDER: Final = 10
_MADE_BY_PLAN: Final = object()


class Ordering(Form):
    """Sort by one property. Missing values come last in both directions."""

    field: str | None = None
    property_identifier: PropertyIdentifier | None = None
    direction: Literal["asc", "desc"] = "asc"


def _ordering(value: object) -> object:
    return {"field": value} if isinstance(value, str) else value


class ObjectQuery(BaseModel):
    """Objects: which, in what order, how many, and which of their properties.

    `object` names one object type, `set` is an object set as `query.sets` reads it; one of the two is given.
    `relevance` orders a nearest-neighbours set by similarity. `naming` tells by whose names the objects of an
    interface show their properties: their own, or the interface's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    object: str | None = None
    set: ObjectSet | None = Field(None, validation_alias=AliasChoices("set", "objectSet", "object_set"))
    where: Where | None = None
    order_by: tuple[Annotated[Ordering, BeforeValidator(_ordering)], ...] = Field(
        (), max_length=_MAX_ORDER, validation_alias=AliasChoices("order_by", "orderBy")
    )
    relevance: bool = False
    select: tuple[str, ...] = Field((), max_length=1_000, description="none means all")
    limit: StrictInt = Field(DEFAULT_PAGE, ge=1, le=MAX_PAGE)
    page_token: str | None = None
    count: bool = Field(False, description="only how many there are")
    naming: Literal["own", "interface"] = "own"


@dataclass(frozen=True, slots=True)
class SortKey:
    """By object type the column to sort by, all of one type."""

    columns: tuple[tuple[str, Column], ...]
    descending: bool


@dataclass(frozen=True)
class Plan:
    """A question that may be asked. Made by `plan` alone, so that none exists without its caller's view.

    `relevance` is the nearest-neighbours node to order by, if that was asked.
    """

    view: View
    node: Node
    scope: Scope
    order: tuple[SortKey, ...]
    relevance: Nearest | None
    select: tuple[str, ...]
    limit: int
    token: PageToken | None
    count: bool
    naming: Literal["own", "interface"]
    made_by: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.made_by is not _MADE_BY_PLAN:
            raise TypeError("a Plan is made by query.plans.plan, which asks for a View")

    @property
    def types(self) -> tuple[ServedType, ...]:
        """The object types an answer may hold, in the order they come."""
        return tuple(lens.type for lens in self.scope.lenses.values())

    @property
    def where(self) -> Predicate | None:
        """The filter, of a plain question about one object type."""
        return self.node.tests[0][1] if isinstance(self.node, Filter) and len(self.node.tests) == 1 else None

    @property
    def arithmetic(self) -> bool:
        """Whether the rows of the answer are known without looking at anything."""
        return isinstance(self.node, Base) and not self.order

    @cached_property
    def question(self) -> str:
        """What the pages of one answer have in common, as a fingerprint; the caller is part of it."""
        order = [(key.columns, key.descending) for key in self.order]
        return fingerprint(self.view.signature, repr(self.node), repr(order), self.relevance is not None)


def parse_query(raw: Mapping[str, object]) -> ObjectQuery:
    """An ObjectQuery from plain data. Raises QueryError that names every part it cannot use."""
    check_form(raw)
    check_size(raw.get("where"))
    try:
        return ObjectQuery.model_validate(raw)
    except ValidationError as error:
        raise QueryError(in_words(error.errors(include_url=False), raw, ObjectQuery)) from None


def plan(query: ObjectQuery, view: View, *, saved: SavedSets | None = None, now: datetime | None = None) -> Plan:
    """The query, checked: names exist, values fit, the caller may read. `now` is what relative dates count from.

    Raises UnknownName, InvalidValue, InvalidToken, UnknownSet, or QueryError.
    """
    source = _source(query, Planner(view, now or datetime.now(UTC), saved))
    _check_select(query.select, source.scope)
    made = Plan(
        view=view,
        node=source.node,
        scope=source.scope,
        order=tuple(_sort_key(ordering, source.scope) for ordering in query.order_by),
        relevance=source.node if query.relevance and isinstance(source.node, Nearest) else None,
        select=query.select,
        limit=query.limit,
        token=read_token(query.page_token) if query.page_token is not None else None,
        count=query.count,
        naming=query.naming,
        made_by=_MADE_BY_PLAN,
    )
    if made.relevance and made.order:
        raise QueryError("orderBy: either by relevance or by properties")
    if made.token and made.token.query != made.question:
        raise InvalidToken("this page token belongs to another question", made.token)
    return made


def _source(query: ObjectQuery, planner: Planner) -> Planned:
    if (query.object is None) == (query.set is None):
        raise QueryError("give either `object` or `set`, one of them and not both")
    source = planner.planned(query.set or BaseForm(type="base", object_type=query.object or ""))
    return source if query.where is None else planner.filtered(source, query.where)


def _check_select(names: Sequence[str], scope: Scope) -> None:
    """Each name must be a property of at least one of the object types, by whichever of its names."""
    known = {name for lens in scope.lenses.values() for name in (*lens.names(), *lens.type.properties)}
    for name in names:
        if name not in known:
            raise UnknownName("property", name, known)


def _sort_key(ordering: Ordering, scope: Scope) -> SortKey:
    columns = tuple((name, lens.pick(ordering.field, ordering.property_identifier)) for name, lens in scope.lenses.items())
    if len({column.type for _, column in columns}) > 1:
        raise QueryError(f"orderBy: {columns[0][1].name!r} is not of one type in all object types of the set")
    for _, column in columns:
        if column.type not in ORDERED | TEXTS:
            raise QueryError(f"orderBy: {column.name!r} is of type {column.type}, which has no order")
    return SortKey(columns, ordering.direction == "desc")
