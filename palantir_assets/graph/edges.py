"""The edges of a declared projection, as three arrays. What is measured on them is in `measures`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from palantir_assets.errors import BuildError


@dataclass(frozen=True, slots=True, eq=False)
class EdgeList:
    """`sources[i]` → `targets[i]` with `weights[i]`, between nodes 0..nodes-1; a node needs no edge.

    Raises BuildError for lengths that differ, nodes that do not exist and weights that are null, infinite or negative.
    """

    sources: npt.NDArray[np.integer]
    targets: npt.NDArray[np.integer]
    weights: npt.NDArray[np.floating] | None
    nodes: int

    def __post_init__(self) -> None:
        if len(self.sources) != len(self.targets) or (self.weights is not None and len(self.weights) != len(self.sources)):
            raise BuildError("sources, targets and weights of a graph differ in length")
        for side, ends in (("source", self.sources), ("target", self.targets)):
            if len(ends) and (ends.min() < 0 or ends.max() >= self.nodes):
                raise BuildError(f"{side} nodes {ends.min()}..{ends.max()} lie outside 0..{self.nodes - 1}")
        if self.weights is not None and not np.all(np.isfinite(self.weights) & (self.weights >= 0)):
            raise BuildError("a weight of a graph is null, infinite or negative")

    def strengths(self, *, weighted: bool) -> npt.NDArray[np.float64]:
        """What each edge counts, float64 (m): its weight, or one. Raises BuildError if there are no weights."""
        if not weighted:
            return np.ones(len(self.sources))
        if self.weights is None:
            raise BuildError(
                "a weighted measure needs a weight on the edges", next_step="give the graph's edges a `weight`, then run `palantir build`"
            )
        return self.weights.astype(np.float64)

    def merged(self, *, weighted: bool) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Sources, targets and strengths with parallel edges added up, ordered by source, then target."""
        width = max(self.nodes, 1)
        pairs = self.sources.astype(np.int64) * width + self.targets
        distinct, group = np.unique(pairs, return_inverse=True)
        strengths = np.bincount(group, weights=self.strengths(weighted=weighted), minlength=len(distinct)).astype(np.float64)
        return distinct // width, distinct % width, strengths
