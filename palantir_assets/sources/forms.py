"""Numbers, days and times written otherwise, as `values` reads them: decimal commas, grouped digits, other orders, local clocks.

A text that is not written as it was declared becomes one that is no value of any type, and its row is refused; it is
never taken for what it would mean elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from palantir_assets.ontology.spec import Csv, SourceColumn, SourceType
from palantir_assets.sources.values import DAY_FIRST

NO_VALUE: Final = "\N{REPLACEMENT CHARACTER}"
NUMBERS: Final = ("integer", "long", "double")
SPACES: Final = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"
"""What stands between groups of digits where a space is declared."""


@dataclass(frozen=True, slots=True)
class Form:
    """How the values of a column are written."""

    decimal: str = "."
    thousands: str | None = None
    format: str | None = None
    zone: str | None = None


def form_of(column: SourceColumn, dialect: Csv) -> Form:
    """What is declared of a column and of its file."""
    if column.type in NUMBERS:
        return Form(decimal=dialect.decimal, thousands=dialect.thousands)
    return Form(format=column.format, zone=column.zone)


def canonical(texts: pa.Array, kind: SourceType, form: Form, *, nulls: Collection[str] = ()) -> pa.Array:
    """The texts of a column as `values` reads them; those in `nulls` and empty ones stay as they are."""
    rewrite = _rewriting(kind, form)
    if rewrite is None:
        return texts
    encoded = texts.dictionary_encode()
    words = [text if text.strip() in ("", *nulls) else rewrite(text.strip()) for text in encoded.dictionary.to_pylist()]
    return pc.take(pa.array(words, pa.string()), encoded.indices)


def said_of(form: Form) -> str:
    """How values are to be written, for a reason why one was refused.

    >>> said_of(Form(decimal=",", thousands="."))
    " written with ',' before decimals and '.' between thousands"
    """
    words = [f"{form.decimal!r} before decimals"] if form.decimal != "." else []
    words += [f"{form.thousands!r} between thousands"] if form.thousands else []
    words += [f"the format {form.format}"] if form.format else []
    words += [f"the clock of {form.zone}, which has each time once"] if form.zone else []
    return f" written with {' and '.join(words)}" if words else ""


def _rewriting(kind: SourceType, form: Form) -> Callable[[str], str] | None:
    if form == Form():
        return None
    if kind in NUMBERS:
        return _number(kind, form)
    if kind == "date":
        return lambda text: _day(text, form.format or "%Y-%m-%d")
    return lambda text: _moment(text, form)


def _number(kind: SourceType, form: Form) -> Callable[[str], str]:
    groups = "" if not form.thousands else SPACES if form.thousands == " " else form.thousands
    whole = f"[0-9]+|[0-9]{{1,3}}(?:([{re.escape(groups)}])[0-9]{{3}})(?:\\1[0-9]{{3}})*" if groups else "[0-9]+"
    rest = f"(?:{re.escape(form.decimal)}[0-9]*)?(?:[eE][+-]?[0-9]+)?" if kind == "double" else ""
    fraction = f"|{re.escape(form.decimal)}[0-9]+(?:[eE][+-]?[0-9]+)?" if kind == "double" else ""
    pattern = re.compile(f"[+-]?(?:(?:{whole}){rest}{fraction})")
    gone = str.maketrans("", "", groups)

    def rewrite(text: str) -> str:
        return text.translate(gone).replace(form.decimal, ".") if pattern.fullmatch(text) else NO_VALUE

    return rewrite


def _day(text: str, written: str) -> str:
    try:
        return datetime.strptime(text, written).date().isoformat()
    except ValueError:
        return NO_VALUE


def _moment(text: str, form: Form) -> str:
    """In UTC. A clock time that its zone has twice, or not at all, is no moment."""
    try:
        at = datetime.strptime(text, form.format) if form.format else _iso(text)
    except ValueError:
        return NO_VALUE
    if at.tzinfo is None and form.zone is not None:
        at = at.replace(tzinfo=_zone(form.zone))
        if at.utcoffset() != at.replace(fold=1).utcoffset():
            return NO_VALUE
    try:
        return at.astimezone(UTC).replace(tzinfo=None).isoformat() if at.tzinfo else at.isoformat()
    except OverflowError:
        return NO_VALUE


def _iso(text: str) -> datetime:
    if not DAY_FIRST.match(text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
