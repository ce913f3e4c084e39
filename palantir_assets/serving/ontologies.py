"""What exists: object types, properties and links, in the shape of Foundry's Ontologies API v2.

Labels come in the language the caller asks for, where there is one. Rows are served in `objects`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from palantir_assets.access.policy import readable_link, readable_links, readable_type, readable_types
from palantir_assets.ontology.served import LinkEnd, ServedProperty, ServedType
from palantir_assets.ontology.spec import Label, PropertyType
from palantir_assets.serving.deps import ONTOLOGY, ONTOLOGY_RID, CurrentRelease, check_ontology
from palantir_assets.serving.policies import Caller, guarded

router = APIRouter(prefix="/api/v2/ontologies", tags=["Ontologies"])

Language = Literal["en", "ko"]


class View(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class OntologyView(View):
    api_name: str = ONTOLOGY
    display_name: str = "Ontology"
    description: str = "Everything in the release that is served."
    rid: str = ONTOLOGY_RID


class DataTypeView(View):
    type: PropertyType


class PropertyView(View):
    description: str
    display_name: str
    data_type: DataTypeView
    rid: str


class IconView(View):
    type: Literal["blueprint"] = "blueprint"
    name: str = "cube"
    color: str = "#4C90F0"


class ObjectTypeView(View):
    api_name: str
    display_name: str
    plural_display_name: str
    description: str
    status: Literal["ACTIVE"] = "ACTIVE"
    icon: IconView = IconView()
    primary_key: str
    title_property: str
    properties: dict[str, PropertyView]
    rid: str


class LinkTypeSideView(View):
    api_name: str
    display_name: str
    status: Literal["ACTIVE"] = "ACTIVE"
    object_type_api_name: str
    cardinality: Literal["ONE", "MANY"]
    link_type_rid: str


class OntologyList(View):
    data: list[OntologyView]


class ObjectTypeList(View):
    data: list[ObjectTypeView]


class LinkTypeSideList(View):
    data: list[LinkTypeSideView]


async def _language(accept_language: Annotated[str, Header()] = "") -> Language:
    return "ko" if accept_language.lower().startswith("ko") else "en"


Spoken = Annotated[Language, Depends(_language)]


@router.get("")
@guarded("ontologies.read")
async def list_ontologies() -> OntologyList:
    """The ontologies there are: one."""
    return OntologyList(data=[OntologyView()])


@router.get("/{ontology}")
@guarded("ontologies.read")
async def get_ontology(ontology: str) -> OntologyView:
    """The one ontology, by its API name or its rid."""
    check_ontology(ontology)
    return OntologyView()


@router.get("/{ontology}/objectTypes")
@guarded("ontologies.read")
async def list_object_types(ontology: str, release: CurrentRelease, principal: Caller, language: Spoken) -> ObjectTypeList:
    """Every object type the caller may read."""
    check_ontology(ontology)
    return ObjectTypeList(data=[object_type_view(kind, language) for kind in readable_types(principal, release.ontology).values()])


@router.get("/{ontology}/objectTypes/{object_type}")
@guarded("ontologies.read")
async def get_object_type(ontology: str, object_type: str, release: CurrentRelease, principal: Caller, language: Spoken) -> ObjectTypeView:
    """One object type with its properties."""
    check_ontology(ontology)
    return object_type_view(readable_type(principal, release.ontology, object_type), language)


@router.get("/{ontology}/objectTypes/{object_type}/outgoingLinkTypes")
@guarded("ontologies.read")
async def list_outgoing_link_types(
    ontology: str, object_type: str, release: CurrentRelease, principal: Caller, language: Spoken
) -> LinkTypeSideList:
    """Every link that can be walked from an object type, declared on it or on the other end."""
    check_ontology(ontology)
    ends = readable_links(principal, release.ontology, readable_type(principal, release.ontology, object_type))
    return LinkTypeSideList(data=[link_view(end, language) for end in ends.values()])


@router.get("/{ontology}/objectTypes/{object_type}/outgoingLinkTypes/{link_type}")
@guarded("ontologies.read")
async def get_outgoing_link_type(
    ontology: str, object_type: str, link_type: str, release: CurrentRelease, principal: Caller, language: Spoken
) -> LinkTypeSideView:
    """One link of an object type."""
    check_ontology(ontology)
    kind = readable_type(principal, release.ontology, object_type)
    return link_view(readable_link(principal, release.ontology, kind, link_type), language)


def object_type_view(kind: ServedType, language: Language) -> ObjectTypeView:
    """An object type as Foundry shows it. A title of several properties has no name there: the key stands in."""
    name = _spoken(kind.label, language, kind.name)
    title = kind.title.strip("{}")
    return ObjectTypeView(
        api_name=kind.name,
        display_name=name,
        plural_display_name=_spoken(kind.plural, language, name),
        description=kind.description,
        primary_key=kind.key,
        title_property=title if title in kind.properties else kind.key,
        properties={prop: _property_view(kind.name, prop, what, language) for prop, what in kind.properties.items()},
        rid=f"ri.ontology.main.object-type.{kind.name}",
    )


def link_view(end: LinkEnd, language: Language) -> LinkTypeSideView:
    """A link as seen from one end."""
    return LinkTypeSideView(
        api_name=end.name,
        display_name=_spoken(end.label, language, end.name),
        object_type_api_name=end.to_type,
        cardinality="MANY" if end.many else "ONE",
        link_type_rid=f"ri.ontology.main.relation.{end.table}",
    )


def _property_view(owner: str, name: str, what: ServedProperty, language: Language) -> PropertyView:
    return PropertyView(
        description=f"{what.description} ({what.unit})".strip() if what.unit else what.description,
        display_name=_spoken(what.label, language, name),
        data_type=DataTypeView(type=what.type),
        rid=f"ri.ontology.main.property.{owner}.{name}",
    )


def _spoken(label: Label | None, language: Language, otherwise: str) -> str:
    if label is None:
        return otherwise
    return (label.ko if language == "ko" else None) or label.en
