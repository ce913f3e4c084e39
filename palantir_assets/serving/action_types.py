"""Action types, in the shape of Foundry's Ontologies API v2: those that the caller may apply or approve, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter

from palantir_assets.access.views import View
from palantir_assets.ontology.served_actions import ServedAction
from palantir_assets.serving import action_views as views
from palantir_assets.serving.action_search import ActionSearch, searched
from palantir_assets.serving.action_views import action_type_full, action_type_view
from palantir_assets.serving.bodies import Body
from palantir_assets.serving.deps import CurrentRelease, check_ontology
from palantir_assets.serving.languages import Language, Spoken
from palantir_assets.serving.paging import Asked, Paging, checked_batch, cut
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import Viewed, guarded
from palantir_assets.serving.rids import named

router = APIRouter(prefix="/api/v2/ontologies", tags=["Action types"], dependencies=CHECKED)
ACTIONS_AT_ONCE: Final = 100


class ActionByRid(Body):
    action_type_rid: str


class ActionsByRid(Body):
    requests: list[ActionByRid]


class ActionByName(Body):
    action_type: str


class ActionsByName(Body):
    requests: list[ActionByName]


@router.get("/{ontology}/actionTypes", response_model_exclude_none=True)
@guarded("ontologies.read")
async def list_action_types(ontology: str, release: CurrentRelease, view: Viewed, language: Spoken, paging: Paging) -> views.ActionTypeList:
    """Every action that the caller may apply or approve."""
    check_ontology(ontology)
    found, token = cut(view.ontology.actions.values(), paging, release, "actions", view.signature, default=ACTIONS_AT_ONCE)
    return views.ActionTypeList(data=_plain(view, found, language), next_page_token=token)


@router.get("/{ontology}/actionTypes/{action_type}", response_model_exclude_none=True)
@guarded("ontologies.read")
async def get_action_type(ontology: str, action_type: str, view: Viewed, language: Spoken) -> views.ActionTypeView:
    """One action."""
    check_ontology(ontology)
    return action_type_view(view.ontology, view.ontology.find_action(action_type), language)


@router.get("/{ontology}/actionTypes/byRid/{action_type_rid}", response_model_exclude_none=True)
@guarded("ontologies.read")
async def get_action_type_by_rid(ontology: str, action_type_rid: str, view: Viewed, language: Spoken) -> views.ActionTypeView:
    """One action by its rid."""
    check_ontology(ontology)
    name = named("action-type", action_type_rid) or action_type_rid
    return action_type_view(view.ontology, view.ontology.find_action(name), language)


@router.post("/{ontology}/actionTypes/getByRidBatch", response_model_exclude_none=True)
@guarded("ontologies.read")
async def get_action_types_by_rid(ontology: str, batch: ActionsByRid, view: Viewed, language: Spoken) -> views.ActionTypeList:
    """Actions by their rids; those that do not exist are left out."""
    check_ontology(ontology)
    known = view.ontology.actions
    names = [named("action-type", item.action_type_rid) for item in checked_batch(batch.requests)]
    return views.ActionTypeList(data=_plain(view, [known[name] for name in names if name in known], language))


@router.post("/{ontology}/actionTypes/search", response_model_exclude_none=True)
@guarded("ontologies.read")
async def search_action_types(
    ontology: str, body: ActionSearch, release: CurrentRelease, view: Viewed, language: Spoken
) -> views.ActionTypeFound:
    """Actions that a search finds."""
    check_ontology(ontology)
    every = _found(view, body, language)
    found, token = cut(every, Asked(body.page_size, body.page_token), release, *_question(view, body), default=ACTIONS_AT_ONCE)
    return views.ActionTypeFound(data=_plain(view, found, language), next_page_token=token, total_count=str(len(every)))


@router.get("/{ontology}/actionTypesFullMetadata", response_model_exclude_none=True)
@guarded("ontologies.read")
async def list_full_action_types(
    ontology: str, release: CurrentRelease, view: Viewed, language: Spoken, paging: Paging
) -> views.ActionTypeFullList:
    """Every action with what its steps set."""
    check_ontology(ontology)
    found, token = cut(view.ontology.actions.values(), paging, release, "full actions", view.signature, default=ACTIONS_AT_ONCE)
    return views.ActionTypeFullList(data=_full(view, found, language), next_page_token=token)


@router.get("/{ontology}/actionTypes/{action_type}/fullMetadata", response_model_exclude_none=True)
@guarded("ontologies.read")
async def get_full_action_type(ontology: str, action_type: str, view: Viewed, language: Spoken) -> views.ActionTypeFullView:
    """One action with what its steps set."""
    check_ontology(ontology)
    return action_type_full(view.ontology, view.ontology.find_action(action_type), language)


@router.post("/{ontology}/actionTypes/getFullMetadataBatch", response_model_exclude_none=True)
@guarded("ontologies.read")
async def get_full_action_types(ontology: str, batch: ActionsByName, view: Viewed, language: Spoken) -> views.ActionTypeFullList:
    """Actions by their names; those that do not exist are left out."""
    check_ontology(ontology)
    known, names = view.ontology.actions, [item.action_type for item in checked_batch(batch.requests)]
    return views.ActionTypeFullList(data=_full(view, [known[name] for name in names if name in known], language))


@router.post("/{ontology}/actionTypes/searchFullMetadata", response_model_exclude_none=True)
@guarded("ontologies.read")
async def search_full_action_types(
    ontology: str, body: ActionSearch, release: CurrentRelease, view: Viewed, language: Spoken
) -> views.ActionTypeFullFound:
    """Actions that a search finds, with what their steps set."""
    check_ontology(ontology)
    every = _found(view, body, language)
    found, token = cut(every, Asked(body.page_size, body.page_token), release, *_question(view, body), default=ACTIONS_AT_ONCE)
    return views.ActionTypeFullFound(data=_full(view, found, language), next_page_token=token, total_count=str(len(every)))


def _plain(view: View, found: Sequence[ServedAction], language: Language) -> list[views.ActionTypeView]:
    return [action_type_view(view.ontology, action, language) for action in found]


def _full(view: View, found: Sequence[ServedAction], language: Language) -> list[views.ActionTypeFullView]:
    return [action_type_full(view.ontology, action, language) for action in found]


def _found(view: View, body: ActionSearch, language: Language) -> list[ServedAction]:
    return searched(body, [(action, action_type_view(view.ontology, action, language)) for action in view.ontology.actions.values()])


def _question(view: View, body: ActionSearch) -> tuple[str, ...]:
    return ("search", view.signature, body.model_dump_json(exclude={"page_token", "page_size"}))
