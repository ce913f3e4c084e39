"""Is this token good, and for what? `POST /oauth/introspect` (RFC 7662), for services that were given a token by somebody.

Asked by a client that has a secret and shows it. Whatever is wrong with a token, the answer is the same: not active.
"""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from palantir_assets.errors import IdentityError
from palantir_assets.identity import opaque
from palantir_assets.identity.flows import FlowRefused
from palantir_assets.identity.tokens import TokenRefused
from palantir_assets.serving.identity import NO_STORE, Identity, address, aside, fields, identity_of, slowed
from palantir_assets.serving.policies import guarded

router = APIRouter(include_in_schema=False)


@router.post("/oauth/introspect")
@guarded("public")
async def introspect(request: Request) -> JSONResponse:
    """What a token is, to a client that proves itself; 401 to everybody else."""
    identity, asked = identity_of(request), await fields(request)
    slowed(identity, "token", address(request))
    try:
        await aside(partial(identity.flows.proved, asked.get("client_id", "")[:100], asked.get("client_secret", "")))
    except (FlowRefused, IdentityError):
        return JSONResponse({"error": "invalid_client", "error_description": "the client or its secret is wrong"}, 401, headers=NO_STORE)
    told = await aside(partial(_told, identity, asked.get("token", "")))
    return JSONResponse(told or {"active": False}, headers=NO_STORE)


def _told(identity: Identity, text: str) -> dict[str, object] | None:
    """What is said of a token that is good now: signed, alive, of a sign-in that lives and of somebody who is not disabled."""
    if text.startswith(opaque.PERSONAL):
        return _of_personal(identity, text)
    try:
        access = identity.tokens.verify(text)
    except TokenRefused:
        return None
    grant = identity.credentials.family(access.family)
    alive = grant is not None and grant.subject == access.subject and grant.revoked_at is None and grant.lives(identity.clock())
    if grant is None or not alive or identity.identities.principal(access.subject) is None:
        return None
    scopes = access.scopes & frozenset(grant.scopes.split())
    told = {"active": True, "token_type": "Bearer", "sub": access.subject, "scope": " ".join(sorted(scopes))}
    return {**told, "client_id": access.client_id, "exp": access.expires_at, "iat": access.issued_at, "iss": identity.public_url}


def _of_personal(identity: Identity, text: str) -> dict[str, object] | None:
    held = identity.credentials.find(opaque.digest(text), "pat") if len(text) <= opaque.MAX_LENGTH else None
    if held is None or not held.lives(identity.clock()) or identity.identities.principal(held.subject) is None:
        return None
    told = {"active": True, "token_type": "Bearer", "sub": held.subject, "scope": " ".join(sorted(held.scopes.split()))}
    return {**told, "exp": int(held.expires_at.timestamp()), "iss": identity.public_url}
