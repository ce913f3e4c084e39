"""Measures: small graphs checked by hand, any graph checked against networkx."""

from __future__ import annotations

from typing import get_args

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palantir_assets.errors import BuildError
from palantir_assets.graph import analysis, measures
from palantir_assets.graph.analysis import to_networkx
from palantir_assets.graph.drawing import draw
from palantir_assets.graph.edges import EdgeList
from palantir_assets.graph.measures import MeasureKind, communities, measure

PNG = b"\x89PNG\r\n\x1a\n"


def graph_of(pairs: list[tuple[int, int]], nodes: int, weights: list[float] | None = None) -> EdgeList:
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return EdgeList(ends[:, 0], ends[:, 1], None if weights is None else np.array(weights, dtype=float), nodes)


@st.composite
def any_graph(draw_from: st.DrawFn) -> EdgeList:
    nodes = draw_from(st.integers(1, 9))
    end = st.integers(0, nodes - 1)
    edges = draw_from(st.lists(st.tuples(end, end, st.integers(1, 9)), max_size=25))
    return graph_of([(source, target) for source, target, _ in edges], nodes, [float(weight) for _, _, weight in edges])


def as_multigraph(edges: EdgeList) -> networkx.MultiDiGraph[int]:
    graph: networkx.MultiDiGraph[int] = networkx.MultiDiGraph()
    graph.add_nodes_from(range(edges.nodes))
    weights = edges.weights if edges.weights is not None else np.ones(len(edges.sources))
    graph.add_weighted_edges_from(zip(edges.sources.tolist(), edges.targets.tolist(), weights.tolist(), strict=True))
    return graph


@given(any_graph(), st.booleans())
def test_degrees_are_those_of_networkx(edges: EdgeList, weighted: bool) -> None:
    graph, weight = as_multigraph(edges), "weight" if weighted else None
    for kind, oracle in (("degree", graph.degree), ("in_degree", graph.in_degree), ("out_degree", graph.out_degree)):
        found = measure(kind, edges, weighted=weighted)  # type: ignore[arg-type]
        assert found.tolist() == [value for _, value in sorted(oracle(weight=weight))]


@settings(deadline=None)
@given(any_graph(), st.booleans())
def test_pagerank_is_that_of_networkx_on_parallel_edges(edges: EdgeList, weighted: bool) -> None:
    oracle = networkx.pagerank(as_multigraph(edges), tol=1e-12, max_iter=2_000, weight="weight" if weighted else None)
    found = measure("pagerank", edges, weighted=weighted)
    assert found == pytest.approx([oracle[node] for node in range(edges.nodes)], abs=1e-8)
    assert found.sum() == pytest.approx(1.0)


def test_pagerank_of_a_star_is_what_the_formula_gives() -> None:
    ranks = measure("pagerank", graph_of([(1, 0), (2, 0), (3, 0)], 4))
    leaf = 1 / (4 + 3 * 0.85)  # r = (1 - d)/4 + d·hub/4, hub = r + 3·d·r, and all add up to 1
    assert ranks.tolist() == pytest.approx([leaf * (1 + 3 * 0.85), leaf, leaf, leaf], abs=1e-9)


def test_two_triangles_and_a_lonely_node_are_three_communities_the_biggest_first() -> None:
    triangles = [(3, 4), (4, 5), (5, 3), (5, 6), (6, 3), (4, 6), (0, 1), (1, 2), (2, 0)]
    assert measure("community", graph_of(triangles, 8)).tolist() == [1, 1, 1, 0, 0, 0, 0, 2]


def test_equal_communities_are_numbered_by_their_smallest_node() -> None:
    assert measure("community", graph_of([(5, 4), (3, 2), (1, 0)], 6)).tolist() == [0, 0, 1, 1, 2, 2]


def test_a_heavy_edge_keeps_nodes_together_only_when_weights_count() -> None:
    square = graph_of([(0, 1), (1, 2), (2, 3), (3, 0)], 4, [1.0, 100.0, 1.0, 100.0])
    assert measure("community", square, weighted=True).tolist() == [0, 1, 1, 0]
    # opposite directions of one edge add up, so these two hold together without any weight
    assert measure("community", graph_of([(0, 1), (1, 0), (1, 2), (2, 3), (3, 2), (3, 0)], 4)).tolist() == [0, 0, 1, 1]


@settings(deadline=None)
@given(any_graph(), st.integers(0, 5))
def test_communities_are_a_partition_that_a_seed_repeats(edges: EdgeList, seed: int) -> None:
    numbers = measure("community", edges, seed=seed)
    assert numbers.tolist() == measure("community", edges, seed=seed).tolist()
    sizes = np.bincount(numbers)
    assert sizes.min() >= 1 and sorted(sizes.tolist(), reverse=True) == sizes.tolist()


