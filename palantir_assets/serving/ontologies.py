"""The one ontology: that it is there, and everything in it at once, in the shape of Foundry's Ontologies API v2.

Its parts have routes of their own: `object_types`, `interface_types`, `value_types`, `functions`. Rows are
served in `objects` and `object_sets`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from palantir_assets.ontology.served import LinkEnd, ServedOntology
from palantir_assets.ontology.served_parts import ServedFunction
from palantir_assets.serving import views
from palantir_assets.serving.action_views import action_type_full
from palantir_assets.serving.deps import check_ontology
from palantir_assets.serving.describing import (
    interface_view,
    object_type_full,
    query_type_view,
    shared_property_view,
    value_type_view,
)
from palantir_assets.serving.finding import implementers
from palantir_assets.serving.languages import Language, Spoken
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import Viewed, guarded

router = APIRouter(prefix="/api/v2/ontologies", tags=["Ontologies"], dependencies=CHECKED)

_ONTOLOGY: Final = views.OntologyView()


class MetadataRequest(BaseModel):
    """Which parts of the metadata are wanted, by name; functions as `name` or `name:version`."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)
    object_types: list[str] = []
    link_types: list[str] = []
    interface_types: list[str] = []
    query_types: list[str] = []
    action_types: list[str] = []
    include_action_type_full_metadata: bool | None = None


@router.get("")
@guarded("ontologies.read")
async def list_ontologies() -> views.OntologyList:
    """The ontologies: one."""
    return views.OntologyList(data=[_ONTOLOGY])


@router.get("/{ontology}")
@guarded("ontologies.read")
async def get_ontology(ontology: str) -> views.OntologyView:
    """The one ontology."""
    check_ontology(ontology)
    return _ONTOLOGY


@router.get("/{ontology}/fullMetadata", response_model_exclude_none=True)
@guarded("ontologies.read")
async def get_full_metadata(
    ontology: str, view: Viewed, language: Spoken, whole: Annotated[bool, Query(alias="includeActionTypeFullMetadata")] = False
) -> views.OntologyFullView:
    """Everything there is, in one answer."""
    check_ontology(ontology)
    known = view.ontology
    ends = {name: tuple(known.links_of(name).values()) for name in known.types}
    told = full_metadata(known, language, types=ends, interfaces=known.interfaces, functions=known.queries.values())
    return with_actions(told, known, known.actions, language, whole=whole)


@router.post("/{ontology}/metadata", response_model_exclude_none=True)
@guarded("ontologies.read")
async def load_metadata(ontology: str, wanted: MetadataRequest, view: Viewed, language: Spoken) -> views.OntologyFullView:
    """The parts that are asked for by name; what does not exist is told."""
    check_ontology(ontology)
    known = view.ontology
    ends = {name: tuple(end for end in known.links_of(name).values() if end.name in wanted.link_types) for name in wanted.object_types}
    for name in wanted.interface_types:
        known.find_interface(name)
    functions = [known.find_query(name) for name in wanted.query_types]
    told = full_metadata(known, language, types=ends, interfaces=wanted.interface_types, functions=functions)
    return with_actions(told, known, wanted.action_types, language, whole=bool(wanted.include_action_type_full_metadata))


def with_actions(
    told: views.OntologyFullView, ontology: ServedOntology, names: Iterable[str], language: Language, *, whole: bool
) -> views.OntologyFullView:
    """The metadata with some actions; `whole` tells what their steps set, too."""
    actions = [ontology.find_action(name) for name in names]
    full = {action.name: action_type_full(ontology, action, language) for action in actions}
    plain = {name: each.action_type.model_dump(by_alias=True, exclude_none=True) for name, each in full.items()}
    more = {name: each.model_dump(by_alias=True, exclude_none=True) for name, each in full.items()} if whole else {}
    return told.model_copy(update={"action_types": plain, "action_types_full_metadata": more})


def full_metadata(
    ontology: ServedOntology,
    language: Language,
    *,
    types: dict[str, tuple[LinkEnd, ...]],
    interfaces: Iterable[str],
    functions: Iterable[ServedFunction],
) -> views.OntologyFullView:
    """The metadata of some types (each with some of its links), interfaces and functions; of all shared parts."""
    return views.OntologyFullView(
        ontology=_ONTOLOGY,
        object_types={name: object_type_full(ontology, ontology.types[name], ends, language) for name, ends in types.items()},
        query_types={f"{function.name}:{function.version}": query_type_view(function, language) for function in functions},
        interface_types={name: interface_view(ontology, name, implementers(ontology, name), language) for name in interfaces},
        shared_property_types={name: shared_property_view(name, what, language) for name, what in ontology.shared_properties.items()},
        value_types={name: value_type_view(name, what, language) for name, what in ontology.value_types.items()},
    )
