"""How a key is written: the text that stands in a URL, in an index of keys and in an edit."""

from __future__ import annotations

from datetime import date, datetime


def key_text(key: object) -> str:
    """A key of Python as it stands in a URL: the text of its JSON value, without quotes.

    >>> key_text(True), key_text(7), key_text("A-1")
    ('true', '7', 'A-1')
    """
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, datetime):
        fraction = f".{key.microsecond:06d}".rstrip("0") if key.microsecond else ""
        return f"{key:%Y-%m-%dT%H:%M:%S}{fraction}Z"
    return key.isoformat() if isinstance(key, date) else str(key)
