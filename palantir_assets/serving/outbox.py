"""What waits to leave and what is dead, for who looks after the platform: states and reasons, and no word of a payload.

To try again or to drop is done where the ledger is: `palantir outbox retry|drop`.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Final, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from palantir_assets.effects.opening import Effects
from palantir_assets.serving.deps import CurrentExchange
from palantir_assets.serving.policies import guarded, operates
from palantir_assets.stores.outbox import Effect

router = APIRouter(prefix="/api/platform/v1", tags=["Outbox"])


class EffectView(BaseModel):
    """A side effect. `target` is shown where it names a webhook, assets or a job, and never where it names a person."""

    effect_no: int
    action_no: int
    kind: str
    target: str
    state: str
    attempts: int
    next_try_at: datetime
    last_error: str | None


class OutboxView(BaseModel):
    """`next_after` is there while there may be more: ask on with `after`."""

    counts: dict[str, int]
    data: list[EffectView]
    next_after: int | None


State = Literal["waiting", "taken", "done", "dead", "dropped"]
STATES: Final[tuple[State, ...]] = ("waiting", "taken", "dead")


@router.get("/outbox")
@guarded("outbox.read")
async def list_effects(
    request: Request,
    exchange: CurrentExchange,
    state: Annotated[State | None, Query(description="only effects that stand so")] = None,
    after: Annotated[int, Query(ge=0, le=2**62, description="only effects with a higher number")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> OutboxView:
    """Side effects in their order, and how many wait, are on their way, or are dead."""
    if not operates(exchange):
        raise HTTPException(403, "only the roles admin and engineer see what leaves")
    effects: Effects = request.app.state.effects
    found = await to_thread.run_sync(partial(effects.outbox.list, state, after=after, limit=limit))
    counts: dict[str, int] = {each: await to_thread.run_sync(effects.outbox.count, each) for each in STATES}
    return OutboxView(counts=counts, data=[_view(each) for each in found], next_after=found[-1].effect_no if len(found) == limit else None)


def _view(effect: Effect) -> EffectView:
    return EffectView(
        effect_no=effect.effect_no, action_no=effect.action_no, kind=effect.kind, target="•••" if effect.kind == "mail" else effect.target,
        state=effect.state, attempts=effect.attempt, next_try_at=effect.next_try_at, last_error=effect.last_error,
    )  # fmt: skip
