"""What changed since a cursor: paged, or as a stream of server-sent events that ends with the release or the caller's rights.

A stream belongs to one release, as every request does. When another one is served, or the caller is not who it was, it
ends, and the client comes back with the id of the last event. What an event is, is decided in `actions.following`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from typing import Annotated, Any, Final

import orjson
from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse
from starlette.types import Scope

from palantir_assets.actions.cursors import Cursor
from palantir_assets.actions.following import Event, Page, changes
from palantir_assets.errors import PalantirError
from palantir_assets.release.editing import as_built
from palantir_assets.serving.deps import exchange_of, release_of
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.past import Past, told_types
from palantir_assets.serving.policies import guarded, viewer
from palantir_assets.serving.recognising import anonymous

router = APIRouter(prefix="/api/platform/v1", tags=["Changes"], dependencies=CHECKED)

EVENT_STREAM: Final = "text/event-stream"
LOOK_EVERY_SECONDS: Final = 0.25
BEAT_EVERY_SECONDS: Final = 15.0
AT_ONCE: Final = 500
_BEGIN: Final = b"retry: 1000\n\n"
_BEAT: Final = b": still here\n\n"


class ChangeView(BaseModel):
    """One object that was added (`properties`), modified (`changes`: before and after by property), or removed. `cursor` leads on."""

    kind: str
    type: str
    key: str
    cursor: str
    properties: dict[str, Any] | None = None
    changes: dict[str, dict[str, Any]] | None = None


class ChangesView(BaseModel):
    """Events in their order; `next` is the cursor after them, and `more` tells whether to ask on at once."""

    events: list[ChangeView]
    next: str
    more: bool


@router.get("/changes", response_model=ChangesView)
@guarded("objects.read")
async def list_changes(
    request: Request,
    since: Annotated[str, Query(description="0 to begin, release_id,edit_no, or the cursor of an event", max_length=300)] = "0",
    types: Annotated[str | None, Query(description="object types, with commas between them", max_length=2000)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    last_event_id: Annotated[str | None, Header(max_length=300)] = None,
) -> Response:
    """What was added, modified and removed since a cursor, as the caller may see it.

    With `Accept: text/event-stream` the answer goes on, as server-sent events; `Last-Event-ID` is a cursor then.
    """
    scope = request.scope
    release, services = release_of(scope), exchange_of(scope).services
    past = Past(services.holder, as_built(release), viewer(scope), services.past)
    streamed = EVENT_STREAM in request.headers.get("accept", "")
    try:
        wanted = told_types(past.view, types)
        cursor = Cursor.read(last_event_id if streamed and last_event_id else since)
        ask = partial(_asked, past, types=wanted)
        first = await to_thread.run_sync(partial(ask, cursor, limit=AT_ONCE if streamed else limit))
        if not streamed:
            told = {"events": [_plain(event) for event in first.events], "next": str(first.cursor), "more": not first.is_last}
            return Response(orjson.dumps(told), media_type="application/json")
        slot = exchange_of(scope).services.streams.take(past.view.principal.id)
    except BaseException:
        past.close()
        raise
    if slot is None:
        past.close()
        raise HTTPException(429, "you have as many streams open as one may", headers={"Retry-After": "30"})
    return StreamingResponse(_events(scope, past, ask, first, slot), media_type=EVENT_STREAM, headers={"Cache-Control": "no-store"})


def _asked(past: Past, cursor: Cursor, *, limit: int, types: Iterable[str] | None) -> Page:
    return changes(past, cursor, limit=limit, types=frozenset(types) if types is not None else None)


async def _events(scope: Scope, past: Past, ask: Callable[..., Page], page: Page, give_back: Callable[[], None]) -> AsyncIterator[bytes]:
    """Event after event; a beat where there is none for a while; the end when the caller or the release is another."""
    silent = 0.0
    try:
        yield _BEGIN
        while True:
            for event in page.events:
                yield b"id: %s\nevent: %s\ndata: %s\n\n" % (str(event.cursor).encode(), event.kind.encode(), orjson.dumps(_plain(event)))
            silent = 0.0 if page.events else silent
            if page.is_last:
                await asyncio.sleep(LOOK_EVERY_SECONDS)
                silent += LOOK_EVERY_SECONDS
            if silent >= BEAT_EVERY_SECONDS:
                silent = 0.0
                yield _BEAT
            if not await to_thread.run_sync(_still, scope, past):
                return
            page = await to_thread.run_sync(partial(ask, page.cursor, limit=AT_ONCE))
    except PalantirError:
        return  # the ledger is away, or the caller's rights are: the client asks again, and is told
    finally:
        give_back()
        past.close()


def _still(scope: Scope, past: Past) -> bool:
    """Whether the release is served still, and the caller is who it was, by a credential that is still good. Raises Unauthorized."""
    exchange = exchange_of(scope)
    with exchange.services.holder.acquire() as current:
        if current.id != past.release.id or current.access != past.release.access:
            return False
    known = exchange.services.recognises.recognise(scope) or anonymous(past.release.access)
    return known == past.view.principal


def _plain(event: Event) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": event.kind, "type": event.type, "key": event.key, "cursor": str(event.cursor)}
    if event.kind == "added":
        told["properties"] = dict(event.values)
    if event.kind == "modified":
        told["changes"] = {name: {"before": before, "after": now} for name, (before, now) in event.changes.items()}
    return told
