"""Temporary object sets: definitions kept for an hour under an id, in this process and in bounded memory.

A definition is kept, never its objects: it is asked anew of the release that is served, with the rights of
whoever asks. What a definition means is told in `query.sets`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from secrets import token_hex
from threading import Lock
from time import monotonic
from typing import Final

import orjson

from palantir_assets.query.sets import RID

KEPT_SECONDS: Final = 3_600.0
MOST: Final = 10_000
MOST_BYTES: Final = 16_000_000


class TemporarySets:
    """`query.sets.SavedSets` in memory. The oldest go when there are too many, or too many bytes of them."""

    def __init__(
        self, *, seconds: float = KEPT_SECONDS, most: int = MOST, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = monotonic
    ) -> None:
        self._seconds, self._most, self._most_bytes, self._clock = seconds, most, most_bytes, clock
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def keep(self, form: Mapping[str, object]) -> str:
        """Keep a definition; its new id."""
        rid, body = f"{RID}{token_hex(16)}", orjson.dumps(form)
        with self._lock:
            self._kept[rid] = (self._clock() + self._seconds, body)
            self._bytes += len(body)
            self._let_go()
        return rid

    def find(self, rid: str) -> Mapping[str, object] | None:
        """The definition of an id; None for one that is not kept, or no longer."""
        with self._lock:
            self._let_go()
            found = self._kept.get(rid)
        if found is None:
            return None
        form: Mapping[str, object] = orjson.loads(found[1])
        return form

    def _let_go(self) -> None:
        """They expire in the order they came, so that only the first are looked at."""
        now = self._clock()
        while self._kept:
            until, body = next(iter(self._kept.values()))
            if until > now and len(self._kept) <= self._most and self._bytes <= self._most_bytes:
                return
            self._kept.popitem(last=False)
            self._bytes -= len(body)
