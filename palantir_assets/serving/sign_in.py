"""Signing in with a browser: by password, by one-time code; allowing a device; signing out.

Every form carries a token that only a page of ours can have put there. A one-time code is typed, never part of a URL.
How pages look is `sign_in_pages`' affair; how a flow goes, `identity.flows`'.
"""

from __future__ import annotations

from functools import partial
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from palantir_assets.identity import opaque
from palantir_assets.identity.accounts import Credential
from palantir_assets.identity.passwords import PasswordRefused, hashed
from palantir_assets.serving.identity import NO_STORE, Identity, address, aside, fields, identity_of, session_of, slowed
from palantir_assets.serving.languages import Language, Spoken
from palantir_assets.serving.policies import guarded
from palantir_assets.serving.sign_in_forms import local, ours, shown, sign_in_form, signed_in
from palantir_assets.serving.sign_in_pages import link, page, paragraph
from palantir_assets.settings import DAGSTER_PREFIX

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
@guarded("public")
async def sign_in_page(request: Request, language: Spoken) -> Response:
    """Name and password, or whatever else is set up; who is signed in is told so."""
    identity, following = identity_of(request), local(request.query_params.get("next", ""))
    if session_of(request, identity) is not None:
        ways = [link("to_docs", language, "/docs"), link("to_dagster", language, f"{DAGSTER_PREFIX}/")]
        return shown(request, language, "signed_in", ways, out=True)
    return sign_in_form(request, language, following)


@router.post("/sign-in")
@guarded("public")
async def sign_in(request: Request, language: Spoken) -> Response:
    """Check a name and a password: as slowly for a name that nobody has."""
    identity, asked = identity_of(request), await fields(request)
    following = local(asked.get("next", ""))
    if not ours(request, asked):
        return sign_in_form(request, language, following, alert="stale")
    name = asked.get("name", "")[:254]
    slowed(identity, "sign-in", address(request))
    slowed(identity, "name", address(request), name.casefold())
    user = await aside(partial(identity.flows.password, name, asked.get("password", "")))
    if user is None:
        return sign_in_form(request, language, following, alert="wrong")
    return await signed_in(identity, user, following)


@router.get("/sign-in/code")
@guarded("public")
async def code_page(request: Request, language: Spoken) -> Response:
    """A one-time code and the password to be set with it."""
    return _code(request, language)


@router.post("/sign-in/code")
@guarded("public")
async def use_code(request: Request, language: Spoken) -> Response:
    """Set a password with a one-time code: the first sign-in, or one after a password was forgotten."""
    identity, asked = identity_of(request), await fields(request)
    if not ours(request, asked):
        return _code(request, language, alert="stale")
    slowed(identity, "sign-in", address(request))
    digest = opaque.digest(asked.get("code", "").strip())
    kept = await aside(partial(_one_time, identity, digest))
    if kept is None:
        return _code(request, language, alert="wrong_code")
    try:
        made = await aside(partial(hashed, asked.get("new_password", ""), user=kept.subject))
    except PasswordRefused:
        return _code(request, language, alert="weak")
    if await aside(partial(identity.credentials.use, digest, kept.kind, at=identity.clock())) is None:
        return _code(request, language, alert="wrong_code")
    await aside(partial(identity.identities.set_password, kept.subject, made, actor=kept.subject, at=identity.clock()))
    return await signed_in(identity, kept.subject, "/sign-in")


@router.get("/sign-in/device")
@guarded("public")
async def device_page(request: Request, language: Spoken) -> Response:
    """The short code that a device shows."""
    if session_of(request, identity_of(request)) is None:
        return RedirectResponse(f"/sign-in?{urlencode({'next': '/sign-in/device'})}", 303, NO_STORE)
    return shown(request, language, "device", [], ask=("/sign-in/device", ("user_code",), "allow"))


@router.post("/sign-in/device")
@guarded("public")
async def allow_device(request: Request, language: Spoken) -> Response:
    """Let the device with that code act for who sits here."""
    identity, asked = identity_of(request), await fields(request)
    session = session_of(request, identity)
    if session is None or session.credential is None or not ours(request, asked):
        return sign_in_form(request, language, "/sign-in/device", alert="stale")
    slowed(identity, "name", address(request), session.principal.id)
    if not await aside(partial(identity.flows.approve, asked.get("user_code", ""), session.credential)):
        again = ("/sign-in/device", ("user_code",), "allow")
        return shown(request, language, "device", [], alert="wrong_code", ask=again)
    return page("device", language, [paragraph("allowed", language)])


@router.post("/sign-out")
@guarded("public")
async def sign_out(request: Request, language: Spoken) -> Response:
    """End the session that this browser holds."""
    identity, asked = identity_of(request), await fields(request)
    session = session_of(request, identity)
    if session is not None and ours(request, asked):
        await aside(partial(identity.credentials.revoke_family, session.family, actor=session.principal.id, at=identity.clock()))
        answer = page("sign_out", language, [paragraph("signed_out", language)])
        answer.delete_cookie(identity.cookie, path="/", secure=identity.secure, httponly=True, samesite="lax")
        return answer
    return sign_in_form(request, language, "/", alert="stale")


def _code(request: Request, language: Language, *, alert: str = "") -> Response:
    ask = ("/sign-in/code", ("code", "new_password"), "set_password")
    return shown(request, language, "set_password", [], alert=alert, ask=ask)


def _one_time(identity: Identity, digest: str) -> Credential | None:
    """A code that may set a password and has not been used."""
    for kind in ("login", "reset"):
        kept = identity.credentials.find(digest, kind)
        if kept is not None and kept.lives(identity.clock()) and kept.used_at is None:
            return kept
    return None
