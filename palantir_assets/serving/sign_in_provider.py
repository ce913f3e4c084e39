"""Signing in through an identity provider: off to it, and back. What is believed of it is decided in `identity.providers`."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from hmac import new as new_hmac
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from palantir_assets.errors import IdentityError
from palantir_assets.identity import opaque
from palantir_assets.identity.providers import Provider, ProviderRefused
from palantir_assets.serving.identity import NO_STORE, Identity, address, aside, identity_of, set_cookie, slowed
from palantir_assets.serving.languages import Spoken
from palantir_assets.serving.policies import guarded
from palantir_assets.serving.sign_in_forms import FORM_COOKIE, FORM_SECONDS, form_cookie, local, sign_in_form, signed_in

router = APIRouter(include_in_schema=False)

LOG: Final = logging.getLogger(__name__)


@router.get("/sign-in/provider")
@guarded("public")
async def to_provider(request: Request, language: Spoken) -> Response:
    """Off to the identity provider, with a state, a nonce and a verifier that only this browser's cookie can make again."""
    identity, following = identity_of(request), local(request.query_params.get("next", ""))
    if identity.provider is None:
        return sign_in_form(request, language, following)
    slowed(identity, "sign-in", address(request))
    cookie, detail = form_cookie(request), json.dumps({"next": following})
    state = await aside(partial(identity.flows.one_time, "provider", "", actor="anonymous", detail=detail))
    begin = partial(identity.provider.begin, redirect_uri=_callback(identity), state=state)
    try:
        url = await aside(partial(begin, nonce=_derived(cookie, state, "nonce"), verifier=_derived(cookie, state, "verifier")))
    except ProviderRefused as error:
        LOG.warning("the provider cannot be used: %s", error.message)
        return sign_in_form(request, language, following, alert="provider_failed")
    answer = RedirectResponse(url, 303, NO_STORE)
    set_cookie(answer, identity, FORM_COOKIE, cookie, FORM_SECONDS)
    return answer


@router.get("/sign-in/provider/callback")
@guarded("public")
async def from_provider(request: Request, language: Spoken) -> Response:
    """Back from the provider: the state is used up, and has to be this browser's."""
    identity, asked, cookie = identity_of(request), request.query_params, request.cookies.get(FORM_COOKIE, "")
    provider = identity.provider
    state = asked.get("state", "")[:256]
    kept = await aside(partial(identity.credentials.use, opaque.digest(state), "provider", at=identity.clock()))
    if provider is None or kept is None or not cookie or not asked.get("code"):
        return sign_in_form(request, language, "/", alert="provider_failed")
    try:
        user = await aside(partial(_person, identity, provider, asked, cookie, state))
    except IdentityError as error:
        LOG.warning("a sign-in through the provider failed: %s", error.message)
        return sign_in_form(request, language, "/", alert="provider_failed")
    return await signed_in(identity, user, local(kept.told("next")))


def _person(identity: Identity, provider: Provider, asked: Mapping[str, str], cookie: str, state: str) -> str:
    """The user here whom the provider names."""
    nonce, verifier = _derived(cookie, state, "nonce"), _derived(cookie, state, "verifier")
    person = provider.finish(code=asked["code"], redirect_uri=_callback(identity), nonce=nonce, verifier=verifier, issuer=asked.get("iss"))
    return identity.identities.sign_in_from(person.issuer, person.subject, display=person.display, roles=person.roles, at=identity.clock())


def _derived(cookie: str, state: str, what: str) -> str:
    """A secret that only who holds the cookie can make, for one state."""
    return new_hmac(cookie.encode(), f"{what}:{state}".encode(), sha256).hexdigest()


def _callback(identity: Identity) -> str:
    return f"{identity.public_url}/sign-in/provider/callback"
