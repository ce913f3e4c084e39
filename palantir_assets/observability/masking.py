"""No marked value on a surface of the build: what stands in its place in tables, messages and metadata.

Which columns are marked is worked out in `access.markings`; here they are only names. A null is hidden too: that a
value is missing is something to know.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

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


def without_values(text: str) -> str:
    """A message with everything hidden that may be a value: what stands in quotes, and every number.

    >>> without_values("Could not convert string 'Kim' to INT32 in line 12")
    'Could not convert string ••• to INT32 in line •••'
    """
    return _NUMBER.sub(HIDDEN, _QUOTED.sub(HIDDEN, text))
