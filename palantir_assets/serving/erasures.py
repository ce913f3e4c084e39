"""Erasing an object over HTTP, for administrators: what `palantir erase` does, on record under the name of who asked.

What erasing is, is decided in `stores.erasing`. Files of this machine are told by the command line alone; here only
which releases hold the object still.
"""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from palantir_assets.access.policy import rights_of
from palantir_assets.applying.desk import ADMIN
from palantir_assets.applying.erasing import erase_object
from palantir_assets.release.leftovers import holders
from palantir_assets.release.sealing import Shelf
from palantir_assets.serving.deps import CurrentExchange, CurrentRelease
from palantir_assets.serving.following_edits import EditsBehind
from palantir_assets.serving.identity import aside
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import Viewed, guarded
from palantir_assets.serving.standing import desk_of

router = APIRouter(prefix="/api/platform/v1", tags=["Erasure"], dependencies=CHECKED)


class ErasureRequest(BaseModel):
    """What is to be erased, and why. With `dry_run` it is only told what that would do."""

    model_config = ConfigDict(extra="forbid")
    object_type: str = Field(max_length=100)
    key: str = Field(min_length=1, max_length=2_000)
    reason: str = Field("", max_length=500)
    dry_run: bool = False


class ErasureView(BaseModel):
    """What was done, or would be: `edit_no` is 0 for what was not done. `dropped_effects` never leave. `plain_edits` hold a value
    that was written before its property was personal. `held_by` are releases and candidates that must expire."""

    object_type: str
    key: str
    dry_run: bool
    edit_no: int
    edits: int
    dropped_effects: int
    plain_edits: list[int]
    held_by: list[str]
    next: str


@router.post("/erasures", status_code=201)
@guarded("objects.erase")
async def erase(body: ErasureRequest, request: Request, exchange: CurrentExchange, release: CurrentRelease, view: Viewed) -> ErasureView:
    """Erase an object for good: no read shows it from now on, and no build brings it back. It cannot be taken back."""
    if ADMIN not in rights_of(view.principal, release.access).roles:
        raise HTTPException(403, f"objects are erased by the role {ADMIN}")
    shelf: Shelf = request.app.state.shelf
    here = (body.object_type, body.key)
    kept = [holder.id for holder in await aside(partial(holders, shelf, *here))]
    work = partial(erase_object, desk_of(exchange), release, here, actor=view.principal.id, reason=body.reason, there=bool(kept))
    done = await aside(partial(work, dry_run=body.dry_run))
    if not body.dry_run:
        try:
            await exchange.services.edits.caught_up(done.edit_no)
        except EditsBehind:
            raise EditsBehind(f"it is erased, by edit {done.edit_no}, which this process does not see yet") from None
    return ErasureView(
        object_type=body.object_type, key=body.key, dry_run=body.dry_run, edit_no=done.edit_no, edits=done.edits,
        dropped_effects=len(done.effects), plain_edits=list(done.plain_edits), held_by=kept,
        next=f"run `palantir erase {body.object_type}/{body.key} --dry-run` where the platform runs: it tells what must expire",
    )  # fmt: skip
