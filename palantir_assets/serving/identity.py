"""What the routes of identity are made of, put together once, and the little that they share.

Opened by `serve` and handed to `create_app`; a test hands in its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Annotated, Final, TypeVar

from anyio import to_thread
from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from palantir_assets.identity.flows import Flows
from palantir_assets.identity.ports import Credentials, Identities, Mailer
from palantir_assets.identity.providers import Provider
from palantir_assets.identity.throttling import Door, Throttle
from palantir_assets.identity.tokens import Tokens
from palantir_assets.serving.identified import STANDING, Identified, Standing, cookie_name
from palantir_assets.serving.role_version import SharedVersion
from palantir_assets.settings import Settings
from palantir_assets.stores.database import Database

T = TypeVar("T")

MAX_FIELDS: Final = 20
MAX_FIELD: Final = 4096
NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@dataclass(frozen=True, slots=True)
class Identity:
    """Everything about who asks. `provider` and `mailer` are None where none is set up."""

    identities: Identities
    credentials: Credentials
    tokens: Tokens
    flows: Flows
    recognises: Identified
    clock: Callable[[], datetime]
    public_url: str
    provider: Provider | None = None
    mailer: Mailer | None = None
    throttle: Throttle = field(default_factory=Throttle)

    @property
    def secure(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def cookie(self) -> str:
        return cookie_name(self.public_url)


def open_identity(settings: Settings, database: Database, clock: Callable[[], datetime], *, mailer: Mailer | None = None) -> Identity:
    """Identity over an open ledger and the keys in the state folder. Raises SettingsError, LedgerError."""
    from palantir_assets.stores.identity_opening import open_flows
    from palantir_assets.stores.openid import OpenIdProvider
    from palantir_assets.stores.signing_keys import load

    opened = open_flows(settings, database, clock)
    identities, credentials, flows = opened.identities, opened.credentials, opened.flows
    recognises = Identified(
        identities, credentials, flows.tokens, clock, public_url=settings.public_url, load_keys=partial(load, settings.keys),
        touch=lambda digest: credentials.touch(digest, at=clock()),
        version_aside=SharedVersion(identities.version) if database.is_remote else None,
    )  # fmt: skip
    provider = OpenIdProvider(settings.oidc, clock) if settings.oidc else None
    return Identity(identities, credentials, flows.tokens, flows, recognises, clock, settings.public_url, provider, mailer)


def identity_of(request: Request) -> Identity:
    """The identity that the app was made with."""
    found: Identity = request.app.state.identity
    return found


async def fields(request: Request) -> Mapping[str, str]:
    """The fields of a form, each once. Raises HTTPException 400 for anything else; no value is ever repeated in words."""
    form = await request.form(max_files=0, max_fields=MAX_FIELDS)
    found: dict[str, str] = {}
    for name, value in form.multi_items():
        if name in found or not isinstance(value, str) or len(value) > MAX_FIELD or "\x00" in value:
            raise HTTPException(400, "a field of the form stands twice, is too long, or is no text")
        found[name] = value
    return found


async def aside(work: Callable[[], T]) -> T:
    """Run what waits for the ledger or hashes a password away from the event loop."""
    return await to_thread.run_sync(work)


def slowed(identity: Identity, door: Door, *key: str) -> None:
    """Count one try. Raises HTTPException 429 with Retry-After."""
    if seconds := identity.throttle.wait(door, *key):
        raise HTTPException(429, f"too many tries; wait {seconds} s", headers={"Retry-After": str(seconds)})


def address(request: Request) -> str:
    """Where a request comes from, to be counted by; of IPv6 the network that one customer gets."""
    host = request.client.host if request.client else ""
    return ":".join(host.split(":")[:4]) if ":" in host else host


def session_of(request: Request, identity: Identity) -> Standing | None:
    """Who sits before this browser, whatever else the request carries; None for nobody."""
    secret = request.cookies.get(identity.cookie)
    return identity.recognises.session(secret) if secret else None


def set_cookie(response: Response, identity: Identity, name: str, value: str, seconds: int) -> None:
    """A cookie that no script reads and no other site's form brings along."""
    response.set_cookie(name, value, max_age=seconds, path="/", secure=identity.secure, httponly=True, samesite="lax")


async def _standing(request: Request) -> Standing:
    found = request.scope.get(STANDING)
    if not isinstance(found, Standing):
        raise HTTPException(401, "sign in first", headers={"WWW-Authenticate": "Bearer"})
    return found


Known = Annotated[Standing, Depends(_standing)]
"""How the caller is known; nobody known is a 401."""
