"""Before a route: who asks is recognised once, and a credential that is not taken ends the request here.

How somebody is recognised is `identified`'s affair; what somebody who is recognised may do, `policies`' and `access`'s.
"""

from __future__ import annotations

from copy import copy
from typing import Protocol

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from palantir_assets.access.principal import Principal
from palantir_assets.errors import LedgerError
from palantir_assets.serving.errors import Told, respond
from palantir_assets.serving.identified import Unauthorized
from palantir_assets.serving.policies import PRINCIPAL, caller, policy_of


class Recognises(Protocol):
    """Says who asks. Raises Unauthorized for a credential that is not taken, LedgerError where that cannot be told."""

    def recognise(self, scope: Scope) -> Principal | None: ...


class Gate:
    """Puts the caller into the scope; `anonymous` is who somebody without a credential is, None for nobody at all."""

    def __init__(self, app: ASGIApp, recognises: Recognises, anonymous: Principal | None) -> None:
        self._app, self._recognises, self._anonymous = app, recognises, anonymous

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            try:
                scope[PRINCIPAL] = self._recognises.recognise(scope) or self._anonymous
            except (Unauthorized, LedgerError) as error:
                await _refuse(error, scope, receive, send)
                return
        await self._app(scope, receive, send)


def for_callers(route: BaseRoute) -> BaseRoute:
    """The route, asked only once there is a caller: nobody reaches one that is not public, whatever it looks at itself."""
    policy = policy_of(route)
    if policy is not None and policy.name == "public":
        return route
    inner: ASGIApp = getattr(route, "app")  # noqa: B009  # each kind of route has one; its base class does not say so

    async def with_caller(scope: Scope, receive: Receive, send: Send) -> None:
        caller(scope)
        await inner(scope, receive, send)

    guarded_route = copy(route)
    setattr(guarded_route, "app", with_caller)  # noqa: B010
    return guarded_route


async def _refuse(error: Unauthorized | LedgerError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    await respond(_told(error), scope)(scope, receive, send)


def _told(error: Unauthorized | LedgerError) -> Told:
    if isinstance(error, LedgerError):
        return Told(503, "LedgerError", "who asks cannot be told at the moment", error.advice, headers={"Retry-After": "5"})
    if error.forbidden:
        challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
        return Told(403, "PermissionDenied", error.message, error.advice, headers=challenge)
    return Told(401, "Unauthorized", error.message, error.advice, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
