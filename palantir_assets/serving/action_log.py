"""Our own routes of actions: the exact difference before it is made, the log of what was done, and taking it back."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from palantir_assets.actions.verdicts import ActionRefused
from palantir_assets.applying.applying import Asked, Planned, apply, permitted, planned
from palantir_assets.applying.desk import Desk, Standpoint
from palantir_assets.applying.reversing import preview as preview_reversal
from palantir_assets.applying.reversing import take_back
from palantir_assets.applying.telling import entries, entry
from palantir_assets.serving.action_bodies import (
    AppliedView,
    ApplyBody,
    EntriesView,
    EntryView,
    PreviewView,
    RevertBody,
    RevertView,
    ToldBody,
    applied_view,
    difference_view,
    entry_view,
    revert_view,
)
from palantir_assets.serving.languages import Language, Spoken
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import guarded
from palantir_assets.serving.refused_actions import findings
from palantir_assets.serving.standing import IdempotencyKey, answered, keyed, settled
from palantir_assets.stores.edit_rows import Appended, Reply

router = APIRouter(prefix="/api/platform/v1/actions", tags=["Actions"], dependencies=CHECKED)
Before = Annotated[int | None, Query(ge=1, lt=2**62, description="entries below this number, newest first")]
Limit = Annotated[int, Query(ge=1, le=100)]


@router.get("/log")
@guarded("actions.read")
async def list_log(request: Request, before: Before = None, limit: Limit = 50) -> EntriesView:
    """What was done, newest first: actions that the caller knows, on objects that the caller sees."""

    def work(desk: Desk, at: Standpoint) -> EntriesView:
        found, following = entries(desk, at, before=before, limit=limit)
        return EntriesView(data=[entry_view(each) for each in found], next_before=following)

    return await settled(request, work)


@router.get("/log/{action_no}")
@guarded("actions.read")
async def get_log_entry(request: Request, action_no: int) -> EntryView:
    """One action of the log."""
    return await settled(request, lambda desk, at: entry_view(entry(desk, at, action_no)))


@router.post("/log/{action_no}/revert")
@guarded("actions.apply")
async def revert_action(request: Request, action_no: int, body: RevertBody) -> RevertView:
    """Take an action back, alone or with all that depends on it, or only say what that would do."""
    done, told = await settled(request, partial(_reverted, number=action_no, body=body))
    await answered(request, Reply(b"", 200), done)
    return told


@router.post("/{action}/preview")
@guarded("actions.apply")
async def preview_action(request: Request, action: str, body: ToldBody, language: Spoken) -> PreviewView:
    """What an action would do, exactly; nothing is written."""
    asked = Asked(action, (body.parameters,), body.expected)
    return await settled(request, partial(_previewed, asked=asked, language=language), expected=body.expected)


@router.post("/{action}/apply", response_model=AppliedView)
@guarded("actions.apply")
async def apply_platform_action(request: Request, action: str, body: ApplyBody, key: IdempotencyKey = None) -> Response:
    """Apply an action; what does not hold is an error here. An action that others must agree to becomes a proposal."""
    asked = keyed(request, Asked(action, (body.parameters,), body.expected, accept=body.accept), key, body)
    reply, done = await settled(request, partial(_applied, asked=asked), expected=body.expected)
    return await answered(request, reply, done)


def _previewed(desk: Desk, at: Standpoint, *, asked: Asked, language: Language) -> PreviewView:
    action, shown = permitted(at, asked.action), None
    try:
        plan = planned(desk, at, asked)
        verdict, shown = plan.proposals[0].verdict, difference_view(plan.shown)
    except ActionRefused as refused:
        verdict = refused.verdict
    return PreviewView(
        action=action.name, valid=shown is not None, approve=list(action.approve), parameters=findings(verdict.parameters, language),
        criteria=findings(verdict.criteria, language), steps=findings(verdict.steps, language), difference=shown,
    )  # fmt: skip


def _applied(desk: Desk, at: Standpoint, *, asked: Asked) -> tuple[Reply, Appended | None]:
    written: list[Appended] = []

    def reply(done: Appended, plan: Planned) -> Reply:
        written.append(done)
        told = applied_view(done, plan.action.name, plan.shown, "proposed" if plan.action.approve else "applied")
        return Reply(told.model_dump_json().encode(), 200)

    return apply(desk, at, asked, reply), written[-1] if written else None


def _reverted(desk: Desk, at: Standpoint, *, number: int, body: RevertBody) -> tuple[Appended | None, RevertView]:
    if body.preview:
        return None, revert_view(preview_reversal(desk, at, number, with_dependents=body.with_dependents), None)
    done, undoing = take_back(desk, at, number, with_dependents=body.with_dependents)
    return done, revert_view(undoing, done)
