"""Object types and their links, in the shape of Foundry's Ontologies API v2. Labels come in the caller's language."""

from __future__ import annotations

from fastapi import APIRouter

from palantir_assets.ontology.served import LinkEnd, ServedOntology
from palantir_assets.serving import views
from palantir_assets.serving.bodies import Body
from palantir_assets.serving.deps import CurrentRelease, check_ontology
from palantir_assets.serving.describing import link_view, object_type_full, object_type_view
from palantir_assets.serving.languages import Spoken
from palantir_assets.serving.paging import Paging, checked_batch, cut
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import Viewed, guarded
from palantir_assets.serving.rids import named, rid

router = APIRouter(prefix="/api/v2/ontologies", tags=["Object types"], dependencies=CHECKED)


class ByRid(Body):
    object_type_rid: str


class ByRidBatch(Body):
    requests: list[ByRid]


class LinksByRidBatch(ByRidBatch):
    filter_link_type_rids: tuple[str, ...] = ()


class ByName(Body):
    object_type: str


class ByNameBatch(Body):
    requests: list[ByName]
    include_link_types: bool | None = None


@router.get("/{ontology}/objectTypes", response_model_exclude_none=True)
@guarded("ontologies.read")
async def list_object_types(ontology: str, release: CurrentRelease, view: Viewed, language: Spoken, paging: Paging) -> views.ObjectTypeList:
    """Every object type the caller may read."""
    check_ontology(ontology)
    kinds, token = cut(view.ontology.types.values(), paging, release, "object types", view.signature)
    return views.ObjectTypeList(data=[object_type_view(kind, language) for kind in kinds], next_page_token=token)


@router.post("/{ontology}/objectTypes/getByRidBatch", response_model_exclude_none=True)
@guarded("ontologies.read")
async def get_object_types_by_rid(ontology: str, batch: ByRidBatch, view: Viewed, language: Spoken) -> views.ObjectTypeList:
    """Object types by their rids; those that do not exist are left out."""
    check_ontology(ontology)
    kinds = view.ontology.types
    names = [named("object-type", item.object_type_rid) for item in checked_batch(batch.requests)]
    return views.ObjectTypeList(data=[object_type_view(kinds[name], language) for name in names if name in kinds])


@router.post("/{ontology}/objectTypes/getFullMetadataBatch", response_model_exclude_none=True)
@guarded("ontologies.read")
async def get_object_types_full(ontology: str, batch: ByNameBatch, view: Viewed, language: Spoken) -> views.ObjectTypeFullList:
    """Object types with interfaces and, if asked for, links, by name; those that do not exist are left out."""
    check_ontology(ontology)
    kinds = view.ontology.types
    found = [kinds[item.object_type] for item in checked_batch(batch.requests) if item.object_type in kinds]
    ends = {kind.name: _ends(view.ontology, kind.name) if batch.include_link_types else [] for kind in found}
    return views.ObjectTypeFullList(data=[object_type_full(view.ontology, kind, ends[kind.name], language) for kind in found])


@router.get("/{ontology}/objectTypes/{object_type}", response_model_exclude_none=True)
@guarded("ontologies.read")
async def get_object_type(ontology: str, object_type: str, view: Viewed, language: Spoken) -> views.ObjectTypeView:
    """One object type with its properties."""
    check_ontology(ontology)
    return object_type_view(view.ontology.find_type(object_type), language)


@router.get("/{ontology}/objectTypes/{object_type}/fullMetadata", response_model_exclude_none=True)
@guarded("ontologies.read")
async def get_object_type_full(ontology: str, object_type: str, view: Viewed, language: Spoken) -> views.ObjectTypeFullView:
    """One object type with its links and the interfaces it implements."""
    check_ontology(ontology)
    kind = view.ontology.find_type(object_type)
    return object_type_full(view.ontology, kind, _ends(view.ontology, kind.name), language)


@router.get("/{ontology}/objectTypes/{object_type}/outgoingLinkTypes", response_model_exclude_none=True)
@guarded("ontologies.read")
async def list_outgoing_link_types(
    ontology: str, object_type: str, release: CurrentRelease, view: Viewed, language: Spoken, paging: Paging
) -> views.LinkTypeSideList:
    """Every link that can be walked from an object type, declared on it or on the other end."""
    check_ontology(ontology)
    ends, token = cut(_ends(view.ontology, object_type), paging, release, "link types", view.signature, object_type)
    return views.LinkTypeSideList(data=[link_view(end, language) for end in ends], next_page_token=token)


@router.get("/{ontology}/objectTypes/{object_type}/outgoingLinkTypes/{link_type}", response_model_exclude_none=True)
@guarded("ontologies.read")
async def get_outgoing_link_type(ontology: str, object_type: str, link_type: str, view: Viewed, language: Spoken) -> views.LinkTypeSideView:
    """One link of an object type."""
    check_ontology(ontology)
    return link_view(view.ontology.find_link(object_type, link_type), language)


@router.post("/{ontology}/outgoingLinkTypes/getByRidBatch", response_model_exclude_none=True)
@guarded("ontologies.read")
async def get_outgoing_link_types_by_rid(ontology: str, batch: LinksByRidBatch, view: Viewed, language: Spoken) -> views.LinkTypeSidesByRid:
    """The links of object types by their rids, or those of them whose rids are given."""
    check_ontology(ontology)
    kinds = view.ontology.types
    names = [name for item in checked_batch(batch.requests) if (name := named("object-type", item.object_type_rid)) in kinds]
    wanted = set(batch.filter_link_type_rids)
    told = {name: [link_view(end, language) for end in _ends(view.ontology, name)] for name in names if name}
    return views.LinkTypeSidesByRid(
        data={
            rid("object-type", name): [side for side in sides if not wanted or side.link_type_rid in wanted] for name, sides in told.items()
        }
    )


def _ends(ontology: ServedOntology, object_type: str) -> list[LinkEnd]:
    """The links of a readable type, by name, as Foundry orders them."""
    ends = ontology.links_of(object_type)
    return [ends[name] for name in sorted(ends)]
