"""Before a route: there is a caller, or the route is public.

How somebody is recognised is `identified`'s affair, and done once a request in `middleware`; what somebody who is
recognised may do, `access`'s.
"""

from __future__ import annotations

from copy import copy
from typing import Final

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from palantir_assets.errors import LedgerError
from palantir_assets.serving.admitting import Admits
from palantir_assets.serving.policies import caller, policy_of
from palantir_assets.serving.recognising import Recognises, Unauthorized

CALLER: Final = "palantir.caller"
"""Where a WebSocket's scope says who asks."""


class Gate:
    """For WebSockets, which no other middleware looks at: only who is recognised gets through, under a name of ours."""

    def __init__(self, app: ASGIApp, recognises: Recognises, admitted: Admits) -> None:
        self._app, self._recognises, self._admitted = app, recognises, admitted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and not self._knows(scope):
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        await self._app(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        try:
            found = self._recognises.recognise(scope) if self._admitted(host) else None
        except (Unauthorized, LedgerError):
            return False
        scope[CALLER] = found
        return found is not None


def for_callers(route: BaseRoute) -> BaseRoute:
    """The route, asked only once there is a caller: nobody reaches one that is not public, whatever it looks at itself."""
    policy = policy_of(route)
    itself = isinstance(route, WebSocketRoute) or getattr(route, "asks_itself", False)  # before WebSockets stands `Gate`
    if itself or (policy is not None and policy.name == "public"):
        return route
    inner: ASGIApp = getattr(route, "app")  # noqa: B009  # each kind of route has one; its base class does not say so

    own = policy is not None and policy.name == "account.own"

    async def with_caller(scope: Scope, receive: Receive, send: Send) -> None:
        caller(scope, in_person=own)
        await inner(scope, receive, send)

    guarded_route = copy(route)
    setattr(guarded_route, "app", with_caller)  # noqa: B010
    return guarded_route
