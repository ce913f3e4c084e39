"""Words and pairs of characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.search import keywords
from palantir_assets.search.keywords import document_tokens, latin_share, query_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Big blue VAN, 2-door", ["big", "blue", "van", "2", "door"]),
        ("São Paulo", ["sao", "paulo"]),
        ("Straße", ["strasse"]),
        ("snake_case_name", ["snake", "case", "name"]),
        ("ＦＵＬＬ　ｗｉｄｔｈ", ["full", "width"]),
        ("지연", ["지", "연", "지연"]),
        ("737기", ["737", "기"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー", "東京", "京タ", "タワ", "ワー"]),
        ("🙂 !!! \0 '\"", []),
    ],
)
def test_a_document_is_cut_into_words_and_cjk_characters_and_pairs(text: str, tokens: list[str]) -> None:
    assert document_tokens(text) == tokens


def test_korean_written_with_separate_letters_is_the_same_word() -> None:
    assert document_tokens("\u110c\u1175\u110b\u1167\u11ab") == document_tokens("지연")


def test_a_question_asks_for_pairs_and_for_a_single_character_only_if_it_stands_alone() -> None:
    assert query_tokens("지연된 기 지연") == ["지연", "연된", "기"]


@given(st.text(max_size=80))
def test_whatever_is_asked_in_the_words_of_a_document_is_in_it(text: str) -> None:
    assert set(query_tokens(text)) <= set(document_tokens(text))


@given(st.text(alphabet=st.characters(), max_size=200))
def test_tokens_are_letters_and_digits_and_bounded(text: str) -> None:
    for token in query_tokens(text):
        assert token and '"' not in token and not token.isspace()
        assert len(token) <= keywords.MAX_TOKEN_CHARACTERS


def test_a_question_is_bounded_however_long_it_is() -> None:
    assert len(query_tokens(" ".join(map(str, range(50_000))))) == keywords.MAX_QUERY_TOKENS
    assert [len(token) for token in query_tokens("a" * 100_000)] == [keywords.MAX_TOKEN_CHARACTERS]


@pytest.mark.parametrize(("text", "share"), [("delayed van", 1.0), ("지연", 0.0), ("지연ab", 0.5), ("🙂!", 0.0), ("", 0.0), ("2013", 1.0)])
def test_latin_share_counts_letters_and_digits(text: str, share: float) -> None:
    assert latin_share(text) == share


def test_function_words_are_asked_for_only_where_there_is_nothing_else() -> None:
    assert query_tokens("made by THE Airbus") == ["made", "airbus"]
    assert query_tokens("to be or not to be") == ["to", "be", "or", "not"]
