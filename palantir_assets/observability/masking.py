"""No marked value on a surface of the build: what stands in its place in tables, messages and metadata.

Which columns are marked is worked out in `access.markings`; here they are only names. A null is hidden too: that a
value is missing is something to know.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Any, Final, TextIO

from palantir_assets.observability.redaction import HIDDEN

_QUOTED: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_NUMBER: Final = re.compile(r"(?<![\w.])[-+]?\d[\w.,:+-]*")


def masked(value: Any, markings: Collection[str]) -> Any:
    """The value, or `•••` where it bears a marking."""
    return HIDDEN if markings else value


def masked_rows(rows: Iterable[Mapping[str, Any]], marked: Collection[str]) -> list[dict[str, Any]]:
    """Rows with every value of a marked column hidden.

    >>> masked_rows([{"id": 1, "pilot": "Kim"}], {"pilot"})
    [{'id': 1, 'pilot': '•••'}]
    """
    return [{name: HIDDEN if name in marked else value for name, value in row.items()} for row in rows]


@contextmanager
def output_without_values(hide: bool) -> Iterator[None]:
    """While it lasts, what is printed loses its values, line by line; nothing changes where there is nothing to `hide`."""
    if not hide:
        yield
        return
    with redirect_stdout(_Hiding(sys.stdout)):
        yield


def without_values(text: str) -> str:
    """A message with everything hidden that may be a value: what stands in quotes, and every number.

    >>> without_values("Could not convert string 'Kim' to INT32 in line 12")
    'Could not convert string ••• to INT32 in line •••'
    """
    return _NUMBER.sub(HIDDEN, _QUOTED.sub(HIDDEN, text))


class _Hiding(io.TextIOBase):
    """A stream that passes texts on without their values."""

    def __init__(self, onward: TextIO) -> None:
        self._onward = onward

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._onward.write(without_values(text))
        return len(text)

    def flush(self) -> None:
        self._onward.flush()
