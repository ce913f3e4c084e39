"""Markings travel with what is computed, and never get fewer on the way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.access.markings import ROWS, UNMARKED, Made, Place, TableMarkings, bearing, of_table, propagate, union

CREW = frozenset({"crew"})
PAY = frozenset({"pay"})


def place(text: str) -> Place:
    return Place(*text.split("."))


def made(rows: str = "", **values: str) -> Made:
    return Made({name: frozenset(map(place, sources.split())) for name, sources in values.items()}, frozenset(map(place, rows.split())))


def test_a_column_bears_what_its_value_was_made_of() -> None:
    borne = propagate({place("raw.pilot"): CREW, place("raw.pay"): PAY}, {"a": made(x="raw.pilot raw.pay", y="raw.other")})
    assert of_table(borne, "a") == TableMarkings(columns={"x": CREW | PAY})


def test_what_decides_the_rows_is_borne_by_every_column_and_by_what_counts_them_later() -> None:
    borne = propagate({place("raw.pilot"): CREW}, {"a": made("raw.pilot raw.*", x="raw.id"), "b": made("a.*", count="")})
    assert of_table(borne, "a") == TableMarkings(CREW, {"x": CREW})
    assert of_table(borne, "b") == TableMarkings(CREW, {"count": CREW})


def test_a_table_that_reads_itself_comes_to_an_end() -> None:
    borne = propagate({place("raw.pilot"): CREW}, {"a": made("a.*", x="a.y", y="a.x raw.pilot"), "b": made(x="a.x")})
    assert borne[place("b.x")] == CREW


def test_what_nothing_marked_went_into_bears_nothing() -> None:
    borne = propagate({place("raw.pilot"): CREW, place("raw.id"): frozenset()}, {"a": made(x="raw.id")})
    assert of_table(borne, "a") == UNMARKED and union(borne, [place("a.x"), place("nowhere.x")]) == frozenset()


Declared = dict[Place, frozenset[str]]


def test_what_is_removed_at_a_place_does_not_go_on_from_there_and_what_is_declared_there_stays() -> None:
    tables = {"a": made(x="raw.pilot raw.pay", y="raw.pilot"), "b": made(z="a.x")}
    borne = propagate({place("raw.pilot"): CREW, place("raw.pay"): PAY}, tables, {place("a.x"): CREW})
    assert borne[place("a.x")] == borne[place("b.z")] == PAY
    assert borne[place("a.y")] == CREW
    assert propagate({place("a.x"): CREW}, tables, {place("a.x"): CREW})[place("b.z")] == CREW


def test_a_column_that_nobody_knows_bears_what_its_rows_bear() -> None:
    borne = propagate({place("raw.pilot"): CREW}, {"a": made("raw.pilot")})
    assert bearing(borne, place("a.new")) == of_table(borne, "a").of("new") == of_table(borne, "a").all == CREW


NAMES = st.builds(Place, st.sampled_from("abcd"), st.sampled_from(["x", "y", ROWS]))
TABLES = st.dictionaries(
    st.sampled_from("abcd"),
    st.builds(Made, st.dictionaries(st.sampled_from("xy"), st.frozensets(NAMES, max_size=3)), st.frozensets(NAMES, max_size=2)),
)
DECLARED = st.dictionaries(NAMES, st.frozensets(st.sampled_from(["crew", "pay"])), max_size=4)


@given(DECLARED, DECLARED, TABLES)
def test_one_marking_more_takes_none_away(
    some: dict[Place, frozenset[str]], more: dict[Place, frozenset[str]], tables: dict[str, Made]
) -> None:
    both = {place: some.get(place, frozenset()) | more.get(place, frozenset()) for place in {*some, *more}}
    before, after = propagate(some, tables), propagate(both, tables)
    assert all(markings <= after[place] for place, markings in before.items())


@given(DECLARED, TABLES)
def test_it_is_a_fixed_point(declared: dict[Place, frozenset[str]], tables: dict[str, Made]) -> None:
    borne = propagate(declared, tables)
    assert propagate(borne, tables) == borne
    for table, how in tables.items():
        rows = borne.get(Place(table, ROWS), frozenset())
        assert union(borne, how.rows) <= rows
        assert all(union(borne, sources) | rows <= borne.get(Place(table, name), frozenset()) for name, sources in how.values.items())
