"""What the language makes of a whole project: shared properties written out, stages, links as SQL, the served form, versions, speed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from palantir_assets.names import fingerprint
from palantir_assets.ontology.compiling import (
    candidate_select,
    link_select,
    missing_link_columns,
    missing_point_columns,
    object_select,
    orphans_select,
    served_ontology,
)
from palantir_assets.ontology.link_sql import folded_orphans_select, tables_read
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import Ontology
from palantir_assets.ontology.stages import stages_of
from palantir_assets.ontology.versioning import candidate_version, link_version, object_version, without_words
from palantir_assets.quality.suites import column_sql, suites_of
from tests.ontology.test_language_rules import LIBRARY


@pytest.fixture(scope="module")
def library() -> Loaded:
    return load_ontology(LIBRARY)


@pytest.fixture
def warehouse(library: Loaded) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'; CREATE SCHEMA marts; CREATE SCHEMA objects; CREATE SCHEMA links")
        con.execute(
            "CREATE TABLE marts.books AS SELECT 'B-' || i AS book_id, '9788936433598' isbn, 'n' AS name, 'gn' branch_id, i + 0.5 price,"
            " ['a', NULL] subjects, {width: 1.0, height: i} dimensions, [0.1, i, 0] taste, NULL cover, 'public' AS access "
            "FROM range(3) t(i)"
        )
        con.execute("CREATE TABLE marts.authors AS SELECT i AS author_id, 'A' AS name FROM range(2) t(i)")
        con.execute(
            "CREATE TABLE marts.book_authors AS SELECT * FROM (VALUES ('B-0', '0'), ('B-0', '1'), ('B-2', '0'), ('B-9', '1'), (NULL, 'x')) "
            "t(book_id, author_id)"
        )
        con.execute("CREATE TABLE marts.members AS SELECT i AS member_id, 'M' AS name, '' AS card FROM range(2) t(i)")
        con.execute(
            "CREATE TABLE marts.loans AS SELECT * FROM (VALUES (1, 0, 'B-2', TIMESTAMP '2024-01-01', NULL, 1.5), "
            "(2, 1, 'B-0', TIMESTAMP '2024-02-01', TIMESTAMP '2024-03-01', 0), (3, 0, 'B-2', TIMESTAMP '2024-04-01', NULL, 2)) "
            "t(loan_id, member_id, book_id, lent_at, returned_at, fee)"
        )
        for name in ("book", "author", "member", "loan"):
            con.execute(f"CREATE TABLE objects.{name} AS {object_select(library.ontology, library.ontology.objects[name])}")
        for source, name in (("loan", "member"), ("loan", "book"), ("book", "authors"), ("member", "borrowed")):
            owner = library.ontology.objects[source]
            con.execute(f"CREATE TABLE links.{source}__{name} AS {link_select(library.ontology, owner, owner.links[name])}")
        yield con


def test_a_shared_property_is_written_out_and_own_words_win(library: Loaded) -> None:
    price = library.ontology.objects["book"].properties["price"]
    assert (price.type, price.digits, price.label and price.label.ko, price.shared) == ("decimal", (12, 2), "가격", "price")
    assert price.expect is not None
    assert library.ontology.interfaces["lendable"].properties["price"].type == "decimal"


def test_a_property_is_computed_where_what_it_reads_is_there(library: Loaded) -> None:
    stages = stages_of(library.ontology.objects["book"])
    assert [name for name, stage in stages.items() if stage == "candidate"] == ["times_lent", "fees", "late_loans"]
    assert [name for name, stage in stages.items() if stage == "indexes"] == ["fee_per_loan", "last_lent"]


def test_every_type_is_stored_as_itself(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = dict(warehouse.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'book'").fetchall())
    assert found["price"] == "DECIMAL(12,2)"
    assert found["subjects"] == "VARCHAR[]"
    assert found["dimensions"] == "STRUCT(width DOUBLE, height DOUBLE)"
    assert found["taste"] == "FLOAT[3]"
    assert "times_lent" not in found and "fee_per_loan" not in found


def test_a_link_via_a_table_pairs_rows_and_lists_what_is_lost_on_both_sides(warehouse: duckdb.DuckDBPyConnection, library: Loaded) -> None:
    book = library.ontology.objects["book"]
    assert warehouse.execute("SELECT * FROM links.book__authors").fetchall() == [(0, 0), (0, 1), (2, 0)]
    lost = warehouse.execute(orphans_select(library.ontology, book, book.links["authors"])).fetchall()
    assert lost == [("source", "B-9", 1), ("source", None, 1), ("target", "x", 1)]


def test_a_link_through_objects_knows_them_and_when_it_held(warehouse: duckdb.DuckDBPyConnection, library: Loaded) -> None:
    found = warehouse.execute(
        "SELECT source_row, target_row, through_row, valid_from::DATE::VARCHAR, valid_until::DATE::VARCHAR FROM links.member__borrowed"
    )
    assert found.fetchall() == [(0, 2, 0, "2024-01-01", None), (0, 2, 2, "2024-04-01", None), (1, 0, 1, "2024-02-01", "2024-03-01")]
    member = library.ontology.objects["member"]
    read = [str(name) for name in tables_read(library.ontology, member, member.links["borrowed"])]
    assert read == ["objects/member", "objects/book", "objects/loan", "links/loan__member", "links/loan__book"]
    warehouse.execute("DELETE FROM links.loan__book WHERE source_row = 1")
    assert warehouse.execute(orphans_select(library.ontology, member, member.links["borrowed"])).fetchall() == [("target", "2", 1)]


def test_what_edits_took_away_is_told_from_what_the_data_lost(warehouse: duckdb.DuckDBPyConnection, library: Loaded) -> None:
    warehouse.execute("CREATE SCHEMA ledger")
    for name in ("book", "author", "member", "loan"):
        warehouse.execute(f"CREATE TABLE ledger.{name} (key VARCHAR, present BOOLEAN, erased BOOLEAN)")
    warehouse.execute("INSERT INTO ledger.member VALUES ('0', NULL, true), ('1', NULL, false)")
    warehouse.execute("INSERT INTO ledger.book VALUES ('B-9', false, false), ('B-0', true, false)")
    warehouse.execute("DELETE FROM objects.member")
    warehouse.execute("DELETE FROM links.loan__member")

    def lost(source: str, name: str) -> list[tuple[object, ...]]:
        owner = library.ontology.objects[source]
        return warehouse.execute(folded_orphans_select(library.ontology, owner, owner.links[name])).fetchall()

    assert lost("loan", "member") == [("1", 1, False), ("0", 2, True)]
    assert lost("book", "authors") == [("target", "x", 1, False), ("source", None, 1, False), ("source", "B-9", 1, True)]
    assert lost("member", "borrowed") == [("source", "2", 1, False), ("source", "1", 1, True), ("source", "3", 1, True)]


def test_what_is_computed_over_links_has_one_row_an_object(warehouse: duckdb.DuckDBPyConnection, library: Loaded) -> None:
    select = candidate_select(library.ontology, library.ontology.objects["book"])
    assert select is not None
    found = warehouse.execute(select).fetchall()
    assert [(row, times, None if fees is None else str(fees), late) for row, times, fees, late in found] == [
        (0, 1, "0.00", 0), (1, 0, None, 0), (2, 2, "3.50", 2),
    ]  # fmt: skip
    assert candidate_select(library.ontology, library.ontology.objects["author"]) is None


def test_a_missing_column_of_a_join_table_or_a_series_is_told(library: Loaded) -> None:
    book, name = library.ontology.objects["book"], "authors"
    assert [str(problem) for problem in missing_link_columns(library, book, name, ["book_id", "author"])] == [
        "ontology_specs/library/book.yaml:33: link 'authors' reads column 'author_id', which marts.book_authors does not have; "
        "did you mean 'author'?"
    ]
    (problem,) = missing_point_columns(library, "branch", "visitors", ["branch_id", "counted_at"])
    assert "reads column 'visitors', which marts.visits does not have" in str(problem)


def test_the_served_form_tells_interfaces_links_functions_and_value_types(library: Loaded) -> None:
    served = served_ontology(library.ontology)
    assert served.implementers("held") == served.implementers("lendable") == ("book", "film")
    assert served.types["book"].implements["lendable"]["name"] == "book_title"
    assert set(served.interface_properties("lendable")) == {"branch_id", "name", "price", "times_lent", "subjects"}
    borrowed, readers = served.find_link("member", "borrowed"), served.find_link("book", "readers")
    assert (borrowed.many, borrowed.through, borrowed.dated, readers.direction) == (True, "loan", True, "reverse")
    assert served.value_types["isbn"].version == 2 and served.value_types["card_number"].uuid
    lenders = served.functions["top_lenders"]
    assert (lenders.source, lenders.entry, lenders.time_limit_seconds) == ("library/functions.py", "top_lenders", 2.0)
    assert (served.types["book"].properties["book_title"].renamed_from, served.types["book"].properties["fees"].origin) == ("name", "links")
    assert served.types["book"].properties["last_lent"].virtual == "max(loans.lent_at)"
    assert served.types["book"].properties["fees"].expression == "sum(loans.fee)"
    assert [served.types["book"].properties[name].computed_by for name in ("fees", "fee_per_loan")] == [
        "sum(loans.fee)",
        "fees / times_lent",
    ]
    assert type(served).model_validate_json(served.model_dump_json()) == served


def test_a_place_must_be_on_the_globe_and_a_value_type_is_held(library: Loaded) -> None:
    (suite,) = suites_of(library.ontology, library.ontology.objects["branch"])
    told = [str(expectation) for expectation in suite.expectations]
    assert "place.latitude: ColumnValuesToBeBetween(min_value=-90, max_value=90)" in told
    assert "place.both_halves_are_numbers: ColumnValuesToBeInSet(value_set=[True])" in told
    assert not any("books_held" in line or "is_northern" in line for line in told)
    (suite,) = suites_of(library.ontology, library.ontology.objects["member"])
    assert any(line.startswith("card: ColumnValuesToMatchRegex(regex=^[0-9a-fA-F]{8}") for line in map(str, suite.expectations))


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        ("{latitude: 1.0, longitude: 2.0}", True),
        ("{latitude: 1.0, longitude: NULL::DOUBLE}", False),
        ("{latitude: 'nan'::DOUBLE, longitude: 2.0}", False),
        ("NULL::STRUCT(latitude DOUBLE, longitude DOUBLE)", None),
    ],
)
def test_half_a_place_is_found(value: str, whole: bool | None) -> None:
    select = column_sql("place.both_halves_are_numbers")
    assert duckdb.execute(f"SELECT {select} FROM (SELECT {value} AS place)").fetchall() == [(whole,)]


def versions(ontology: Ontology) -> dict[str, str]:
    book, member = ontology.objects["book"], ontology.objects["member"]
    return {
        "objects": object_version(ontology, book),
        "links": link_version(ontology, book, book.links["authors"]) + link_version(ontology, member, member.links["borrowed"]),
        "candidate": candidate_version(ontology),
        "answers": fingerprint(without_words(served_ontology(ontology))),
        "checks": "".join(suite.fingerprint for name in ("book", "member") for suite in suites_of(ontology, ontology.objects[name])),
    }


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("shared.yaml", "en: Price, ko: 가격", "en: Price, ko: 값", {"candidate"}),
        ("shared.yaml", "en: Lendable", "en: To be lent", {"candidate"}),
        ("shared.yaml", "ko: 다독자", "ko: 독서왕", {"candidate"}),
        ("shared.yaml", "en: Average fee", "en: Mean fee", {"candidate"}),
        ("shared.yaml", "version: 2", "version: 3", {"candidate"}),
        ("shared.yaml", "97[89][0-9]{10}", "978[0-9]{10}", {"candidate", "checks"}),
        ("shared.yaml", "version: 1.0.0", "version: 1.0.1", {"candidate", "answers"}),
        ("functions.py", "most first, then by name", "most first", {"candidate"}),
        ("book.yaml", "status: active", "status: deprecated", {"candidate", "answers"}),
        ("book.yaml", "sum(loans.fee)", "max(loans.fee)", {"candidate"}),
        ("book.yaml", "fees / times_lent", "fees + times_lent", {"candidate", "answers"}),
        ("book.yaml", "size: 3", "size: 4", {"objects", "candidate", "answers"}),
        ("book.yaml", "target: author_id}", "target: writer_id}", {"links"}),
        ("member.yaml", "until: returned_at", "until: lent_at", {"links"}),
        ("member.yaml", "Every loan is one link", "A loan is a link", {"candidate"}),
    ],
)
def test_an_edit_changes_the_version_of_what_it_decides(tmp_path: Path, file: str, old: str, new: str, changed: set[str]) -> None:
    before = versions(load_ontology(LIBRARY).ontology)
    folder = Path(shutil.copytree(LIBRARY, tmp_path / "ontology_specs"))
    path = folder / "library" / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    after = versions(load_ontology(folder).ontology)
    assert {name for name in before if before[name] != after[name]} == changed


def test_five_thousand_lines_are_checked_and_the_time_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "ontology_specs"
    folder.mkdir()
    lines = 0
    for number in range(100):
        text = _generated(number)
        lines += text.count("\n")
        (folder / f"type_{number}.yaml").write_text(text, encoding="utf-8")
    assert lines >= 5_000
    start = time.process_time()
    loaded = load_ontology(folder)
    seconds = time.process_time() - start
    print(f"{lines} lines of specs, {len(loaded.ontology.objects)} object types: {seconds:.2f} s of CPU")
    assert seconds < 40, "every line looked at every other"


def _generated(number: int) -> str:
    other = (number + 1) % 100
    properties = "".join(
        f"  p_{index}:\n    type: double\n    label: {{en: P {index}, ko: 값 {index}}}\n    optional: true\n    expect: {{min: 0}}\n"
        for index in range(8)
    )
    return (
        f"object: type_{number}\nlabel: {{en: Type {number}, ko: 종류 {number}}}\nfrom: marts.type_{number}\nkey: id\n"
        f'title: "{{name}} {{id}}"\nproperties:\n  id: {{type: integer}}\n  name: {{type: string}}\n  other_id: {{type: integer}}\n'
        f"{properties}"
        f"  total:\n    type: double\n    optional: true\n    derived: p_0 * p_1 + coalesce(p_2, 0)\n"
        f"  others:\n    type: integer\n    derived: count(others_of, others_of.p_1 > 1)\n"
        f"links:\n  other:\n    to: type_{other}\n    by: other_id\n    reverse: others_of\n"
    )
