"""What a search through a network leaves behind, the same for whoever searched (`plain`, `native`).

The order of a search is part of its answer: level by level; within a level hop by hop, in the network's
order; within a hop the nodes in the order in which they were found; and of a node its links in theirs.
Whoever comes first to a node keeps it. So both searchers give the same nodes, parents and paths.

Two searches towards each other take the side whose level has fewer links, as a SAMPLE of its nodes tells. Before a level is left, `close`
asks whether a link leads from the one level to the other; then hops with fewer links come first, and after
each `probe` asks, within as many links as the hop had and PROBED more, whether what it found is linked to
the other level. A hub is then rarely looked at as a whole, and a way is still a shortest one: `close` has
shown that there is none with one hop less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from palantir_assets.graph.building import Csr
from palantir_assets.graph.networks import Flags, Network, Nodes
from palantir_assets.graph.ordering import Rows

Over = Callable[[], bool]
"""Asked now and then: is the time that a search was given over?"""
Cut = Literal["", "rows", "time"]
Seen = npt.NDArray[np.int32]
"""What was found, in order, int32 (n, 4): the node, the place of its parent, the hop taken, and 2 · depth + side."""

NODE, PARENT, HOP, CODE = range(4)
PROBED: Final = 64
SAMPLE: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Everything within reach of some nodes; `cut` tells what ended it before all was found."""

    seen: Seen
    cut: Cut


@dataclass(frozen=True, slots=True)
class Bridge:
    """Where two searches met: places in what was seen, and the hop from the one to the other."""

    front: int
    hop: int
    back: int


@dataclass(frozen=True, slots=True, eq=False)
class Meeting:
    """Two searches towards each other. `depths` are the levels of each that are complete, `cost` the way's length."""

    seen: Seen
    bridge: Bridge | None
    depths: tuple[int, int] = (0, 0)
    cost: float = 0.0
    cut: Cut = ""


class Searcher(Protocol):
    """Who walks: compiled if it is there, numpy and Python otherwise."""

    def spread(self, network: Network, starts: Nodes, depth: int, limit: int, over: Over) -> Spread:
        """The nodes at most `depth` hops from `starts`, at most `limit`."""

    def meet(self, network: Network, source: int, target: int, depth: int, over: Over, *, whole: bool = False) -> Meeting:
        """A shortest way between two different nodes, of at most `depth` hops; all that was seen with `whole`, else the way."""

    def cheapest(self, network: Network, source: int, target: int, over: Over) -> Meeting:
        """A lightest way between two different nodes; a hop without weights weighs one."""

    def mark(self, csr: Csr, rows: Rows | Flags, count: int, shown: Flags | None, moment: int | None, enough: int) -> Flags:
        """A flag for each of `count` rows: whether any of `rows` (numbers, or a flag a row) is linked to it.

        Once `enough` are found the rest may be left out, so give no less than there can be.
        """

    def seek(self, back: Csr, members: Flags, shown: Flags | None, moment: int | None) -> Flags:
        """What `mark` finds, looked for from the other side: which rows have a way back to a member.

        Cheap where few rows have many links each and most ends are members (Beamer, Asanović & Patterson 2012, "bottom-up").
        """


def alone(seen: Seen, bridge: Bridge | None) -> tuple[Seen, Bridge | None]:
    """A way without everything else that was seen."""
    if bridge is None:
        return seen[:0].copy(), None
    kept: list[list[int]] = []
    begins = []
    for place in (bridge.front, bridge.back):
        begins.append(len(kept))
        while place >= 0:
            node, parent, hop, code = seen[place].tolist()
            kept.append([node, len(kept) + 1 if parent >= 0 else -1, hop, code])
            place = parent
    return np.array(kept, dtype=np.int32), Bridge(begins[0], bridge.hop, begins[1])
