"""Nobody starves the others: each caller's requests and the work of answering them are counted, and too many are told so.

A caller who is known is counted by name, wherever from; everybody else by address. How much somebody may ask is decided in
`access.allowances`; counts live in this process. Work is the time until an answer begins, in milliseconds; an answer
that takes less than one is counted as a request alone.
"""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

from palantir_assets.access.allowances import Allowance, allowance_of
from palantir_assets.identity.throttling import Meter, Spent
from palantir_assets.release.editing import Opened
from palantir_assets.serving.deps import Exchange
from palantir_assets.serving.recognising import ANONYMOUS
from palantir_assets.serving.told import Told

FREE: Final = ("/healthz",)
"""Asked by whoever looks after the service."""
_WORDS: Final = {"requests": "too many requests", "work": "too much work was asked for within a minute"}


class Limiter:
    """Counts callers against what they may ask; `default` is for those whose roles say nothing."""

    def __init__(self, default: Allowance, meter: Meter | None = None) -> None:
        self._default, self._meter = default, meter or Meter()

    def refusal(self, scope: Scope, exchange: Exchange) -> Told | None:
        """Count a request; why it is not answered, if it is one too many."""
        if scope["path"] in FREE:
            return None
        allowance = self._allowance(exchange)
        spent = self._meter.counted(allowance, _who(scope, exchange))
        return None if spent is None else _told(spent, allowance)

    def charge(self, scope: Scope, exchange: Exchange, seconds: float) -> None:
        """Count the work of an answer."""
        if seconds >= 0.001 and scope["path"] not in FREE:
            self._meter.charge(self._allowance(exchange), _who(scope, exchange), int(seconds * 1000))

    def _allowance(self, exchange: Exchange) -> Allowance:
        release, principal = exchange.release, exchange.principal
        if release is None or principal is None:
            return self._default
        return _kept(release, exchange, self._default)


def _kept(release: Opened, exchange: Exchange, default: Allowance) -> Allowance:
    principal = exchange.principal
    assert principal is not None  # asked above
    key = ("allowance", principal.roles, default)
    return release.memory.once(key, lambda: allowance_of(principal, release.access, default))


def _who(scope: Scope, exchange: Exchange) -> str:
    if exchange.principal is not None and exchange.principal.id != ANONYMOUS:
        return f"who:{exchange.principal.id}"
    client = scope.get("client")
    host = client[0] if client else ""
    return f"from:{':'.join(host.split(':')[:4]) if ':' in host else host}"


def _told(spent: Spent, allowance: Allowance) -> Told:
    """429, with what RFC 9110 and the draft of RateLimit header fields for HTTP (draft 10) say."""
    wait = str(spent.seconds)
    policies = (
        f'"requests";q={allowance.burst};w={spent.window}'
        if spent.of == "requests"
        else (f'"work";q={allowance.milliseconds_per_minute};w={spent.window}')
    )
    headers = {"Retry-After": wait, "RateLimit": f'"{spent.of}";r=0;t={wait}', "RateLimit-Policy": policies}
    return Told(429, "TooManyRequests", f"{_WORDS[spent.of]}; wait {wait} s", "ask less often, or for less at once", headers=headers)
