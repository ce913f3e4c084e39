"""Several links walked as one graph: whose rows are its nodes, and which way its edges lead.

Every type's rows get a range of node numbers of their own, so that a node is one whole number. What is
walked, and in which order, is in `walks`; which links a caller may walk and which rows they may see is
decided in `engine`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from palantir_assets.errors import QueryError
from palantir_assets.graph.building import Csr

Flags = npt.NDArray[np.bool_]
Nodes = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float64]

MAX_NODES: Final = 2**30


@dataclass(frozen=True, slots=True, eq=False)
class Hop:
    """One link in the direction in which it is walked, and the same links seen from where they lead (`back`).

    `weights` and `back_weights` lie beside the targets of each, float64 (m), at least 0; NaN: the edge is not there.
    """

    name: str
    source: str
    target: str
    out: Csr
    back: Csr
    weights: Weights | None = None
    back_weights: Weights | None = None


@dataclass(frozen=True, eq=False)
class Network:
    """A graph over the rows of `sizes` (rows by type), along `hops`, of which only `visible` rows exist.

    A type that is missing in `visible` is visible as a whole. At a `moment` (microseconds since 1970) only
    links that are valid then exist. Raises QueryError for hops that do not fit the types, or a weight below 0.
    """

    sizes: Mapping[str, int]
    hops: Sequence[Hop]
    visible: Mapping[str, Flags]
    moment: int | None = None

    def __post_init__(self) -> None:
        if self.nodes > MAX_NODES:
            raise QueryError(f"a graph of {self.nodes:,} objects is too big to be walked (at most {MAX_NODES:,})")
        for hop in self.hops:
            if (hop.out.rows, hop.back.rows) != (self.sizes[hop.source], self.sizes[hop.target]):
                raise QueryError(f"the link {hop.name} does not fit the objects of {hop.source} and {hop.target}")
            for weights in (hop.weights, hop.back_weights):
                if weights is not None and (len(weights) != len(hop.out.targets) or np.any(weights < 0)):
                    raise QueryError(f"a weight of the link {hop.name} is below 0", next_step="weigh by a property that is never negative")

    @cached_property
    def nodes(self) -> int:
        """How many nodes there are."""
        return sum(self.sizes.values())

    @cached_property
    def types(self) -> tuple[str, ...]:
        return tuple(self.sizes)

    @cached_property
    def bases(self) -> Nodes:
        """The first node of each type, in order, and the number of nodes."""
        return np.cumsum([0, *self.sizes.values()], dtype=np.int64)

    @cached_property
    def _base_of(self) -> dict[str, int]:
        return dict(zip(self.types, self.bases.tolist(), strict=False))

    @cached_property
    def addresses(self) -> tuple[npt.NDArray[np.int64], list[npt.NDArray[np.generic]]]:
        """Where everything lies in memory, int64 (2, hops, 8), and the arrays that must live as long as that is used.

        A line a hop, forwards and backwards: the nodes it leaves (first, last + 1), the first it leads to, and the
        addresses of offsets, targets, intervals, flags of what is visible there, and weights; 0 for what there is not.
        """
        held: list[npt.NDArray[np.generic]] = []
        table = np.zeros((2, len(self.hops), 8), dtype=np.int64)
        for index, hop in enumerate(self.hops):
            ways = ((hop.source, hop.target, hop.out, hop.weights), (hop.target, hop.source, hop.back, hop.back_weights))
            for way, (source, target, csr, weights) in enumerate(ways):
                parts = (csr.offsets, csr.targets, None if self.moment is None else csr.valid, self.visible.get(target), weights)
                kept = [None if part is None else np.ascontiguousarray(part) for part in parts]
                held += [part for part in kept if part is not None]
                first = self.base(source)
                at = [0 if part is None else part.ctypes.data for part in kept]
                table[way, index] = [first, first + self.sizes[source], self.base(target), *at]
        return table, held

    def base(self, object_type: str) -> int:
        """The node of a type's row 0."""
        return self._base_of[object_type]

    def node(self, object_type: str, row: int) -> int:
        """The node of a row. Raises IndexError for a row that is not there."""
        if not 0 <= row < self.sizes[object_type]:
            raise IndexError(f"row {row} of {self.sizes[object_type]}")
        return self._base_of[object_type] + row

    def row(self, node: int) -> tuple[str, int]:
        """The type and row of a node."""
        if not 0 <= node < self.nodes:
            raise IndexError(f"node {node} of {self.nodes}")
        return self.rows([node])[0]

    def rows(self, nodes: Sequence[int]) -> list[tuple[str, int]]:
        """The type and row of each node; nodes that are not there have none."""
        asked = np.asarray(nodes, dtype=np.int64)
        types = np.searchsorted(self.bases, asked, side="right") - 1
        rows = asked - self.bases[types]
        return [(self.types[index], row) for index, row in zip(types.tolist(), rows.tolist(), strict=True)]

    def is_visible(self, node: int) -> bool:
        """Whether a node exists for whoever walks."""
        if not self.visible and 0 <= node < self.nodes:
            return True
        object_type, row = self.row(node)
        shown = self.visible.get(object_type)
        return shown is None or bool(shown[row])

    def leaving(self, hop: Hop, nodes: Nodes, *, back: bool = False) -> tuple[Nodes, Nodes, Nodes]:
        """The edges of one hop that leave `nodes` and exist: which of `nodes` they leave, their places, where they lead.

        `nodes` of other types have none. With `back`, the edges are followed against their direction.
        """
        source, target, csr = (hop.target, hop.source, hop.back) if back else (hop.source, hop.target, hop.out)
        first = self.base(source)
        mine = np.flatnonzero((nodes >= first) & (nodes < first + self.sizes[source]))
        places, leaves = csr.links_of_many(nodes[mine] - first, self.moment)
        targets = csr.targets[places]
        shown = self.visible.get(target)
        if shown is not None:
            keep = shown[targets]
            leaves, places, targets = leaves[keep], places[keep], targets[keep]
        return mine[leaves], places, targets.astype(np.int64) + self.base(target)
