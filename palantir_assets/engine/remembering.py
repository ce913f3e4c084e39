"""What is worth keeping of one release: made once, forgotten with the release, and the least used first.

Row sets of callers, their views, links without what they may not see: each depends on the release and on rights, never
on a single question.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Final, TypeVar

Made = TypeVar("Made")

KEPT: Final = 256


class Memory:
    """A bounded memory; safe to share between threads. What two threads make at once is kept once."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept, self._lock = kept, Lock()
        self._found: OrderedDict[Hashable, Any] = OrderedDict()

    def __len__(self) -> int:
        return len(self._found)

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What was made under a key, or what `make` gives now; what it raises is not kept."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]  # type: ignore[no-any-return]  # one kind of value a key, by whoever asks
        made = make()
        with self._lock:
            found: Made = self._found.setdefault(key, made)
            self._found.move_to_end(key)
            while len(self._found) > self._kept:
                self._found.popitem(last=False)
        return found

    def holds(self, key: Hashable) -> bool:
        """Whether something was made under a key and is still there."""
        with self._lock:
            return key in self._found
