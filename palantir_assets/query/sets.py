"""Object sets as they are written: Foundry's `ObjectSet` JSON, one class a kind, discriminated by `type`.

Two keys are ours: `depth` and `validAt` of a search-around. What a set means in an ontology is settled in
`planning`; which objects are in it is found in `engine`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Protocol

from pydantic import Field, StrictBool, StrictInt, StrictStr

from palantir_assets.errors import QueryError
from palantir_assets.query.derived import DefinitionForm
from palantir_assets.query.fields import Form, PropertyIdentifier
from palantir_assets.query.forms import Number, Where
from palantir_assets.query.where import check_size

MAX_OBJECTS: Final = 10_000
MAX_PARTS: Final = 50
MAX_NEIGHBORS: Final = 500
MAX_HOPS: Final = 100
MAX_VECTOR: Final = 4_096
MAX_NESTING: Final = 64
MAX_SETS: Final = 200
RID: Final = "ri.object-set.main.temporary-object-set."
OBJECT_RID: Final = "ri.ontology.main.object."


class SavedSets(Protocol):
    """Where sets are kept under an id; an id that is gone is None."""

    def find(self, rid: str) -> Mapping[str, object] | None: ...
    def keep(self, form: Mapping[str, object]) -> str: ...


class BaseForm(Form):
    type: Literal["base"]
    object_type: StrictStr


class InterfaceBaseForm(Form):
    type: Literal["interfaceBase"]
    interface_type: StrictStr
    include_all_base_object_properties: StrictBool | None = None


class StaticForm(Form):
    """Objects by the ids that `__rid` tells; those that do not exist are not in the set."""

    type: Literal["static"]
    objects: tuple[StrictStr, ...] = Field(max_length=MAX_OBJECTS)


class ReferenceForm(Form):
    type: Literal["reference"]
    reference: StrictStr


class FilterForm(Form):
    type: Literal["filter"]
    object_set: ObjectSet
    where: Where


class UnionForm(Form):
    type: Literal["union"]
    object_sets: tuple[ObjectSet, ...] = Field(min_length=1, max_length=MAX_PARTS)


class IntersectForm(Form):
    type: Literal["intersect"]
    object_sets: tuple[ObjectSet, ...] = Field(min_length=1, max_length=MAX_PARTS)


class SubtractForm(Form):
    """The first set without what is in any of the others."""

    type: Literal["subtract"]
    object_sets: tuple[ObjectSet, ...] = Field(min_length=1, max_length=MAX_PARTS)


class DepthForm(Form):
    """Objects whose shortest way from the set is between `min` and `max` links long; 0 is the set itself."""

    min: Annotated[StrictInt, Field(ge=0, le=MAX_HOPS)] = 1
    max: Annotated[StrictInt, Field(ge=0, le=MAX_HOPS)]


class SearchAroundForm(Form):
    type: Literal["searchAround"]
    object_set: ObjectSet
    link: StrictStr
    depth: DepthForm | None = None
    valid_at: StrictStr | None = Field(None, description="a time: only links that are valid then; for dated links")


class InterfaceLinkForm(Form):
    type: Literal["interfaceLinkSearchAround"]
    object_set: ObjectSet
    interface_link: StrictStr


class AsTypeForm(Form):
    type: Literal["asType"]
    entity_type: StrictStr
    object_set: ObjectSet


class AsBaseForm(Form):
    type: Literal["asBaseObjectTypes"]
    object_set: ObjectSet


class WithPropertiesForm(Form):
    type: Literal["withProperties"]
    object_set: ObjectSet
    derived_properties: dict[str, DefinitionForm] = Field(min_length=1, max_length=20)


class VectorForm(Form):
    type: Literal["vector"]
    value: tuple[Number, ...] = Field(min_length=1, max_length=MAX_VECTOR)


class TextForm(Form):
    type: Literal["text"]
    value: StrictStr = Field(min_length=1, max_length=1_000)


class NearestForm(Form):
    type: Literal["nearestNeighbors"]
    object_set: ObjectSet
    property_identifier: PropertyIdentifier
    num_neighbors: Annotated[StrictInt, Field(ge=1, le=MAX_NEIGHBORS)]
    similarity_threshold: Annotated[Number, Field(ge=0, le=1)] | None = None
    query: Annotated[VectorForm | TextForm, Field(discriminator="type")]


class MethodInputForm(Form):
    """The object at hand: where the sets in `withProperties` begin, and nothing else."""

    type: Literal["methodInput"]


ObjectSet = Annotated[
    BaseForm | InterfaceBaseForm | StaticForm | ReferenceForm | FilterForm | UnionForm | IntersectForm | SubtractForm
    | SearchAroundForm | InterfaceLinkForm | AsTypeForm | AsBaseForm | WithPropertiesForm | NearestForm | MethodInputForm,
    Field(discriminator="type"),
]  # fmt: skip
"""An object set as it is written."""


def check_form(raw: object) -> None:
    """Refuse a question too deep or too wide before anything walks it recursively; filters within it have limits of their own."""
    level, sets, depth = [raw], 0, 0
    while level:
        depth += 1
        if depth > MAX_NESTING:
            raise QueryError(f"the question is nested deeper than {MAX_NESTING}")
        for node in level:
            if isinstance(node, Mapping):
                sets += 1 if "objectSet" in node or "objectSets" in node or "object_set" in node or "object_sets" in node else 0
                if "where" in node:
                    check_size(node["where"])
        if sets > MAX_SETS or len(level) > MAX_OBJECTS:
            raise QueryError(f"the question has more than {MAX_SETS} sets within sets, or too many parts")
        level = [part for node in level for part in _within(node)]


def _within(node: object) -> list[object]:
    parts = node.values() if isinstance(node, Mapping) else node if isinstance(node, list | tuple) else ()
    return [part for part in parts if isinstance(part, Mapping | list | tuple)]
