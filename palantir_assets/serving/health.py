"""Is there something to serve? For load balancers and the supervisor: small, and open to anyone."""

from __future__ import annotations

import logging
from typing import Final, Literal

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from palantir_assets.errors import LedgerError
from palantir_assets.serving.deps import CurrentExchange, data_as_of, utc
from palantir_assets.serving.policies import guarded, operates

router = APIRouter(tags=["Health"])


LOG: Final = logging.getLogger(__name__)


class HealthView(BaseModel):
    """`stale` means that a newer release could not be loaded, or edits cannot be read, and what was there before goes on
    being served; `degraded`, that side effects are dead and somebody must look. How many is told to the roles that see the outbox."""

    status: Literal["ok", "stale", "degraded", "no release"]
    release_id: str | None = None
    data_as_of: str | None = None
    dead_effects: int | None = None


@router.get("/healthz", responses={503: {"model": HealthView, "description": "nothing has been released yet"}})
@guarded("public")
async def health(request: Request, exchange: CurrentExchange, response: Response) -> HealthView:
    """200 while a release is served, 503 before the first."""
    release, dead = exchange.release, await _dead(request)
    told = dead if operates(exchange) else None
    if release is None:
        response.status_code = 503
        return HealthView(status="no release", dead_effects=told)
    services = exchange.services
    stale = services.holder.status.last_reload_error is not None or services.edits.behind is not None
    status: Literal["ok", "stale", "degraded"] = "stale" if stale else "degraded" if dead else "ok"
    return HealthView(status=status, release_id=release.id, data_as_of=utc(data_as_of(release)), dead_effects=told)


async def _dead(request: Request) -> int | None:
    """How many effects are dead; a ledger that is away is told by others, and what is released is served without it."""
    effects = getattr(request.app.state, "effects", None)
    if effects is None:
        return None
    try:
        counted: int = await to_thread.run_sync(effects.outbox.count, "dead")
    except LedgerError as error:
        LOG.warning("dead effects cannot be counted: %s", error.message)
        return None
    return counted
