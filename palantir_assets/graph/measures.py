"""What is measured of every node of a declared projection: degrees, PageRank, communities.

Degrees are counted on the arrays and know no limit. PageRank and communities come from networkx,
which refuses a projection that is too big for it (`analysis.MAX_NODES`). Parallel edges add up. A
measure becomes a property of its node in the release; that is done in `assets`.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from palantir_assets.errors import BuildError
from palantir_assets.graph.analysis import to_networkx
from palantir_assets.graph.edges import EdgeList

MeasureKind = Literal["degree", "in_degree", "out_degree", "pagerank", "community"]
Values = npt.NDArray[np.int64] | npt.NDArray[np.float64]

DAMPING: Final = 0.85
TOLERANCE: Final = 1e-10
DIGITS: Final = 12


def measure(kind: MeasureKind, edges: EdgeList, *, seed: int = 0, weighted: bool = False) -> Values:
    """One value a node, in node order: whole numbers (int64), or float64 for PageRank and weighted degrees.

    Raises BuildError if the projection is too big, or weighted without weights.
    """
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
    lower, upper = np.minimum(edges.sources, edges.targets), np.maximum(edges.sources, edges.targets)
    undirected = to_networkx(EdgeList(lower, upper, edges.weights, edges.nodes), weighted=weighted).to_undirected()
    found = networkx.community.louvain_communities(undirected, seed=seed)
    numbers = np.zeros(edges.nodes, dtype=np.int64)
    for number, members in enumerate(sorted(found, key=lambda nodes: (-len(nodes), min(nodes)))):
        numbers[list(members)] = number
    return numbers
