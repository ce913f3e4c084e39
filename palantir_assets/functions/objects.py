"""What a function can ask: objects, links and aggregates of one release, with the rights of whoever called it.

    objects.get("order", 7)                           one object, or None
    objects.find({"object": "order", "where": …})     a list of objects, by any query
    objects.each({…})                                 all of them, a page at a time
    objects.count({…})                                how many
    objects.linked("customer", "C-1", "orders")       the objects linked to one
    objects.aggregate({"object": "order", …})         groups and metrics
    objects.set({"type": "base", "objectType": …})    the same questions about an object set

Objects come as dicts of Python values, as `calling` lists them; what is missing is left out. How a question is
answered is `engine`'s affair; nothing here can change an object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, Final

import orjson

from palantir_assets.access.views import View
from palantir_assets.engine.answering import execute
from palantir_assets.engine.objects import get, linked
from palantir_assets.errors import NotFound
from palantir_assets.ontology.served_parts import ServedType
from palantir_assets.ontology.spec import PropertyType
from palantir_assets.query.plans import MAX_PAGE, Plan, parse_query, plan
from palantir_assets.query.values import typed_value
from palantir_assets.release.editing import Opened
from palantir_assets.release.ready_json import key_text

Object = dict[str, Any]
Decoder = Callable[[object], object]

_AS_THEY_ARE: Final = frozenset(("string", "boolean", "integer", "double", "marking", "attachment", "timeseries", "vector", "geopoint"))


class Objects:
    """The door to one release for one caller's view of it. `release_id` says which release every answer comes from."""

    def __init__(self, release: Opened, view: View) -> None:
        self._release, self._view = release, view
        self._decoders = lru_cache(maxsize=None)(self._decoders_of)

    @property
    def release_id(self) -> str:
        return self._release.id

    def get(self, object_type: str, key: object) -> Object | None:
        """One object by its key, or None if there is none that the caller may read. Raises UnknownName for a type."""
        try:
            return self._object(get(self._release, self._view, object_type, key_text(key)))
        except NotFound:
            return None

    def find(self, query: Mapping[str, object]) -> list[Object]:
        """The objects a query finds: 100 of them, or as many as its `limit` says, at most 10,000. Raises QueryError."""
        return [self._object(row) for row in execute(self._plan(query), self._release).rows]

    def each(self, query: Mapping[str, object]) -> Iterator[Object]:
        """Every object a query finds, however many; read a page at a time."""
        token: str | None = None
        while True:
            answer = execute(self._plan({"limit": MAX_PAGE, **query, "page_token": token}), self._release)
            yield from map(self._object, answer.rows)
            token = answer.next_token
            if token is None:
                return

    def count(self, query: Mapping[str, object]) -> int:
        """How many objects a query finds."""
        return execute(self._plan({**query, "count": True}), self._release).total

    def linked(self, object_type: str, key: object, link: str, *, limit: int | None = None) -> list[Object]:
        """The objects linked to one, in the order of their keys: all, or the first of them. Raises NotFound, UnknownName."""
        hop = partial(linked, self._release, self._view, object_type, key_text(key), link)
        found: list[Object] = []
        token: str | None = None
        while limit is None or len(found) < limit:
            answer = hop(limit=MAX_PAGE if limit is None else min(MAX_PAGE, limit - len(found)), page_token=token)
            found += map(self._object, answer.rows)
            token = answer.next_token
            if token is None:
                break
        return found

    def aggregate(self, query: Mapping[str, object]) -> list[dict[str, Any]]:
        """Groups of objects with their metrics: `[{"group": {property: value}, "metrics": {name: value}}, …]`."""
        from palantir_assets.engine.aggregating import aggregate
        from palantir_assets.query.aggregates import parse_aggregate, plan_aggregate

        made = plan_aggregate(parse_aggregate(query), self._view)
        return [{"group": dict(group), "metrics": dict(metrics)} for group, metrics in aggregate(made, self._release).items]

    def set(self, form: Mapping[str, object]) -> ObjectSet:
        """An object set, to be asked about or given back. It is checked when it is asked about."""
        return ObjectSet(self, form)

    def types_in(self, form: Mapping[str, object]) -> list[str]:
        """The object types that an object set may hold. Raises QueryError."""
        return [kind.name for kind in self._plan({"set": form, "count": True}).types]

    def typed(self, object_type: str, item: Mapping[str, object]) -> Object:
        """An object as it stands in JSON, with Python values."""
        decoders = self._decoders(object_type)
        return {name: decoders[name](value) if name in decoders and value is not None else value for name, value in item.items()}

    def _object(self, row: bytes) -> Object:
        item: Object = orjson.loads(row)
        return self.typed(item["__apiName"], item)

    def _plan(self, query: Mapping[str, object]) -> Plan:
        return plan(parse_query(query), self._view)

    def _decoders_of(self, object_type: str) -> Mapping[str, Decoder]:
        """By property how its JSON becomes a value; without those whose JSON is one."""
        return dict(_needed(self._view.ontology.find_type(object_type)))


class ObjectSet:
    """An object set that a function was given, or made with `objects.set`; `form` is its JSON."""

    def __init__(self, objects: Objects, form: Mapping[str, object]) -> None:
        self._objects, self.form = objects, form

    def __iter__(self) -> Iterator[Object]:
        return self._objects.each({"set": self.form})

    def __len__(self) -> int:
        return self._objects.count({"set": self.form})

    def find(self, **query: object) -> list[Object]:
        """Objects of the set: `find(where=…, order_by=[…], limit=10)`."""
        return self._objects.find({**query, "set": self.form})

    def where(self, condition: Mapping[str, object]) -> ObjectSet:
        """Those of the set that a filter finds."""
        return ObjectSet(self._objects, {"type": "filter", "objectSet": self.form, "where": condition})

    def aggregate(self, **query: object) -> list[dict[str, Any]]:
        """Groups and metrics of the set: `aggregate(aggregations=[{"type": "count"}])`."""
        return self._objects.aggregate({**query, "set": self.form})


def _needed(kind: ServedType) -> Iterator[tuple[str, Decoder]]:
    for name, prop in kind.properties.items():
        if prop.type == "array" and prop.of and prop.of not in _AS_THEY_ARE:
            yield name, partial(_list, name, prop.of)
        elif prop.type == "struct":
            yield name, partial(_struct, name, {field: of for field, of in (prop.fields or {}).items() if of not in _AS_THEY_ARE})
        elif prop.type not in _AS_THEY_ARE and prop.type != "array":
            yield name, partial(typed_value, name, prop.type)


def _list(name: str, of: PropertyType, value: object) -> object:
    return [None if item is None else typed_value(name, of, item) for item in value] if isinstance(value, list) else value


def _struct(name: str, fields: Mapping[str, PropertyType], value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {
        field: typed_value(name, fields[field], item) if field in fields and item is not None else item for field, item in value.items()
    }
