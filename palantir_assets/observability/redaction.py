"""No secret in a log line: what is hidden in texts, in fields by their names, and in whole records.

Where lines go and what they carry is the package's affair.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

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
_TELLTALE: Final = (
    *("://", "pass", "pwd", "secret", "token", "credential", "authoriz", "bearer", "basic", "cookie", "eyj"),
    *("_key", "-key", "apikey", "accesskey", "privatekey"),
)
"""Every text that a redaction changes holds one of these, in any case: most log lines hold none."""
STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every log record has; the rest was given as `extra=`."""


def redact(text: str) -> str:
    """The text with passwords, tokens, authorization headers and credentials in URLs hidden.

    >>> redact("postgresql://app:s3cret@db/ledger")
    'postgresql://app:•••@db/ledger'
    """
    if may_hold_a_secret(text):
        for pattern, replacement in _REDACTIONS:
            text = pattern.sub(replacement, text)
    return text


def may_hold_a_secret(text: str) -> bool:
    """Whether `redact` could change anything: a look that costs a fraction of it. The whole of a line can be asked of."""
    folded = text.casefold()
    return any(word in folded for word in _TELLTALE)


class Redaction(logging.Filter):
    """Hides secrets in a record before any handler formats it: message, traceback and extra fields."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(_message(record)), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.exc_info = None
        record.exc_text = redact(record.exc_text) if record.exc_text else None
        record.stack_info = redact(record.stack_info) if record.stack_info else None
        for name in record.__dict__.keys() - STANDARD:
            setattr(record, name, redacted(name, getattr(record, name)))
        return True


def _message(record: logging.LogRecord) -> str:
    """The message with its arguments; as it stands where they do not fit, because logging must not fail."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args}"


@lru_cache(maxsize=1024)
def _names_a_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def redacted(name: str, value: object) -> object:
    """A field's value without secrets: hidden as a whole under a secret's name, else text by text."""
    if _names_a_secret(name):
        return HIDDEN
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {str(key): redacted(str(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redacted("", item) for item in value]
    return value if isinstance(value, (bool, int, float, type(None))) else redact(str(value))
