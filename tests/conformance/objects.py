"""Objects one by one and in lists, and the objects linked to one."""

from __future__ import annotations

from tests.conformance.cases import ONTOLOGY, Asking, case, m, same
from tests.conformance.oracle import ROWS, keys, linked, of, sorted_by, told
from tests.conformance.world import TYPES


@case("OntologyObject.get", "plain", "every property type", "long key")
def an_object_is_found_by_its_key(asking: Asking) -> None:
    for kind in TYPES:
        for row in ROWS[kind][:7]:
            same(asking.objects().get(ONTOLOGY, kind, str(row[TYPES[kind]["key"]])), told(kind, row))


@case("OntologyObject.get", "select")
def an_object_is_told_with_the_properties_selected(asking: Asking) -> None:
    row = ROWS["book"][8]
    found = asking.objects().get(ONTOLOGY, "book", row["book_id"], select=["price", "size", "pages"])
    same(found, told("book", row, select=["price", "size", "pages"]))


@case("OntologyObject.get", "excludeRid")
def an_object_is_told_without_its_rid(asking: Asking) -> None:
    same(asking.objects().get(ONTOLOGY, "film", "fm-03", exclude_rid=True), told("film", ROWS["film"][3], rid=False))


@case("OntologyObject.list")
def objects_are_listed_in_the_order_of_their_keys(asking: Asking) -> None:
    for kind in TYPES:
        same(list(asking.objects().list(ONTOLOGY, kind)), [told(kind, row) for row in ROWS[kind]])


@case("OntologyObject.list", "pageSize, pageToken", "totalCount", "snapshot")
def pages_follow_one_another(asking: Asking) -> None:
    for size in (1, 7, 60, 9_999):
        found = asking.objects().list(ONTOLOGY, "book", page_size=size, snapshot=True)
        same(keys("book", of("book")), [row["__primaryKey"] for row in found])
    page = asking.objects().with_raw_response.list(ONTOLOGY, "book", page_size=7).decode()
    same((len(page.data), page.total_count), (7, 60))
    rest = asking.objects().with_raw_response.list(ONTOLOGY, "book", page_size=99, page_token=page.next_page_token).decode()
    same((len(rest.data), rest.next_page_token), (53, None))


@case("OntologyObject.list", "orderBy")
def objects_are_listed_in_an_order(asking: Asking) -> None:
    for field in ("pages", "title", "price", "added_at", "printed_on", "weight", "words", "lent"):
        for direction in ("asc", "desc"):
            found = [
                row["__primaryKey"]
                for row in asking.objects().list(ONTOLOGY, "book", order_by=f"properties.{field}:{direction}", page_size=13)
            ]
            same(found, keys("book", sorted_by(of("book"), field, descending=direction == "desc")))
    found = [row["__primaryKey"] for row in asking.objects().list(ONTOLOGY, "book", order_by="p.language,p.pages:desc")]
    same(found, keys("book", sorted_by(sorted_by(of("book"), "pages", descending=True), "language")))


@case("OntologyObject.list", "select", "excludeRid")
def a_list_tells_the_properties_selected(asking: Asking) -> None:
    found = list(asking.objects().list(ONTOLOGY, "book", select=["subjects", "taste"], exclude_rid=True))
    same(found, [told("book", row, select=["subjects", "taste"], rid=False) for row in of("book")])


@case("OntologyObject.count")
def objects_are_counted(asking: Asking) -> None:
    for kind in TYPES:
        same(asking.objects().count(ONTOLOGY, kind).count, len(ROWS[kind]))


@case("LinkedObject.list_linked_objects", "foreign key", "reverse", "join table", "object-backed", "to its own type")
def linked_objects_are_listed(asking: Asking) -> None:
    ends = [
        ("book", "branch", "branch"),
        ("branch", "books", "book"),
        ("branch", "films", "film"),
        ("book", "authors", "author"),
        ("author", "books", "book"),
        ("book", "sequel_to", "book"),
        ("book", "sequels", "book"),
        ("member", "borrowed", "book"),
        ("book", "readers", "member"),
        ("book", "loans", "loan"),
    ]
    for kind, link, target in ends:
        for row in ROWS[kind][:9]:
            found = asking.client.LinkedObject.list_linked_objects(ONTOLOGY, kind, str(row[TYPES[kind]["key"]]), link, page_size=4)
            same([one["__primaryKey"] for one in found], keys(target, linked(kind, link, row)))


@case("LinkedObject.list_linked_objects", "select", "orderBy", "pageSize, pageToken")
def linked_objects_are_listed_as_asked(asking: Asking) -> None:
    books = linked("branch", "books", ROWS["branch"][1])
    listing = asking.client.LinkedObject.list_linked_objects
    found = list(listing(ONTOLOGY, "branch", "br-1", "books", select=["price"], exclude_rid=True))
    same(found, [told("book", row, select=["price"], rid=False) for row in books])
    ordered = listing(ONTOLOGY, "branch", "br-1", "books", order_by="properties.price:desc", page_size=5)
    same([row["__primaryKey"] for row in ordered], keys("book", sorted_by(books, "price", descending=True)))


@case("LinkedObject.get_linked_object", "plain", "select")
def one_linked_object_is_found(asking: Asking) -> None:
    get = asking.client.LinkedObject.get_linked_object
    row = linked("branch", "books", ROWS["branch"][0])[2]
    same(get(ONTOLOGY, "branch", "br-0", "books", row["book_id"]), told("book", row))
    same(get(ONTOLOGY, "branch", "br-0", "books", row["book_id"], select=["isbn"]), told("book", row, select=["isbn"]))


@case("OntologyObject.search", "plain", "pageSize, pageToken", "totalCount", "select", "excludeRid", "snapshot")
def a_search_without_a_filter_finds_everything(asking: Asking) -> None:
    found, token = [], None
    while True:
        page = asking.objects().search(ONTOLOGY, "book", select=["title"], page_size=25, page_token=token, exclude_rid=True, snapshot=True)
        same(page.total_count, 60)
        found += page.data
        token = page.next_page_token
        if token is None:
            break
    same(found, [told("book", row, select=["title"], rid=False) for row in of("book")])


@case("OntologyObject.search", "selectV2")
def properties_are_selected_in_every_way_there_is(asking: Asking) -> None:
    ways = [m.PropertyApiNameSelector(api_name="price"), m.TitlePropertySelector(), m.PrimaryKeyPropertySelector()]
    found = asking.objects().search(ONTOLOGY, "book", select=[], select_v2=ways).data
    same(found, [told("book", row, select=["price", "title", "book_id"]) for row in of("book")])


@case("OntologyObject.search", "orderBy: fields")
def a_search_is_ordered(asking: Asking) -> None:
    fields = [m.SearchOrderingV2(field="language", direction="desc"), m.SearchOrderingV2(field="price")]
    page = asking.objects().search(ONTOLOGY, "book", select=[], order_by=m.SearchOrderByV2(fields=fields))
    expected = sorted_by(sorted_by(of("book"), "price"), "language", descending=True)
    same([row["__primaryKey"] for row in page.data], keys("book", expected))