@settings(deadline=None)
@given(any_graph())
def test_shapes_are_those_of_networkx(edges: EdgeList) -> None:
    directed = networkx.DiGraph(as_multigraph(edges))
    simple = directed.to_undirected()
    simple.remove_edges_from(list(networkx.selfloop_edges(simple)))
    nodes = range(edges.nodes)
    oracle = networkx.betweenness_centrality(directed)
    assert measure("betweenness", edges) == pytest.approx([oracle[node] for node in nodes], abs=1e-9)
    assert measure("triangles", edges).tolist() == [networkx.triangles(simple)[node] for node in nodes]
    assert measure("core", edges).tolist() == [networkx.core_number(simple)[node] for node in nodes]
    parts = sorted(networkx.connected_components(simple), key=lambda part: (-len(part), min(part)))
    assert measure("component", edges).tolist() == [next(number for number, part in enumerate(parts) if node in part) for node in nodes]


def test_betweenness_is_sampled_where_all_would_be_too_much_and_a_seed_repeats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    ends = random.integers(0, 300, (900, 2))
    edges = EdgeList(ends[:, 0], ends[:, 1], None, 300)
    exact = measure("betweenness", edges)
    monkeypatch.setattr(measures, "EXACT_WORK", 150 * (300 + 900))
    assert 150 <= measures.pivots_of(300, 900) < 300
    sampled = measure("betweenness", edges, seed=1)
    assert sampled.tolist() == measure("betweenness", edges, seed=1).tolist() != measure("betweenness", edges, seed=2).tolist()
    assert np.corrcoef(exact, sampled)[0, 1] > 0.95


@pytest.mark.parametrize("kind", sorted(measures.UNWEIGHTED))
def test_a_measure_without_weights_refuses_them(kind: MeasureKind) -> None:
    with pytest.raises(BuildError, match=f"{kind} knows no weights"):
        measure(kind, graph_of([(0, 1)], 2, [1.0]), weighted=True)


def test_a_hub_does_not_make_triangles_costly() -> None:
    nodes = 30_000
    star = [(0, node) for node in range(1, nodes)] + [(1, 2)]
    found = measure("triangles", graph_of(star, nodes))
    assert found[:4].tolist() == [1, 1, 1, 0] and found.sum() == 3


@pytest.mark.parametrize("kind", get_args(MeasureKind))
def test_every_measure_gives_one_value_a_node_also_without_edges(kind: MeasureKind) -> None:
    assert len(measure(kind, graph_of([], 3))) == 3
    assert len(measure(kind, graph_of([], 0))) == 0


def test_a_weighted_measure_without_weights_is_refused() -> None:
    with pytest.raises(BuildError, match="needs a weight"):
        measure("pagerank", graph_of([(0, 1)], 2), weighted=True)


@pytest.mark.parametrize(
    ("pairs", "weights", "says"), [([(0, 2)], None, "outside 0..1"), ([(0, 1)], [float("nan")], "null"), ([(0, 1)], [], "length")]
)
def test_edges_that_cannot_be_are_refused(pairs: list[tuple[int, int]], weights: list[float] | None, says: str) -> None:
    with pytest.raises(BuildError, match=says):
        graph_of(pairs, 2, weights)


def test_a_graph_too_big_for_networkx_is_refused_but_its_degrees_are_not() -> None:
    big = graph_of([(0, 1)], analysis.MAX_NODES + 1)
    with pytest.raises(BuildError, match="too big for networkx"):
        measure("pagerank", big)
    assert measure("degree", big)[0] == 1
    assert len(to_networkx(big, keep=np.array([0, 1, 7]))) == 3


def test_a_bounded_part_holds_the_edges_between_the_nodes_kept() -> None:
    part = to_networkx(graph_of([(0, 1), (0, 1), (1, 2), (2, 0)], 4), keep=np.array([1, 0]))
    assert sorted(part.nodes) == [0, 1]
    assert list(part.edges(data="weight")) == [(0, 1, 2.0)]


def test_the_picture_is_a_small_png_also_of_an_empty_graph() -> None:
    edges = graph_of([(0, 1), (1, 2), (2, 0), (2, 3)], 6)
    picture = draw(edges, title="Customers by orders", communities=communities(edges))
    assert picture.startswith(PNG) and 2_000 < len(picture) < 200_000
    assert draw(graph_of([], 0), title="Nothing").startswith(PNG)
    assert draw(edges, title="Same") == draw(edges, title="Same")
