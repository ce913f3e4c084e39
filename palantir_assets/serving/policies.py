"""Who may call which route, declared on every route by name.

`guarded` marks an endpoint, `unguarded` finds routes that nobody marked, and the app refuses to start with
one. What a caller may read within a route is told by the View given here, made in
`access` of the caller and the rules of the release.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeVar

from fastapi import Depends, Request
from starlette.routing import BaseRoute
from starlette.types import Scope

from palantir_assets.access.policy import rights_of
from palantir_assets.access.principal import Principal
from palantir_assets.access.views import View
from palantir_assets.serving.deps import Exchange, exchange_of, release_of
from palantir_assets.serving.recognising import Unauthorized

Endpoint = TypeVar("Endpoint", bound=Callable[..., object])
PolicyName = Literal[
    "public",
    "ontologies.read",
    "objects.read",
    "functions.call",
    "search.read",
    "releases.read",
    "account.own",
    "actions.apply",
    "actions.read",
    "outbox.read",
    "metrics.read",
    "dagster.use",
    "access.explain",
    "objects.erase",
]


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
        Policy("actions.apply", "what an action would do or did to objects the caller may read"),
        Policy("actions.read", "actions that the caller knows, on objects the caller may read"),
        Policy("access.explain", "to administrators, which rules hide or show an object to others"),
        Policy("objects.erase", "to administrators, how often an object was edited and which releases hold it"),
        Policy("dagster.use", "Dagster's pages: runs, logs and metadata of assets, with marked columns masked"),
        Policy("account.own", "who the caller is and which tokens are the caller's own"),
        Policy("outbox.read", "to the roles admin and engineer, what waits to leave and why, without its words"),
        Policy("metrics.read", "to the roles admin and engineer, how often each route was asked and how the service fares"),
    )
}

OPERATORS: Final = frozenset({"admin", "engineer"})
"""The roles that look after what leaves."""
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


def caller(scope: Scope, *, in_person: bool = False) -> Principal:
    """Who asks. Raises Unauthorized for nobody or a credential that is not taken, NoRelease before it is known who needs none.

    `in_person` is said where nobody does without a credential, whatever the rules of a release let strangers read.
    """
    exchange = exchange_of(scope)
    if exchange.refused is not None:
        raise exchange.refused
    if exchange.principal is None:
        if not in_person:
            release_of(scope)
        raise Unauthorized("this service answers nobody without a token", presented=False)
    return exchange.principal


def viewer(scope: Scope) -> View:
    """What the caller may see. Raises as `caller`, and NoRelease before the first."""
    caller(scope)
    release_of(scope)
    view = exchange_of(scope).view
    assert view is not None, "a caller of a release has a view of it"
    return view


def operates(exchange: Exchange) -> bool:
    """Whether the caller holds one of the roles; nobody does not."""
    principal, release = exchange.principal, exchange.release
    if principal is None:
        return False
    return bool(OPERATORS & (principal.roles if release is None else principal.roles | rights_of(principal, release.access).roles))


async def _viewer(request: Request) -> View:
    return viewer(request.scope)


Viewed = Annotated[View, Depends(_viewer)]
