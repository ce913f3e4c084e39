"""Functions, run by the server over the release it serves."""

from __future__ import annotations

from typing import Any

from tests.conformance.cases import ONTOLOGY, Asking, case, same
from tests.conformance.oracle import of

EXECUTE = "Query.execute"


def keenest(at_most: int, book: str | None = None) -> list[str]:
    counts: dict[Any, int] = {}
    for loan in of("loan", lambda row: book is None or row["book_id"] == book):
        counts[loan["member_id"]] = counts.get(loan["member_id"], 0) + 1
    ranked = sorted(counts, key=lambda member: (-counts[member], member))
    names = {row["member_id"]: row["name"] for row in of("member")}
    return [names[member] for member in ranked[:at_most]]


@case(EXECUTE, "plain", "parameter: scalar", "output: array")
def a_function_is_run(asking: Asking) -> None:
    for at_most in (1, 3, 100):
        same(asking.client.Query.execute(ONTOLOGY, "keenest", parameters={"at_most": at_most}).value, keenest(at_most))


@case(EXECUTE, "version")
def a_function_is_run_in_its_version(asking: Asking) -> None:
    same(asking.client.Query.execute(ONTOLOGY, "keenest", parameters={"at_most": 2}, version="1.2.0").value, keenest(2))


@case(EXECUTE, "parameter: object")
def an_object_is_given_by_its_key(asking: Asking) -> None:
    book = max(of("book"), key=lambda row: row["loans_made"])["book_id"]
    same(asking.client.Query.execute(ONTOLOGY, "keenest", parameters={"at_most": 5, "book": book}).value, keenest(5, book))


@case(EXECUTE, "parameter: object set", "output: struct")
def a_set_is_given_as_it_is_written_or_by_its_rid(asking: Asking) -> None:
    korean = {
        "type": "filter",
        "objectSet": {"type": "base", "objectType": "book"},
        "where": {"type": "eq", "field": "language", "value": "ko"},
    }
    rows = of("book", lambda row: row["language"] == "ko")
    expected = 0.5 * float(sum(row["price"] for row in rows))
    kept = asking.sets().create_temporary(ONTOLOGY, object_set=korean).object_set_rid
    for books in (korean, kept):
        value = asking.client.Query.execute(ONTOLOGY, "shelf_value", parameters={"books": books, "share": 0.5}).value
        same(value["books"], len(rows))
        assert abs(value["value"] - expected) < 1e-6
