from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palantir_assets.access.views import whole
from palantir_assets.engine.answering import Answer, execute
from palantir_assets.query.plans import parse_query, plan
from palantir_assets.query.tokens import InvalidToken
from tests.fakes.release import FakeRelease, shop

SHOP = shop()
ORDERS = SHOP.rows["order"]


def ask(release: FakeRelease = SHOP, **query: Any) -> Answer:
    return execute(plan(parse_query({"object": "order", **query}), whole(release.ontology)), release)


def ids(answer: Answer) -> list[int]:
    return [orjson.loads(row)["order_id"] for row in answer.rows]


def every_page(**query: Any) -> list[int]:
    found, token = [], None
    for _ in range(1_000):
        answer = ask(**query, page_token=token)
        found += ids(answer)
        token = answer.next_token
        if token is None:
            return found
    raise AssertionError("the pages never end")


def test_without_a_filter_or_an_order_no_sql_is_run() -> None:
    release = shop(orders=30)
    assert ids(ask(release, limit=10)) == list(range(10))
    assert ask(release, count=True).total == 30
    assert release.statements == []


def test_a_key_is_looked_up_and_no_sql_is_run() -> None:
    release = shop(orders=30)
    assert ids(ask(release, where={"type": "eq", "field": "order_id", "value": 7})) == [7]
    assert ask(release, where={"type": "eq", "field": "order_id", "value": 99}).total == 0
    assert release.statements == []


def test_pages_follow_one_another_without_gap_or_repeat() -> None:
    assert every_page(limit=17) == list(range(250))
    assert sorted(every_page(limit=17, order_by=["paid"])) == list(range(250))


def test_equal_values_keep_the_order_of_the_keys() -> None:
    expected = sorted(range(250), key=lambda n: (ORDERS[n]["paid"] is None, ORDERS[n]["paid"] or False, n))
    assert every_page(limit=23, order_by=["paid"]) == expected


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_missing_values_come_last_in_both_directions(direction: str) -> None:
    found = every_page(limit=100, order_by=[{"field": "amount", "direction": direction}])
    missing = [n for n in range(250) if ORDERS[n]["amount"] is None]
    assert found[-len(missing) :] == missing


def test_the_total_counts_every_match_and_not_the_page() -> None:
    answer = ask(where={"type": "gte", "field": "order_id", "value": 100}, limit=10)
    assert (len(answer.rows), answer.total) == (10, 150)


def test_a_comparison_with_a_missing_value_matches_neither_way() -> None:
    above = {"type": "gt", "field": "amount", "value": 10}
    missing = {n for n in range(250) if ORDERS[n]["amount"] is None}
    matched, unmatched = set(every_page(where=above)), set(every_page(where={"type": "not", "value": above}))
    assert matched | unmatched == set(range(250)) - missing
    assert set(every_page(where={"type": "isNull", "field": "amount"})) == missing


def test_select_keeps_what_was_asked_for_and_the_object_s_own_names() -> None:
    (row,) = ask(limit=1, select=["cents"]).rows
    assert set(orjson.loads(row)) == {"__rid", "__primaryKey", "__apiName", "__title", "cents"}


def test_a_token_of_another_release_is_refused_in_words() -> None:
    token = ask(limit=10).next_token
    with pytest.raises(InvalidToken, match="no longer held"):
        ask(shop(release_id="b" * 32), limit=10, page_token=token)


def test_an_answer_names_its_release_or_while_a_candidate_its_content() -> None:
    assert ask().release_id == "a" * 32
    candidate = shop(orders=1, release_id="")
    assert ask(candidate).release_id == "c" * 32


LEAVES = st.one_of(
    st.builds(
        lambda op, v: {"type": op, "field": "order_id", "value": v}, st.sampled_from(["eq", "lt", "lte", "gt", "gte"]), st.integers(-5, 260)
    ),
    st.builds(lambda op, v: {"type": op, "field": "amount", "value": v}, st.sampled_from(["eq", "lt", "gte"]), st.integers(0, 130)),
    st.builds(lambda v: {"type": "eq", "field": "paid", "value": v}, st.booleans()),
    st.builds(lambda f, v: {"type": "isNull", "field": f, "value": v}, st.sampled_from(["note", "amount"]), st.booleans()),
    st.builds(
        lambda v: {"type": "in", "field": "note", "value": v}, st.lists(st.sampled_from(["빠른 배송", "note 2; -- '\"%_", "%"]), min_size=1)
    ),
    st.builds(lambda v: {"type": "startsWith", "field": "note", "value": v}, st.sampled_from(["", "note 1", "빠", "%", "_"])),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda parts, word: {"type": word, "value": parts}, st.lists(inner, min_size=1, max_size=3), st.sampled_from(["and", "or"])
        ),
        st.builds(lambda part: {"type": "not", "value": part}, inner),
    ),
    max_leaves=6,
)
COMPARE = {"eq": "__eq__", "lt": "__lt__", "lte": "__le__", "gt": "__gt__", "gte": "__ge__"}


def phrase(held: str, value: str) -> bool:
    """The words of `value` one after the other, the last the beginning of one; Korean ones anywhere in a word."""
    words, asked = (re.findall(r"[가-힣]+|[a-z0-9_]+", text.lower()) for text in (held, value))
    starts = range(len(words) - len(asked) + 1)
    return bool(asked) and any(
        all(
            term in word if term >= "가" else word.startswith(term) if last else word == term
            for word, term, last in zip(words[at:], asked, [*[False] * (len(asked) - 1), True], strict=False)
        )
        for at in starts
    )


def oracle(where: dict[str, Any], row: dict[str, Any]) -> bool | None:
    """SQL's three values in plain Python: None is unknown."""
    kind, value = where["type"], where["value"]
    if kind == "not":
        inner = oracle(value, row)
        return None if inner is None else not inner
    if kind in ("and", "or"):
        deciding = kind == "or"
        results = [oracle(part, row) for part in value]
        return deciding if deciding in results else None if None in results else not deciding
    held = row[where["field"]]
    if kind == "isNull":
        return (held is None) is value
    if held is None:
        return None
    if kind == "in":
        return held in value
    return phrase(held, value) if kind == "startsWith" else bool(getattr(held, COMPARE[kind])(type(held)(value)))


@settings(max_examples=80, deadline=None)
@given(where=FILTERS)
def test_a_filter_finds_what_plain_python_finds(where: dict[str, Any]) -> None:
    assert every_page(where=where, limit=1000) == [n for n in range(250) if oracle(where, ORDERS[n]) is True]
