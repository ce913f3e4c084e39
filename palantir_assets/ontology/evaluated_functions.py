"""The functions of the expression language in Python, each as its SQL in `expressions.FUNCTIONS` behaves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

Arguments = Sequence[Any]

_OWN_CASE: Final = {"ß": "ẞ", "İ": "i"}


def decimal_or_float(left: Any, right: Any) -> tuple[Any, Any]:
    """Two numbers as they meet in SQL: as floating numbers where one of them is one, else exactly.

    >>> decimal_or_float(1, Decimal("0.5"))
    (1, Decimal('0.5'))
    """
    if isinstance(left, float) or isinstance(right, float):
        return float(left), float(right)
    return left, right


def _given(function: Callable[..., Any]) -> Callable[[Arguments], Any]:
    """A function that is null where one of its arguments is."""
    return lambda arguments: None if any(argument is None for argument in arguments) else function(*arguments)


def _if_else(arguments: Arguments) -> Any:
    test, yes, no = arguments
    return None if test is None else yes if test else no


def _cased(change: Callable[[str], str]) -> Callable[[str], str]:
    """Letter by letter, one for one: a letter whose other case is several letters stays, or has one of its own."""
    return lambda text: "".join(found if len(found := change(letter)) == 1 else _OWN_CASE.get(letter, letter) for letter in text)


def _round(number: Any, digits: Any) -> Any:
    """To so many digits after the point, halves away from zero; before the point where `digits` is negative."""
    places = int(Decimal(digits).to_integral_value(ROUND_HALF_UP))
    if not isinstance(number, float):
        exact = Decimal(number)
        rounded = (exact.scaleb(places)).to_integral_value(ROUND_HALF_UP).scaleb(-places)
        return int(rounded) if isinstance(number, int) else rounded
    if not math.isfinite(number):
        return number
    scale = 10.0 ** abs(places)
    scaled = number * scale if places >= 0 else number / scale
    whole = math.copysign(math.floor(abs(scaled) + 0.5), scaled)
    return whole / scale if places >= 0 else whole * scale


def _minutes(start: datetime, end: datetime) -> int:
    first, last = (moment.replace(second=0, microsecond=0) for moment in (start, end))
    return int((last - first).total_seconds() // 60)


def _days(start: date, end: date) -> int:
    return (end - start).days


CALLED: Final[Mapping[str, Callable[[Arguments], Any]]] = {
    "lower": _given(_cased(str.lower)),
    "upper": _given(_cased(str.upper)),
    "length": _given(len),
    "contains": _given(lambda text, part: part in text),
    "starts_with": _given(lambda text, part: text.startswith(part)),
    "abs": _given(abs),
    "round": _given(_round),
    "coalesce": lambda arguments: arguments[0] if arguments[0] is not None else arguments[1],
    "if_else": _if_else,
    "year": _given(lambda time: time.year),
    "month": _given(lambda time: time.month),
    "day": _given(lambda time: time.day),
    "hour": _given(lambda time: time.hour),
    "weekday": _given(lambda time: time.isoweekday()),
    "size": _given(len),
    "latitude": _given(lambda place: place["latitude"]),
    "longitude": _given(lambda place: place["longitude"]),
    "minutes_between": _given(_minutes),
    "days_between": _given(_days),
}
