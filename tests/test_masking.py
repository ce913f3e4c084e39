"""What stands in the place of a marked value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.observability.masking import masked, masked_rows, output_without_values, without_values


def test_a_marked_value_is_hidden_and_so_is_that_it_is_missing() -> None:
    assert masked("Kim", {"crew"}) == masked(None, {"crew"}) == "•••"
    assert masked("Kim", set()) == "Kim"
    assert masked_rows([{"id": 1, "pilot": None}], {"pilot"}) == [{"id": 1, "pilot": "•••"}]


def test_a_message_keeps_its_words_and_loses_its_values() -> None:
    said = "Conversion Error: Type INT64 with value 1234567 of 'it''s \"Kim\"' can't be cast to INT32, see 2013-01-01 12:30"
    assert without_values(said) == "Conversion Error: Type INT64 with value ••• of ••• can't be cast to INT32, see ••• •••"


@given(st.text(alphabet="ab7\"'.- ", max_size=20), st.integers(min_value=0))
def test_no_literal_and_no_number_comes_through(text: str, number: int) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    assert without_values(f"value {quoted} and {number} of a") == "value ••• and ••• of a"


def test_what_is_printed_loses_its_values_only_while_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    for hide in (True, False):
        with output_without_values(hide):
            print("could not convert 'Kim'")
    print("'Kim'")
    assert capsys.readouterr().out == "could not convert •••\ncould not convert 'Kim'\n'Kim'\n"
