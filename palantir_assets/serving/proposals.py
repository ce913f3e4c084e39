"""What waits for others: the list, and the decision. Nobody agrees to what they asked for, where four eyes are asked."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from palantir_assets.applying.applying import Asked, Planned
from palantir_assets.applying.desk import Desk, Standpoint
from palantir_assets.applying.differences import as_seen
from palantir_assets.applying.proposing import approve, reject, waiting
from palantir_assets.applying.telling import entry, without_erased
from palantir_assets.errors import UnknownName
from palantir_assets.serving.action_bodies import (
    AppliedView,
    ApproveBody,
    ProposalsView,
    ProposalView,
    RejectBody,
    applied_view,
    proposal_view,
)
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import guarded
from palantir_assets.serving.standing import IdempotencyKey, answered, keyed, settled
from palantir_assets.stores.edit_rows import Appended, Reply

router = APIRouter(prefix="/api/platform/v1/proposals", tags=["Actions"], dependencies=CHECKED)
Status = Annotated[Literal["proposed", "approved", "rejected", "reverted"], Query(description="what became of them")]
After = Annotated[int, Query(ge=0, lt=2**62, description="those above this number")]
MOST = 100


@router.get("")
@guarded("actions.read")
async def list_proposals(request: Request, status: Status = "proposed", after: After = 0) -> ProposalsView:
    """What the caller asked others to agree to, and what others ask the caller, oldest first, up to a hundred."""

    def work(desk: Desk, at: Standpoint) -> ProposalsView:
        found: list[ProposalView] = []
        for record in desk.log.actions(status=status, after=after):
            if len(found) < MOST and (told := _known(desk, at, record.action_no)) is not None:
                found.append(told)
        return ProposalsView(data=found)

    return await settled(request, work)


@router.get("/{action_no}")
@guarded("actions.read")
async def get_proposal(request: Request, action_no: int) -> ProposalView:
    """One proposal with the exact difference that it shows."""
    return await settled(request, lambda desk, at: _told(desk, at, action_no))


@router.post("/{action_no}/approve", response_model=AppliedView)
@guarded("actions.apply")
async def approve_proposal(request: Request, action_no: int, body: ApproveBody, key: IdempotencyKey = None) -> Response:
    """Agree to a proposal: it is done at once, as it would be now, if that is what was shown."""
    asked = keyed(request, Asked("", ()), key, body)
    reply, done = await settled(request, partial(_approved, number=action_no, asked=asked, accept=body.accept))
    return await answered(request, reply, done)


@router.post("/{action_no}/reject")
@guarded("actions.apply")
async def reject_proposal(request: Request, action_no: int, body: RejectBody) -> ProposalView:
    """Refuse a proposal for good."""

    def work(desk: Desk, at: Standpoint) -> ProposalView:
        reject(desk, at, action_no)
        return _told(desk, at, action_no)

    return await settled(request, work)


def _approved(desk: Desk, at: Standpoint, *, number: int, asked: Asked, accept: str | None) -> tuple[Reply, Appended | None]:
    written: list[Appended] = []

    def reply(done: Appended, plan: Planned) -> Reply:
        written.append(done)
        return Reply(applied_view(done, plan.action.name, as_seen(plan.shown, at.view), "approved").model_dump_json().encode(), 200)

    return approve(desk, at, number, asked, reply, accept=accept), written[-1] if written else None


def _known(desk: Desk, at: Standpoint, number: int) -> ProposalView | None:
    try:
        return _told(desk, at, number)
    except UnknownName:
        return None


def _told(desk: Desk, at: Standpoint, number: int) -> ProposalView:
    _, shown = waiting(desk, at, number)
    return proposal_view(at, entry(desk, at, number), without_erased(desk, at, shown))
