"""Who may call which route, declared on every route by name.

`guarded` marks an endpoint, `unguarded` finds routes that nobody marked, and the app refuses to start with
one. What a caller may read within a route is decided in `access.policy`, over the Principal given here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeVar

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import Scope

from palantir_assets.access.principal import LOCAL, Principal

Endpoint = TypeVar("Endpoint", bound=Callable[..., object])
PolicyName = Literal["public", "ontologies.read", "objects.read", "functions.call", "search.read", "releases.read", "account.own"]


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule about callers of a route. `discloses` says what an answer may contain."""

    name: PolicyName
    discloses: str


POLICIES: Final[dict[str, Policy]] = {
    policy.name: policy
    for policy in (
        Policy("public", "that the service runs, which release it serves, and its own documentation"),
        Policy("ontologies.read", "names and types of what the caller may read"),
        Policy("objects.read", "objects and links the caller may read"),
        Policy("functions.call", "what functions of the project make of objects the caller may read"),
        Policy("search.read", "keys and titles of objects the caller may read"),
        Policy("releases.read", "ids, times and reasons of releases"),
        Policy("account.own", "who the caller is and which tokens are the caller's own"),
    )
}

PRINCIPAL: Final = "palantir.principal"
_MARK: Final = "__policy__"


def guarded(name: PolicyName) -> Callable[[Endpoint], Endpoint]:
    """Declare which policy an endpoint is under."""
    policy = POLICIES[name]

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _MARK, policy)
        return endpoint

    return mark


def policy_of(route: BaseRoute) -> Policy | None:
    """The policy a route declared, or None."""
    found = getattr(getattr(route, "endpoint", None), _MARK, None)
    return found if isinstance(found, Policy) else None


def unguarded(routes: Iterable[BaseRoute]) -> list[str]:
    """Routes without a policy; a mount or anything else whose inside cannot be seen counts as one."""
    return [getattr(route, "path", None) or repr(route) for route in routes if policy_of(route) is None]


def caller(scope: Scope) -> Principal:
    """Who asks. Raises HTTPException 401 for nobody; where the app was made without identities, whoever reaches it is LOCAL."""
    found: Principal | None = scope.get(PRINCIPAL, LOCAL)
    if found is None:
        raise HTTPException(401, "sign in, or send `Authorization: Bearer …`", headers={"WWW-Authenticate": "Bearer"})
    return found


async def _caller(request: Request) -> Principal:
    return caller(request.scope)


Caller = Annotated[Principal, Depends(_caller)]
