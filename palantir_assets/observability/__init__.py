"""What the platform says about itself: JSON lines, the fields every line carries, and no secrets.

    ts level logger message        always
    run_id asset request_id        what was being done, while `bind` says so
    release_id principal
    anything given as `extra=`     facts of this line
    error                          the traceback, if there is one

Lines go to a stream and, if asked, to a file, at once and in order, and to one more place by `shipping`. Those of a hot
path, given to `tell`, may wait a tenth of a second, so that many go out together; none is dropped, and none waits beyond
the end of the process or beyond a line that is told at once. A process that is killed outright takes those of its last
tenth of a second along. Where the one more place is (Loki) is a store's affair; what is worth a line, that of whoever logs.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TextIO

import orjson

from palantir_assets.observability.redaction import HIDDEN, STANDARD, Redaction, may_hold_a_secret, redact, redacted
from palantir_assets.observability.shipping import Shipped
from palantir_assets.observability.streams import FileLines, Lines, ours
from palantir_assets.observability.waiting import Counts

__all__ = [
    "FIELDS", "HIDDEN", "Counts", "Field", "JsonLines", "Redaction", "Shipped", "bind", "bound", "configure", "finish", "redact",
    "sent_away", "tell",
]  # fmt: skip

Field = Literal["run_id", "asset", "request_id", "release_id", "principal"]

FIELDS: Final[tuple[Field, ...]] = ("run_id", "asset", "request_id", "release_id", "principal")
_AS_TEXT: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
_BOUND: ContextVar[Mapping[str, str]] = ContextVar("palantir_log_fields", default=MappingProxyType({}))


@contextmanager
def bind(**fields: str | None) -> Iterator[None]:
    """Fields for every line logged in this block, in this thread or task. None unbinds; unknown names raise."""
    if unknown := sorted(fields.keys() - set(FIELDS)):
        raise TypeError(f"{unknown[0]!r} is not one of {', '.join(FIELDS)}")
    merged = {**_BOUND.get(), **fields}
    token = _BOUND.set(MappingProxyType({name: value for name, value in merged.items() if value is not None}))
    try:
        yield
    finally:
        _BOUND.reset(token)


def bound() -> Mapping[str, str]:
    """The fields bound here and now."""
    return _BOUND.get()


class JsonLines(logging.Formatter):
    """One record as one line of JSON. Times are UTC."""

    def format(self, record: logging.LogRecord) -> str:
        extra = {name: value for name, value in vars(record).items() if name not in STANDARD}
        error = record.exc_text or (self.formatException(record.exc_info) if record.exc_info else "")
        return _line(record.created, record.levelname, record.name, record.getMessage(), {**extra, "error": error} if error else extra)


def tell(logger: logging.Logger, message: str, fields: Mapping[str, object]) -> None:
    """An INFO line of a hot path: what `logger.info(message, extra=fields)` writes, for a fraction of its cost.

    It may wait (see above). Where handlers of others listen, it is an ordinary record.
    """
    if not logger.isEnabledFor(logging.INFO):
        return
    handlers = _listening(logger)
    if handlers is None:
        logger.info(message, extra=dict(fields))
        return
    moment = time.time()
    line = _line(moment, "INFO", logger.name, message, fields)
    if may_hold_a_secret(line):
        line = _line(moment, "INFO", logger.name, redact(message), {name: redacted(name, value) for name, value in fields.items()})
    for handler in handlers:
        handler.put(line)


def configure(
    level: str = "INFO", stream: TextIO | None = None, *, file: Path | None = None, away: Callable[[], Shipped] | None = None
) -> None:
    """Send every log line to `stream` (stderr) and, if given, to the end of `file`, and away. Again replaces what was set.

    Handlers that others put on the root logger stay, and get the redaction too.
    """
    root = logging.getLogger()
    for old in ours():
        root.removeHandler(old)
        with suppress(OSError, ValueError):
            old.flush()
        old.close()
    fresh: list[Lines | Shipped] = [Lines(stream or sys.stderr)]
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.append(FileLines(file))
    if away is not None:
        fresh.append(away())  # after the others: handlers are closed from the last to the first, and it says what it lost
    for new in fresh:
        new.setFormatter(JsonLines())
        root.addHandler(new)
    for handler in root.handlers:
        if not any(isinstance(present, Redaction) for present in handler.filters):
            handler.addFilter(Redaction())
    root.setLevel(level)


def finish() -> None:
    """What waits goes out, within the seconds of `shipping`; for a process that a signal is about to end."""
    for handler in ours():
        if isinstance(handler, Shipped):
            handler.close()
    for handler in ours():
        with suppress(OSError, ValueError):
            handler.flush()


def sent_away() -> Counts | None:
    """What became of the lines that were to go away; None where none are to."""
    return next((handler.counts() for handler in ours() if isinstance(handler, Shipped)), None)


def _listening(logger: logging.Logger) -> list[Lines | Shipped] | None:
    """The handlers of ours that hear a logger; None where others do too, or where a filter decides."""
    found: list[Lines | Shipped] = []
    current: logging.Logger | None = logger
    while current is not None:
        if current.filters:
            return None
        for handler in current.handlers:
            if not isinstance(handler, (Lines, Shipped)) or handler.level > logging.INFO:
                return None
            found.append(handler)
        current = current.parent if current.propagate else None
    return found or None


def _line(moment: float, level: str, logger: str, message: str, fields: Mapping[str, object]) -> str:
    second, micros = divmod(round(moment * 1_000_000), 1_000_000)
    line = {"ts": f"{_second(second)}.{micros:06d}Z", "level": level, "logger": logger, "message": message, **bound(), **fields}
    try:
        return orjson.dumps(line, default=str, option=_AS_TEXT).decode()
    except TypeError:  # what orjson has no word for: half a surrogate pair, a number beyond 64 bits, a key that is no text
        return json.dumps(line, ensure_ascii=True, default=str, skipkeys=True)


@lru_cache(maxsize=8)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
