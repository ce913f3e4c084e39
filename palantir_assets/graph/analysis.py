"""The analyst's door to the graph: a projection, or a bounded part of it, as a networkx graph.

networkx is not the store (13 times the memory of the arrays): it is made on demand, for communities,
centralities and export, and refuses what is too big for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from palantir_assets.errors import BuildError
from palantir_assets.graph.edges import EdgeList

if TYPE_CHECKING:
    import networkx

MAX_NODES: Final = 50_000
MAX_EDGES: Final = 500_000


def to_networkx(edges: EdgeList, *, weighted: bool = False, keep: npt.NDArray[np.integer] | None = None) -> networkx.DiGraph[int]:
    """The projection as a directed graph, `weight` on every edge; only the nodes in `keep` if given.

    Parallel edges add up; nodes without an edge are there. Raises BuildError above MAX_NODES nodes
    or MAX_EDGES distinct edges.
    """
    import networkx

    nodes = np.arange(edges.nodes) if keep is None else np.unique(keep)
    sources, targets, strengths = edges.merged(weighted=weighted)
    if keep is not None:
        inside = np.isin(sources, nodes) & np.isin(targets, nodes)
        sources, targets, strengths = sources[inside], targets[inside], strengths[inside]
    _check_size(len(nodes), len(sources))
    graph: networkx.DiGraph[int] = networkx.DiGraph()
    graph.add_nodes_from(nodes.tolist())
    graph.add_weighted_edges_from(zip(sources.tolist(), targets.tolist(), strengths.tolist(), strict=True))
    return graph


def _check_size(nodes: int, edges: int) -> None:
    if nodes > MAX_NODES or edges > MAX_EDGES:
        raise BuildError(
            f"a graph of {nodes:,} nodes and {edges:,} edges is too big for networkx (at most {MAX_NODES:,} and {MAX_EDGES:,})",
            next_step="measure degrees only, or declare a projection with fewer nodes",
        )
