"""Links for which objects stand, cut to those objects that a caller may see: the same arrays, with fewer links in them."""

from __future__ import annotations

import numpy as np

from palantir_assets.engine.ports import Adjacency, Links
from palantir_assets.engine.rows import Mask, RowSet
from palantir_assets.graph.building import Csr, LinkArrays


def only_through(links: Links, seen: RowSet) -> LinkArrays:
    """The links whose objects are among `seen`. Of links that do not tell their objects, none."""
    mask, valid = seen.as_mask(), links.valid or (None, None)
    return LinkArrays(_kept(links.forward, mask, valid[0]), _kept(links.reverse, mask, valid[1]))


def _kept(csr: Adjacency, seen: Mask, valid: np.ndarray | None) -> Csr:
    keep = np.zeros(len(csr.targets), dtype=np.bool_) if csr.through is None else seen[csr.through]
    before = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(keep)])
    return Csr(
        before[csr.offsets].astype(np.int32),
        csr.targets[keep],
        None if valid is None else valid[keep],
        None if csr.through is None else csr.through[keep],
    )
