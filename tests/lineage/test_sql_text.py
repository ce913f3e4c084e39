"""What a SQL text says: comments and spaces don't count, everything else does."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palantir_assets.lineage.sql_text import without_comments

CON = duckdb.connect()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 1 -- one\nfrom t", "select 1 from t"),
        ("select/* a /* nested */ 'it' */1", "select 1"),
        ("{# don't #}select 1", "select 1"),
        ("select '--  no', \"/* no */\" , 'it''s  --'", "select '--  no', \"/* no */\" , 'it''s  --'"),
        ("select e'it\\'s  --' -- yes", "select e'it\\'s  --'"),
        ("select $q$ --  no ' $q$ -- yes", "select $q$ --  no ' $q$"),
        ("-- don't\nselect 1", "select 1"),
        ("select '{{ var('a--b') }}'  , 2", "select '{{ var('a--b') }}' , 2"),
        ("{{ config(note='}} --  x') }}  select 1", "{{ config(note='}} --  x') }} select 1"),
        ("{% if a --b %} x {% endif %}", "{% if a --b %} x {% endif %}"),
        ("a - -1", "a - -1"),
        ("select 1 -- {{ ref('orders') }}\n, 2", "select 1 -- {{ ref('orders') }}\n, 2"),
        ("select 'never  closed -- x", "select 'never  closed -- x"),
        ("select 1 /* never  closed", "select 1 /* never  closed"),
        ("", ""),
    ],
)
def test_comments_go_and_literals_stay(sql: str, expected: str) -> None:
    assert without_comments(sql) == expected


PIECES = st.sampled_from(
    [
        "select",
        "1",
        "'a  -- b'",
        "'it''s'",
        '"a  /* b"',
        "{{ ref('a--b') }}",
        "{% set x = '--' %}",
        "$$ ' $$",
        "e'\\''",
        ",",
        "-",
        "/",
        "*",
        "x",
    ]
)
GAPS = st.sampled_from([" ", "\n", "\t  ", " -- it's\n", " /* 'x' */ ", "/* a /* b */ c */", "{# don't -- #}", "\n--\n"])


@given(st.lists(st.tuples(PIECES, GAPS, GAPS)))
def test_what_stands_between_the_words_does_not_count(words: list[tuple[str, str, str]]) -> None:
    one = without_comments(" ".join(f"{word}{gap}" for word, gap, _ in words))
    other = without_comments(" ".join(f"{word}{gap}" for word, _, gap in words))
    assert one == other == " ".join(word for word, _, _ in words)


@given(st.text(alphabet="ab '\"-/*{}#%$\\\n"))
@settings(max_examples=300)
def test_doing_it_twice_changes_nothing_more(sql: str) -> None:
    assert without_comments(without_comments(sql)) == without_comments(sql)


@given(st.text(alphabet="ab '-/*\n", max_size=12), GAPS.filter(lambda gap: "{" not in gap))
@settings(max_examples=50, deadline=None)
def test_duckdb_reads_the_same_from_both(text: str, gap: str) -> None:
    sql = f"select{gap} '{text.replace(chr(39), chr(39) * 2)}'{gap} as a, 1{gap}-{gap} -1 as b{gap}"
    assert CON.execute(without_comments(sql)).fetchall() == CON.execute(sql).fetchall() == [(text, 2)]


def test_texts_that_say_different_things_stay_different() -> None:
    said = ["select 'a  b'", "select 'a b'", "select '{{ var('a--b') }}'", "select '{{ var('a--c') }}'", "select a", "select 'a'"]
    assert len({without_comments(sql) for sql in said}) == len(said)
