"""Which release is served, since when, how old its data is, and which were before it."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from palantir_assets.access.views import View
from palantir_assets.engine.visibility import visible
from palantir_assets.release.editing import Opened
from palantir_assets.serving.deps import CurrentExchange, CurrentRelease, Exchange, data_as_of
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import Viewed, guarded

router = APIRouter(prefix="/api/platform/v1", tags=["Releases"], dependencies=CHECKED)


class ServedView(BaseModel):
    """The release in service; `rows` counts what the caller may see. `data_as_of` is when its oldest source bytes were read."""

    release_id: str
    content_id: str
    release_no: int | None
    loaded_at: datetime | None
    data_as_of: datetime
    data_age_seconds: int
    rows: dict[str, int]


class ReleaseView(BaseModel):
    """One row of the release log."""

    release_no: int
    release_id: str
    content_id: str
    committed_at: datetime
    reason: str
    actor: str


class ReleasesView(BaseModel):
    """`last_reload_error` says why a newer release is not served, if that was tried."""

    served: ServedView
    last_reload_error: str | None
    releases: list[ReleaseView]


@router.get("/releases")
@guarded("releases.read")
def list_releases(exchange: CurrentExchange, release: CurrentRelease, view: Viewed) -> ReleasesView:
    """What is served, and every release there was, newest first."""
    pointers = exchange.services.log.list()
    return ReleasesView(
        served=_served(exchange, release, view),
        last_reload_error=exchange.services.holder.status.last_reload_error,
        releases=[ReleaseView.model_validate(pointer, from_attributes=True) for pointer in reversed(pointers)],
    )


def _served(exchange: Exchange, release: Opened, view: View) -> ServedView:
    status = exchange.services.holder.status
    current = status.release_id == release.id
    return ServedView(
        release_id=release.id,
        content_id=release.manifest.content_id,
        release_no=status.release_no if current else None,
        loaded_at=status.loaded_at if current else None,
        data_as_of=data_as_of(release),
        data_age_seconds=max(0, int((exchange.services.clock() - data_as_of(release)).total_seconds())),
        rows={name: len(visible(view, release, name)) for name in view.ontology.types},
    )
