"""Slowing down who tries or asks too often, and locking nobody out.

Counts live in this process. Who signs in is counted by address, and by address and name together: who guesses somebody
else's password slows only himself down.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from palantir_assets.access.allowances import Allowance

Door = Literal["sign-in", "name", "token", "poll", "mail"]

DOORS: Final[dict[Door, RateLimitItem]] = {
    "sign-in": RateLimitItemPerMinute(30),
    "name": RateLimitItemPerMinute(10),
    "token": RateLimitItemPerMinute(120),
    "poll": RateLimitItemPerSecond(1, 4),
    "mail": RateLimitItemPerMinute(3),
}


class Throttle:
    """Moving windows, one for each door and key. Safe to share between threads."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def wait(self, door: Door, *key: str) -> int:
        """Count one try; 0 if it may go on, else how many seconds to wait."""
        item = DOORS[door]
        if self._limiter.hit(item, door, *key):
            return 0
        ends = self._limiter.get_window_stats(item, door, *key).reset_time
        return max(1, round(ends - time.time()))


@dataclass(frozen=True, slots=True)
class Spent:
    """What a caller has used up, of how long a window, and for how many seconds still; both whole and one at least."""

    of: Literal["requests", "work"]
    seconds: int
    window: int


class Meter:
    """Counts what callers ask and what it costs, each in windows that are as long as a burst takes to refill, or a minute.

    Safe to share between threads; one request costs some microseconds.
    """

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._limiter = FixedWindowRateLimiter(self._storage)

    def counted(self, allowance: Allowance, who: str) -> Spent | None:
        """Count one request; what is used up, if it may not go on."""
        requests, work = _items(allowance)
        if not self._limiter.hit(requests, who):
            return self._spent("requests", requests, who)
        if not self._limiter.test(work, who):
            return self._spent("work", work, who)
        return None

    def charge(self, allowance: Allowance, who: str, milliseconds: int) -> None:
        """Count work that was done, also where it is more than was left."""
        self._limiter.hit(_items(allowance)[1], who, cost=milliseconds)

    def _spent(self, of: Literal["requests", "work"], item: RateLimitItem, who: str) -> Spent:
        ends = self._limiter.get_window_stats(item, who).reset_time
        return Spent(of, max(1, round(ends - time.time())), item.get_expiry())


@lru_cache(maxsize=256)
def _items(allowance: Allowance) -> tuple[RateLimitItem, RateLimitItem]:
    seconds = max(1, round(allowance.burst / allowance.requests_per_second))
    requests = RateLimitItemPerSecond(max(allowance.burst, 1), seconds, "requests")
    return requests, RateLimitItemPerMinute(allowance.milliseconds_per_minute, 1, "work")
