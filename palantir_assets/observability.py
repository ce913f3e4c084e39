"""What the platform says about itself: JSON lines, the fields every line carries, and no secrets.

    ts level logger message        always
    run_id asset request_id        what was being done, while `bind` says so
    release_id principal
    anything given as `extra=`     facts of this line
    error                          the traceback, if there is one

Lines go to a stream and, if asked, to a file. Sending them elsewhere (Loki) is a store's work; what is
worth a line is decided by whoever logs.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TextIO

Field = Literal["run_id", "asset", "request_id", "release_id", "principal"]

FIELDS: Final[tuple[Field, ...]] = ("run_id", "asset", "request_id", "release_id", "principal")
HIDDEN: Final = "•••"

_SECRET: Final = r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key(?:[_-]id)?|private[_-]?key|credentials?)"
_SECRET_NAME: Final = re.compile(rf"(?:^|[\W_]){_SECRET}(?:$|[\W_])|^(?:proxy-)?authorization$|^(?:set-)?cookie$", re.IGNORECASE)
_REDACTIONS: Final = (
    # scheme://user:password@host, the password up to the last @ of the authority
    (re.compile(r"(?P<keep>\b[a-z][a-z0-9+.-]*://[^\s:/@'\"]*):[^\s/'\"]+@", re.IGNORECASE), rf"\g<keep>:{HIDDEN}@"),
    (
        re.compile(
            r"(?P<keep>\b(?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?)(?:(?:basic|bearer|digest|token)\s+)?[^\s\"',;}]+", re.IGNORECASE
        ),
        rf"\g<keep>{HIDDEN}",
    ),
    (re.compile(r"(?P<keep>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\g<keep>{HIDDEN}"),
    (re.compile(r"(?P<keep>\b(?:set-)?cookie[\"']?\s*[:=]\s*[\"']?)[^\"'\r\n]+", re.IGNORECASE), rf"\g<keep>{HIDDEN}"),
    (
        re.compile(rf"(?P<keep>[\w-]*{_SECRET}[\w-]*[\"']?\s*[:=]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s\"',;&}}]+)", re.IGNORECASE),
        rf"\g<keep>{HIDDEN}",
    ),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), HIDDEN),  # a JSON web token
)
_MAY_BE_SECRET: Final = re.compile(
    r"://|pass|pwd|secret|token|credential|(?:api|access|private)[_-]?key|authoriz|bearer|basic|cookie|eyJ", re.IGNORECASE
)
"""What every text that a redaction changes holds: most log lines hold none of it, and one search spares them six."""
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_BOUND: ContextVar[Mapping[str, str]] = ContextVar("palantir_log_fields", default=MappingProxyType({}))


def redact(text: str) -> str:
    """The text with passwords, tokens, authorization headers and credentials in URLs hidden.

    >>> redact("postgresql://app:s3cret@db/ledger")
    'postgresql://app:•••@db/ledger'
    """
    if _MAY_BE_SECRET.search(text):
        for pattern, replacement in _REDACTIONS:
            text = pattern.sub(replacement, text)
    return text


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


class Redaction(logging.Filter):
    """Hides secrets in a record before any handler formats it: message, traceback and extra fields."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(_message(record)), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.exc_info = None
        record.exc_text = redact(record.exc_text) if record.exc_text else None
        record.stack_info = redact(record.stack_info) if record.stack_info else None
        for name in record.__dict__.keys() - _STANDARD:
            setattr(record, name, _redacted(name, getattr(record, name)))
        return True


class JsonLines(logging.Formatter):
    """One record as one line of JSON. Times are UTC."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **bound(),
            **{name: value for name, value in vars(record).items() if name not in _STANDARD},
        }
        error = record.exc_text or (self.formatException(record.exc_info) if record.exc_info else "")
        if error:
            line["error"] = error
        return json.dumps(line, ensure_ascii=False, default=str)


class _StreamHandler(logging.StreamHandler[TextIO]):
    """Ours, so that `configure` can find it again."""


class _FileHandler(logging.FileHandler):
    """Ours, so that `configure` can find it again."""


def configure(level: str = "INFO", stream: TextIO | None = None, *, file: Path | None = None) -> None:
    """Send every log line to `stream` (stderr) and, if given, to the end of `file`. Again replaces what was set.

    Handlers that others put on the root logger stay, and get the redaction too.
    """
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, (_StreamHandler, _FileHandler))]:
        root.removeHandler(old)
        old.close()
    ours: list[logging.Handler] = [_StreamHandler(stream or sys.stderr)]
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        ours.append(_FileHandler(file, encoding="utf-8"))
    for handler in ours:
        handler.setFormatter(JsonLines())
        root.addHandler(handler)
    for handler in root.handlers:
        if not any(isinstance(present, Redaction) for present in handler.filters):
            handler.addFilter(Redaction())
    root.setLevel(level)


def _message(record: logging.LogRecord) -> str:
    """The message with its arguments; as it stands where they do not fit, because logging must not fail."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args}"


@lru_cache(maxsize=1024)
def _names_a_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _redacted(name: str, value: object) -> object:
    if _names_a_secret(name):
        return HIDDEN
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {str(key): _redacted(str(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redacted("", item) for item in value]
    return value if isinstance(value, (bool, int, float, type(None))) else redact(str(value))
