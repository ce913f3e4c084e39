"""Random networks of several types, and the same as a networkx graph, for tests of walks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import networkx
import numpy as np
from hypothesis import strategies as st

from palantir_assets.graph.building import build_csr
from palantir_assets.graph.networks import Hop, Network

NAMES = ("customer", "order", "product")
MOMENT = 5


@dataclass(frozen=True)
class Case:
    """A network, and for every hop its links with what networkx needs to know of them."""

    network: Network
    edges: list[list[tuple[int, int, float | None, bool]]]
    """Of each hop: source node, target node, weight (None: not there when weighed), whether it is valid at MOMENT."""

    def multigraph(self, *, weighted: bool = False) -> networkx.MultiDiGraph[int]:
        """Only what is visible and valid; each edge with its hop and weight."""
        graph: networkx.MultiDiGraph[int] = networkx.MultiDiGraph()
        graph.add_nodes_from(node for node in range(self.network.nodes) if self.network.is_visible(node))
        for hop, links in enumerate(self.edges):
            for source, target, weight, valid in links:
                dated = self.network.moment is None or valid
                if source in graph and target in graph and dated and not (weighted and weight is None):
                    graph.add_edge(source, target, hop=hop, weight=weight)
        return graph


@st.composite
def cases(draw: st.DrawFn, *, most: int = 7) -> Case:
    """Up to three types and five hops: loops, parallel links, lonely nodes, weights with ties, zeros and gaps, masks, dates."""
    sizes = {name: draw(st.integers(1, most)) for name in NAMES[: draw(st.integers(1, 3))]}
    dated = draw(st.booleans())
    visible = {name: np.array(draw(st.lists(st.sampled_from((True, True, True, False)), min_size=size, max_size=size)))
               for name, size in sizes.items() if draw(st.booleans())}  # fmt: skip
    made = [draw(_hops(sizes)) for _ in range(draw(st.integers(1, 5)))]
    network = Network(sizes, [hop for hop, _ in made], visible, MOMENT if dated else None)
    edges = [
        [(network.node(hop.source, source), network.node(hop.target, target), weight, valid) for source, target, weight, valid in links]
        for hop, links in made
    ]
    return Case(network, edges)


@st.composite
def _hops(draw: st.DrawFn, sizes: dict[str, int]) -> tuple[Hop, list[tuple[int, int, float | None, bool]]]:
    source, target = draw(st.sampled_from(sorted(sizes))), draw(st.sampled_from(sorted(sizes)))
    link = st.tuples(
        st.integers(0, sizes[source] - 1), st.integers(0, sizes[target] - 1),
        st.one_of(st.none(), st.sampled_from((0.0, 0.5, 1.0, 1.0, 2.0, 0.1))), st.integers(0, 9), st.integers(0, 9),
    )  # fmt: skip
    links = draw(st.lists(link, max_size=12))
    weighs, dated = draw(st.booleans()), draw(st.booleans())
    valid = np.array([sorted(item[3:]) for item in links], dtype=np.int64).reshape(-1, 2) if dated else None
    # What stands for each link is the link's own number: that is how weights find their way through the order of the arrays.
    arrays = build_csr(
        [item[0] for item in links], [item[1] for item in links], sizes[source], sizes[target], valid=valid, through=range(len(links))
    )
    weights = np.array([np.nan if item[2] is None else item[2] for item in links], dtype=float)
    beside = [weights[way.through] if weighs and way.through is not None else None for way in (arrays.forward, arrays.reverse)]
    hop = Hop(f"{source}-{target}", source, target, arrays.forward, arrays.reverse, *beside)
    told = [
        (item[0], item[1], item[2] if weighs else 1.0, valid is None or bool(valid[index, 0] <= MOMENT < valid[index, 1]))
        for index, item in enumerate(links)
    ]
    return hop, told


def least(graph: networkx.MultiDiGraph[int], source: int, target: int, weight: Any) -> float | None:
    """The length of the best way in networkx, or None."""
    if source not in graph or target not in graph:
        return None
    try:
        return float(networkx.shortest_path_length(graph, source, target, weight=weight))
    except networkx.NetworkXNoPath:
        return None
