"""What the forms of a sign-in share: the token that shows they are ours, the page, the session they end in, the way on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Final
from urllib.parse import urlencode

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from palantir_assets.identity import opaque
from palantir_assets.identity.accounts import LIVES
from palantir_assets.serving.identity import NO_STORE, Identity, aside, identity_of, set_cookie
from palantir_assets.serving.languages import Language
from palantir_assets.serving.sign_in_pages import form, link, page

FORM_COOKIE: Final = "palantir_form"
FORM_SECONDS: Final = 3600


def sign_in_form(request: Request, language: Language, following: str, *, alert: str = "") -> Response:
    provider = f"/sign-in/provider?{urlencode({'next': following})}"
    more = [link("provider", language, provider)] if identity_of(request).provider else []
    more.append(link("with_code", language, "/sign-in/code"))
    if identity_of(request).mailer is not None:
        more.append(link("forgotten", language, "/sign-in/forgotten"))
    ask = ("/sign-in", ("name", "password"), "sign_in")
    return shown(request, language, "sign_in", more, alert=alert, ask=ask, hidden={"next": following})


def shown(
    request: Request,
    language: Language,
    title: str,
    parts: list[str],
    *,
    alert: str = "",
    ask: tuple[str, tuple[str, ...], str] | None = None,
    hidden: Mapping[str, str] | None = None,
    out: bool = False,
) -> Response:
    """A page with a form of ours: its token, and the cookie that the token is made of."""
    cookie = form_cookie(request)
    kept = {"form": opaque.form_token(cookie), **(hidden or {})}
    forms = [form(*ask[:2], ask[2], language, kept)] if ask else []
    leave = [form("/sign-out", (), "sign_out", language, kept)] if out else []
    answer = page(title, language, [*forms, *parts, *leave], alert=alert, status=400 if alert else 200)
    set_cookie(answer, identity_of(request), FORM_COOKIE, cookie, FORM_SECONDS)
    return answer


async def signed_in(identity: Identity, user: str, following: str) -> Response:
    """A session that is new, whatever the browser brought, and on to where it wanted to go."""
    secret = await aside(partial(identity.flows.session, user))
    answer = RedirectResponse(following, 303, NO_STORE)
    set_cookie(answer, identity, identity.cookie, secret, int(LIVES["session"].total_seconds()))
    answer.delete_cookie(FORM_COOKIE, path="/", secure=identity.secure, httponly=True, samesite="lax")
    return answer


def form_cookie(request: Request) -> str:
    kept = request.cookies.get(FORM_COOKIE, "")
    return kept if 40 <= len(kept) <= opaque.MAX_LENGTH and kept.isascii() else opaque.new_secret("", os.urandom)


def ours(request: Request, asked: Mapping[str, str]) -> bool:
    """Whether a form came from a page of ours, in this browser."""
    cookie = request.cookies.get(FORM_COOKIE, "")
    return bool(cookie) and opaque.same(asked.get("form", ""), opaque.form_token(cookie))


def local(path: str) -> str:
    """A path of this very server to go on to; the sign-in page where something else was asked for."""
    right = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isascii() and path.isprintable() and "\\" not in path
    return path[:2000] if right else "/sign-in"
