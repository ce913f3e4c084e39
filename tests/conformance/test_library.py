"""The library of books and films, built for real from its CSV files and read through the official client, in two languages."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.assets.shop import BUILDS
from tests.conformance.cases import ONTOLOGY, Asking, m
from tests.conformance.server import serving
from tests.stories.libraries import LIBRARY, build_library, copy_library

pytestmark = BUILDS
LENDABLE = m.ObjectSetInterfaceBaseType(interface_type="lendable")


def table(name: str) -> list[dict[str, str]]:
    with (LIBRARY / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    settings = copy_library(tmp_path_factory.mktemp("library"))
    build_library(settings)
    with serving(settings) as found:
        yield found


def times_lent(kind: str) -> Counter[str]:
    return Counter(row[f"{kind}_id"] for row in table("loans" if kind == "book" else "film_loans"))


def test_labels_come_in_english_and_in_korean(asking: Asking) -> None:
    said = {language: asking.speaking(language).client.Ontology.get_full_metadata(ONTOLOGY) for language in ("en", "ko")}
    for language, book, price, interface, function in (
        ("en", "Book", "Price", "Lendable", "Keenest readers"),
        ("ko", "도서", "가격", "대출 자료", "다독자"),
    ):
        full = said[language]
        assert full.object_types["book"].object_type.display_name == book
        assert full.object_types["book"].object_type.properties["price"].display_name == price
        assert full.interface_types["lendable"].display_name == interface
        assert full.query_types["top_lenders:1.0.0"].display_name == function


def test_an_interface_asks_books_and_films_as_one(asking: Asking) -> None:
    rows = [*(("book", row) for row in table("books")), *(("film", row) for row in table("films"))]
    lent = {kind: times_lent(kind) for kind in ("book", "film")}
    page = asking.sets().load_objects_or_interfaces(ONTOLOGY, object_set=LENDABLE, select=[], preview=True)
    found = {row["__primaryKey"]: (row["name"], row["price"], row["times_lent"], row["branch_id"]) for row in page.data}
    assert found == {
        row[f"{kind}_id"]: (row["name"], f"{Decimal(row['price']):.2f}", lent[kind][row[f"{kind}_id"]], row["branch_id"])
        for kind, row in rows
    }
    answer = asking.sets().aggregate(
        ONTOLOGY,
        object_set=LENDABLE,
        aggregation=[m.SumAggregationV2(field="times_lent", name="lent")],
        group_by=[m.AggregationExactGroupingV2(field="branch_id")],
    )
    by_branch: Counter[str] = Counter()
    for kind, row in rows:
        by_branch[row["branch_id"]] += lent[kind][row[f"{kind}_id"]]
    assert {one.group["branch_id"]: one.metrics[0].value for one in answer.data} == by_branch


def test_an_object_backed_link_is_walked_at_any_time_and_at_one(asking: Asking) -> None:
    loans = table("loans")
    listed = asking.client.LinkedObject.list_linked_objects(ONTOLOGY, "member", "1", "borrowed")
    assert [row["book_id"] for row in listed] == sorted({loan["book_id"] for loan in loans if loan["member_id"] == "1"})
    at = "2024-07-01T12:00:00Z"
    moment = datetime.fromisoformat(at)

    def out(loan: dict[str, str]) -> bool:
        returned = loan["returned_at"]
        return datetime.fromisoformat(loan["lent_at"]) <= moment and (not returned or moment < datetime.fromisoformat(returned))

    around: Any = m.ObjectSetSearchAroundType(object_set=m.ObjectSetBaseType(object_type="member"), link="borrowed", validAt=at)  # type: ignore[call-arg]
    assert [row["book_id"] for row in asking.load(around).data] == sorted({loan["book_id"] for loan in loans if out(loan)})


def test_derived_aggregates_are_properties_like_any_other(asking: Asking) -> None:
    lent = times_lent("book")
    fees = {key: sum(Decimal(loan["fee"]) for loan in table("loans") if loan["book_id"] == key) for key in lent}
    books = {row["__primaryKey"]: row for row in asking.objects().list(ONTOLOGY, "book")}
    assert {key: row["times_lent"] for key, row in books.items()} == {row["book_id"]: lent[row["book_id"]] for row in table("books")}
    assert {key: Decimal(row["fees"]) for key, row in books.items() if "fees" in row} == fees
    keen = asking.objects().search(ONTOLOGY, "book", where=m.GteQueryV2(field="times_lent", value=2), select=[])
    assert [row["__primaryKey"] for row in keen.data] == sorted(key for key, count in lent.items() if count >= 2)
    per_loan = asking.objects().search(ONTOLOGY, "book", where=m.GtQueryV2(field="fee_per_loan", value=1), select=["fee_per_loan"])
    assert {row["__primaryKey"]: row["fee_per_loan"] for row in per_loan.data} == {
        key: pytest.approx(float(fees[key]) / lent[key]) for key in sorted(lent) if fees[key] / lent[key] > 1
    }


def test_a_value_type_tells_what_its_values_must_be(asking: Asking) -> None:
    isbn = asking.client.OntologyValueType.get(ONTOLOGY, "isbn", preview=True)
    assert {one.type for one in isbn.constraints} == {"regex", "length"}
    assert asking.client.Ontology.ObjectType.get(ONTOLOGY, "book").properties["isbn"].value_type_api_name == "isbn"
    card = asking.client.OntologyValueType.get(ONTOLOGY, "card_number", preview=True)
    assert [one.type for one in card.constraints] == ["uuid"]


def test_a_function_is_run_over_the_release(asking: Asking) -> None:
    names = {row["member_id"]: row["name"] for row in table("members")}

    def keenest(loans: list[dict[str, str]]) -> list[str]:
        counts = Counter(loan["member_id"] for loan in loans)
        return [names[member] for member in sorted(counts, key=lambda member: (-counts[member], names[member]))]

    execute = asking.client.Query.execute
    assert execute(ONTOLOGY, "top_lenders", parameters={"at_most": 9}).value == keenest(table("loans"))
    some = [loan for loan in table("loans") if loan["book_id"] == "B-1"]
    assert execute(ONTOLOGY, "top_lenders", parameters={"at_most": 1, "book": "B-1"}).value == keenest(some)[:1]


def test_places_lists_and_vectors_are_asked_of_a_real_release(asking: Asking) -> None:
    near = m.WithinDistanceOfQuery(
        field="place",
        value=m.CenterPoint(center={"type": "Point", "coordinates": [126.968, 37.576]}, distance={"value": 6, "unit": "KILOMETERS"}),
    )
    assert [row["__primaryKey"] for row in asking.objects().search(ONTOLOGY, "branch", where=near, select=[]).data] == ["jr", "md"]
    novels = asking.objects().search(ONTOLOGY, "book", where=m.ContainsQueryV2(field="subjects", value="novel"), select=[])
    assert [row["book_id"] for row in novels.data] == [row["book_id"] for row in table("books") if "novel" in row["subjects"].split("|")]
    closest = m.ObjectSetNearestNeighborsType(
        object_set=m.ObjectSetBaseType(object_type="book"),
        property_identifier=m.PropertyApiNameSelector(api_name="taste"),
        num_neighbors=1,
        query=m.DoubleVector(value=[0.0, 0.0, 1.0]),
    )
    assert [row["book_id"] for row in asking.load(closest).data] == ["B-4"]
