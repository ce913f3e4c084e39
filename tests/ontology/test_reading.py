"""The YAML reader: strict, bounded, and telling the line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.errors import SpecError
from palantir_assets.ontology.documents import parse_document

FILE = Path("specs/x.yaml")


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse_document(text, FILE)
    return str(caught.value.problems[0])


@pytest.mark.parametrize("word", ["no", "yes", "on", "off", "1:30", "0x1F", "2013-10-01", "1_000"])
def test_what_yaml_1_1_would_turn_into_something_else_stays_text(word: str) -> None:
    assert parse_document(f"a: {word}", FILE).values == {"a": word}


@pytest.mark.parametrize(("text", "value"), [("true", True), ("null", None), ("~", None), ("12", 12), ("-1.5", -1.5), ("1e3", 1000.0)])
def test_yaml_1_2_scalars_are_read(text: str, value: object) -> None:
    assert parse_document(f"a: {text}", FILE).values == {"a": value}


@pytest.mark.parametrize("text", ["'12'", '"true"', "|\n  null"])
def test_quoted_scalars_are_text(text: str) -> None:
    assert isinstance(parse_document(f"a: {text}", FILE).values["a"], str)


def test_an_alias_is_refused_before_it_can_grow() -> None:
    bomb = "a: &a [x, x]\n" + "\n".join(f"{b}: &{b} [*{a}, *{a}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    assert refusal(bomb) == "specs/x.yaml:1: anchors and aliases are not read; write the value out"


def test_a_tag_is_refused() -> None:
    assert (
        refusal("a: 1\nb: !!python/object:os.system x") == "specs/x.yaml:2: the tag tag:yaml.org,2002:python/object:os.system is not read"
    )


def test_a_key_that_stands_twice_is_told_with_both_lines() -> None:
    assert refusal("a:\n  b: 1\n  b: 2") == "specs/x.yaml:3: the key 'b' stands twice; first on line 2"


def test_deep_nesting_is_refused() -> None:
    assert "nested more than 20 deep" in refusal("a: " + "[" * 5000)


def test_a_large_file_is_refused() -> None:
    assert "larger than 256,000 bytes" in refusal("a: " + "x" * 256_001)


def test_broken_yaml_is_told_with_its_line() -> None:
    assert refusal("a: 1\nb: [1, 2\nc: 3").startswith("specs/x.yaml:3: not YAML")


def test_a_place_is_that_of_the_nearest_thing_around_it() -> None:
    document = parse_document("a:\n  b:\n    c: 1\n", FILE)
    assert (document.place(("a", "b", "c")).line, document.place(("a", "b", "nothing")).line) == (3, 2)


@given(st.text(max_size=200))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        parse_document(text, FILE)
    except SpecError as error:
        assert error.problems
