"""Object sets: every kind, loaded by every way of loading."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from math import sqrt
from typing import Any

from tests.conformance.cases import ONTOLOGY, Asking, case, m, same
from tests.conformance.oracle import ROWS, around, keys, linked, of, sorted_by, told, told_as, told_by
from tests.conformance.world import TYPES, Row, world

LOAD = "OntologyObjectSet.load"


def base(kind: str) -> Any:
    return m.ObjectSetBaseType(object_type=kind)


def filtered(object_set: Any, where: Any) -> Any:
    return m.ObjectSetFilterType(object_set=object_set, where=where)


def in_language(*languages: str) -> Any:
    return filtered(base("book"), m.InQuery(field="language", value=list(languages)))


def long_books() -> Any:
    return filtered(base("book"), m.GtQueryV2(field="pages", value=400))


def search_around(object_set: Any, link: str, **ours: Any) -> Any:
    return m.ObjectSetSearchAroundType(object_set=object_set, link=link, **ours)


def rids(kind: str, *numbers: int) -> list[str]:
    return [told(kind, ROWS[kind][number])["__rid"] for number in numbers]


def static(kind: str, *numbers: int) -> Any:
    return m.ObjectSetStaticType(objects=rids(kind, *numbers))


def holds(asking: Asking, object_set: Any, kind: str, rows: Iterable[Row]) -> None:
    """The set holds those rows, whole and in the order of their keys."""
    page = asking.load(object_set)
    expected = list(rows)
    same(page.data, [told(kind, row) for row in expected])
    same(page.total_count, len(expected))


@case(LOAD, "set: base")
def all_objects_of_a_type(asking: Asking) -> None:
    for kind in TYPES:
        holds(asking, base(kind), kind, of(kind))


@case(LOAD, "set: interfaceBase")
def all_objects_of_an_interface(asking: Asking) -> None:
    page = asking.load(m.ObjectSetInterfaceBaseType(interface_type="lendable"))
    same(page.data, [told_by("lendable", kind, row) for kind in ("book", "film") for row in of(kind)])
    whole = asking.load(m.ObjectSetInterfaceBaseType(interface_type="lendable", include_all_base_object_properties=True))
    same(whole.data, [told(kind, row) for kind in ("book", "film") for row in of(kind)])


@case(LOAD, "set: static")
def objects_by_their_rids(asking: Asking) -> None:
    holds(asking, static("book", 9, 3, 41), "book", [ROWS["book"][number] for number in (3, 9, 41)])
    gone = m.ObjectSetStaticType(objects=[*rids("book", 5), "ri.ontology.main.object.book.none"])
    holds(asking, gone, "book", [ROWS["book"][5]])


@case(LOAD, "set: filter")
def objects_that_pass_a_test(asking: Asking) -> None:
    holds(asking, long_books(), "book", of("book", lambda row: (row["pages"] or 0) > 400))
    holds(asking, filtered(long_books(), m.EqualsQueryV2(field="language", value="ko")), "book",
          of("book", lambda row: (row["pages"] or 0) > 400 and row["language"] == "ko"))  # fmt: skip


@case(LOAD, "set: union", "set: intersect", "set: subtract")
def sets_are_combined(asking: Asking) -> None:
    both = [long_books(), in_language("ko", "de")]
    holds(
        asking, m.ObjectSetUnionType(object_sets=both), "book", of("book", lambda row: (row["pages"] or 0) > 400 or row["language"] != "en")
    )
    common = of("book", lambda row: (row["pages"] or 0) > 400 and row["language"] != "en")
    holds(asking, m.ObjectSetIntersectionType(object_sets=both), "book", common)
    rest = m.ObjectSetSubtractType(object_sets=[*both, static("book", 0)])
    holds(
        asking, rest, "book", of("book", lambda row: (row["pages"] or 0) > 400 and row["language"] == "en" and row["book_id"] != "bk-000")
    )


@case(LOAD, "set: union", "objects of several types")
def a_set_may_hold_objects_of_several_types(asking: Asking) -> None:
    page = asking.load(m.ObjectSetUnionType(object_sets=[base("film"), static("book", 2, 4)]))
    expected = {row["__rid"]: row for row in [*(told("film", row) for row in of("film")), *(told("book", ROWS["book"][n]) for n in (2, 4))]}
    same({row["__rid"]: row for row in page.data}, expected)
    same(page.total_count, len(expected))


@case(LOAD, "set: searchAround", "four hops")
def objects_around_a_set(asking: Asking) -> None:
    korean = of("book", lambda row: row["language"] == "ko")
    holds(asking, search_around(in_language("ko"), "branch"), "branch", around("book", "branch", korean))
    holds(asking, search_around(in_language("ko"), "authors"), "author", around("book", "authors", korean))
    one = [ROWS["member"][2]]
    hops = [("member", "loans"), ("loan", "book"), ("book", "branch"), ("branch", "films")]
    found, object_set = one, static("member", 2)
    for kind, link in hops:
        found, object_set = around(kind, link, found), search_around(object_set, link)
    holds(asking, object_set, "film", found)


@case(LOAD, "set: searchAround with depth (ours)")
def objects_around_a_set_at_any_distance(asking: Asking) -> None:
    start = ROWS["book"][57]
    chain, here = [], linked("book", "sequel_to", start)
    while here:
        chain.append(here[0])
        here = linked("book", "sequel_to", here[0])
    assert chain
    deep = search_around(static("book", 57), "sequel_to", depth={"min": 1, "max": 20})
    holds(asking, deep, "book", sorted(chain, key=lambda row: row["book_id"]))
    holds(asking, search_around(static("book", 57), "sequel_to", depth={"min": 1, "max": 1}), "book", chain[:1])


@case(LOAD, "set: searchAround with validAt (ours)")
def objects_around_a_set_at_a_moment(asking: Asking) -> None:
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    at = int(moment.timestamp() * 1_000_000)
    pairs = zip(world().pairs["member__borrowed"], world().valid, strict=True)
    expected = sorted({book for (_, book), (since, until) in pairs if since <= at < until})
    assert 0 < len(expected) < 60
    valid = search_around(base("member"), "borrowed", validAt=moment.isoformat().replace("+00:00", "Z"))
    holds(asking, valid, "book", [ROWS["book"][number] for number in expected])


@case(LOAD, "set: interfaceLinkSearchAround")
def objects_around_an_interface(asking: Asking) -> None:
    held = m.ObjectSetInterfaceBaseType(interface_type="held")
    cheap = filtered(m.ObjectSetInterfaceBaseType(interface_type="lendable"), m.LtQueryV2(field="price", value="4"))
    branches = {row["branch_id"] for kind in ("book", "film") for row in of(kind, lambda row: row["price"] < 4)}
    wanted = m.ObjectSetInterfaceLinkSearchAroundType(object_set=cheap, interface_link="branch")
    holds(asking, wanted, "branch", of("branch", lambda row: row["branch_id"] in branches))
    every = m.ObjectSetInterfaceLinkSearchAroundType(object_set=held, interface_link="branch")
    holds(asking, every, "branch", of("branch"))


@case(LOAD, "set: asType", "set: asBaseObjectTypes")
def objects_seen_as_another_type(asking: Asking) -> None:
    lendable = m.ObjectSetInterfaceBaseType(interface_type="lendable")
    holds(asking, m.ObjectSetAsTypeType(entity_type="film", object_set=lendable), "film", of("film"))
    seen = m.ObjectSetAsTypeType(entity_type="held", object_set=m.ObjectSetUnionType(object_sets=[static("film", 1), base("member")]))
    same([row["__primaryKey"] for row in asking.load(seen).data], ["fm-01"])
    own = m.ObjectSetAsBaseObjectTypesType(object_set=filtered(lendable, m.EqualsQueryV2(field="branch_id", value="br-2")))
    expected = [told(kind, row) for kind in ("book", "film") for row in of(kind, lambda row: row["branch_id"] == "br-2")]
    same(asking.load(own).data, expected)


@case(LOAD, "set: nearestNeighbors", "nearest: vector", "orderBy: relevance")
def objects_nearest_to_a_vector(asking: Asking) -> None:
    wanted = [0.5, 0.25, 0.75]
    near = m.ObjectSetNearestNeighborsType(
        object_set=in_language("ko"),
        property_identifier=m.PropertyApiNameSelector(api_name="taste"),
        num_neighbors=5,
        query=m.DoubleVector(value=wanted),
    )

    def likeness(row: Row) -> float:
        dot = sum(a * b for a, b in zip(row["taste"], wanted, strict=True))
        return float(dot / sqrt(sum(a * a for a in row["taste"])) / sqrt(sum(a * a for a in wanted)))

    best = sorted(of("book", lambda row: row["language"] == "ko"), key=likeness, reverse=True)[:5]
    same(sorted(row["__primaryKey"] for row in asking.load(near).data), sorted(keys("book", best)))
    ranked = asking.load(near, order_by=m.SearchOrderByV2(order_type="relevance", fields=[]))
    same([row["__primaryKey"] for row in ranked.data], keys("book", best))


@case("OntologyObjectSet.create_temporary")
@case("OntologyObjectSet.get")
@case(LOAD, "set: reference")
def a_set_is_kept_and_used_again(asking: Asking) -> None:
    rid = asking.sets().create_temporary(ONTOLOGY, object_set=long_books()).object_set_rid
    same(asking.sets().get(ONTOLOGY, rid, preview=True), long_books())
    again = filtered(m.ObjectSetReferenceType(reference=rid), m.EqualsQueryV2(field="language", value="de"))
    holds(asking, again, "book", of("book", lambda row: (row["pages"] or 0) > 400 and row["language"] == "de"))


@case(LOAD, "pageSize, pageToken", "orderBy: fields", "select", "selectV2", "excludeRid", "snapshot")
def a_set_is_loaded_as_asked(asking: Asking) -> None:
    order = m.SearchOrderByV2(fields=[m.SearchOrderingV2(field="price", direction="desc")])
    found, token = [], None
    for _ in range(4):
        page = asking.load(base("book"), select=["price"], order_by=order, page_size=15, page_token=token, exclude_rid=True, snapshot=True)
        found += page.data
        token = page.next_page_token
    same(token, None)
    same(found, [told("book", row, select=["price"], rid=False) for row in sorted_by(of("book"), "price", descending=True)])
    ways = [m.PropertyApiNameSelector(api_name="pages"), m.PrimaryKeyPropertySelector()]
    same(asking.load(static("book", 6), select_v2=ways).data, [told("book", ROWS["book"][6], select=["pages", "book_id"])])


@case("OntologyObjectSet.load_multiple_object_types", "plain", "interface", "orderBy: fields", "pageSize, pageToken", "select")
def objects_of_several_types_are_loaded(asking: Asking) -> None:
    load, lendable = asking.sets().load_multiple_object_types, m.ObjectSetInterfaceBaseType(interface_type="lendable")
    both = [told_by("lendable", kind, row) for kind in ("book", "film") for row in of(kind)]
    page = load(ONTOLOGY, object_set=lendable, select=[], preview=True)
    same((page.data, page.total_count), (both, len(both)))
    mapping = page.interface_to_object_type_mappings_v2["lendable"]
    told_own = {kind: {name: how.property_api_name for name, how in parts.items()} for kind, parts in mapping.items()}
    same(told_own, {kind: TYPES[kind]["implements"]["lendable"] for kind in ("book", "film")})
    same(page.interface_to_object_type_mappings["lendable"]["film"], {"price": "price"})
    found, token = [], None
    order = m.SearchOrderByV2(fields=[m.SearchOrderingV2(field="price")])
    while True:
        page = load(ONTOLOGY, object_set=lendable, select=["price"], order_by=order, page_size=20, page_token=token, preview=True)
        found += page.data
        token = page.next_page_token
        if token is None:
            break
    tagged = [{**row, "_kind": kind} for kind in ("book", "film") for row in of(kind)]
    same(found, [told(row["_kind"], row, select=["price"]) for row in sorted_by(tagged, "price")])
    plain = load(ONTOLOGY, object_set=base("film"), select=[], preview=True)
    same((plain.data, plain.interface_to_object_type_mappings), ([told("film", row) for row in of("film")], {}))


@case("OntologyObjectSet.load_objects_or_interfaces", "plain", "interface")
def objects_are_loaded_as_an_interface_shows_them(asking: Asking) -> None:
    load = asking.sets().load_objects_or_interfaces
    page = load(ONTOLOGY, object_set=m.ObjectSetInterfaceBaseType(interface_type="lendable"), select=[], preview=True)
    same(page.data, [told_as("lendable", kind, row) for kind in ("book", "film") for row in of(kind)])
    same(load(ONTOLOGY, object_set=base("film"), select=[], preview=True).data, [told("film", row) for row in of("film")])


@case("OntologyObjectSet.load_links", "plain", "several links", "pageToken")
def links_of_a_set_are_loaded(asking: Asking) -> None:
    found: dict[tuple[Any, str], list[Any]] = {}
    token = None
    while True:
        page = asking.sets().load_links(ONTOLOGY, object_set=in_language("en"), links=["authors", "branch"], page_token=token, preview=True)
        for entry in page.data:
            for one in entry.linked_objects:
                found.setdefault((entry.source_object["__primaryKey"], one.link_type), []).append(one.target_object["__primaryKey"])
        token = page.next_page_token
        if token is None:
            break
    expected = {
        (row["book_id"], link): keys(target, linked("book", link, row))
        for row in of("book", lambda row: row["language"] == "en")
        for link, target in (("authors", "author"), ("branch", "branch"))
        if linked("book", link, row)
    }
    same(found, expected)
    (entry,) = asking.sets().load_links(ONTOLOGY, object_set=static("book", 8), links=["branch"], preview=True).data
    same(
        (set(entry.source_object), set(entry.linked_objects[0].target_object)),
        ({"__primaryKey", "__apiName"}, {"__primaryKey", "__apiName"}),
    )
