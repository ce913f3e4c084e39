"""One JSON value, judged against a property's type.

Which comparison the value stands in is `query.where`'s affair; how it reaches a database, `engine`'s.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from palantir_assets.errors import QueryError
from palantir_assets.ontology.spec import PropertyType

Value = bool | int | float | str | date | datetime | Decimal

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIMESTAMP: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII)
_LONG: Final = re.compile(r"-?\d{1,19}", re.ASCII)
_DECIMAL: Final = re.compile(r"-?\d{1,38}(\.\d{1,38})?", re.ASCII)
_INT64: Final = 2**63

_EXPECTED: Final[Mapping[str, str]] = {
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "long": "a whole number (as a number, or as text where it is large)",
    "double": "a finite number",
    "decimal": 'a decimal number as text, such as "12.30"',
    "date": 'a date such as "2013-01-31"',
    "timestamp": 'a time such as "2013-01-31T09:30:00Z"',
    "attachment": "text",
    "marking": "text",
    "timeseries": "text",
}


class InvalidValue(QueryError):
    """A value that a property of this type cannot have, or be compared with."""

    def __init__(self, field: str, expected: PropertyType, value: object) -> None:
        self.field, self.expected, self.value = field, expected, value
        if expected in _EXPECTED:
            super().__init__(f"{field!r} is of type {expected} and is compared with {_EXPECTED[expected]}, not with {_shown(value)}")
        else:
            super().__init__(f"{field!r} is of type {expected}, which is compared with nothing; isNull can be asked of it")


def _shown(value: object) -> str:
    if value is None:
        return "null (isNull finds missing values)"
    if isinstance(value, str):
        return repr(value if len(value) <= 80 else value[:77] + "…")
    return repr(value) if isinstance(value, bool | int | float) else "a list or an object"


def typed_value(field: str, kind: PropertyType, raw: object) -> Value:
    """The value as the property's own type; times without an offset are UTC, and all become naive UTC.

    Raises InvalidValue, which names the field, the type it has and what was given.

    >>> typed_value("ordered_on", "date", "2024-02-29")
    datetime.date(2024, 2, 29)
    """
    parser = _PARSERS.get(kind)
    value = parser(raw) if parser else None
    if value is None:
        raise InvalidValue(field, kind, raw)
    return value


def _text(raw: object) -> str | None:
    if not isinstance(raw, str):
        return None
    try:
        raw.encode()  # a lone surrogate is no text, and no database takes it
    except UnicodeEncodeError:
        return None
    return raw


def _boolean(raw: object) -> bool | None:
    return raw if isinstance(raw, bool) else None


def _whole(raw: object) -> int | None:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and -_INT64 <= raw < _INT64 else None


def _long(raw: object) -> int | None:
    """Foundry writes a long as text, since JavaScript loses digits beyond 2^53; both forms are read."""
    return _whole(int(raw) if isinstance(raw, str) and _LONG.fullmatch(raw) else raw)


def _double(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    try:
        number = float(raw)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _decimal(raw: object) -> Decimal | None:
    """A JSON number is read by its shortest spelling: 0.1 is a tenth."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    text = raw if isinstance(raw, str) else format(Decimal(repr(raw)), "f") if _finite(raw) else ""
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


def _finite(raw: int | float) -> bool:
    return isinstance(raw, int) or math.isfinite(raw)


def _date(raw: object) -> date | None:
    if not isinstance(raw, str) or not _DATE.fullmatch(raw):
        return None
    try:
        return date.fromisoformat(raw)
    except ValueError:
        return None


def _timestamp(raw: object) -> datetime | None:
    if not isinstance(raw, str) or not _TIMESTAMP.fullmatch(raw):
        return None
    try:
        moment = datetime.fromisoformat(raw)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return None


_PARSERS: Final[dict[PropertyType, Callable[[object], Value | None]]] = {
    "string": _text,
    "boolean": _boolean,
    "integer": _whole,
    "long": _long,
    "double": _double,
    "decimal": _decimal,
    "date": _date,
    "timestamp": _timestamp,
    "attachment": _text,
    "marking": _text,
    "timeseries": _text,
}
