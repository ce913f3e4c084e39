"""Property types, links of every kind, interfaces, functions and metrics, broken one way at a time: told with line and next step."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.ontology.conftest import problems_of

LIBRARY = Path(__file__).parents[1] / "stories" / "library" / "ontology_specs"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return Path(shutil.copytree(LIBRARY, tmp_path / "ontology_specs"))


def broken(folder: Path, file: str, old: str, new: str) -> list[str]:
    path = folder / "library" / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return problems_of(folder)


def test_the_library_itself_holds_together(library: Path) -> None:
    assert problems_of(library) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("book.yaml", "type: vector, size: 3", "type: vector", "book.yaml:21: property 'taste' is a vector, which needs `size`"),
        ("book.yaml", "type: array, of: string", "type: array", "property 'subjects' is an array, which needs `of`; such as `of: string`"),
        (
            "book.yaml",
            "type: struct, fields: {width: double, height: double}",
            "type: struct",
            "'dimensions' is a struct, which needs `fields`",
        ),
        (
            "book.yaml",
            "type: decimal, digits: [12, 2], optional: true, derived: sum",
            "type: decimal, optional: true, derived: sum",
            "property 'fees' is a decimal, which needs `digits`",
        ),
        (
            "book.yaml",
            "fees: {type: decimal, digits: [12, 2]",
            "fees: {type: decimal, digits: [2, 12]",
            "first all digits, then those after",
        ),
        ("book.yaml", "access: {type: marking,", "access: {type: marking, size: 3,", "`size` says nothing of property 'access', a marking"),
        ("book.yaml", "access: {type: marking,", "access: {type: markng,", "unknown type 'markng'; did you mean 'marking'?"),
        ("book.yaml", "price: {shared: price,", "price: {shared: prise,", "names unknown shared property 'prise'; did you mean 'price'?"),
        (
            "book.yaml",
            "price: {shared: price,",
            "price: {shared: price, type: double,",
            "'price' is of another type than the shared property",
        ),
        (
            "book.yaml",
            "cover: {type: attachment, optional",
            "cover: {optional",
            "property 'cover' has no type; add `type`, or name a `shared`",
        ),
        (
            "branch.yaml",
            "type: geopoint, from: [lat, lon]",
            "type: geopoint",
            "which is read from two columns; add `from: [latitude, longitude]`",
        ),
        ("branch.yaml", "name: {type: string,", "name: {type: string, from: [a, b],", "is a string, which is read from one column"),
        ("branch.yaml", "    of: double\n", "", "property 'visitors' is a timeseries, which needs `of`"),
        ("branch.yaml", "derived: count(books)", "from: books, derived: count(books)", "says both `derived` and `from`"),
        ("branch.yaml", "name: {type: string,", "name: {type: string, materialised: false,", "columns are always kept"),
        (
            "shared.yaml",
            "uuid: true",
            "uuid: true\n    min: 1",
            "`min`, `max` and `between` are for numbers and times; 'card_number' is a string",
        ),
        (
            "book.yaml",
            "indexes: [branch_id, price]",
            "indexes: [branch_id, subjects]",
            "an index of 'subjects', an array, would order nothing",
        ),
    ],
)
def test_a_property_that_does_not_say_what_its_type_needs_is_told(library: Path, file: str, old: str, new: str, told: str) -> None:
    problems = broken(library, file, old, new)
    assert any(told in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("book.yaml", "derived: count(loans),", "derived: count(laons),", "count reads unknown link 'laons'; did you mean 'loans'?"),
        (
            "book.yaml",
            "sum(loans.fee)",
            "sum(loans.fees)",
            "unknown property 'fees' of loan, or one that is not stored with it; did you mean 'fee'?",
        ),
        ("book.yaml", "sum(loans.fee)", "sum(loans)", "'sum(loans)' is not an aggregate over a link; write sum(link.property)"),
        ("book.yaml", "sum(loans.fee)", "sum(loans.lent_at)", "sum of 'lent_at', which is a timestamp"),
        (
            "book.yaml",
            "count(loans, loans.fee > 0)",
            "count(loans, fee > 0)",
            "'fee' is not of the objects that are counted; write loans.property",
        ),
        (
            "book.yaml",
            "count(loans, loans.fee > 0)",
            "count(loans, loans.fee)",
            "the condition 'fee' is a number where a boolean is needed",
        ),
        ("book.yaml", "count(loans, loans.fee > 0)", "count(loans, count(loans) > 0)", "an aggregate within an aggregate"),
        (
            "book.yaml",
            "times_lent: {type: integer, derived: count(loans)",
            "times_lent: {type: string, derived: count(loans)",
            "property 'times_lent' is a string, but its expression gives a number",
        ),
        (
            "book.yaml",
            "derived: fees / times_lent, materialised: false",
            "derived: fee_per_loan + 1, materialised: false",
            "property 'fee_per_loan' is derived from itself",
        ),
        (
            "book.yaml",
            "materialised: false}\n  last_lent",
            "materialised: false}\n  twice: {type: double, derived: fee_per_loan * 2}\n  last_lent",
            "property 'twice' is kept, but reads 'fee_per_loan', which is not; add `materialised: false` here too",
        ),
        ("book.yaml", '"『{name}』"', '"『{times_lent}』"', "the title reads 'times_lent', which is computed later"),
        ("book.yaml", "derived: count(loans),", "derived: count(loans), expect: {min: 0},", "`expect` cannot be asked of it"),
        ("branch.yaml", "latitude(place) > 37.55", "place > 37.55", "'place' is a geopoint, which can only be asked whether it is None"),
    ],
)
def test_an_expression_over_links_that_does_not_hold_is_told(library: Path, file: str, old: str, new: str, told: str) -> None:
    problems = broken(library, file, old, new)
    assert any(told in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("book.yaml", "    via: {table", "    by: book_id\n    via: {table", "link 'authors' says `by` and `via`; a link has one of"),
        (
            "book.yaml",
            "    via: {table: marts.book_authors, source: book_id, target: author_id}\n",
            "",
            "link 'authors' says not what it goes by",
        ),
        (
            "book.yaml",
            "by: branch_id, reverse: books",
            "by: branch_id, cardinality: many_to_many, reverse: books",
            "many_to_many is for `via`",
        ),
        (
            "book.yaml",
            "    reverse: books\n",
            "    reverse: books\n    cardinality: many_to_one\n    severity: warn\n",
            "must block where it leads to several",
        ),
        ("book.yaml", "    reverse: books\n", "    reverse: books\n    optional: true\n", "goes via a table, whose rows are always whole"),
        ("member.yaml", "object: loan,", "object: lone,", "goes through unknown object type 'lone'; did you mean 'loan'?"),
        ("member.yaml", "target: book}", "target: bok}", "link 'borrowed': loan has no link 'bok'; did you mean 'book'?"),
        (
            "member.yaml",
            "source: member, target: book",
            "source: book, target: book",
            "link 'borrowed': loan.book leads to book, not to member",
        ),
        ("member.yaml", "from: lent_at,", "from: lent_att,", "names unknown property 'lent_att' of loan; did you mean 'lent_at'?"),
        ("member.yaml", "from: lent_at,", "from: fee,", "is valid by 'fee' of loan, which is no stored date or timestamp"),
        ("loan.yaml", "by: member_id,", "by: member_id, valid: {from: lent_at},", "goes by a key, which holds at all times"),
    ],
)
def test_a_link_that_goes_no_way_is_told(library: Path, file: str, old: str, new: str, told: str) -> None:
    problems = broken(library, file, old, new)
    assert any(told in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("shared.yaml", "extends: held", "extends: hold", "interface 'lendable' extends unknown interface 'hold'; did you mean 'held'?"),
        (
            "shared.yaml",
            "    description: What stands in a branch.\n",
            "    extends: lendable\n",
            "interface 'held' extends itself; by way of 'lendable'",
        ),
        (
            "shared.yaml",
            "branch: {to: branch, many",
            "branch: {to: brnch, many",
            "points at unknown interface or object type 'brnch'; did you mean",
        ),
        ("shared.yaml", "  lending:\n", "  loan:\n", "interface 'loan' has the name of an object type"),
        (
            "shared.yaml",
            "price: {shared: price}",
            "price: {shared: price}\n      branch_id: {type: integer}",
            "is of another type or unit than held's",
        ),
        (
            "film.yaml",
            "implements: [lendable]",
            "implements: [lendble]",
            "film implements unknown interface 'lendble'; did you mean 'lendable'?",
        ),
        (
            "film.yaml",
            "  times_lent: {type: integer, derived: count(loans)}\n",
            "",
            "film implements 'lendable', but has no property 'times_lent'",
        ),
        (
            "film.yaml",
            "times_lent: {type: integer",
            "times_lent: {type: long",
            "stands for 'times_lent' of interface 'lendable', but is a long, not an integer",
        ),
        (
            "film.yaml",
            "name: {type: string,",
            "name: {type: string, optional: true,",
            "property 'name' is optional, but 'name' of interface",
        ),
        ("book.yaml", "{name: book_title}", "{nam: book_title}", "interface 'lendable' has no property 'nam'; did you mean 'name'?"),
        ("book.yaml", "{name: book_title}", "{name: book_titel}", "book has no property 'book_titel'; did you mean 'book_title'?"),
        ("film_loan.yaml", "reverse: loans", "reverse: lendings", "film implements 'lendable', but has no link 'loans'"),
        ("loan.yaml", "implements: [lending]\n", "", "link 'loans' of book leads to loan, which is no lending, as 'lendable' asks"),
        (
            "shared.yaml",
            "loans: {to: lending, many: true",
            "loans: {to: lending, many: false",
            "may lead to several, but 'lendable' asks for one",
        ),
        ("shared.yaml", "times_lent: {type: integer,", "times_lent: {type: integer, unit: times,", "but is in no unit, not in times"),
    ],
)
def test_an_interface_that_is_not_kept_is_told(library: Path, file: str, old: str, new: str, told: str) -> None:
    problems = broken(library, file, old, new)
    assert any(told in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("shared.yaml", "functions.py:top", "function.py:top", "there is no readable file 'library/function.py' below the specs"),
        ("shared.yaml", "functions.py:top_lenders", "functions.py:top_lender", "has no function 'top_lender'; did you mean 'top_lenders'?"),
        ("functions.py", "at_most: int,", "most: int,", "top_lenders does not take the parameter 'at_most'; did you mean 'most'?"),
        ("functions.py", "at_most: int,", "at_most: int, colour: str,", "top_lenders needs 'colour', which is no parameter"),
        ("functions.py", "book: Any = None", "book: Any", "has no default for the optional parameter 'book'; write `book=None`"),
        ("functions.py", "(objects: Any,", "(everything: Any,", "does not begin with `objects`"),
        ("functions.py", "def top_lenders", "async def top_lenders", "top_lenders is async; functions are plain"),
        ("functions.py", "from typing import Any", "from typing import", "is not Python"),
        ("shared.yaml", "type: object, object: book,", "type: object, object: bok,", "unknown object type 'bok'; did you mean 'book'?"),
        (
            "shared.yaml",
            "type: object, object: book,",
            "type: object,",
            "`object` stands with type object or object_set, and only there (book)",
        ),
        ("shared.yaml", "entry: functions.py", "entry: ../functions.py", "functions.top_lenders.entry"),
        ("shared.yaml", "{object: loan,", "{object: lone,", "metric 'average_fee': unknown object type 'lone'; did you mean 'loan'?"),
        ("shared.yaml", "field: fee,", "field: feee,", "metric 'average_fee' names unknown property 'feee' of loan; did you mean 'fee'?"),
    ],
)
def test_a_function_or_metric_that_cannot_be_asked_is_told(library: Path, file: str, old: str, new: str, told: str) -> None:
    problems = broken(library, file, old, new)
    assert any(told in problem for problem in problems), problems


def test_a_functions_file_is_read_and_never_run(library: Path) -> None:
    marker = library / "ran"
    (library / "library" / "functions.py").write_text(
        f"open({str(marker)!r}, 'w')\ndef top_lenders(objects, *, at_most, book=None):\n    return []\n", encoding="utf-8"
    )
    assert problems_of(library) == []
    assert not marker.exists()
