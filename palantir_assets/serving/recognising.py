"""Who asks: the port. What a request carries is read by whoever implements it; what a caller may see, `access` decides.

A credential that is not taken is refused, whatever was asked; one that is absent makes the caller anonymous, with the
roles that the rules of the release give to such callers, or nobody at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from starlette.types import Scope

from palantir_assets.access.principal import Principal
from palantir_assets.errors import PalantirError
from palantir_assets.ontology.served_access import ServedAccess

ANONYMOUS: Final = "anonymous"


class Unauthorized(PalantirError):
    """Nobody in particular asks, or with a credential that is not taken. `forbidden` if it is good, but not for this."""

    next_step = "send `Authorization: Bearer …` with a token that is valid"

    def __init__(self, message: str, *, forbidden: bool = False, presented: bool = True, next_step: str = "") -> None:
        self.forbidden, self.presented = forbidden, presented
        super().__init__(message, next_step=next_step)


class Recognises(Protocol):
    """Says who asks; None where the request does not tell. Raises Unauthorized for a credential that is not taken."""

    def recognise(self, scope: Scope) -> Principal | None: ...


@runtime_checkable
class Awaited(Protocol):
    """Recognises, once what that takes is there; the event loop goes on meanwhile."""

    async def make_ready(self, scope: Scope) -> None: ...


@dataclass(frozen=True, slots=True)
class AsAnyone:
    """Takes every request for one caller's: for tests, and for a service inside another program."""

    principal: Principal

    def recognise(self, scope: Scope) -> Principal | None:
        return self.principal


class NobodyKnown:
    """Knows no callers: all are anonymous, whatever they present. Clients that cannot do without a token send any."""

    def recognise(self, scope: Scope) -> Principal | None:
        return None


def anonymous(access: ServedAccess) -> Principal | None:
    """A caller without a credential; None where the rules let none in."""
    return Principal(ANONYMOUS, frozenset(access.anonymous)) if access.anonymous else None
