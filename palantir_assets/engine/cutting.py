"""Ready JSON without what is hidden from a caller, cut out of the bytes: made once for a type and what is hidden of it.

Ready JSON is one flat object that begins with its `__rid`. Inside a text every quote is escaped, so a comma, a quote
and a name with its colon can only be a property, or a member of a value that is an object itself; where such a member
could bear a hidden name, and where anything of a hidden name is left, the object is decoded and written anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import orjson

from palantir_assets.ontology.served_parts import ServedProperty, ServedType

Cut = Callable[[bytes], bytes]

_TEXT: Final = rb'"(?:[^"\\]++|\\.)*+"'
_PLAIN: Final = rb'[^,"\[\]{}]++'
_VALUE: Final = rb"(?:" + _TEXT + rb"|" + _PLAIN + rb"|\[(?:" + _TEXT + rb'|[^"\[\]{}]++)*+\])'
_RID: Final = re.compile(rb'\{"__rid":' + _TEXT)
_TITLE: Final = re.compile(rb',"__title":' + _TEXT)
_NESTED: Final = ("struct", "geopoint")


def cutter(kind: ServedType, hidden: frozenset[str], *, untitled: bool) -> Cut:
    """Takes hidden properties out of the objects of a type as it is stored, and with `untitled` gives them their key for a title."""
    slow = _by_decoding(kind.name, hidden, untitled=untitled)
    if _ambiguous(kind.properties, hidden):
        return slow
    names = [orjson.dumps(name) for name in sorted(hidden)]
    pattern = re.compile(rb",(?:" + b"|".join(map(re.escape, names)) + rb"):" + _VALUE) if names else None

    def cut(row: bytes) -> bytes:
        left = pattern.sub(b"", row) if pattern is not None else row
        for name in names:
            if name in left:  # the same word as a value, or JSON that was written in another way
                return slow(row)
        return _titled_by_key(kind.name, left) or slow(row) if untitled else left

    return cut


def _ambiguous(properties: Mapping[str, ServedProperty], hidden: Iterable[str]) -> bool:
    """Whether a hidden value is an object itself, or an object among the values has a member of a hidden name."""
    names = frozenset(hidden)
    nested = [(name, prop) for name, prop in properties.items() if prop.type in _NESTED or prop.of in _NESTED]
    members = {member for _, prop in nested for member in (prop.fields or {})} | {"type", "coordinates"}
    return any(name in names for name, _ in nested) or (bool(nested) and not names.isdisjoint(members))


def _titled_by_key(object_type: str, row: bytes) -> bytes | None:
    """The object with its key for a title; None where it is not written as ready JSON is."""
    rid, title = _RID.match(row), _TITLE.search(row)
    begin = b'{"__rid":"ri.ontology.main.object.%s.' % object_type.encode()
    if rid is None or title is None or not row.startswith(begin):
        return None
    key = row[len(begin) : rid.end()]
    return b'%s,"__title":"%s%s' % (row[: title.start()], key, row[title.end() :])


def _by_decoding(object_type: str, hidden: frozenset[str], *, untitled: bool) -> Cut:
    def cut(row: bytes) -> bytes:
        item = orjson.loads(row)
        for name in hidden:
            item.pop(name, None)
        if untitled:
            item["__title"] = item["__rid"].removeprefix(f"ri.ontology.main.object.{object_type}.")
        return orjson.dumps(item)

    return cut
