"""Applying actions, in the shape of Foundry's Ontologies API v2; what Foundry has no form for is in `action_log`.

As there, a 200 says only that the request was understood: what does not hold is told in `validation`, and nothing was
written then. An action that others must agree to is valid, has an operation id, and has made no edits yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final, Literal

import orjson
from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from palantir_assets.actions.verdicts import ActionRefused, Verdict
from palantir_assets.applying.applying import Asked, Planned, apply, permitted, planned
from palantir_assets.applying.desk import Desk, Standpoint
from palantir_assets.serving.action_views import edits_view, verdict_view
from palantir_assets.serving.bodies import Body
from palantir_assets.serving.datatypes import Json
from palantir_assets.serving.deps import check_ontology
from palantir_assets.serving.languages import Language, Spoken
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import guarded
from palantir_assets.serving.rids import rid
from palantir_assets.serving.standing import IdempotencyKey, Matched, Parameters, answered, keyed, settled
from palantir_assets.stores.edit_rows import Appended, Reply

router = APIRouter(prefix="/api/v2/ontologies", tags=["Actions"], dependencies=CHECKED)
MOST: Final = 100
Returned = Literal["ALL", "ALL_V2_WITH_DELETIONS", "NONE"]
Result = tuple[Reply, Appended | None]


class Options(Body):
    mode: Literal["VALIDATE_ONLY", "VALIDATE_AND_EXECUTE"] | None = None
    return_edits: Returned | None = None


class ApplyRequest(Body):
    """What an action is told, by parameter; one that is null is not told."""

    parameters: Parameters = Field(examples=[{"book": "bk-1", "reason": "a page is missing"}])
    options: Options = Options()


class BatchOptions(Body):
    return_edits: Literal["ALL", "NONE"] | None = None


class BatchItem(Body):
    parameters: Parameters


class BatchRequest(Body):
    """An action several times over: all of it, or nothing."""

    requests: list[BatchItem] = Field(min_length=1, max_length=MOST)
    options: BatchOptions = BatchOptions()


class ApplyAnswer(Body):
    """Foundry's `SyncApplyActionResponseV2`."""

    operation_id: str | None = None
    validation: Json | None = None
    edits: Json | None = None


class BatchAnswer(Body):
    """Foundry's `BatchApplyActionResponseV2`."""

    edits: Json | None = None


@router.post("/{ontology}/actions/{action}/apply", response_model=ApplyAnswer)
@guarded("actions.apply")
async def apply_action(
    ontology: str, action: str, body: ApplyRequest, request: Request, language: Spoken, expected: Matched, key: IdempotencyKey = None
) -> Response:
    """Apply an action, or only say whether it may be; each criterion is told, passed or not."""
    check_ontology(ontology)
    asked = keyed(request, Asked(action, (body.parameters,), expected), key, body)
    work = _validated if body.options.mode == "VALIDATE_ONLY" else partial(_applied, returned=body.options.return_edits or "NONE")
    reply, done = await settled(request, partial(work, asked=asked, language=language), expected=expected)
    return await answered(request, reply, done)


@router.post("/{ontology}/actions/{action}/applyBatch", response_model=BatchAnswer)
@guarded("actions.apply")
async def apply_batch(
    ontology: str, action: str, body: BatchRequest, request: Request, expected: Matched, key: IdempotencyKey = None
) -> Response:
    """Apply an action several times as one: each time sees what those before did, and nothing is done unless all is."""
    check_ontology(ontology)
    told = tuple(item.parameters for item in body.requests)
    asked = keyed(request, Asked(action, told, expected, batch=True), key, body)
    returned = body.options.return_edits or "NONE"
    reply, done = await settled(request, partial(_batch_applied, asked=asked, returned=returned), expected=expected)
    return await answered(request, reply, done)


def _validated(desk: Desk, at: Standpoint, *, asked: Asked, language: Language) -> Result:
    try:
        verdict = planned(desk, at, asked).proposals[0].verdict
    except ActionRefused as refused:
        verdict = refused.verdict
    action = permitted(at, asked.action)
    return _told({"validation": verdict_view(action, verdict, language)}), None


def _applied(desk: Desk, at: Standpoint, *, asked: Asked, language: Language, returned: Returned) -> Result:
    written: list[Appended] = []

    def reply(done: Appended, plan: Planned) -> Reply:
        written.append(done)
        told: dict[str, object] = {"operationId": rid("action", str(done.action_no))}
        told["validation"] = verdict_view(plan.action, plan.proposals[0].verdict, language)
        if returned != "NONE" and not plan.action.approve:
            told["edits"] = edits_view(at.view.ontology, plan.shown, deletions=returned == "ALL_V2_WITH_DELETIONS")
        return _told(told)

    try:
        return apply(desk, at, asked, reply), written[-1] if written else None
    except ActionRefused as refused:
        return _told({"validation": _refused(at, asked, refused.verdict, language)}), None


def _batch_applied(desk: Desk, at: Standpoint, *, asked: Asked, returned: Returned) -> Result:
    written: list[Appended] = []

    def reply(done: Appended, plan: Planned) -> Reply:
        written.append(done)
        return _told({} if returned == "NONE" else {"edits": edits_view(at.view.ontology, plan.shown, deletions=False)})

    return apply(desk, at, asked, reply), written[-1] if written else None


def _refused(at: Standpoint, asked: Asked, verdict: Verdict, language: Language) -> Json:
    return verdict_view(at.view.ontology.find_action(asked.action), verdict, language)


def _told(body: Mapping[str, object]) -> Reply:
    return Reply(orjson.dumps(body), 200)
