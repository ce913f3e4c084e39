"""Slowing down who tries too often, and locking nobody out.

Counts live in this process. A caller is counted by address, and by address and name together: who guesses somebody
else's password slows only himself down.
"""

from __future__ import annotations

import time
from typing import Final, Literal

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

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
