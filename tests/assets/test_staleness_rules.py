"""The rule of staleness by itself, without a project."""

from __future__ import annotations

import pytest

from palantir_assets.health.staleness import Made, Node, downstream, stale

NODES = {
    "raw": Node("1", frozenset({"source:raw"})),
    "table": Node("1", frozenset({"raw"})),
    "object": Node("1", frozenset({"table"})),
    "other": Node("1"),
}
GIVEN = {"source:raw": "bytes"}
MADE = {
    "raw": Made("1", "r", {"source:raw": "bytes"}),
    "table": Made("1", "t", {"raw": "r"}),
    "object": Made("1", "o", {"table": "t"}),
    "other": Made("1", "x"),
}


def test_nothing_is_stale_when_everything_was_made_from_what_there_is() -> None:
    assert stale(NODES, MADE, GIVEN) == {}


def test_what_was_never_made_is_stale_and_says_so() -> None:
    assert stale(NODES, {}, GIVEN) == dict.fromkeys(NODES, "was never made")


@pytest.mark.parametrize(
    ("nodes", "made", "given", "found"),
    [
        ({"table": Node("2", frozenset({"raw"}))}, {}, {}, {"table": "is declared otherwise than when it was made"}),
        ({}, {"raw": Made("1", "r2", {"source:raw": "bytes"})}, {}, {"table": "was made from another raw"}),
        ({}, {}, {"source:raw": "other bytes"}, {"raw": "was made from another source:raw"}),
        ({"object": Node("1", frozenset({"table", "other"}))}, {}, {}, {"object": "was made from another other"}),
        ({"object": Node("1")}, {}, {}, {}),
    ],
)
def test_an_asset_is_stale_on_its_own_account_only(
    nodes: dict[str, Node], made: dict[str, Made], given: dict[str, str], found: dict[str, str]
) -> None:
    assert stale(NODES | nodes, MADE | made, GIVEN | given) == found


def test_a_source_that_is_gone_leaves_what_was_made_from_it() -> None:
    assert stale(NODES, MADE, {}) == {}


def test_downstream_is_everything_that_follows_without_the_roots() -> None:
    assert downstream(NODES, {"raw"}) == {"table", "object"}
    assert downstream(NODES, {"object"}) == frozenset()
    assert downstream({"a": Node("1", frozenset({"b"})), "b": Node("1", frozenset({"a"}))}, {"a"}) == {"a", "b"}
