"""Why somebody sees an object or does not, for administrators; and what is withheld from the caller and may be named.

`GET /api/platform/v1/explain?as=kim&object=order/17` and `GET /api/platform/v1/withheld`.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from palantir_assets.access.explaining import Reason
from palantir_assets.access.policy import rights_of
from palantir_assets.access.principal import Principal
from palantir_assets.applying.desk import Desk
from palantir_assets.engine.explaining import erased, explained
from palantir_assets.errors import QueryError
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.serving.deps import CurrentExchange, CurrentRelease
from palantir_assets.serving.identity import aside, identity_of
from palantir_assets.serving.languages import Language, Spoken
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import Viewed, guarded
from palantir_assets.serving.recognising import anonymous

router = APIRouter(prefix="/api/platform/v1", tags=["Access"], dependencies=CHECKED)
withheld = APIRouter(prefix="/api/platform/v1", tags=["Access"], dependencies=CHECKED)

ADMINISTRATOR: Final = "admin"


class ExplainedView(BaseModel):
    """`because` says why, of the object; `hidden` of each property that is not shown. In the caller's language."""

    who: str
    object: str
    visible: bool
    because: list[str]
    shown: list[str]
    hidden: dict[str, list[str]]


class WithheldView(BaseModel):
    """What is there and may not be read by the caller: only what the specs say may be named (`discover: true`)."""

    object_types: list[str]
    properties: dict[str, list[str]]


@router.get("/explain")
@guarded("access.explain")
async def explain(
    request: Request,
    exchange: CurrentExchange,
    release: CurrentRelease,
    view: Viewed,
    language: Spoken,
    who: Annotated[str, Query(alias="as", min_length=1, max_length=200, description="a user, `service:` and a client, or a role")],
    object: Annotated[str, Query(min_length=3, max_length=700, description="type/key")],
) -> ExplainedView:
    """Which rule hides or shows an object and its properties, for a user or for who holds one role."""
    if ADMINISTRATOR not in rights_of(view.principal, release.access).roles:
        raise HTTPException(403, f"why others see what they see is told to the role {ADMINISTRATOR}")
    object_type, slash, key = object.partition("/")
    if not slash or not key:
        raise QueryError("object: write the object's type, a slash and its key, such as order/17")
    principal = await aside(partial(identity_of(request).identities.principal, who)) or in_role(who, release.access)
    if principal is None:
        raise HTTPException(404, f"there is no user, client or role {who[:80]!r}")
    found = await aside(partial(explained, release, principal, object_type, key))
    if found.missing and await aside(partial(_was_erased, exchange.services.desk, object_type, key)):
        found = erased()
    hidden = {prop: _said(why, language) for prop, why in found.hidden.items()}
    return ExplainedView(
        who=who, object=object, visible=found.visible, because=_said(found.because, language), shown=list(found.shown), hidden=hidden
    )


@withheld.get("/withheld")
@guarded("ontologies.read")
async def list_withheld(view: Viewed) -> WithheldView:
    """Types and properties that the caller may not read and may know to be there."""
    properties = {name: list(found) for name, found in view.withheld.properties.items()}
    return WithheldView(object_types=list(view.withheld.types), properties=properties)


def in_role(who: str, access: ServedAccess) -> Principal | None:
    """Somebody of whom nothing is known but one role; `anonymous` is a caller without a token."""
    if who == "anonymous":
        return anonymous(access)
    return Principal(f"role:{who}", frozenset((who,))) if who in access.roles else None


def _said(reasons: tuple[Reason, ...], language: Language) -> list[str]:
    return [reason.ko if language == "ko" else reason.en for reason in reasons]


def _was_erased(desk: Desk | None, object_type: str, key: str) -> bool:
    return desk is not None and bool(desk.log.erased_among({(object_type, key)}))
