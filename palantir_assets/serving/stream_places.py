"""How many streams one caller may have open at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from threading import Lock
from typing import Final

MOST: Final = 5


class Streams:
    """Counts the open streams of each caller, in this process; safe to share between threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most, self._lock = most, Lock()
        self._open: Counter[str] = Counter()

    def take(self, principal: str) -> Callable[[], None] | None:
        """A place for one more stream of a caller, as what gives it back, once; None where there is none."""
        with self._lock:
            if self._open[principal] >= self._most:
                return None
            self._open[principal] += 1
        given = False

        def give_back() -> None:
            nonlocal given
            with self._lock:
                if not given:
                    given = True
                    self._open[principal] -= 1
                    self._open += Counter()  # drops who has none

        return give_back
