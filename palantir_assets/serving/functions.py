"""Functions of the release, as Foundry's query types: what there is, and what one gives.

How one is run, and what keeps it in bounds, is told in `palantir_assets.functions`.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final

from anyio import to_thread
from fastapi import APIRouter, Query
from pydantic import Field

from palantir_assets.serving import views
from palantir_assets.serving.bodies import Body
from palantir_assets.serving.deps import CurrentExchange, CurrentRelease, check_ontology
from palantir_assets.serving.describing import query_type_view
from palantir_assets.serving.languages import Spoken
from palantir_assets.serving.paging import Paging, checked_batch, cut
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import Viewed, guarded
from palantir_assets.serving.rids import named

router = APIRouter(prefix="/api/v2/ontologies", tags=["Query types"], dependencies=CHECKED)

FUNCTIONS_AT_ONCE: Final = 100
Version = Annotated[str | None, Query(description="the version it must have")]


class FunctionByRid(Body):
    query_type_rid: str
    function_version: str | None = None


class FunctionsByRid(Body):
    requests: list[FunctionByRid]


class ExecuteRequest(Body):
    """The parameters of a call, by name; one that is null is not given."""

    parameters: dict[str, Any] = Field(default_factory=dict)


class ExecuteView(Body):
    value: Any


@router.get("/{ontology}/queryTypes", response_model_exclude_none=True)
@guarded("ontologies.read")
async def list_query_types(ontology: str, release: CurrentRelease, view: Viewed, language: Spoken, paging: Paging) -> views.QueryTypeList:
    """Every function that can be asked; those that give edits are called by actions alone."""
    check_ontology(ontology)
    known = view.ontology.queries.values()
    found, token = cut(known, paging, release, "functions", view.signature, default=FUNCTIONS_AT_ONCE)
    return views.QueryTypeList(data=[query_type_view(function, language) for function in found], next_page_token=token)


@router.post("/{ontology}/queryTypes/getByRidBatch")
@guarded("ontologies.read")
async def get_query_types_by_rid(ontology: str, batch: FunctionsByRid, view: Viewed, language: Spoken) -> views.QueryTypeList:
    """Functions by their rids; those that do not exist, or not in that version, are left out."""
    check_ontology(ontology)
    known = view.ontology.queries
    wanted = [(named("function", item.query_type_rid), item.function_version) for item in checked_batch(batch.requests)]
    found = [known[name] for name, version in wanted if name in known and version in (None, known[name].version)]
    return views.QueryTypeList(data=[query_type_view(function, language) for function in found])


@router.get("/{ontology}/queryTypes/{query}")
@guarded("ontologies.read")
async def get_query_type(ontology: str, query: str, view: Viewed, language: Spoken, version: Version = None) -> views.QueryTypeView:
    """One function, in the version that this release holds."""
    check_ontology(ontology)
    return query_type_view(view.ontology.find_query(query, version), language)


@router.post("/{ontology}/queries/{query}/execute")
@guarded("functions.call")
async def execute_query(
    ontology: str,
    query: str,
    asked: ExecuteRequest,
    release: CurrentRelease,
    exchange: CurrentExchange,
    view: Viewed,
    version: Version = None,
) -> ExecuteView:
    """What a function gives, run over the release that is served."""
    check_ontology(ontology)
    function = view.ontology.find_query(query, version)
    services = exchange.services
    call = partial(services.functions.call, release, view, function.name, asked.parameters, saved=services.sets)
    return ExecuteView(value=await to_thread.run_sync(call))
