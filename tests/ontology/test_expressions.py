"""The expression language: what it computes, what it refuses, and that nothing else gets through."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.ontology.expressions import ExpressionError, names_in, parse
from palantir_assets.ontology.spec import PropertyType

TYPES: Mapping[str, PropertyType] = {"n": "integer", "x": "double", "s": "string", "b": "boolean", "d": "date", "t": "timestamp"}
ROW = "SELECT 7::INTEGER AS n, NULL::DOUBLE AS x, 'Ab''c' AS s, TRUE AS b, DATE '2020-02-29' AS d, TIMESTAMP '2020-02-29 13:05:00' AS t"


def value(text: str) -> object:
    return duckdb.sql(f"SELECT {parse(text, TYPES).sql} FROM ({ROW})").fetchall()[0][0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n > 5", True),
        ("5 < n <= 7", True),
        ("n in [1, 7]", True),
        ("n not in [1, 7]", False),
        ("-n + 2 * 3", -1),
        ("n / 2", 3.5),
        ("x > 1", None),
        ("x > 1 and false", False),
        ("x > 1 or true", True),
        ("not b", False),
        ("x is None", True),
        ("s is not None", True),
        ("s == 'Ab\\'c'", True),
        ("lower(s) + '!'", "ab'c!"),
        ("starts_with(s, 'Ab')", True),
        ("coalesce(x, 2.5)", 2.5),
        ("if_else(n > 5, 'many', 'few')", "many"),
        ("if_else(x > 5, 'many', 'few')", None),
        ("year(d) * 100 + month(d)", 202002),
        ("weekday(d)", 6),
        ("hour(t)", 13),
        ("d >= '2020-01-01'", True),
        ("round(n / 3, 2)", 2.33),
    ],
)
def test_an_expression_computes(text: str, expected: object) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nn > 5", "reads unknown property 'nn'"),
        ("n > 'a'", "is a string where a number is needed"),
        ("s + 1", "is a number where a string is needed"),
        ("n and b", "is a number where a boolean is needed"),
        ("exec('x')", "unknown function 'exec'"),
        ("s.upper()", "unknown function 's.upper'"),
        ("[n for n in s]", "is not part of the language"),
        ("lambda: 1", "is not part of the language"),
        ("n if b else x", "is not part of the language"),
        ("lower(s, s)", "lower takes 1 values"),
        ("n in []", "`in` needs a list"),
        ("n >", "cannot be parsed"),
        ("n ** 99", "is not part of the language"),
        ("(" * 300 + "n" + ")" * 300, "cannot be parsed"),
        ("not " * 60 + "b", "nested more than 50 deep"),
        ("n" * 2001, "longer than 2000 characters"),
    ],
)
def test_what_is_outside_the_language_is_refused_in_words(text: str, told: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text, TYPES)
    assert told in str(caught.value)


def test_the_names_an_expression_reads_are_its_properties_and_no_functions() -> None:
    assert names_in("lower(s) == 'x' and true or n > 1") == {"s", "n"}


@given(st.text(max_size=60))
def test_a_text_value_reaches_sql_as_that_value_and_nothing_else(text: str) -> None:
    try:
        compiled = parse(f"s == {text!r}", TYPES).sql
    except ExpressionError:
        return
    if "\0" not in text and not any(0xD800 <= ord(character) < 0xE000 for character in text):
        found = duckdb.execute(f"SELECT {compiled} FROM (SELECT ? AS s)", [text]).fetchall()
        assert found == [(True,)]


@given(st.text(alphabet="nxsbdt()[]+-*/<>=!'\"., andornotinis", max_size=40))
def test_no_text_does_anything_but_compile_or_be_refused(text: str) -> None:
    try:
        compiled = parse(text, TYPES)
    except ExpressionError:
        return
    duckdb.sql(f"SELECT {compiled.sql} FROM ({ROW})").fetchall()
