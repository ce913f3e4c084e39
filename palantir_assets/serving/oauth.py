"""The authorization server: its metadata and keys, authorization codes with PKCE, device codes, tokens, revocation.

How a flow goes is decided in `identity.flows`; here is what it looks like in HTTP (RFC 6749, 7009, 8414, 8628). The pages
that a person sees are in `sign_in`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from palantir_assets.errors import IdentityError
from palantir_assets.identity.accounts import COMMAND_LINE, LIVES, SCOPES, check_scopes
from palantir_assets.identity.flows import POLL_SECONDS, FlowRefused, Issued
from palantir_assets.identity.tokens import TokenRefused
from palantir_assets.serving.identity import NO_STORE, Identity, address, aside, fields, identity_of, session_of, slowed
from palantir_assets.serving.policies import guarded

router = APIRouter(include_in_schema=False)

DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
GRANTS: Final = ("authorization_code", "refresh_token", "client_credentials", DEVICE)


@router.get("/.well-known/oauth-authorization-server")
@guarded("public")
def metadata(request: Request) -> JSONResponse:
    """What this authorization server can do (RFC 8414)."""
    url = identity_of(request).public_url
    return JSONResponse(
        {
            "issuer": url,
            "authorization_endpoint": f"{url}/oauth/authorize",
            "token_endpoint": f"{url}/oauth/token",
            "device_authorization_endpoint": f"{url}/oauth/device_authorization",
            "revocation_endpoint": f"{url}/oauth/revoke",
            "introspection_endpoint": f"{url}/oauth/introspect",
            "jwks_uri": f"{url}/.well-known/jwks.json",
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "grant_types_supported": list(GRANTS),
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_post"],
            "authorization_response_iss_parameter_supported": True,
        }
    )


@router.get("/.well-known/jwks.json")
@guarded("public")
def keys(request: Request) -> JSONResponse:
    """The public keys of access tokens."""
    identity = identity_of(request)
    return JSONResponse(identity.tokens.keys.public(identity.clock()))


@router.get("/oauth/authorize")
@guarded("public")
async def authorize(request: Request) -> Response:
    """A code for a client that is registered, once somebody is signed in. Nothing is sent to an address that is not."""
    identity, asked = identity_of(request), dict(request.query_params)
    client = await aside(partial(identity.identities.client, asked.get("client_id", "")[:100]))
    uri = asked.get("redirect_uri", "")
    if client is None or client.disabled_at is not None or uri not in client.redirect_uris:
        raise HTTPException(400, "this client is not registered, or not with this redirect_uri")
    told = {"state": asked["state"]} if "state" in asked else {}
    error = _wrong(asked)
    if error:
        return _back(uri, {"error": error, **told, "iss": identity.public_url})
    session = session_of(request, identity)
    if session is None or session.credential is None:
        return RedirectResponse(f"/sign-in?{urlencode({'next': f'/oauth/authorize?{request.url.query}'})}", 303, NO_STORE)
    make = partial(identity.flows.code, client, session.credential, redirect_uri=uri, challenge=asked["code_challenge"])
    code = await aside(partial(make, scopes=_scopes(asked)))
    return _back(uri, {"code": code, **told, "iss": identity.public_url})


@router.post("/oauth/device_authorization")
@guarded("public")
async def device_authorization(request: Request) -> JSONResponse:
    """A device code, and the short code for a person to type."""
    identity, asked = identity_of(request), await fields(request)
    slowed(identity, "token", address(request))
    try:
        device, user = await aside(partial(identity.flows.device, asked.get("client_id", ""), _scopes(asked)))
    except FlowRefused as error:
        return _refused(error)
    url = f"{identity.public_url}/sign-in/device"
    told = {"device_code": device, "user_code": user, "verification_uri": url, "interval": POLL_SECONDS}
    return JSONResponse({**told, "expires_in": int(LIVES["device"].total_seconds())}, headers=NO_STORE)


@router.post("/oauth/token")
@guarded("public")
async def token(request: Request) -> JSONResponse:
    """Tokens for a code, a refresh token, a device code, or a service's secret."""
    identity, asked = identity_of(request), await fields(request)
    slowed(identity, "token", address(request))
    try:
        grant = asked.get("grant_type", "")
        if grant == DEVICE and identity.throttle.wait("poll", asked.get("device_code", "")[:100]):
            raise FlowRefused("slow_down", f"ask every {POLL_SECONDS} seconds")
        issued = await aside(_flow(identity, grant, asked))
    except FlowRefused as error:
        return _refused(error)
    return JSONResponse(_told(issued), headers=NO_STORE)


