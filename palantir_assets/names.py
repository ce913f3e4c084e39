"""One name, four spellings: spec → asset key → table → URL; and fingerprints of content.

What is called `order` in a spec is the asset `objects/order`, the table `objects.order` and the URL
`/objects/order`. Every other module asks here for a spelling and none builds its own. What a name
*means* is decided in `ontology`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

IDENTIFIER: Final = re.compile(r"^[a-z][a-z0-9_]{0,62}\Z")

Station = Literal[
    "raw", "staging", "marts", "tables", "ledger", "objects", "links", "graph", "search", "learning", "candidate", "evals", "release",
]  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """One asset's name at one station.

    >>> Name("objects", "order").table
    'objects.order'
    """

    station: Station
    local: str

    @property
    def key(self) -> tuple[str, str]:
        """The parts of the asset key."""
        return (self.station, self.local)

    @property
    def table(self) -> str:
        """`schema.table`, as a person writes it."""
        return f"{self.station}.{self.local}"

    @property
    def sql(self) -> str:
        """`"schema"."table"`, as it goes into SQL."""
        return f"{quoted(self.station)}.{quoted(self.local)}"

    def __str__(self) -> str:
        return f"{self.station}/{self.local}"


def raw_table(source: str, table: str) -> Name:
    return Name("raw", f"{source}__{table}")


def object_table(object_type: str) -> Name:
    return Name("objects", object_type)


def link_table(object_type: str, link: str) -> Name:
    return Name("links", f"{object_type}__{link}")


def said_table(of: Name) -> Name:
    """What edits say of the objects of a type, or of the pairs of a link: `objects/order` → `ledger/order`."""
    return Name("ledger", of.local)


def dbt_table(reference: str) -> Name:
    """`marts.orders`, as a spec writes it, as a name. The loader has checked the form."""
    station, _, local = reference.partition(".")
    if station not in ("staging", "marts") or not IDENTIFIER.match(local):
        raise ValueError(f"not a dbt table: {reference!r}")
    return Name("staging" if station == "staging" else "marts", local)


def from_key(path: Sequence[str]) -> Name:
    """The name an asset key spells; raises ValueError for a key of nobody's station."""
    station, local = path
    if station not in get_args(Station):
        raise ValueError(f"{station!r} is not a station")
    return Name(cast(Station, station), local)


def quoted(identifier: str) -> str:
    """The one function through which every SQL identifier goes.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A SQL string literal, for the few places where a parameter cannot stand (paths in COPY)."""
    return "'" + text.replace("'", "''") + "'"


def fingerprint(*parts: object) -> str:
    """A short, stable hash of content: 16 hex digits of a sha256 over canonical JSON.

    Equal content gives equal fingerprints on every machine and in every process.

    >>> fingerprint({"b": 1, "a": [2]}) == fingerprint({"a": [2], "b": 1})
    True
    """
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return str(value)
