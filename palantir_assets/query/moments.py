"""Moments: as microseconds, and relative to now: the two ends of a `relativeDateRange`.

Each end is now, moved by so many units, and rounded down to the start of its unit in the time zone asked for:
seven days ago at midnight, the first of next month, Monday of this week.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from palantir_assets.errors import QueryError
from palantir_assets.query.forms import BoundForm, RelativeDateRangeForm

_EPOCH: Final = datetime(1970, 1, 1)


def micros(moment: object) -> int:
    """Microseconds since 1970 of a naive UTC time."""
    if not isinstance(moment, datetime):
        raise TypeError(moment)
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def relative_range(form: RelativeDateRangeForm, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Start (inclusive) and end (exclusive), as local midnights that know their zone. Raises QueryError for an unknown zone."""
    try:
        zone = ZoneInfo(form.time_zone_id)
    except (KeyError, ValueError, OSError):
        raise QueryError(f"timeZoneId: {form.time_zone_id[:64]!r} is no time zone; one is written as in Asia/Seoul or Etc/UTC") from None
    local = (now if now.tzinfo else now.replace(tzinfo=UTC)).astimezone(zone)
    return _moved(form.relative_start_time, local), _moved(form.relative_end_time, local)


def _moved(bound: BoundForm | None, local: datetime) -> datetime | None:
    if bound is None:
        return None
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    try:
        match bound.time_unit:
            case "DAY":
                return midnight + timedelta(days=bound.value)
            case "WEEK":
                return midnight + timedelta(days=7 * bound.value - midnight.weekday())
            case "MONTH":
                return _plus_months(midnight, bound.value).replace(day=1)
            case "YEAR":
                return midnight.replace(year=midnight.year + bound.value, month=1, day=1)
    except (OverflowError, ValueError):
        raise QueryError(f"relativeDateRange: {bound.value} {bound.time_unit} from now is no date") from None


def _plus_months(day: datetime, months: int) -> datetime:
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    if not 1 <= year <= 9999:
        raise ValueError(year)
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))
