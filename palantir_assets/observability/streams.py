"""Where lines go: a stream or the end of a file, in order, with a short wait for those that allow it.

What stands in a line is the package's affair; how lines go elsewhere, that of `shipping`.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

from palantir_assets.observability.shipping import Shipped

WAIT: Final = 0.1
MOST_WAITING: Final = 512


class Lines(logging.StreamHandler[TextIO]):
    """A stream of lines. `put` lets a line wait for company; whatever is told at once takes along what waits."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._waiting: list[str] = []

    def put(self, line: str) -> None:
        """A line that may wait; with MOST_WAITING others it goes out at once, so that memory stays bounded."""
        self.acquire()
        try:
            self._waiting.append(line)
            count = len(self._waiting)
        finally:
            self.release()
        if count == 1:
            _FLUSHER.wake()
        elif count >= MOST_WAITING:
            with suppress(OSError, ValueError):  # as `logging` does: a lost terminal is no reason to fail a request
                self.flush()

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError, ValueError):
            self._spill()
        super().emit(record)

    def flush(self) -> None:
        self.acquire()
        try:
            self._spill()
            super().flush()
        finally:
            self.release()

    def _spill(self) -> None:
        """Under the handler's own lock, which `handle` holds around `emit`."""
        if self._waiting:
            lines, self._waiting = self._waiting, []
            self.stream.write("\n".join([*lines, ""]))


class FileLines(Lines):
    """The end of a file, opened here and closed with the handler."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("a", encoding="utf-8"))

    def close(self) -> None:
        with suppress(OSError, ValueError):
            self.flush()
            self.stream.close()
        super().close()


class _Flusher:
    """A thread that sends waiting lines on their way; it sleeps while there are none."""

    def __init__(self) -> None:
        self._awake = threading.Event()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        if self._thread is None or not self._thread.is_alive():  # not before it is needed, and again after a fork
            self._thread = threading.Thread(target=self._run, name="log lines", daemon=True)
            self._thread.start()
        self._awake.set()

    def _run(self) -> None:
        while self._awake.wait():
            time.sleep(WAIT)
            self._awake.clear()
            for handler in ours():
                with suppress(OSError, ValueError):
                    handler.flush()


_FLUSHER: Final = _Flusher()


def ours() -> list[Lines | Shipped]:
    """Our handlers on the root logger."""
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, (Lines, Shipped))]
