"""Texts from templates, and the table of documents."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.errors import BuildError, ReleaseError
from palantir_assets.search.documents import Document, collect, read, render, safe_text, write

TEMPLATE = "{title} ({city}), {size} by {maker.name}; {seats} seats. {note}."
FULL: dict[str, object] = {"title": "Blue", "city": "Seoul", "size": "big", "maker.name": "Acme", "seats": 4, "note": "Old"}


def test_all_values_present_stand_as_the_template_says() -> None:
    assert render(TEMPLATE, FULL) == "Blue (Seoul), big by Acme; 4 seats. Old."


@pytest.mark.parametrize(
    ("template", "nulls", "text"),
    [
        (TEMPLATE, {"city"}, "Blue, big by Acme; 4 seats. Old."),
        (TEMPLATE, {"note"}, "Blue (Seoul), big by Acme; 4 seats."),
        (TEMPLATE, {"title"}, "(Seoul), big by Acme; 4 seats. Old."),
        (TEMPLATE, {"title", "city"}, "big by Acme; 4 seats. Old."),
        ("{title}, {city}, {size}", {"city"}, "Blue, big"),
        ("{title}, {city}, {size}", {"size"}, "Blue, Seoul"),
        ("{title}, {city}, {size}", {"city", "size"}, "Blue"),
        ("{title}: {city}→{size}.", {"size"}, "Blue: Seoul."),
        ("{city}→{size} {title}", {"city"}, "big Blue"),
        ("{title} [{city}, {size}]", {"city"}, "Blue [big]"),
        ("{title} [{city}, {size}]", {"city", "size"}, "Blue"),
        ("{title}. {city}. {size}.", {"city"}, "Blue. big."),
        ("{title}", {"title"}, ""),
        ("({city}), {size}.", {"city", "size"}, ""),
    ],
)
def test_a_null_vanishes_with_the_punctuation_around_it(template: str, nulls: set[str], text: str) -> None:
    assert render(template, {name: None if name in nulls else value for name, value in FULL.items()}) == text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "yes"), (False, "no"), (0, "0"), (0.0, "0"), (2.50, "2.5"), (1250000.0, "1250000"), (1 / 3, "0.3333"),
        (float("nan"), ""), (float("inf"), ""), (date(2013, 1, 2), "2013-01-02"), (datetime(2013, 1, 2, 3, 4), "2013-01-02 03:04"),
        ("지연", "지연"), ("a  b\n c", "a b c"), ("{title}", "{title}"),
    ],
)  # fmt: skip
def test_a_value_is_shown_as_a_person_would_write_it(value: object, shown: str) -> None:
    assert render("{value}", {"value": value}) == shown


def test_punctuation_in_a_value_is_left_alone_when_nothing_is_null() -> None:
    assert render("{title}: {note}", {"title": "Wait...", "note": "what?! (,)"}) == "Wait...: what?! (,)"


def test_a_field_without_a_value_is_like_a_null() -> None:
    assert render("{title} ({city})", {"title": "Blue"}) == "Blue"


def two_types() -> list[Document]:
    return [
        Document("order", 1, "o1", "Order 1", "second"),
        Document("customer", 0, "c0", "고객", "지연"),
        Document("order", 0, "o0", "Order 0", "first"),
    ]


def test_documents_are_ordered_by_type_and_row_and_survive_the_file(tmp_path: Path) -> None:
    write(collect(two_types()), tmp_path / "search" / "documents.parquet")
    found = read(tmp_path / "search" / "documents.parquet")
    assert [found.document(point) for point in range(len(found))] == sorted(two_types(), key=lambda one: (one.object_type, one.row))
    assert dict(found.ranges) == {"customer": range(1), "order": range(1, 3)}
    assert found.rows.tolist() == [0, 0, 1]


def test_the_same_documents_give_the_same_bytes(tmp_path: Path) -> None:
    write(collect(two_types()), tmp_path / "one.parquet")
    write(collect(reversed(two_types())), tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_texts_can_be_left_on_disk(tmp_path: Path) -> None:
    write(collect(two_types()), tmp_path / "documents.parquet")
    assert read(tmp_path / "documents.parquet", texts=False).document(0) == Document("customer", 0, "c0", "고객", "")


def test_no_documents_are_documents_too(tmp_path: Path) -> None:
    write(collect([]), tmp_path / "documents.parquet")
    assert len(read(tmp_path / "documents.parquet")) == 0
    assert dict(collect([]).ranges) == {}


def test_two_documents_of_one_object_are_refused() -> None:
    with pytest.raises(BuildError, match="two documents for row 0 of order"):
        collect([Document("order", 0, "a", "", ""), Document("order", 0, "b", "", "")])


@pytest.mark.parametrize("damage", [b"", b"not parquet", None])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "documents.parquet"
    if damage is not None:
        path.write_bytes(damage)
    with pytest.raises(ReleaseError, match="cannot be read"):
        read(path)


@given(st.text(alphabet=st.characters(), max_size=30))
def test_safe_text_is_utf8_without_nul_and_bounded(text: str) -> None:
    safe = safe_text(text, limit=10)
    assert len(safe) <= 10 and "\0" not in safe
    assert safe.encode().decode() == safe
