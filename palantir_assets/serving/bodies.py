"""Bodies of the requests that ask for objects, as Foundry's clients send them.

Flags that change nothing here are read and left alone; those that would change an answer and are not
understood are refused. Filters and sets are judged in `query`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError
from pydantic.alias_generators import to_camel

from palantir_assets.errors import QueryError
from palantir_assets.query.fields import PropertyIdentifier
from palantir_assets.query.wording import in_words

Json = dict[str, Any]
WhereJson = Annotated[
    Json,
    Field(
        description="a filter, in Foundry's search JSON v2; docs/api.md has every type of it",
        examples=[
            {"type": "and", "value": [{"type": "eq", "field": "city", "value": "Seoul"}, {"type": "gt", "field": "amount", "value": 9}]}
        ],
    ),
]
SetJson = Annotated[
    Json,
    Field(
        description="an object set, in Foundry's JSON; docs/api.md has every type of it",
        examples=[{"type": "searchAround", "link": "customer", "objectSet": {"type": "base", "objectType": "order"}}],
    ),
]
Metrics = Annotated[
    tuple[Json, ...],
    Field(
        description="count, or sum, avg, min, max, exactDistinct, approximateDistinct, approximatePercentile of a `field`",
        examples=[[{"type": "count"}, {"type": "avg", "field": "amount", "name": "mean", "direction": "DESC"}]],
    ),
]
Groups = Annotated[
    tuple[Json, ...],
    Field(description="groups: exact, fixedWidth, ranges or duration of a `field`", examples=[[{"type": "exact", "field": "city"}]]),
]
ModelT = TypeVar("ModelT", bound=BaseModel)


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class OrderBy(Body):
    """By properties, or by relevance where a set has one: its nearest neighbours."""

    order_type: Literal["fields", "relevance"] | None = None
    fields: tuple[Json, ...] = Field((), examples=[[{"field": "amount", "direction": "desc"}]])


class Signing(Body):
    sign_media_references: StrictBool | None = None


class PageRequest(Body):
    """What every page of objects may be asked with."""

    order_by: OrderBy | None = None
    page_size: StrictInt | None = None
    page_token: StrictStr | None = None
    select: tuple[StrictStr, ...] = ()
    select_v2: Annotated[tuple[PropertyIdentifier, ...] | None, Field(alias="selectV2")] = None
    exclude_rid: StrictBool | None = None
    snapshot: StrictBool | None = Field(None, description="pages always come from one release")
    load_ontology_defined_derived_properties: StrictBool | None = Field(None, description="they are stored, and always there")
    default_load_level: Json | None = Field(None, description="no property here has reducers or a main value")
    reference_signing_options: Signing | None = None


class SearchRequest(PageRequest):
    """The body of a search."""

    where: WhereJson | None = None


class InterfaceSearchRequest(Body):
    """The body of a search by an interface: which of its properties, and which own ones besides, by object type."""

    where: WhereJson | None = None
    order_by: OrderBy | None = None
    page_size: StrictInt | None = None
    page_token: StrictStr | None = None
    augmented_properties: dict[str, tuple[StrictStr, ...]] = {}
    augmented_shared_property_types: dict[str, tuple[StrictStr, ...]] = {}
    augmented_interface_property_types: dict[str, tuple[StrictStr, ...]] = {}
    selected_shared_property_types: tuple[StrictStr, ...] = ()
    selected_interface_property_types: tuple[StrictStr, ...] = ()
    selected_object_types: tuple[StrictStr, ...] = ()
    other_interface_types: tuple[StrictStr, ...] = ()


class LoadRequest(PageRequest):
    """The body of loading a set."""

    object_set: SetJson
    include_compute_usage: StrictBool | None = None
    load_property_securities: Literal[False] | None = Field(None, description="there are no securities of single values")


class LinksRequest(Body):
    """The body of loading the links of a set."""

    object_set: SetJson
    links: tuple[StrictStr, ...] = Field(min_length=1, max_length=100)
    page_token: StrictStr | None = None
    include_compute_usage: StrictBool | None = None


class SetRequest(Body):
    """The body of keeping a set."""

    object_set: SetJson


class AggregateRequest(Body):
    """The body of an aggregate over the objects of a type or an interface."""

    aggregation: Metrics
    group_by: Groups = ()
    where: WhereJson | None = None
    accuracy: StrictStr | None = None


class AggregateSetRequest(Body):
    """The body of an aggregate over a set."""

    aggregation: Metrics
    group_by: Groups = ()
    object_set: SetJson
    accuracy: StrictStr | None = None
    include_compute_usage: StrictBool | None = None


def parsed(model: type[ModelT], body: bytes) -> ModelT:
    """A request from its bytes. Raises QueryError that names what it cannot use."""
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise QueryError(f"the body is not JSON: {error}") from None
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise QueryError(in_words(error.errors(include_url=False), raw, model)) from None


def schema(model: type[BaseModel]) -> Json:
    """Its JSON Schema, for the documentation."""
    return model.model_json_schema(ref_template="#/components/schemas/{model}")
