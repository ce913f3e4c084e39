"""One's own account: who one is here, and the personal tokens one holds. A token does not make or revoke tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from palantir_assets.errors import IdentityError
from palantir_assets.identity.accounts import Credential
from palantir_assets.identity.opaque import form_token
from palantir_assets.serving.identity import Known, aside, identity_of
from palantir_assets.serving.policies import guarded

router = APIRouter(prefix="/api/platform/v1/me", tags=["Account"])


class MeView(BaseModel):
    """Who one is here. `markings` and `attributes` are those held in person or through groups.

    `csrf_token` is what a page that was signed in sends back as `X-CSRF-Token` with whatever changes something.
    """

    id: str
    roles: list[str]
    markings: list[str]
    attributes: dict[str, str | int | float | bool | list[str]]
    scopes: list[str]
    csrf_token: str | None = None


class TokenRequest(BaseModel):
    """A personal token to be made."""

    model_config = ConfigDict(extra="forbid")
    label: Annotated[str, Field(min_length=1, max_length=200)]
    scopes: Annotated[list[str], Field(min_length=1, max_length=10)]
    days: Annotated[int, Field(ge=1, le=366)] = 90


class TokenView(BaseModel):
    """A personal token as it is kept: its secret is not."""

    id: str
    label: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class NewTokenView(TokenView):
    """`token` is shown this once."""

    token: str


class TokensView(BaseModel):
    data: list[TokenView]


@router.get("")
@guarded("account.own")
def me(request: Request, known: Known, response: Response) -> MeView:
    """Who the caller is, and what the credential is good for."""
    caller = known.principal
    attributes = {name: list(value) if isinstance(value, tuple) else value for name, value in caller.attributes.items()}
    response.headers["Cache-Control"] = "no-store"
    cookie = request.cookies.get(identity_of(request).cookie, "")
    return MeView(
        id=caller.id, roles=sorted(caller.roles), markings=sorted(caller.markings), attributes=attributes, scopes=sorted(known.scopes),
        csrf_token=form_token(cookie) if known.in_person else None,
    )  # fmt: skip


@router.get("/tokens")
@guarded("account.own")
def list_tokens(request: Request, known: Known) -> TokensView:
    """The caller's personal tokens that are not revoked."""
    return TokensView(data=[TokenView(**_told(each)) for each in identity_of(request).credentials.of(known.principal.id, "pat")])


@router.post("/tokens", status_code=201)
@guarded("account.own")
async def make_token(request: Request, known: Known, body: TokenRequest, response: Response) -> NewTokenView:
    """A new personal token, for somebody who signed in with a browser."""
    if not known.in_person:
        raise HTTPException(403, "a token does not make tokens: sign in with a browser, or use `palantir token create`")
    flows, subject = identity_of(request).flows, known.principal.id
    try:
        made, secret = await aside(
            partial(flows.personal, subject, scopes=frozenset(body.scopes), label=body.label, life=timedelta(days=body.days), actor=subject)
        )
    except IdentityError as error:
        raise HTTPException(400, error.message) from error
    response.headers["Cache-Control"] = "no-store"
    return NewTokenView(**_told(made), token=secret)


@router.delete("/tokens/{token_id}", status_code=204)
@guarded("account.own")
async def revoke_token(request: Request, known: Known, token_id: str) -> Response:
    """Revoke a personal token of the caller's own; the next request with it is refused."""
    identity, subject = identity_of(request), known.principal.id
    found = await aside(partial(identity.credentials.revoke, token_id[:64], subject=subject, actor=subject, at=identity.clock()))
    if not found:
        raise HTTPException(404, "no such token")
    return Response(status_code=204)


def _told(each: Credential) -> dict[str, object]:
    return {
        "id": each.id, "label": each.label, "scopes": each.scopes.split(), "created_at": each.created_at, "expires_at": each.expires_at,
        "last_used_at": each.used_at,
    }  # fmt: skip
