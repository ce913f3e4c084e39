"""Aggregates over links: taken out of an expression, turned into SQL, and held against what Python counts by itself."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palantir_assets.names import quoted
from palantir_assets.ontology.aggregates import Asked, Ground, Way, links_select, take_apart
from palantir_assets.ontology.expressions import ExpressionError

GROUND = Ground(
    {"order": {"rate": "double"}, "line": {"amount": "double", "source_row": "integer", "note": "string", "is_paid": "boolean"}},
    {"order": {"lines": Way("line", "line__order", "target_row", "source_row")}},
)


def computed(orders: Sequence[float], lines: Sequence[tuple[int, float | None, bool | None]], *asked: Asked) -> list[tuple[object, ...]]:
    """What DuckDB computes of orders with these rates, and lines of (row of the order, amount, paid)."""
    with duckdb.connect() as con:
        con.execute('CREATE TABLE "order" (_row INTEGER, rate DOUBLE); CREATE TABLE link (source_row INTEGER, target_row INTEGER)')
        con.execute("CREATE TABLE line (_row INTEGER, amount DOUBLE, source_row INTEGER, note VARCHAR, is_paid BOOLEAN)")
        for row, rate in enumerate(orders):
            con.execute('INSERT INTO "order" VALUES (?, ?)', [row, rate])
        for row, (order, amount, paid) in enumerate(lines):
            con.execute("INSERT INTO line VALUES (?, ?, ?, 't.\"amount\"', ?)", [row, amount, row * 7, paid])
            con.execute("INSERT INTO link VALUES (?, ?)", [row, order])
        return con.execute(links_select(GROUND, "order", list(asked), objects=quoted, links=lambda _: "link")).fetchall()


@given(
    st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(-9, 9).map(float), st.none() | st.booleans()), max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_aggregates_say_what_python_counts(lines: list[tuple[int, float | None, bool | None]]) -> None:
    asked = [
        Asked("n", "count(lines)", "INTEGER", "integer"),
        Asked("paid", "count(lines, lines.is_paid)", "INTEGER", "integer"),
        Asked("total", "sum(lines.amount)", "DOUBLE", "double"),
        Asked("least", "min(lines.amount, lines.is_paid or lines.amount > 3)", "DOUBLE", "double"),
        Asked("mean", "avg(lines.amount)", "DOUBLE", "double"),
    ]
    expected = []
    for order in range(4):
        mine = [(amount, paid) for at, amount, paid in lines if at == order]
        amounts = [amount for amount, _ in mine if amount is not None]
        chosen = [amount for amount, paid in mine if amount is not None and (paid or amount > 3)]
        expected.append(
            (
                order,
                len(mine),
                sum(1 for _, paid in mine if paid),
                sum(amounts) if amounts else None,
                min(chosen) if chosen else None,
                pytest.approx(sum(amounts) / len(amounts)) if amounts else None,
            )
        )
    assert computed([1.0] * 4, lines, *asked) == expected


def test_an_expression_reads_its_own_properties_beside_aggregates_and_those_computed_before_it() -> None:
    asked = [
        Asked("total", "coalesce(sum(lines.amount), 0) * rate", "DOUBLE", "double"),
        Asked("share", "if_else(total > 0, max(lines.amount) / total, None)", "DOUBLE", "double"),
    ]
    assert computed([2.0, 1.0], [(0, 3.0, None), (0, 1.0, None)], *asked) == [(0, 8.0, 0.375), (1, 0.0, None)]


def test_a_property_may_have_the_name_of_a_links_column_and_a_text_may_look_like_sql() -> None:
    asked = [
        Asked("highest", "max(lines.source_row)", "INTEGER", "integer"),
        Asked("same", "count(lines, lines.note == 't.\"amount\"')", "INTEGER", "integer"),
    ]
    assert computed([1.0], [(0, 1.0, None), (0, 1.0, None)], *asked) == [(0, 7, 2)]


def test_a_sum_of_doubles_is_the_same_whoever_adds_it_up() -> None:
    sql = links_select(GROUND, "order", [Asked("total", "sum(lines.amount)", "DOUBLE", "double")], objects=quoted, links=lambda _: "link")
    totals = set()
    for threads in (1, 2, 4, 8):
        with duckdb.connect(config={"threads": threads}) as con:
            con.execute('CREATE TABLE "order" AS SELECT i::INTEGER AS _row, 1.0 AS rate FROM range(2) t(i)')
            con.execute("CREATE TABLE line AS SELECT i::INTEGER AS _row, (i % 7919) / 7.0 AS amount FROM range(500_000) t(i)")
            con.execute("CREATE TABLE link AS SELECT i::INTEGER AS source_row, (i % 2)::INTEGER AS target_row FROM range(500_000) t(i)")
            totals.add(tuple(con.execute(sql).fetchall()))
    assert len(totals) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("count()", "is not an aggregate over a link"),
        ("count(lines.amount)", "write count(link)"),
        ("sum(amount)", "write sum(link.property)"),
        ("sum(lines.amount, lines.is_paid, 1)", "is not an aggregate over a link"),
        ("sum(lines.order.amount)", "is not an aggregate over a link"),
        ("count(lines, other.amount > 1)", "'other.amount' is not of the objects that are counted"),
        ("count(lines, sum(lines.amount) > 1)", "an aggregate within an aggregate"),
        ("lines.amount + 1", "is not part of the language"),
    ],
)
def test_what_is_no_aggregate_is_refused_in_words(text: str, told: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parted = take_apart(text)
        links_select(GROUND, "order", [Asked("x", text, "DOUBLE", "double")], objects=quoted, links=quoted)
        assert parted.aggregates == ()
    assert told in str(caught.value)


@given(st.text(alphabet="countsumlines.ampd()_0,><=' ", max_size=40))
def test_no_text_does_anything_but_compile_or_be_refused(text: str) -> None:
    try:
        sql = links_select(GROUND, "order", [Asked("x", text, "VARCHAR", "string")], objects=quoted, links=lambda _: "link")
    except ExpressionError:
        return
    with duckdb.connect() as con:
        con.execute('CREATE TABLE "order" (_row INTEGER, rate DOUBLE); CREATE TABLE link (source_row INTEGER, target_row INTEGER)')
        con.execute("CREATE TABLE line (_row INTEGER, amount DOUBLE, source_row INTEGER, note VARCHAR, is_paid BOOLEAN)")
        con.execute(sql)


def test_a_value_that_cannot_be_computed_is_an_error_or_null_as_asked() -> None:
    asked = [Asked("n", "count(lines) * 2000000000", "INTEGER", "integer")]
    with duckdb.connect() as con:
        con.execute('CREATE TABLE "order" AS SELECT 0::INTEGER AS _row, 1.0 AS rate')
        con.execute("CREATE TABLE line AS SELECT i::INTEGER AS _row, 1.0 AS amount FROM range(2) t(i)")
        con.execute("CREATE TABLE link AS SELECT i::INTEGER AS source_row, 0 AS target_row FROM range(2) t(i)")
        with pytest.raises(duckdb.Error):
            con.execute(links_select(GROUND, "order", asked, objects=quoted, links=lambda _: "link"))
        lenient = links_select(GROUND, "order", asked, objects=quoted, links=lambda _: "link", or_null=True)
        assert con.execute(lenient).fetchall() == [(0, None)]
