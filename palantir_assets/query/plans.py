"""One typed query, and the plan that only a Principal can have made.

REST, evals and everything that asks later says an `ObjectQuery`; `plan` checks it against the served
ontology and the caller's rights. What a plan answers is found in `engine`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, ValidationError

from palantir_assets.access.policy import readable_type
from palantir_assets.access.principal import Principal
from palantir_assets.errors import QueryError
from palantir_assets.names import fingerprint
from palantir_assets.ontology.served import ServedOntology, ServedType
from palantir_assets.query.tokens import InvalidToken, PageToken, read_token
from palantir_assets.query.where import Predicate, Where, check_size, typed

DEFAULT_PAGE: Final = 100
MAX_PAGE: Final = 1_000
_MAX_ORDER: Final = 10
_MADE_BY_PLAN: Final = object()


class Ordering(BaseModel):
    """Sort by one property. Missing values come last in both directions."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    field: str
    direction: Literal["asc", "desc"] = "asc"


def _ordering(value: object) -> object:
    return {"field": value} if isinstance(value, str) else value


class ObjectQuery(BaseModel):
    """Objects of one type: which, in what order, how many, and which of their properties."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    object: str
    where: Where | None = None
    order_by: tuple[Annotated[Ordering, BeforeValidator(_ordering)], ...] = Field((), max_length=_MAX_ORDER)
    select: tuple[str, ...] = Field((), max_length=1_000, description="none means all")
    limit: StrictInt = Field(DEFAULT_PAGE, ge=1, le=MAX_PAGE)
    page_token: str | None = None
    count: bool = Field(False, description="only how many there are")


@dataclass(frozen=True)
class Plan:
    """A question that may be asked. Made by `plan` alone, so that none exists without its caller."""

    principal: Principal
    type: ServedType
    where: Predicate | None
    order_by: tuple[Ordering, ...]
    select: tuple[str, ...]
    limit: int
    token: PageToken | None
    count: bool
    made_by: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.made_by is not _MADE_BY_PLAN:
            raise TypeError("a Plan is made by query.plans.plan, which asks for a Principal")

    @cached_property
    def question(self) -> str:
        """What the pages of one answer have in common, as a fingerprint; the caller is part of it."""
        order = [(ordering.field, ordering.direction) for ordering in self.order_by]
        return fingerprint(self.principal.id, self.type.name, repr(self.where), order)


def parse_query(raw: Mapping[str, object]) -> ObjectQuery:
    """An ObjectQuery from plain data. Raises QueryError that names every part it cannot use."""
    check_size(raw.get("where"))
    try:
        return ObjectQuery.model_validate(raw)
    except ValidationError as error:
        raise QueryError("; ".join(_in_words(dict(problem)) for problem in error.errors(include_url=False)[:10])) from None


def plan(query: ObjectQuery, ontology: ServedOntology, principal: Principal) -> Plan:
    """The query, checked: names exist, values fit, the caller may read.

    Raises UnknownName, InvalidValue, InvalidToken, or QueryError.
    """
    served_type = readable_type(principal, ontology, query.object)
    for name in (*query.select, *(ordering.field for ordering in query.order_by)):
        served_type.find_property(name)
    made = Plan(
        principal=principal,
        type=served_type,
        where=typed(query.where, served_type) if query.where is not None else None,
        order_by=query.order_by,
        select=query.select,
        limit=query.limit,
        token=read_token(query.page_token) if query.page_token is not None else None,
        count=query.count,
        made_by=_MADE_BY_PLAN,
    )
    if made.token and made.token.query != made.question:
        raise InvalidToken("this page token belongs to another question", next_step="ask for the first page again, without a page token")
    return made


def _in_words(problem: Mapping[str, object]) -> str:
    location = problem["loc"] if isinstance(problem["loc"], Sequence) else ()
    return f"{'.'.join(str(part) for part in location) or 'query'}: {str(problem['msg'])[:300]}"
