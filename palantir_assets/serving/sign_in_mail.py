"""Codes that come by mail: for a password that was forgotten, and to show that a mail address is one's own.

The answer is the same, and as quick, whether anybody has the address: what is to be done is done after it. How a mail
leaves is the `Mailer`'s affair; how a code sets a password, `sign_in`'s.
"""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import Final

from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, Response

from palantir_assets.errors import IdentityError, LedgerError
from palantir_assets.identity import opaque
from palantir_assets.identity.accounts import Credential, check_email
from palantir_assets.identity.ports import Mailer
from palantir_assets.serving.identity import NO_STORE, Identity, address, aside, fields, identity_of, session_of, slowed
from palantir_assets.serving.languages import Language, Spoken
from palantir_assets.serving.policies import guarded
from palantir_assets.serving.sign_in_forms import ours, shown, sign_in_form
from palantir_assets.serving.sign_in_pages import mail, page, paragraph

router = APIRouter(include_in_schema=False)

LOG: Final = logging.getLogger(__name__)


@router.get("/sign-in/forgotten")
@guarded("public")
async def forgotten_page(request: Request, language: Spoken) -> Response:
    """The address to send a code to."""
    return shown(request, language, "forgotten", [], ask=("/sign-in/forgotten", ("email",), "send"))


@router.post("/sign-in/forgotten")
@guarded("public")
async def forgotten(request: Request, language: Spoken) -> Response:
    """Send a code to the user with that verified address, if there is one; say the same if there is none."""
    identity, asked = identity_of(request), await fields(request)
    if not ours(request, asked):
        return sign_in_form(request, language, "/sign-in", alert="stale")
    to = asked.get("email", "")[:254].lower()
    slowed(identity, "sign-in", address(request))
    slowed(identity, "mail", to)
    answer = page("forgotten", language, [paragraph("sent", language)])
    if identity.mailer is not None:
        answer.background = BackgroundTask(partial(_send_reset, identity, identity.mailer, to, language))
    return answer


@router.get("/sign-in/verify")
@guarded("public")
async def verify_page(request: Request, language: Spoken) -> Response:
    """The address to be verified, and the code that came to it."""
    if session_of(request, identity_of(request)) is None:
        return RedirectResponse("/sign-in?next=/sign-in/verify", 303, NO_STORE)
    return shown(request, language, "verify", [], ask=("/sign-in/verify", ("email",), "send"))


@router.post("/sign-in/verify")
@guarded("public")
async def verify(request: Request, language: Spoken) -> Response:
    """Send a code to an address, or take the code that came: an address is a user's own once its code came back."""
    identity, asked = identity_of(request), await fields(request)
    session = session_of(request, identity)
    if session is None or identity.mailer is None or not ours(request, asked):
        return sign_in_form(request, language, "/sign-in/verify", alert="stale")
    user = session.principal.id
    slowed(identity, "name", address(request), user)
    if "code" in asked:
        right = await aside(partial(_verified, identity, user, asked["code"].strip()))
        if right:
            return page("verify", language, [paragraph("verified", language)])
        return shown(request, language, "verify", [], alert="wrong_code", ask=("/sign-in/verify", ("code",), "send"))
    to = asked.get("email", "")[:254].lower()
    slowed(identity, "mail", user)
    answer = shown(request, language, "verify", [], ask=("/sign-in/verify", ("code",), "send"))
    answer.background = BackgroundTask(partial(_send_verification, identity, identity.mailer, user, to, language))
    return answer


def _send_reset(identity: Identity, mailer: Mailer, to: str, language: Language) -> None:
    user = identity.identities.user_by_email(to)
    if user is not None and user.email is not None:
        code = identity.flows.one_time("reset", user.name, actor=user.name)
        _send(mailer, user.email, mail("reset", language, f"{identity.public_url}/sign-in/code", code))


def _send_verification(identity: Identity, mailer: Mailer, user: str, to: str, language: Language) -> None:
    try:
        code = identity.flows.one_time("verify", user, actor=user, detail=json.dumps({"email": check_email(to)}))
    except IdentityError:
        return  # no address: nothing comes, as for an address that is not read
    _send(mailer, to, mail("verify", language, f"{identity.public_url}/sign-in/verify", code))


def _send(mailer: Mailer, to: str, text: tuple[str, str]) -> None:
    """A mail that cannot be sent is told to the log, without its address and its code."""
    try:
        mailer.send(to, *text)
    except (OSError, LedgerError) as error:
        LOG.error("a mail with a code could not be sent (%s)", type(error).__name__)


def _verified(identity: Identity, user: str, code: str) -> bool:
    kept: Credential | None = identity.credentials.find(opaque.digest(code), "verify")
    if kept is None or kept.subject != user or identity.credentials.use(kept.digest, "verify", at=identity.clock()) is None:
        return False
    try:
        identity.identities.verify_email(user, kept.told("email"), actor=user, at=identity.clock())
    except IdentityError:
        return False
    return True
