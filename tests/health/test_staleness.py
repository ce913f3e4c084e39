"""Staleness is about content."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.health.staleness import Made, Node, downstream, stale

NODES = {
    "raw/a": Node("1", frozenset({"source:raw/a"})),
    "objects/b": Node("1", frozenset({"raw/a"})),
    "release/c": Node("1", frozenset({"objects/b"})),
}
MADE = {
    "raw/a": Made("1", "A", {"source:raw/a": "bytes"}),
    "objects/b": Made("1", "B", {"raw/a": "A"}),
    "release/c": Made("1", "C", {"objects/b": "B"}),
}
GIVEN = {"source:raw/a": "bytes"}


def test_nothing_changed_nothing_is_stale() -> None:
    assert stale(NODES, MADE, GIVEN) == {}


def test_what_was_never_made_is_stale() -> None:
    assert stale(NODES, {}, GIVEN) == dict.fromkeys(NODES, "was never made")


def test_other_code_makes_one_asset_stale_and_not_yet_those_after_it() -> None:
    assert stale({**NODES, "objects/b": Node("2", frozenset({"raw/a"}))}, MADE, GIVEN) == {
        "objects/b": "is declared otherwise than when it was made"
    }


def test_other_bytes_make_the_raw_table_stale() -> None:
    assert stale(NODES, MADE, {"source:raw/a": "other"}) == {"raw/a": "was made from another source:raw/a"}


def test_a_source_that_is_gone_leaves_its_table_alone() -> None:
    assert stale(NODES, MADE, {}) == {}


def test_an_input_that_came_out_the_same_leaves_those_after_it_alone() -> None:
    again = {**MADE, "raw/a": Made("2", "A", {"source:raw/a": "bytes"})}
    assert "objects/b" not in stale(NODES, again, GIVEN)


def test_an_input_that_came_out_otherwise_makes_the_next_one_stale() -> None:
    again = {**MADE, "raw/a": Made("1", "A2", {"source:raw/a": "bytes"})}
    assert stale(NODES, again, GIVEN) == {"objects/b": "was made from another raw/a"}


@given(st.dictionaries(st.integers(0, 8), st.frozensets(st.integers(0, 8)), max_size=9), st.frozensets(st.integers(0, 8)))
def test_downstream_is_everything_that_can_be_reached(edges: dict[int, frozenset[int]], roots: frozenset[int]) -> None:
    acyclic = {str(to): frozenset(str(source) for source in sources if source < to) for to, sources in edges.items()}
    found = downstream({name: Node("1", inputs) for name, inputs in acyclic.items()}, {str(root) for root in roots})

    def reaches(name: str) -> bool:
        return any(source in {str(root) for root in roots} or reaches(source) for source in acyclic.get(name, ()))

    assert found == {name for name in acyclic if reaches(name)}