@router.post("/oauth/revoke")
@guarded("public")
async def revoke(request: Request) -> Response:
    """End the sign-in a token came from. An unknown token is no error."""
    identity, asked = identity_of(request), await fields(request)
    slowed(identity, "token", address(request))
    await aside(partial(_revoke, identity, asked.get("token", "")))
    return Response(status_code=200, headers=NO_STORE)


def _flow(identity: Identity, grant: str, asked: Mapping[str, str]) -> Callable[[], Issued]:
    flows, client = identity.flows, asked.get("client_id", "")

    def run() -> Issued:
        match grant:
            case "client_credentials":
                return flows.service(client, asked.get("client_secret", ""), _scopes(asked))
            case "authorization_code":
                _confidential(identity, client, asked.get("client_secret"))
                return flows.exchange(
                    asked.get("code", ""),
                    client_id=client,
                    redirect_uri=asked.get("redirect_uri", ""),
                    verifier=asked.get("code_verifier", ""),
                )
            case "refresh_token":
                _confidential(identity, client, asked.get("client_secret"))
                return flows.refresh(asked.get("refresh_token", ""), client_id=client)
            case _ if grant == DEVICE:
                return flows.polled(asked.get("device_code", ""), client_id=client)
            case _:
                raise FlowRefused("unsupported_grant_type", f"grant_type is one of {', '.join(GRANTS)}")

    return run


def _confidential(identity: Identity, client_id: str, secret: str | None) -> None:
    """A client with a secret must show it for every token. Raises FlowRefused."""
    if client_id == COMMAND_LINE:
        return
    client = identity.identities.client(client_id[:100])
    if client is None or client.disabled_at is not None:
        raise FlowRefused("invalid_client", "the client or its secret is wrong")
    if client.secret_hash is not None:
        identity.flows.proved(client_id, secret or "")


def _revoke(identity: Identity, text: str) -> None:
    identity.flows.revoke(text)
    try:
        access = identity.tokens.verify(text)
    except TokenRefused:
        return
    identity.credentials.revoke_family(access.family, actor=access.subject, at=identity.clock())


def _wrong(asked: Mapping[str, str]) -> str:
    """The code of what is wrong with an authorization request, or an empty text."""
    if asked.get("response_type") != "code":
        return "unsupported_response_type"
    if asked.get("code_challenge_method") != "S256" or len(asked.get("code_challenge", "")) != 43:
        return "invalid_request"
    try:
        _scopes(asked)
    except FlowRefused as error:
        return error.code
    return ""


def _scopes(asked: Mapping[str, str]) -> frozenset[str]:
    try:
        return check_scopes(asked.get("scope", "read").split())
    except IdentityError as error:
        raise FlowRefused("invalid_scope", error.message) from error


def _told(issued: Issued) -> dict[str, object]:
    told: dict[str, object] = {
        "access_token": issued.access_token, "token_type": "Bearer", "expires_in": issued.expires_in,
        "scope": " ".join(sorted(issued.scopes)),
    }  # fmt: skip
    return {**told, "refresh_token": issued.refresh_token} if issued.refresh_token else told


def _refused(error: FlowRefused) -> JSONResponse:
    status = 401 if error.code == "invalid_client" else 400
    return JSONResponse({"error": error.code, "error_description": error.message}, status, headers=NO_STORE)


def _back(uri: str, told: Mapping[str, str]) -> RedirectResponse:
    return RedirectResponse(f"{uri}{'&' if '?' in uri else '?'}{urlencode(told)}", 303, NO_STORE)
