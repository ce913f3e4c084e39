"""Which mails one gets: a link that stops them without a sign-in, and the same among one's own account.

The link is followed by machines too, so only its form, or the button of a mail program (RFC 8058), stops anything.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from palantir_assets.effects.opening import Effects
from palantir_assets.effects.opting_out import PATH
from palantir_assets.serving.identity import Known, aside, identity_of
from palantir_assets.serving.languages import Spoken
from palantir_assets.serving.policies import guarded
from palantir_assets.serving.sign_in_pages import form, page, paragraph

router = APIRouter()

Proof = Annotated[str, Query(max_length=400)]


class MailChoiceView(BaseModel):
    """Without a language, mails are in both. Mails about the account itself always come."""

    model_config = ConfigDict(extra="forbid")
    mails: bool
    language: Literal["en", "ko"] | None = None


@router.get(PATH, include_in_schema=False)
@guarded("public")
async def opt_out_page(request: Request, language: Spoken, proof: Proof = "") -> Response:
    """Ask whether mails are to stop."""
    if _effects(request).opt_outs.recipient(proof) is None:
        return page("mails", language, [], alert="wrong_link", status=400)
    return page("mails", language, [form(f"{PATH}?proof={proof}", (), "no_mails", language, {})])


@router.post(PATH, include_in_schema=False)
@guarded("public")
async def opt_out(request: Request, language: Spoken, proof: Proof = "") -> Response:
    """Stop the mails of whom the link names: the link itself is the proof, as RFC 8058 asks."""
    effects = _effects(request)
    recipient = effects.opt_outs.recipient(proof)
    if recipient is None:
        return page("mails", language, [], alert="wrong_link", status=400)
    await aside(partial(effects.choices.opt_out, recipient, actor=recipient, at=identity_of(request).clock()))
    return page("mails", language, [paragraph("mails_stopped", language)])


@router.get("/api/platform/v1/me/mail", tags=["Account"])
@guarded("account.own")
async def my_mail(request: Request, known: Known) -> MailChoiceView:
    """Which mails the caller gets."""
    chosen = await aside(partial(_effects(request).choices.of, known.principal.id))
    return MailChoiceView(mails=chosen.opted_out_at is None, language=chosen.language)


@router.put("/api/platform/v1/me/mail", tags=["Account"])
@guarded("account.own")
async def choose_mail(request: Request, known: Known, body: MailChoiceView) -> MailChoiceView:
    """Choose which mails to get, and in which language."""
    choices, me, at = _effects(request).choices, known.principal.id, identity_of(request).clock()
    await aside(partial(choices.opt_out, me, actor=me, at=at, back=body.mails))
    await aside(partial(choices.speak, me, body.language, actor=me, at=at))
    return body


def _effects(request: Request) -> Effects:
    found: Effects = request.app.state.effects
    return found
