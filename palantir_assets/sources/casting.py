"""The values of a declared column: read from its texts, or taken from a file that has types of its own.

Nothing is rounded or guessed on either way: a value that the declared type cannot hold exactly is none of it. What a
text means is decided in `values` and `forms`.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa

from palantir_assets.ontology.spec import SourceColumn, SourceTable, SourceType
from palantir_assets.sources.forms import canonical, form_of
from palantir_assets.sources.values import ARROW, Typed, parse, typed


def cast(values: pa.Array | list[Any], column: SourceColumn, table: SourceTable) -> Typed:
    """A column of a file as its declared type; the words of `empty_is` are null."""
    if isinstance(values, list):
        return _one_by_one(values, column.type, table.empty_is)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        texts = values.cast(pa.string())
        return typed(canonical(texts, column.type, form_of(column, table.csv), nulls=table.empty_is), column.type, nulls=table.empty_is)
    if (quick := _by_arrow(values, column.type)) is not None:
        return Typed(quick, ())
    return _one_by_one(values.to_pylist(), column.type, table.empty_is)


def _one_by_one(values: list[Any], kind: SourceType, nulls: Collection[str]) -> Typed:
    found: list[Any] = []
    bad = []
    for index, value in enumerate(values):
        try:
            found.append(None if value is None or (isinstance(value, str) and value in ("", *nulls)) else _exactly(value, kind))
        except (ValueError, OverflowError):
            found.append(None)
            bad.append(index)
    return Typed(pa.array(found, ARROW[kind]), bad)


def _by_arrow(values: pa.Array, kind: SourceType) -> pa.Array | None:
    """The column in one step, where every value of its type is one of the declared type."""
    given, wanted = values.type, ARROW[kind]
    if pa.types.is_null(given) or given == wanted:
        return values.cast(wanted)
    if pa.types.is_integer(given) and pa.types.is_integer(wanted):
        try:
            return values.cast(wanted)
        except pa.ArrowInvalid:  # one of them is too great
            return None
    if kind == "timestamp" and pa.types.is_timestamp(given) and given.unit != "ns":
        try:
            return values.cast(pa.timestamp("us", given.tz)).cast(wanted)
        except pa.ArrowInvalid:
            return None
    return None


def _exactly(value: Any, kind: SourceType) -> Any:
    """One value of another type as this one. Raises ValueError if it is none."""
    if isinstance(value, str):
        return parse(value, kind)
    if kind == "string":
        return _as_text(value)
    if kind == "boolean":
        return _boolean(value)
    if kind in ("integer", "long"):
        return _whole(value, 31 if kind == "integer" else 63)
    if kind == "double":
        return _double(value)
    return _day(value) if kind == "date" else _moment(value)


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return value.decode()  # what is no UTF-8 is a ValueError
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_as_text)
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise ValueError(value)


def _whole(value: Any, bits: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or value != int(value):
        raise ValueError(value)
    if not -(1 << bits) <= int(value) < 1 << bits:
        raise ValueError(value)
    return int(value)


def _double(value: Any) -> float:
    """A decimal becomes the nearest double; an integer must be one."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(value)
    found = float(value)
    if found - found != 0 or (isinstance(value, int) and int(found) != value):  # no number, or endless
        raise ValueError(value)
    return found


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        if value.tzinfo is not None or value.time() != time():
            raise ValueError(value)
        return value.date()
    if not isinstance(value, date):
        raise ValueError(value)
    return value


def _moment(value: Any) -> datetime:
    if not isinstance(value, date):
        raise ValueError(value)
    if not isinstance(value, datetime):
        return datetime.combine(value, time())
    at = datetime.fromisoformat(value.isoformat())  # of a pandas timestamp, what is finer than a microsecond is cut off
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
