"""Lines that wait to be sent: never more than so many bytes, the oldest make room, and every line lost is counted.

Who sends them, and when, is decided in `shipping`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from sys import getsizeof
from typing import Final

import orjson

Line = tuple[int, str, str]
"""When, in nanoseconds since 1970; its level; its text."""

LONGEST: Final = 60_000
"""Characters of a line: 240,000 bytes at the most, where Loki by default takes 262,144."""
HEAD: Final = 20_000
"""Characters that are left of a longer line."""
_A_TIE: Final = 1_000_000
_BESIDE_THE_TEXT: Final = 200
"""Bytes that a line takes beside its text: the tuple, its number, its place in the queue. Rounded up."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of every line so far: `told` is the sum of all others but `waiting_bytes`.

    `dropped` made room for newer lines, were refused, or waited when the process ended. `in_doubt` were being sent when
    it ended, and nobody knows whether they arrived.
    """

    told: int = 0
    delivered: int = 0
    dropped: int = 0
    in_doubt: int = 0
    waiting: int = 0
    waiting_bytes: int = 0


class Waiting:
    """A queue of lines for many who tell and one who sends. What is being sent takes room until it is settled."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._lock = threading.RLock()  # an object that is collected meanwhile may log
        self._lines: deque[Line] = deque()
        self._sent: Sequence[Line] = ()
        self._counts = Counts()
        self._told = self._dropped = self._bytes = self._last = 0
        self._closed = False

    def put(self, moment: float, level: str, text: str) -> bool:
        """A line of that time, in seconds since 1970. Whether it is the first to wait. No two have one and the same time."""
        if len(text) > LONGEST:
            text = _head_of(text)
        size = getsizeof(text) + _BESIDE_THE_TEXT
        when = round(moment * 1_000_000) * 1_000
        with self._lock:
            self._told += 1
            if self._closed:
                self._dropped += 1
                return False
            if self._last - _A_TIE < when <= self._last:
                when = self._last + 1
            self._last = when
            self._lines.append((when, level, text))
            self._bytes += size
            while self._bytes > self._most and self._lines:
                self._bytes -= _size(self._lines.popleft())
                self._dropped += 1
            return len(self._lines) == 1

    def take(self, most_lines: int, most_bytes: int) -> list[Line]:
        """The oldest, in order, to be sent now: one at the least if any waits. They are to be settled before others are taken."""
        with self._lock:
            assert not self._sent, "what was taken before is not settled"
            taken: list[Line] = []
            size = 0
            while self._lines and len(taken) < most_lines and (not taken or size + _size(self._lines[0]) <= most_bytes):
                size += _size(self._lines[0])
                taken.append(self._lines.popleft())
            self._sent = list(taken)
            return taken

    def settle(self, lines: Sequence[Line], *, delivered: bool) -> None:
        """What became of lines that were taken, the first of them first. After `close` nothing is changed any more."""
        with self._lock:
            if self._closed:
                return
            self._sent = self._sent[len(lines) :]
            self._bytes -= sum(map(_size, lines))
            if delivered:
                self._counts = replace(self._counts, delivered=self._counts.delivered + len(lines))
            else:
                self._dropped += len(lines)

    def close(self, *, in_doubt: bool) -> None:
        """Nothing is sent any more: what waits is dropped; what was taken is too, unless it may have arrived."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._dropped += len(self._lines) + (0 if in_doubt else len(self._sent))
            self._counts = replace(self._counts, in_doubt=len(self._sent) if in_doubt else 0)
            self._lines.clear()
            self._sent, self._bytes = (), 0

    def counts(self) -> Counts:
        with self._lock:
            waiting = len(self._lines) + len(self._sent)
            return replace(self._counts, told=self._told, dropped=self._dropped, waiting=waiting, waiting_bytes=self._bytes)


def _size(line: Line) -> int:
    return getsizeof(line[2]) + _BESIDE_THE_TEXT


def _head_of(text: str) -> str:
    return orjson.dumps({"message": "a line too long to be sent", "characters": len(text), "head": text[:HEAD]}).decode()
