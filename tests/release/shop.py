"""A small shop as release content: customers, orders and their link, in files. What the release tests share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from palantir_assets.graph.building import build_csr, save
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.release.filesystem import FileSystem
from palantir_assets.release.manifest import Provenance, Versions
from palantir_assets.release.sealing import Candidate, Shelf, seal_candidate, staging
from palantir_assets.release.writing import object_schema, write_json, write_objects

NOW = datetime(2024, 5, 1, 12, 30, tzinfo=UTC)
VERSIONS = Versions(code_version="1", spec_version="2", lock_version="3", data_versions={"raw/shop__orders": "v1"})
PROVENANCE = Provenance(run_id="run-1", created_at=NOW, data_as_of=NOW)

ONTOLOGY = ServedOntology.model_validate(
    {
        "types": {
            "customer": {
                "name": "customer",
                "label": {"en": "Customer", "ko": "고객"},
                "key": "customer_id",
                "title": "{name}",
                "properties": {"customer_id": {"type": "string"}, "name": {"type": "string", "optional": True}},
            },
            "order": {
                "name": "order",
                "label": {"en": "Order"},
                "key": "order_id",
                "title": "Order {order_id}",
                "properties": {
                    "order_id": {"type": "integer"},
                    "customer_id": {"type": "string"},
                    "amount": {"type": "double", "optional": True},
                    "cents": {"type": "long"},
                    "paid": {"type": "boolean", "optional": True},
                    "ordered_on": {"type": "date", "optional": True},
                    "ordered_at": {"type": "timestamp", "optional": True},
                },
                "links": {"customer": {"to": "customer", "reverse": "orders", "cardinality": "many_to_one"}},
            },
        }
    }
)

CUSTOMERS: tuple[Mapping[str, object], ...] = (
    {"_title": "Ada", "customer_id": "a-1", "name": "Ada"},
    {"_title": None, "customer_id": 'quote"\\\n\t', "name": None},
    {"_title": "한국 고객", "customer_id": "한국", "name": "한국 고객\u0001"},
)


def orders(count: int) -> list[dict[str, object]]:
    return [
        {
            "_title": f"Order {number}",
            "order_id": number,
            "customer_id": str(CUSTOMERS[number % 3]["customer_id"]),
            "amount": None if number % 7 == 3 else number / 7.3,
            "cents": number * 10**15,
            "paid": None if number % 5 == 4 else number % 2 == 0,
            "ordered_on": date(2024, 1 + number % 12, 1),
            "ordered_at": datetime(2024, 1, 1 + number % 28, 10, 15, 0, 120_000 * (number % 2)),
        }
        for number in range(count)
    ]


def table(kind: str, items: Sequence[Mapping[str, object]]) -> pa.Table:
    schema = object_schema(ONTOLOGY.types[kind])
    return pa.Table.from_pylist([{"_row": row, **item} for row, item in enumerate(items)], schema=schema)


def write_content(folder: Path, *, order_count: int = 10) -> dict[str, int]:
    """The shop's files; returns the rows by type."""
    write_json(ONTOLOGY.model_dump(mode="json"), folder / "ontology.json")
    write_objects(table("customer", CUSTOMERS), folder / "objects" / "customer", ONTOLOGY.types["customer"])
    write_objects(table("order", orders(order_count)), folder / "objects" / "order", ONTOLOGY.types["order"])
    targets = np.arange(order_count, dtype=np.int32) % 3
    save(build_csr(np.arange(order_count, dtype=np.int32), targets, order_count, 3), folder / "links" / "order__customer")
    return {"customer": 3, "order": order_count}


def seal_shop(shelf: Shelf, *, order_count: int = 10, versions: Versions = VERSIONS, fs: FileSystem | None = None) -> Candidate:
    """A sealed candidate of the shop."""
    fs = fs or FileSystem()
    with staging(shelf, fs=fs) as folder:
        rows = write_content(folder, order_count=order_count)
        return seal_candidate(folder, shelf, versions=versions, provenance=PROVENANCE, rows=rows, fs=fs)
