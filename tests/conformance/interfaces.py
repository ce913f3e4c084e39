"""Objects by an interface: two object types asked as one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.conformance.cases import ONTOLOGY, Asking, case, m, same
from tests.conformance.oracle import Row, linked, of, sorted_by, told, told_as

BOTH = ("book", "film")
EMPTY: dict[str, Any] = {
    "augmented_interface_property_types": {},
    "augmented_properties": {},
    "augmented_shared_property_types": {},
    "other_interface_types": [],
    "selected_interface_property_types": [],
    "selected_object_types": [],
    "selected_shared_property_types": [],
}


def of_both() -> list[tuple[str, Row]]:
    return [(kind, row) for kind in BOTH for row in of(kind)]


@case("OntologyInterface.list_objects_for_interface", "plain", "orderBy", "pageSize, pageToken", "select", "excludeRid")
def objects_of_an_interface_are_listed(asking: Asking) -> None:
    listing = asking.client.OntologyInterface.list_objects_for_interface
    same(list(listing(ONTOLOGY, "lendable", page_size=17)), [told_as("lendable", kind, row) for kind, row in of_both()])
    by_price = [row["price"] for row in listing(ONTOLOGY, "lendable", order_by="properties.price:desc", page_size=9)]
    same(by_price, [f"{row['price']:.2f}" for row in sorted_by([row for _, row in of_both()], "price", descending=True)])
    some = list(listing(ONTOLOGY, "lendable", select=["name"], exclude_rid=True))
    shown = [told_as("lendable", kind, row) for kind, row in of_both()]
    same(some, [{name: row[name] for name in ("__primaryKey", "__apiName", "__title", "name")} for row in shown])


@case("OntologyInterface.search", "plain", "where", "orderBy", "pageSize, pageToken", "selected properties", "selected object types")
def objects_of_an_interface_are_searched(asking: Asking) -> None:
    search = asking.client.OntologyInterface.search
    where = m.LtQueryV2(field="price", value="20")
    order = m.SearchOrderByV2(fields=[m.SearchOrderingV2(field="price")])
    found, token = [], None
    while True:
        page = search(ONTOLOGY, "lendable", where=where, order_by=order, page_size=7, page_token=token, **EMPTY)
        found += page.data
        token = page.next_page_token
        if token is None:
            break
    tagged = [{**row, "_kind": kind} for kind, row in of_both() if row["price"] < 20]
    same(found, [told_as("lendable", row["_kind"], row) for row in sorted_by(tagged, "price")])
    narrow = EMPTY | {
        "selected_object_types": ["film"],
        "selected_interface_property_types": ["name"],
        "selected_shared_property_types": ["price"],
    }
    same(
        [set(row) & {"name", "price", "branch_id"} for row in search(ONTOLOGY, "lendable", **narrow).data],
        [{"name", "price"}] * len(of("film")),
    )


@case("OntologyInterface.aggregate", "plain", "where", "group: exact")
def objects_of_an_interface_are_aggregated(asking: Asking) -> None:
    aggregate = asking.client.OntologyInterface.aggregate
    metrics = [m.CountAggregationV2(name="n"), m.MaxAggregationV2(field="price", name="most")]
    by = [m.AggregationExactGroupingV2(field="branch_id")]
    answer = aggregate(ONTOLOGY, "lendable", aggregation=metrics, group_by=by, where=m.GtQueryV2(field="price", value="10"))
    found = {one.group["branch_id"]: [metric.value for metric in one.metrics] for one in answer.data}
    rows = [row for _, row in of_both() if row["price"] > 10]
    prices = {branch: [row["price"] for row in rows if row["branch_id"] == branch] for branch in {row["branch_id"] for row in rows}}
    same(
        {branch: [n, Decimal(str(most))] for branch, (n, most) in found.items()},
        {branch: [len(all_), max(all_)] for branch, all_ in prices.items()},
    )


@case("OntologyInterface.list_interface_linked_objects", "plain", "select")
def objects_linked_by_an_interface_are_listed(asking: Asking) -> None:
    listing = asking.client.OntologyInterface.list_interface_linked_objects
    for kind in BOTH:
        for row in of(kind)[:5]:
            key = row[f"{kind}_id"]
            same(list(listing(ONTOLOGY, "lendable", kind, key, "branch")), [told("branch", other) for other in linked(kind, "branch", row)])
    same([set(row) for row in listing(ONTOLOGY, "held", "film", "fm-00", "branch", select=["name"], exclude_rid=True)],
         [{"__primaryKey", "__apiName", "__title", "name"}])  # fmt: skip
