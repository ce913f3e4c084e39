"""How much a caller may ask: requests a second, and the work that answering them may take a minute.

What a role says replaces the service's own figure; of several roles the most generous holds. How asking is counted is
told in `identity.throttling`, and what a caller is told who asked too much, in `serving.limiting`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from palantir_assets.access.policy import rights_of
from palantir_assets.access.principal import Principal
from palantir_assets.ontology.served_access import ServedAccess, ServedLimits


@dataclass(frozen=True, slots=True)
class Allowance:
    """`burst` requests at once, refilled at `requests_per_second`; `milliseconds_per_minute` of answering."""

    requests_per_second: int
    burst: int
    milliseconds_per_minute: int


def allowance_of(principal: Principal, access: ServedAccess, default: Allowance) -> Allowance:
    """What a caller may ask under some rules; of what none of the roles says, the default."""
    said = [limits for role in rights_of(principal, access).roles if (limits := access.roles[role].limits) is not None]
    rate = _most(said, lambda limits: limits.requests_per_second, default.requests_per_second)
    burst = _most(said, lambda limits: limits.burst or limits.requests_per_second, default.burst)
    work = _most(said, lambda limits: limits.milliseconds_per_minute, default.milliseconds_per_minute)
    return Allowance(rate, max(rate, burst), work)


def _most(said: Iterable[ServedLimits], figure: Callable[[ServedLimits], int | None], default: int) -> int:
    return max((found for limits in said if (found := figure(limits)) is not None), default=default)
