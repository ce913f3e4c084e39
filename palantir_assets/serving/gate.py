"""Before a route: there is a caller, or the route is public.

How somebody is recognised is `identified`'s affair, and done once a request in `middleware`; what somebody who is
recognised may do, `access`'s.
"""

from __future__ import annotations

from copy import copy

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from palantir_assets.errors import LedgerError
from palantir_assets.serving.policies import caller, policy_of
from palantir_assets.serving.recognising import Recognises, Unauthorized


class Gate:
    """For WebSockets, which no other middleware looks at: only who is recognised gets through."""

    def __init__(self, app: ASGIApp, recognises: Recognises) -> None:
        self._app, self._recognises = app, recognises

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and not self._knows(scope):
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        await self._app(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        try:
            return self._recognises.recognise(scope) is not None
        except (Unauthorized, LedgerError):
            return False


def for_callers(route: BaseRoute) -> BaseRoute:
    """The route, asked only once there is a caller: nobody reaches one that is not public, whatever it looks at itself."""
    policy = policy_of(route)
    if policy is not None and policy.name == "public":
        return route
    inner: ASGIApp = getattr(route, "app")  # noqa: B009  # each kind of route has one; its base class does not say so

    own = policy is not None and policy.name == "account.own"

    async def with_caller(scope: Scope, receive: Receive, send: Send) -> None:
        caller(scope, in_person=own)
        await inner(scope, receive, send)

    guarded_route = copy(route)
    setattr(guarded_route, "app", with_caller)  # noqa: B010
    return guarded_route
