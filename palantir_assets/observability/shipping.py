"""A handler that sends lines away without letting anybody wait: they stand in a bounded queue, and one thread sends them.

    told by anybody ─▶ Waiting (bounded, the oldest make room) ─▶ the thread ─▶ a Destination

The destination is a store's affair (`stores.loki`). What it does not take now is tried again, later and later; what it
refuses for good is dropped, line by line. What the thread itself logs, and the libraries that it calls, is never sent:
it would make more of itself.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final, Literal, Protocol

from palantir_assets.observability.waiting import Counts, Line, Waiting

LOG: Final = logging.getLogger(__name__)
UNSENT: Final = (__name__, "urllib3", "requests", "charset_normalizer", "logging_loki")
"""Loggers whose lines are not sent, with all below them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a destination said. `unknown`: it may have taken the lines all the same. `after`: seconds that it asks to wait."""

    kind: Literal["taken", "refused", "again"]
    why: str = ""
    unknown: bool = False
    after: float = 0.0


class Destination(Protocol):
    """Where lines go. Called by one thread."""

    def send(self, lines: Sequence[Line]) -> Answer:
        """All of them or none, within a limited time. What is raised counts as `again`."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How lines go, in seconds, lines and bytes."""

    most_bytes: int = 24_000_000
    batch_lines: int = 500
    batch_bytes: int = 500_000
    linger: float = 0.25
    first_retry: float = 0.5
    longest_retry: float = 30.0
    report: float = 60.0
    at_exit: float = 2.0


class Shipped(logging.Handler):
    """Puts lines into the queue and returns. The thread starts with the first line, and again after a fork; it opens the destination."""

    _thread: threading.Thread | None
    _sender_ident: int | None
    _in_doubt: bool

    def __init__(
        self,
        destination: Callable[[], Destination],
        pace: Pace = Pace(),  # frozen
        *,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        super().__init__()
        self._destination, self._pace, self._clock, self._chance = destination, pace, clock, chance
        self._anew()
        os.register_at_fork(after_in_child=_in_a_child(weakref.ref(self)))

    def createLock(self) -> None:
        """None is needed: the queue has its own, held for a microsecond."""
        self.lock = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Nothing of its own, and nothing of what it calls; then as others."""
        if record.thread == self._sender_ident or any(record.name == name or record.name.startswith(f"{name}.") for name in UNSENT):
            return False
        return super().filter(record)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._put(record.created, record.levelname, self.format(record))
        except Exception:
            self.handleError(record)

    def put(self, line: str) -> None:
        """A line of level INFO, of now, as it is."""
        self._put(self._clock(), "INFO", line)

    def counts(self) -> Counts:
        return self._waiting.counts()

    def close(self) -> None:
        """What waits is sent, for `at_exit` seconds at the most; then it is said how many lines did not leave."""
        if not self._closing.is_set():
            self._closing.set()
            self._awake.put(None)
            if self._thread is not None and self._thread.is_alive():
                self._thread.join(self._pace.at_exit)
            self._waiting.close(in_doubt=self._in_doubt)
            self._report(ending=True)
        super().close()

    def _put(self, moment: float, level: str, text: str) -> None:
        if self._waiting.put(moment, level, text):
            if self._thread is None or not self._thread.is_alive():
                self._start()
            self._awake.put(None)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="log lines away", daemon=True)
                self._thread.start()

    def _anew(self) -> None:
        """As nobody had told anything yet: what waits in a process belongs to that process."""
        self._waiting = Waiting(self._pace.most_bytes)
        self._awake: SimpleQueue[None] = SimpleQueue()  # whose `put` may be called while it runs: a collected object may log
        self._closing, self._starting = threading.Event(), threading.RLock()
        self._thread, self._sender_ident = None, None
        self._in_doubt, self._failed, self._reported, self._reported_at = False, False, 0, 0.0

    def _run(self) -> None:
        self._sender_ident, destination = threading.get_ident(), self._destination()
        while not self._closing.is_set():
            self._awake.get()
            self._closing.wait(self._pace.linger)
            while lines := self._waiting.take(self._pace.batch_lines, self._pace.batch_bytes):
                if not self._deliver(destination, lines):
                    return
                self._report()
        destination.close()

    def _deliver(self, destination: Destination, lines: Sequence[Line], *, in_doubt: bool = False) -> bool:
        """Until they are settled; False where the process ends before, after one more try."""
        retry, self._in_doubt = self._pace.first_retry, in_doubt
        while (answer := self._asked(destination, lines)).kind == "again":
            if not self._failed:
                self._failed = True
                LOG.warning("log lines cannot be sent, and are tried again: %s", answer.why)
            self._report()
            if self._closing.is_set():
                return False
            self._closing.wait(max(answer.after, retry * (0.5 + self._chance() / 2)))
            retry = min(retry * 2, self._pace.longest_retry)
        if answer.kind == "refused" and len(lines) > 1:
            middle = len(lines) // 2  # some of them may have been taken, which sending them again does not double
            return all(self._deliver(destination, half, in_doubt=True) for half in (lines[:middle], lines[middle:]))
        if answer.kind == "refused":
            LOG.warning("a log line was refused and is dropped: %s", answer.why)
        self._waiting.settle(lines, delivered=answer.kind == "taken")
        self._in_doubt = False
        if self._failed and answer.kind == "taken":
            self._failed = False
            LOG.info("log lines are sent again", extra={"dropped": self.counts().dropped})
        return True

    def _asked(self, destination: Destination, lines: Sequence[Line]) -> Answer:
        before, self._in_doubt = self._in_doubt, True
        try:
            answer = destination.send(lines)
        except Exception as error:
            answer = Answer("again", type(error).__name__, unknown=True)  # its words may hold what was sent
        self._in_doubt = before or answer.unknown
        return answer

    def _report(self, *, ending: bool = False) -> None:
        """How many lines were dropped, where there are more than was said, once in a while."""
        counts, now = self.counts(), self._clock()
        lost = counts.dropped + counts.in_doubt
        if lost > self._reported and (ending or now - self._reported_at >= self._pace.report):
            self._reported, self._reported_at = lost, now
            told = {"dropped": counts.dropped, "in_doubt": counts.in_doubt, "delivered": counts.delivered}
            LOG.warning("log lines did not leave; they stand in the local log", extra=told)


def _in_a_child(handler: weakref.ref[Shipped]) -> Callable[[], None]:
    def anew() -> None:
        if (found := handler()) is not None:
            found._anew()

    return anew
