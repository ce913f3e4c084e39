"""What is measured of every node of a declared projection: degrees, PageRank, communities, and its shape.

Degrees, components and triangles are counted on arrays and know no limit. The rest comes from networkx,
which refuses a projection that is too big for it (`analysis.MAX_NODES`). Parallel edges add up where weights
count. A measure becomes a property of its node in the release; that is done in `assets`.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from palantir_assets.errors import BuildError
from palantir_assets.graph.analysis import to_networkx
from palantir_assets.graph.edges import EdgeList

MeasureKind = Literal["degree", "in_degree", "out_degree", "pagerank", "community", "betweenness", "component", "triangles", "core"]
Whole = npt.NDArray[np.int64]
Values = Whole | npt.NDArray[np.float64]

DAMPING: Final = 0.85
TOLERANCE: Final = 1e-10
DIGITS: Final = 12
EXACT_WORK: Final = 20_000_000
"""Nodes × (nodes and edges) up to which betweenness is exact: some seconds."""
MIN_PIVOTS: Final = 64
UNWEIGHTED: Final = frozenset({"betweenness", "component", "triangles", "core"})


def measure(kind: MeasureKind, edges: EdgeList, *, seed: int = 0, weighted: bool = False) -> Values:
    """One value a node, in node order: whole numbers (int64), or float64 for PageRank and weighted degrees.

    Raises BuildError if the projection is too big, weighted without weights, or weighted where a measure knows no weight.
    """
    if weighted and kind in UNWEIGHTED:
        raise BuildError(f"{kind} knows no weights", next_step=f"leave `weighted` out of the measure {kind}, then run `palantir build`")
    if kind == "betweenness":
        return betweenness(edges, seed=seed)
    if kind == "component":
        return components(edges)
    if kind == "triangles":
        return triangles(edges)
    if kind == "core":
        return cores(edges)
    if kind == "pagerank":
        return pagerank(edges, weighted=weighted)
    if kind == "community":
        return communities(edges, seed=seed, weighted=weighted)
    return degrees(kind, edges, weighted=weighted)


def degrees(kind: Literal["degree", "in_degree", "out_degree"], edges: EdgeList, *, weighted: bool = False) -> Values:
    """Edges at each node, or the sum of their weights; a loop counts once in, once out."""
    strengths = edges.strengths(weighted=weighted)
    total = np.zeros(edges.nodes)
    if kind != "in_degree":
        total += np.bincount(edges.sources, weights=strengths, minlength=edges.nodes)
    if kind != "out_degree":
        total += np.bincount(edges.targets, weights=strengths, minlength=edges.nodes)
    return total if weighted else total.astype(np.int64)


def pagerank(edges: EdgeList, *, weighted: bool = False) -> npt.NDArray[np.float64]:
    """The chance that a random walker (damping 0.85) is at each node; sums to 1.

    Page, Brin, Motwani & Winograd (1999), as networkx computes it; rounded to 12 digits, so that
    machines whose sums differ in the last bit agree. Raises BuildError if it does not converge.
    """
    import networkx

    if not edges.nodes:
        return np.zeros(0)
    graph = to_networkx(edges, weighted=weighted)
    try:
        ranks = networkx.pagerank(graph, alpha=DAMPING, tol=TOLERANCE, max_iter=1_000)
    except networkx.PowerIterationFailedConvergence as error:
        raise BuildError(f"PageRank did not converge on {edges.nodes:,} nodes") from error
    values: npt.NDArray[np.float64] = np.array([round(ranks[node], DIGITS) for node in range(edges.nodes)])
    return values


def communities(edges: EdgeList, *, seed: int = 0, weighted: bool = False) -> npt.NDArray[np.int64]:
    """The number of each node's community: 0 is the biggest, ties go to the one with the smallest node.

    Louvain (Blondel et al. 2008) on the graph without directions, as networkx computes it from
    `seed`. A node without an edge is a community of its own.
    """
    import networkx

    if not edges.nodes:
        return np.zeros(0, dtype=np.int64)
    undirected = to_networkx(_undirected(edges), weighted=weighted).to_undirected()
    found = networkx.community.louvain_communities(undirected, seed=seed)
    numbers = np.zeros(edges.nodes, dtype=np.int64)
    for number, members in enumerate(found):
        numbers[list(members)] = number
    return _biggest_first(numbers)


def betweenness(edges: EdgeList, *, seed: int = 0) -> npt.NDArray[np.float64]:
    """The share of shortest ways between other nodes that lead over each node, along the edges' directions.

    Brandes (2001), as networkx computes it. Exact where nodes × (nodes + edges) is at most EXACT_WORK; beyond
    that estimated from as many random start nodes as keep to that work, at least MIN_PIVOTS, drawn by `seed`
    (Brandes & Pich 2007). Parallel edges are one edge; rounded to 12 digits.
    """
    import networkx

    if not edges.nodes:
        return np.zeros(0)
    graph = to_networkx(edges)
    pivots = pivots_of(edges.nodes, graph.number_of_edges())
    found = networkx.betweenness_centrality(graph, k=None if pivots == edges.nodes else pivots, seed=seed)
    values: npt.NDArray[np.float64] = np.array([round(found[node], DIGITS) for node in range(edges.nodes)])
    return values


def pivots_of(nodes: int, edges: int) -> int:
    """From how many nodes betweenness is computed: from all of them where that is little work."""
    return min(nodes, max(MIN_PIVOTS, EXACT_WORK // max(nodes + edges, 1)))


def components(edges: EdgeList) -> Whole:
    """The number of the part each node hangs together with, whatever the directions: numbered as communities are."""
    from scipy.sparse.csgraph import connected_components

    _, labels = connected_components(_neighbours(edges), directed=False)
    return _biggest_first(labels.astype(np.int64))


def triangles(edges: EdgeList) -> Whole:
    """In how many triangles each node is, without directions, loops and parallel edges."""
    neighbours = _neighbours(edges)
    ordered = neighbours.tocoo()
    degree = np.diff(neighbours.indptr)
    # Edges from the node with fewer neighbours to the one with more: then no node has many, and a triangle is found once.
    first, second = degree[ordered.row], degree[ordered.col]
    up = (first < second) | ((first == second) & (ordered.row < ordered.col))
    upward = _matrix(ordered.row[up], ordered.col[up], edges.nodes)
    below = (upward.T @ upward).multiply(upward)  # at (middle, high): how many are below both
    between = (upward @ upward).multiply(upward)  # at (low, high): how many are between them
    counts = [np.asarray(found).ravel() for found in (between.sum(axis=1), below.sum(axis=1), below.sum(axis=0))]
    total: Whole = np.sum(counts, axis=0).astype(np.int64)
    return total


def cores(edges: EdgeList) -> Whole:
    """The largest k for which each node is in a part where all have k neighbours (Batagelj & Zaversnik 2003)."""
    import networkx

    loopless = edges.sources != edges.targets
    simple = EdgeList(edges.sources[loopless], edges.targets[loopless], None, edges.nodes)
    found = networkx.core_number(to_networkx(_undirected(simple)).to_undirected())
    return np.array([found[node] for node in range(edges.nodes)], dtype=np.int64)


def _undirected(edges: EdgeList) -> EdgeList:
    """Every edge from its lower node to its higher one, so that opposite ones add up."""
    lower, upper = np.minimum(edges.sources, edges.targets), np.maximum(edges.sources, edges.targets)
    return EdgeList(lower, upper, edges.weights, edges.nodes)


def _neighbours(edges: EdgeList) -> Any:
    """Who is linked to whom, either way, as a scipy matrix of ones without a diagonal."""
    loopless = edges.sources != edges.targets
    sources, targets = edges.sources[loopless], edges.targets[loopless]
    matrix = _matrix(np.concatenate([sources, targets]), np.concatenate([targets, sources]), edges.nodes)
    matrix.data[:] = 1
    return matrix


def _matrix(rows: npt.NDArray[np.integer], columns: npt.NDArray[np.integer], nodes: int) -> Any:
    from scipy.sparse import coo_array

    return coo_array((np.ones(len(rows), dtype=np.int64), (rows, columns)), shape=(nodes, nodes)).tocsr()


def _biggest_first(labels: Whole) -> Whole:
    """Groups numbered anew: 0 is the biggest, ties go to the one with the smallest node."""
    _, first, groups, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.arange(len(order))
    renumbered: Whole = numbers[groups]
    return renumbered
