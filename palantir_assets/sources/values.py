"""Text as typed values: what each declared type accepts, and nothing is rounded or guessed.

`parse` says for one text what it means; `typed` does a whole column with Arrow where Arrow means exactly
the same, and asks `parse` for the rest. Timestamps end as UTC without a zone; one that names none is UTC, and
digits finer than a microsecond are cut off. A boolean is true or false, or 1 or 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from palantir_assets.ontology.spec import SourceType

Value = str | bool | int | float | date | datetime

ARROW: Final[dict[SourceType, pa.DataType]] = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}

DAY_FIRST: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]|$)", re.ASCII)
"""How a timestamp begins."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A column of values, null where there was none, and the indices of the texts that are none of its type."""

    values: pa.Array
    bad: Sequence[int]


def typed(texts: pa.Array, kind: SourceType, *, nulls: Collection[str] = ()) -> Typed:
    """A string column as `kind`. The empty text and those in `nulls` are null."""
    null = pc.is_in(texts, value_set=pa.array(["", *nulls], pa.string()))
    present = pc.if_else(null, pa.scalar(None, pa.string()), texts)
    if (quick := _by_arrow(present, kind)) is not None:
        return Typed(quick, ())
    values: list[Value | None] = []
    bad = []
    for index, text in enumerate(present.to_pylist()):
        if text is None or (kind != "string" and text.strip() in ("", *nulls)):
            values.append(None)
            continue
        try:
            values.append(parse(text, kind))
        except ValueError:
            values.append(None)
            bad.append(index)
    return Typed(pa.array(values, ARROW[kind]), bad)


def parse(text: str, kind: SourceType) -> Value:
    """One text as a value. Raises ValueError if it is none; spaces around it don't matter, but in a string."""
    return _PARSE[kind](text if kind == "string" else text.strip())


def _by_arrow(texts: pa.Array, kind: SourceType) -> pa.Array | None:
    """The column in one step, or None if any text is unusual."""
    if kind == "string":
        return texts
    if kind in ("integer", "long") and pc.any(pc.match_substring_regex(texts, "[xX]")).as_py():
        return None  # Arrow reads 0x1F as a number
    for target in (pa.timestamp("us", "UTC"), ARROW[kind]) if kind == "timestamp" else (ARROW[kind],):
        try:
            values = texts.cast(target)
        except pa.ArrowInvalid:
            continue
        if kind == "double" and not pc.all(pc.is_finite(values), min_count=0).as_py():
            return None
        return values.cast(pa.timestamp("us", "UTC")).cast(ARROW[kind]) if kind == "timestamp" else values
    return None


def _integer(bits: int) -> Callable[[str], int]:
    def parse_integer(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,20}", text, re.ASCII) or not -(1 << bits) <= int(text) < 1 << bits:
            raise ValueError(text)
        return int(text)

    return parse_integer


def _double(text: str) -> float:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text, re.ASCII) or not math.isfinite(float(text)):
        raise ValueError(text)
    return float(text)


def _boolean(text: str) -> bool:
    if text.casefold() not in ("true", "false", "1", "0"):
        raise ValueError(text)
    return text.casefold() in ("true", "1")


def _date(text: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        raise ValueError(text)
    return date.fromisoformat(text)


def _timestamp(text: str) -> datetime:
    if not DAY_FIRST.match(text):
        raise ValueError(text)
    moment = datetime.fromisoformat(text)
    try:
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except OverflowError as error:
        raise ValueError(text) from error


_PARSE: Final[dict[SourceType, Callable[[str], Value]]] = {
    "string": str,
    "boolean": _boolean,
    "integer": _integer(31),
    "long": _integer(63),
    "double": _double,
    "date": _date,
    "timestamp": _timestamp,
}
