"""Is there something to serve? For load balancers and the supervisor: small, and open to anyone."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from palantir_assets.serving.deps import CurrentExchange, data_as_of, utc
from palantir_assets.serving.policies import guarded

router = APIRouter(tags=["Health"])


class HealthView(BaseModel):
    """`stale` means that a newer release could not be loaded, or edits cannot be read: what was there before goes on being served."""

    status: Literal["ok", "stale", "no release"]
    release_id: str | None = None
    data_as_of: str | None = None


@router.get("/healthz", responses={503: {"model": HealthView, "description": "nothing has been released yet"}})
@guarded("public")
async def health(exchange: CurrentExchange, response: Response) -> HealthView:
    """200 while a release is served, 503 before the first."""
    release = exchange.release
    if release is None:
        response.status_code = 503
        return HealthView(status="no release")
    services = exchange.services
    stale = services.holder.status.last_reload_error is not None or services.edits.behind is not None
    return HealthView(status="stale" if stale else "ok", release_id=release.id, data_as_of=utc(data_as_of(release)))
