from __future__ import annotations

import unicodedata

import pytest

from palantir_assets.errors import QueryError
from palantir_assets.query.terms import EAST_ASIAN, asked_terms, is_asian, lowered, terms


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        ("Quick, brown-FOX!", ("quick", "brown", "fox")),
        ("KTX열차 출발", ("ktx", "열차", "출발")),
        ("당일배송이", ("당일배송이",)),
        ("a_b 1x", ("a_b", "1x")),
        ("e\u0301te\u0301", ("e\u0301te\u0301",)),
        ("漢字・かな", ("漢字", "かな")),
        ("İ", ("i",)),
    ],
)
def test_a_text_is_split_into_terms(text: str, found: tuple[str, ...]) -> None:
    assert terms(text) == found


def test_a_term_is_east_asian_or_not() -> None:
    assert is_asian("배송") and not is_asian("fox")


def test_every_character_of_the_east_asian_ranges_that_exists_is_part_of_a_word() -> None:
    inside = [chr(code) for low, high in EAST_ASIAN for code in range(low, high + 1)]
    assert {unicodedata.category(char)[0] for char in inside} <= {"L", "N", "M", "C"}


def test_lower_case_never_changes_the_length() -> None:
    assert all(len(lowered(chr(code))) == 1 for code in range(0x10000) if not 0xD800 <= code < 0xE000)


def test_a_question_of_too_many_words_or_characters_is_refused() -> None:
    with pytest.raises(QueryError, match="1000 characters"):
        asked_terms("note", "a" * 1_001)
    with pytest.raises(QueryError, match="50 terms"):
        asked_terms("note", "a " * 51)
