"""What a fold makes of rows of every type, and of the pairs of a link via a table."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from palantir_assets.actions.edits import Applied, Edit, LinkEdit, ObjectEdit
from palantir_assets.assets.folding import folded, said_by_key
from palantir_assets.assets.ledger import _keep, said_of
from palantir_assets.errors import BuildError
from palantir_assets.names import Name
from palantir_assets.ontology.compiling import object_select
from palantir_assets.ontology.link_sql import folded_link_select, link_select
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import Link, Valid
from palantir_assets.stores.warehouse import content_version, replace_table
from tests.ontology.test_language import library, warehouse  # noqa: F401

AT = datetime(2024, 6, 1)


@pytest.fixture
def con(library: Loaded, warehouse: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:  # noqa: F811
    """A warehouse in whose ledger nobody said anything."""
    warehouse.execute("CREATE SCHEMA ledger")
    _keep(warehouse, library.ontology, [], 0)
    return warehouse


def say(con: duckdb.DuckDBPyConnection, library: Loaded, *edits: Edit) -> None:  # noqa: F811
    applied = [Applied(str(number), (edit,), number, AT + timedelta(hours=number)) for number, edit in enumerate(edits, 1)]
    _keep(con, library.ontology, applied, len(edits))


def built(con: duckdb.DuckDBPyConnection, library: Loaded, name: str) -> list[dict[str, Any]]:  # noqa: F811
    """The rows of a type with what was said folded in."""
    object_type = library.ontology.objects[name]
    fold = folded(con, SimpleNamespace(ontology=library.ontology), object_type)  # type: ignore[arg-type]  # what it reads of a project
    replace_table(con, Name("objects", name), object_select(library.ontology, object_type, fold.rows if fold else ""))
    rows: list[dict[str, Any]] = con.sql(f"SELECT * FROM objects.{name} ORDER BY _row").to_arrow_table().to_pylist()
    return rows


def test_where_nobody_said_anything_the_source_is_alone(con: duckdb.DuckDBPyConnection, library: Loaded) -> None:  # noqa: F811
    book = library.ontology.objects["book"]
    assert folded(con, SimpleNamespace(ontology=library.ontology), book) is None  # type: ignore[arg-type]
    named = {name.table for name in said_of(library.ontology).values()}
    assert {"ledger.book", "ledger.loan", "ledger.book__authors"} <= named
    assert "ledger.member__borrowed" not in named, "a link through objects follows them"


def test_values_of_every_type_stay_or_become_what_was_said(con: duckdb.DuckDBPyConnection, library: Loaded) -> None:  # noqa: F811
    before = built(con, library, "book")
    say(con, library, ObjectEdit("modify", "book", "B-1", {"price": "9.90"}, {"price": "1.50"}))
    after = built(con, library, "book")
    assert after == [before[0], {**before[1], "price": Decimal("9.90")}, before[2]]
    version = content_version(con, Name("objects", "book"))
    say(con, library)
    built(con, library, "book")
    assert content_version(con, Name("objects", "book")) != version


def test_times_numbers_and_created_rows_are_read_as_the_source_has_them(con: duckdb.DuckDBPyConnection, library: Loaded) -> None:  # noqa: F811
    before = built(con, library, "loan")
    new = {"loan_id": 4, "member_id": 1, "book_id": "B-1", "lent_at": "2024-07-01T08:30:00Z", "returned_at": None, "fee": "0.25"}
    say(con, library, ObjectEdit("create", "loan", "4", new), ObjectEdit("delete", "loan", "2", {}, {}), ObjectEdit("erase", "loan", "1"))
    after = built(con, library, "loan")
    assert [row["loan_id"] for row in after] == [3, 4] and [row["_row"] for row in after] == [0, 1]
    assert after[0] == {**before[2], "_row": 0}
    assert after[1]["lent_at"] == datetime(2024, 7, 1, 8, 30) and type(after[1]["fee"]) is type(before[0]["fee"])
    assert {key: (one.exists, one.edit_no, one.erased) for key, one in said_by_key(con, Name("objects", "loan")).items()} == {
        "1": (False, 0, True), "2": (False, 2, False), "4": (True, 1, False),
    }  # fmt: skip


def test_a_row_without_a_key_stays_for_the_check_to_find(con: duckdb.DuckDBPyConnection, library: Loaded) -> None:  # noqa: F811
    con.execute("INSERT INTO marts.authors VALUES (NULL, 'nobody')")
    say(con, library, ObjectEdit("modify", "author", "1", {"name": "B"}, {"name": "A"}))
    assert sorted((str(row["author_id"]), row["name"]) for row in built(con, library, "author")) == [
        ("0", "A"), ("1", "B"), ("None", "nobody"),
    ]  # fmt: skip


def test_what_was_said_of_a_property_before_it_was_renamed_is_said_of_it(con: duckdb.DuckDBPyConnection, library: Loaded) -> None:  # noqa: F811
    author = library.ontology.objects["author"]
    renamed = author.properties["name"].model_copy(update={"renamed_from": "called"})
    named = author.model_copy(update={"properties": {**author.properties, "name": renamed}})
    ontology = library.ontology.model_copy(update={"objects": {**library.ontology.objects, "author": named}})
    say(con, library, ObjectEdit("modify", "author", "1", {"called": "B"}, {"called": "A"}))
    fold = folded(con, SimpleNamespace(ontology=ontology), named)  # type: ignore[arg-type]
    assert fold is not None
    assert con.execute(f"SELECT name FROM ({fold.rows}) WHERE author_id = 1").fetchall() == [("B",)]


def test_a_value_that_its_property_cannot_hold_stops_the_build_and_is_not_told(con: duckdb.DuckDBPyConnection, library: Loaded) -> None:  # noqa: F811
    say(con, library, ObjectEdit("modify", "book", "B-1", {"subjects": {"secret": 1}}, {}))
    with pytest.raises(BuildError) as told:
        built(con, library, "book")
    assert "an edit of book holds a value that its property cannot hold" in str(told.value) and "secret" not in str(told.value)


@pytest.mark.parametrize("dated", [False, True])
def test_people_link_and_unlink_pairs_of_a_join_table(con: duckdb.DuckDBPyConnection, library: Loaded, dated: bool) -> None:  # noqa: F811
    book = library.ontology.objects["book"]
    link: Link = book.links["authors"].model_copy(update={"valid": Valid.model_validate({"from": "book_id"})} if dated else {})
    if dated:
        con.execute("CREATE OR REPLACE TABLE marts.book_authors AS SELECT * REPLACE (NULL AS book_id) FROM marts.book_authors LIMIT 0")
    say(
        con, library,
        LinkEdit("link", "book__authors", "B-1", "1"), LinkEdit("unlink", "book__authors", "B-0", "0"),
        LinkEdit("link", "book__authors", "B-2", "0"), LinkEdit("link", "book__authors", "B-1", "77"),
    )  # fmt: skip
    found = con.execute(folded_link_select(library.ontology, book, "authors", link)).fetchall()
    base = con.execute(link_select(library.ontology, book, link)).fetchall()
    if dated:
        assert (base, found) == ([], [(1, 1, None, None), (2, 0, None, None)])
    else:
        assert (base, found) == ([(0, 0), (0, 1), (2, 0)], [(0, 1), (1, 1), (2, 0)])
