"""A small shop as an open release, in memory: a real class with the interface of `release.reading.Release`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import orjson

from palantir_assets.access.principal import Principal
from palantir_assets.access.views import View, view_of, whole
from palantir_assets.engine.remembering import Memory
from palantir_assets.engine.rows import RowSet, everything
from palantir_assets.graph.building import LinkArrays, build_csr
from palantir_assets.names import quoted
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_access import CallRule, ServedAccess, ServedRole, TypeRules
from palantir_assets.release.ready_json import key_text

SQL_TYPES = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "integer": "INTEGER",
    "long": "BIGINT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
NASTY_KEYS = (
    "a/b",
    "a%2Fb",
    "x/links/orders",
    "it's",
    'say "hi"',
    "한국어",
    "e\u0301",
    "é",
    "🛒",
    "a b",
    "?q=1",
    "#",
    "..",
    "<script>",
    "a\nb",
    "'; DROP TABLE customer; --",
)


def _prop(kind: str, **more: object) -> dict[str, object]:
    return {"type": kind, **more}


ONTOLOGY = ServedOntology.model_validate(
    {
        "types": {
            "customer": {
                "name": "customer",
                "label": {"en": "Customer", "ko": "고객"},
                "plural": {"en": "Customers", "ko": "고객들"},
                "description": "Who buys.",
                "key": "customer_id",
                "title": "{name}",
                "properties": {"customer_id": _prop("string"), "name": _prop("string", optional=True, label={"en": "Name", "ko": "이름"})},
                "searchable": True,
            },
            "order": {
                "name": "order",
                "label": {"en": "Order", "ko": "주문"},
                "key": "order_id",
                "title": "Order {order_id}",
                "properties": {
                    "order_id": _prop("integer"),
                    "customer_id": _prop("string"),
                    "amount": _prop("double", optional=True, unit="EUR"),
                    "cents": _prop("long"),
                    "paid": _prop("boolean", optional=True),
                    "ordered_on": _prop("date"),
                    "ordered_at": _prop("timestamp"),
                    "note": _prop("string", optional=True),
                },
                "links": {"customer": {"to": "customer", "reverse": "orders", "cardinality": "many_to_one"}},
            },
        },
        "metrics": {
            "average_amount": {
                "label": {"en": "Average amount", "ko": "평균 금액"},
                "description": "Of orders with an amount.",
                "unit": "EUR",
                "query": {"object": "order", "aggregations": [{"type": "avg", "field": "amount"}]},
            },
            "orders_by_payment": {
                "query": {
                    "object": "order",
                    "aggregations": [{"type": "count"}],
                    "group_by": [{"type": "exact", "field": "paid", "include_null_values": True}],
                }
            },
        },
    }
)


VIEWER = Principal("someone", frozenset({"viewer"}))
NOBODY = Principal("nobody")
Allowed = Callable[[str], "np.ndarray[Any, Any] | bool"]


def open_to_viewers(ontology: ServedOntology, **more: Any) -> ServedAccess:
    """Rules under which whoever is a viewer reads everything, and whoever has no token is one."""
    rules = {
        "roles": {"viewer": ServedRole()},
        "anonymous": ("viewer",),
        "types": {name: TypeRules(read=("viewer",)) for name in ontology.types},
        "functions": {name: CallRule(roles=("viewer",)) for name in ontology.functions},
        "models": {name: CallRule(roles=("viewer",)) for name in ontology.models},
    }
    return ServedAccess.model_validate({**rules, **more})


def seen(ontology: ServedOntology, principal: Principal) -> View:
    """What a caller sees where viewers read everything."""
    return view_of(principal, ontology, open_to_viewers(ontology), lambda name: True)


@dataclass(frozen=True)
class FakeHit:
    object_type: str
    row: int
    key: str
    title: str
    score: float
    by: tuple[str, ...] = ("keyword",)


@dataclass(frozen=True)
class FakeSearch:
    documents: list[tuple[str, int, str, str]]

    def search(self, query: str, k: int, *, object_types: frozenset[str] | None, allowed: Allowed | None = None) -> list[FakeHit]:
        found = [
            FakeHit(kind, row, key, title, 1.0)
            for kind, row, key, title in self.documents
            if query.casefold() in title.casefold() and (object_types is None or kind in object_types) and _is_allowed(allowed, kind, row)
        ]
        return found[:k]


@dataclass(frozen=True)
class FakeRelease:
    ontology: ServedOntology
    rows: dict[str, list[dict[str, Any]]]
    keys: dict[str, dict[str, int]]
    links: dict[str, LinkArrays]
    search: FakeSearch
    connection: duckdb.DuckDBPyConnection
    manifest: Any
    provenance: Any
    folder: Path = Path("/nowhere")
    statements: list[str] = field(default_factory=list)
    access: ServedAccess = field(default_factory=ServedAccess)
    memory: Memory = field(default_factory=Memory, compare=False)

    @property
    def whole(self) -> View:
        """A view from which nothing is hidden."""
        return whole(self.ontology)

    @property
    def lasting(self) -> Memory:
        return self.memory

    @property
    def edit_no(self) -> int:
        return 0

    def living(self, object_type: str) -> RowSet:
        return everything(self.count(object_type))

    def patch(self, object_type: str) -> None:
        return None

    def count(self, object_type: str) -> int:
        return len(self.rows[object_type])

    def row_of(self, object_type: str, key: object) -> int | None:
        return self.keys[object_type].get(key_text(key))

    def json_rows(self, object_type: str, rows: Sequence[int]) -> list[bytes]:
        return [self._json(object_type, self.rows[object_type][row]) for row in rows]

    @contextmanager
    def sql(self) -> Iterator[duckdb.DuckDBPyConnection]:
        self.statements.append("sql")
        cursor = self.connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def index(self, object_type: str, name: str) -> None:
        return None

    def vectors(self, object_type: str, name: str) -> None:
        return None

    def encode(self, text: str) -> None:
        return None

    def close(self) -> None:
        self.connection.close()

    def _json(self, object_type: str, row: dict[str, Any]) -> bytes:
        kind = self.ontology.types[object_type]
        head = {
            "__rid": f"ri.ontology.main.object.{object_type}.{row[kind.key]}",
            "__primaryKey": row[kind.key],
            "__apiName": object_type,
            "__title": str(row[kind.key]),
        }
        return orjson.dumps(
            {**head, **{name: _told(kind.properties[name].type, value) for name, value in row.items() if value is not None}},
            option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC,
        )


def _told(kind: str, value: Any) -> Any:
    return str(value) if kind == "long" else value


def _is_allowed(allowed: Allowed | None, kind: str, row: int) -> bool:
    found = True if allowed is None else allowed(kind)
    return found if isinstance(found, bool) else bool(found[row])


def shop(*, orders: int = 250, release_id: str = "a" * 32, data_as_of: datetime = datetime(2024, 6, 1, tzinfo=UTC)) -> FakeRelease:
    """Customers with awkward keys and `orders` orders; every seventh amount and third note is missing."""
    customers = [{"customer_id": key, "name": None if index == 2 else f"이름 {key}"} for index, key in enumerate(sorted(NASTY_KEYS))]
    rows = {"customer": customers, "order": [_order(number, customers) for number in range(orders)]}
    owner = [number % len(customers) for number in range(orders)]
    return FakeRelease(
        ontology=ONTOLOGY,
        rows=rows,
        keys={name: {str(row[ONTOLOGY.types[name].key]): index for index, row in enumerate(items)} for name, items in rows.items()},
        links={"order__customer": build_csr(list(range(orders)), owner, orders, len(customers))},
        search=FakeSearch([("customer", index, str(row["customer_id"]), str(row["name"])) for index, row in enumerate(customers)]),
        connection=_tables(rows),
        manifest=SimpleNamespace(release_id=release_id, content_id="c" * 32, rows={name: len(items) for name, items in rows.items()}),
        provenance=SimpleNamespace(run_id="run", created_at=data_as_of, data_as_of=data_as_of),
    )


def with_rows(made: FakeRelease, rows: dict[str, list[dict[str, Any]]], access: ServedAccess) -> FakeRelease:
    """The same release with other rows, under these rules."""
    keys = {name: {str(row[ONTOLOGY.types[name].key]): index for index, row in enumerate(items)} for name, items in rows.items()}
    return replace(made, rows=rows, keys=keys, connection=_tables(rows), access=access, memory=Memory())


def _order(number: int, customers: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "order_id": number,
        "customer_id": customers[number % len(customers)]["customer_id"],
        "amount": None if number % 7 == 0 else number * 0.5,
        "cents": number * 10**14,
        "paid": None if number % 11 == 0 else number % 2 == 0,
        "ordered_on": date(2024, 1 + number % 12, 1 + number % 28),
        "ordered_at": datetime(2024, 1 + number % 12, 1 + number % 28, number % 24, number % 60),
        "note": None if number % 3 == 0 else ("빠른 배송" if number % 3 == 1 else f"note {number}; -- '\"%_"),
    }


def _tables(rows: dict[str, list[dict[str, Any]]]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"enable_external_access": "false"})
    for name, items in rows.items():
        properties = ONTOLOGY.types[name].properties
        columns = ", ".join(f"{quoted(column)} {SQL_TYPES[prop.type]}" for column, prop in properties.items())
        connection.execute(f"CREATE TABLE {quoted(name)} (_row INTEGER, _title VARCHAR, {columns})")
        connection.executemany(
            f"INSERT INTO {quoted(name)} VALUES (?, ?{', ?' * len(properties)})",
            [[index, str(index), *(row[column] for column in properties)] for index, row in enumerate(items)],
        )
    connection.execute("SET lock_configuration = true")
    return connection
