"""R24: no text reaches SQL as anything but a value."""

from __future__ import annotations

from contextlib import suppress

import pytest

from palantir_assets.access.views import whole
from palantir_assets.engine.answering import execute
from palantir_assets.errors import QueryError
from palantir_assets.query.plans import parse_query, plan
from tests.fakes.nasty import NASTY
from tests.fakes.release import SQL_TYPES, FakeRelease, shop

SHOP = shop(orders=60)


def answer(release: FakeRelease, **query: object) -> int:
    return execute(plan(parse_query({"object": "order", **query}), whole(release.ontology)), release).total


def table_hash() -> object:
    with SHOP.sql() as cursor:
        return cursor.execute('SELECT count(*), bit_xor(hash(o)) FROM "order" o').fetchall()


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("kind", ["eq", "gt", "in"])
def test_a_nasty_text_in_a_filter_is_only_a_text(text: str, kind: str) -> None:
    before = table_hash()
    found = answer(SHOP, where={"type": kind, "field": "note", "value": [text] if kind == "in" else text})
    notes = [row["note"] for row in SHOP.rows["order"] if row["note"] is not None]
    expected = {"eq": notes.count(text), "in": notes.count(text), "gt": sum(note.encode() > text.encode() for note in notes)}
    assert found == expected[kind]
    assert table_hash() == before


WORDS = ("startsWith", "containsAllTermsInOrder", "containsAllTerms", "containsAnyTerm", "wildcard", "regex")


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("kind", WORDS)
def test_a_nasty_text_as_words_or_a_pattern_is_answered_or_refused_in_words(text: str, kind: str) -> None:
    before = table_hash()
    with suppress(QueryError):
        assert answer(SHOP, where={"type": kind, "field": "note", "value": text}) <= 60
    assert table_hash() == before


@pytest.mark.parametrize("text", NASTY)
def test_a_nasty_text_as_a_name_or_a_token_is_refused(text: str) -> None:
    for query in (
        {"where": {"type": "eq", "field": text, "value": 1}},
        {"order_by": [{"field": text}]},
        {"order_by": [{"field": "note", "direction": text}]},
        {"select": [text]},
        {"page_token": text},
        {"object": text},
    ):
        with pytest.raises(QueryError):
            answer(SHOP, **query)


def test_a_property_with_a_quote_in_its_name_stays_one_identifier() -> None:
    """Specs refuse such a name; should one come through all the same, it is still only a name."""
    name = 'a"; DROP TABLE "order"; --'
    kind = SHOP.ontology.types["order"]
    odd = kind.model_copy(update={"properties": {**kind.properties, name: kind.properties["note"]}})
    ontology = SHOP.ontology.model_copy(update={"types": {**SHOP.ontology.types, "order": odd}})
    made = plan(parse_query({"object": "order", "order_by": [name]}), whole(ontology))
    with pytest.raises(Exception, match="does not have a column named"):
        execute(made, SHOP)
    assert answer(SHOP, count=True) == 60
    assert set(SQL_TYPES) >= {prop.type for prop in kind.properties.values()}
