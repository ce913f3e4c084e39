"""networkx as a peer: every object a node, every link an edge that can be walked both ways. What `worker` calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import networkx as nx
import numpy as np

from benchmarks.engine.questions import Pair
from palantir_assets.graph.building import load
from palantir_assets.ontology.served import ServedOntology


def path(folder: str) -> Callable[[Pair], int | None]:
    """The number of links between two objects, or None where no way leads from one to the other."""
    nodes, graph = network(Path(folder))

    def ask(pair: Pair) -> int | None:
        try:
            return len(nx.bidirectional_shortest_path(graph, nodes[pair[0], pair[1]], nodes[pair[2], pair[3]])) - 1
        except nx.NetworkXNoPath:
            return None

    return ask


def network(release: Path) -> tuple[dict[tuple[str, str], int], nx.Graph[int]]:
    """Nodes by type and key, and the graph of their numbers: a number is quicker to look up than a pair."""
    import pyarrow.parquet as pq

    types = ServedOntology.model_validate_json((release / "ontology.json").read_bytes()).types
    keys = {name: pq.read_table(release / "objects" / name, columns=[kind.key]).column(0).to_pylist() for name, kind in types.items()}
    starts = dict(zip(types, np.cumsum([0, *map(len, keys.values())]).tolist(), strict=False))
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(sum(map(len, keys.values()))))
    for source in types.values():
        for name, link in source.links.items():
            forward = load(release / "links" / f"{source.name}__{name}").forward
            left = np.repeat(np.arange(forward.rows), np.diff(forward.offsets)) + starts[source.name]
            graph.add_edges_from(zip(left.tolist(), (forward.targets + starts[link.to]).tolist(), strict=True))
    nodes = {(name, str(key)): starts[name] + row for name, found in keys.items() for row, key in enumerate(found)}
    return nodes, graph
