"""Interfaces: what several object types have in common, in the shape of Foundry's Ontologies API v2.

Objects are found by an interface in `interfaces`; here is what an interface is.
"""

from __future__ import annotations

from fastapi import APIRouter

from palantir_assets.serving import views
from palantir_assets.serving.deps import CurrentRelease, check_ontology
from palantir_assets.serving.describing import interface_link_view, interface_view
from palantir_assets.serving.finding import find_interface_link, implementers
from palantir_assets.serving.languages import Spoken
from palantir_assets.serving.paging import Paging, cut
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import Viewed, guarded

router = APIRouter(prefix="/api/v2/ontologies", tags=["Interface types"], dependencies=CHECKED)


@router.get("/{ontology}/interfaceTypes", response_model_exclude_none=True)
@guarded("ontologies.read")
async def list_interface_types(
    ontology: str, release: CurrentRelease, view: Viewed, language: Spoken, paging: Paging
) -> views.InterfaceList:
    """Every interface, with what it inherits and the object types that implement it."""
    check_ontology(ontology)
    known = view.ontology
    names, token = cut(known.interfaces, paging, release, "interface types", view.signature)
    told = [interface_view(known, name, implementers(known, name), language) for name in names]
    return views.InterfaceList(data=told, next_page_token=token)


@router.get("/{ontology}/interfaceTypes/{interface_type}", response_model_exclude_none=True)
@guarded("ontologies.read")
async def get_interface_type(ontology: str, interface_type: str, view: Viewed, language: Spoken) -> views.InterfaceView:
    """One interface."""
    check_ontology(ontology)
    found = implementers(view.ontology, view.ontology.find_interface(interface_type).name)
    return interface_view(view.ontology, interface_type, found, language)


@router.get("/{ontology}/interfaceTypes/{interface_type}/outgoingLinkTypes", response_model_exclude_none=True)
@guarded("ontologies.read")
async def list_interface_link_types(ontology: str, interface_type: str, view: Viewed, language: Spoken) -> views.InterfaceLinkList:
    """The links that every implementer of an interface has, inherited ones too."""
    check_ontology(ontology)
    links = view.ontology.interface_links(interface_type)
    told = [interface_link_view(view.ontology, interface_type, name, link, language) for name, link in links.items()]
    return views.InterfaceLinkList(data=told)


@router.get("/{ontology}/interfaceTypes/{interface_type}/outgoingLinkTypes/{link_type}", response_model_exclude_none=True)
@guarded("ontologies.read")
async def get_interface_link_type(
    ontology: str, interface_type: str, link_type: str, view: Viewed, language: Spoken
) -> views.InterfaceLinkView:
    """One of them."""
    check_ontology(ontology)
    link = find_interface_link(view.ontology, interface_type, link_type)
    return interface_link_view(view.ontology, interface_type, link_type, link, language)
