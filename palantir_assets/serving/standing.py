"""Where the caller of an action stands, what comes with such a request, and how it is tried again when others were faster.

An action is planned over the edits of this moment. If somebody changed what it read before it was written, it is
planned again; not if the caller named the version that was expected, who is told. A caller who names a version that
another process made, and this one does not show yet, is no reason to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import unquote

import orjson
from anyio import to_thread
from fastapi import Depends, Header, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import Response

from palantir_assets.applying.applying import Asked
from palantir_assets.applying.desk import Desk, Standpoint
from palantir_assets.engine.visibility import seen_by
from palantir_assets.errors import LedgerError, QueryError, StaleVersion
from palantir_assets.release.editing import Opened
from palantir_assets.serving.deps import Exchange, exchange_of, release_of
from palantir_assets.serving.following_edits import EditsBehind
from palantir_assets.serving.policies import caller, viewer
from palantir_assets.serving.recognising import ANONYMOUS, Unauthorized
from palantir_assets.stores.edit_rows import Appended, Reply, Subject

T = TypeVar("T")
Versions = Mapping[Subject, int]

TRIES: Final = 6
_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
_MATCH: Final = re.compile(r'\s*"([a-z][a-z0-9_]{0,62})/([^"@]+)@(\d{1,15})"\s*')


class ExpectedVersion(BaseModel):
    """The version that an object must have: how often it was edited."""

    model_config = ConfigDict(extra="forbid")
    object_type: str = Field(max_length=100)
    key: str = Field(max_length=2_000)
    version: int = Field(ge=0)


def speakable(told: dict[str, Any]) -> dict[str, Any]:
    """What can be said again as JSON. Raises ValueError for text that is not Unicode and for numbers beyond 64 bits."""
    try:
        orjson.dumps(told)
    except TypeError:
        raise ValueError("text that is Unicode, and numbers of at most 64 bits") from None
    return told


Parameters = Annotated[dict[str, Any], AfterValidator(speakable)]
"""What an action is told, by parameter."""


def desk_of(exchange: Exchange) -> Desk:
    """Where actions are applied. Raises LedgerError in a service without one."""
    if exchange.services.desk is None:
        raise LedgerError("this service has no ledger to write to")
    return exchange.services.desk


async def standpoint(request: Request) -> Standpoint:
    """The caller, by name, before the release of the request. Raises Unauthorized for one who is anonymous."""
    if caller(request.scope).id == ANONYMOUS:
        raise Unauthorized("an action needs somebody: send a token", presented=False)
    return Standpoint(release_of(request.scope), viewer(request.scope))


async def settled(request: Request, work: Callable[[Desk, Standpoint], T], *, expected: Versions | None = None) -> T:
    """Do something with the caller's standpoint in a thread, and again where somebody else was faster, a few times."""
    exchange, edits = exchange_of(request.scope), exchange_of(request.scope).services.edits
    desk, at = desk_of(exchange), await standpoint(request)
    for _ in range(TRIES - 1):
        at = await _now(at, edits.current(release_of(request.scope)))
        try:
            return await to_thread.run_sync(work, desk, at)
        except StaleVersion as stale:
            head = await to_thread.run_sync(desk.log.head)
            await edits.caught_up(head)  # whoever is told a version can go on from it here
            outdated = stale.actual > stale.expected or at.release.edit_no >= head
            if outdated and (stale.object_type, stale.key) in (expected or {}):
                raise
    return await to_thread.run_sync(work, desk, at)


async def answered(request: Request, reply: Reply, appended: Appended | None) -> Response:
    """The reply to an action, once the next read of this caller shows it. `Edit-No` is what such a read may name.

    What is written is answered as done, also where this process is late to see it: a read that names the number waits.
    """
    headers = {}
    if appended is not None and appended.last_edit is not None:
        headers = {"Edit-No": str(appended.last_edit)}
        with suppress(EditsBehind):
            await exchange_of(request.scope).services.edits.caught_up(appended.last_edit)
    return Response(reply.body, reply.status_code, media_type="application/json", headers=headers)


def keyed(request: Request, asked: Asked, key: str | None, body: BaseModel) -> Asked:
    """A request with its idempotency key, which is good for this body at this path and no other."""
    if key is None:
        return asked
    if not _KEY.fullmatch(key):
        raise QueryError("Idempotency-Key: 1 to 200 characters, letters, digits and signs, without spaces")
    match = request.headers.get("if-match", "")
    told = [request.url.path, match, body.model_dump(mode="json")]
    hashed = sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return replace(asked, key=key, body_hash=hashed)


def matched(header: str | None) -> dict[Subject, int]:
    """What `If-Match: "book/bk-1@3", "member/7@0"` expects. Raises QueryError for what cannot be read."""
    found: dict[Subject, int] = {}
    for part in header.split(",") if header else ():
        read = _MATCH.fullmatch(part)
        if read is None:
            raise QueryError('If-Match: written as "type/key@version", with a key as in a URL, and commas between them')
        found[read[1], unquote(read[2])] = int(read[3])
    return found


async def _now(at: Standpoint, release: Opened) -> Standpoint:
    """The same caller before the release as it is now."""
    if release is at.release:
        return at
    view = await to_thread.run_sync(seen_by, at.view.principal, release)
    return Standpoint(release, replace(view, noted=at.view.noted))


async def _if_match(if_match: Annotated[str | None, Header()] = None) -> dict[Subject, int]:
    return matched(if_match)


Matched = Annotated[dict[Subject, int], Depends(_if_match)]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", description="the same request, however often it is sent")]
