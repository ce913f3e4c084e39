"""Walks through a network: what is near, what can be reached, and the ways between two objects.

Only what the network shows exists, at every step and inside of paths. Answers do not depend on who walks
(`native` or `plain`), nor on the run: of equal ways the first in the order of `searches` is taken.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from palantir_assets.graph import native
from palantir_assets.graph.building import Csr
from palantir_assets.graph.networks import Flags, Network, Nodes
from palantir_assets.graph.ordering import RowNumbers, Rows
from palantir_assets.graph.searches import CODE, HOP, NODE, PARENT, Bridge, Cut, Meeting, Over, Searcher, Seen

Clock = Callable[[], float]
ANY_DEPTH: Final = 2**31


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a walk may find, and for how long it may look."""

    rows: int = 2**31
    seconds: float = math.inf
    clock: Clock = time.monotonic

    def started(self) -> Over:
        """Asked whether the time from now on is over."""
        end = self.clock() + self.seconds
        return lambda: self.clock() >= end


UNBOUND: Final = Budget()


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """Nodes in the order in which they were found, the starts first, and how many hops away each is.

    `parents` are places in `nodes` (-1 for a start) and `hops` places in the network's hops: the first way to
    each. `cut` says whether rows or time ran out before everything was found.
    """

    nodes: Nodes
    depths: Rows
    parents: Rows
    hops: Rows
    cut: Cut


@dataclass(frozen=True, slots=True)
class Path:
    """The nodes of a way, its ends among them, and the hop between each two: `weight` counts hops if none was asked for."""

    nodes: tuple[int, ...]
    hops: tuple[int, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Ways:
    """Ways of equal length between two nodes, none if there are none.

    `cut` is "time" if it ran out before that was known, "rows" if there are more ways than were asked for.
    """

    paths: tuple[Path, ...]
    cut: Cut = ""


def neighbourhood(network: Network, starts: RowNumbers, depth: int, budget: Budget, *, searcher: Searcher | None = None) -> Reached:
    """What is near the starts, nearest first, as far as the budget allows. Raises IndexError for a node that is not there."""
    nodes = np.array(list(dict.fromkeys(int(node) for node in starts if network.is_visible(int(node)))), dtype=np.int64)
    found = (searcher or native.searcher()).spread(network, nodes, min(depth, ANY_DEPTH), budget.rows, budget.started())
    seen = found.seen
    return Reached(seen[:, NODE].astype(np.int64), seen[:, CODE] >> 1, seen[:, PARENT], seen[:, HOP], found.cut)


def distance(
    network: Network, source: int, target: int, *, depth: int = ANY_DEPTH, budget: Budget = UNBOUND, searcher: Searcher | None = None
) -> tuple[int | None, Cut]:
    """How many hops it takes to reach a node, None if it cannot be reached, and whether time ran out before that was known."""
    if not (network.is_visible(source) and network.is_visible(target)):
        return None, ""
    if source == target:
        return 0, ""
    met = _meet(network, source, target, depth, budget, searcher)
    return (int(met.cost) if met.bridge else None), met.cut


def shortest_path(
    network: Network, source: int, target: int, *, depth: int = ANY_DEPTH, budget: Budget = UNBOUND, searcher: Searcher | None = None
) -> Ways:
    """A way of the fewest hops, if there is one of at most `depth`."""
    return _single(network, source, target, lambda: _meet(network, source, target, depth, budget, searcher))


def lightest_path(network: Network, source: int, target: int, *, budget: Budget = UNBOUND, searcher: Searcher | None = None) -> Ways:
    """A way of the least weight, the sum over its links; a hop without weights weighs one."""
    walker = searcher or native.searcher()
    return _single(network, source, target, lambda: walker.cheapest(network, source, target, budget.started()))


def all_shortest_paths(
    network: Network,
    source: int,
    target: int,
    *,
    most: int,
    depth: int = ANY_DEPTH,
    budget: Budget = UNBOUND,
    searcher: Searcher | None = None,
) -> Ways:
    """Every way of the fewest hops, at most `most`. Ways differ in a node: parallel links make one way, by the first of them."""
    if not (network.is_visible(source) and network.is_visible(target)):
        return Ways(())
    if source == target:
        return Ways((Path((source,), (), 0.0),))
    over = budget.started()
    met = (searcher or native.searcher()).meet(network, source, target, min(depth, ANY_DEPTH), over, whole=True)
    if met.bridge is None:
        return Ways((), met.cut)
    paths: list[Path] = []
    for path in _all(network, met):
        if len(paths) == most:
            return Ways(tuple(paths), "rows")
        paths.append(path)
        if over():
            return Ways(tuple(paths), "time")
    return Ways(tuple(paths))


def mark(
    csr: Csr, rows: Rows | Flags, count: int, *, shown: Flags | None = None, moment: int | None = None, enough: int | None = None,
    searcher: Searcher | None = None,
) -> Flags:  # fmt: skip
    """A whole set of rows, one hop on: a flag for each of `count` rows, whether any of `rows` is linked to it.

    `rows` are numbers, or a flag a row. Where no more than `enough` rows can be found, the search ends as soon as they are.

    >>> from palantir_assets.graph.building import build_csr
    >>> mark(build_csr([0, 0, 2], [1, 0, 1], 3, 2).reverse, np.array([1]), 3).tolist()
    [True, False, True]
    """
    return (searcher or native.searcher()).mark(csr, rows, count, shown, moment, count if enough is None else enough)


def seek(
    csr: Csr, back: Csr, members: Flags, *, shown: Flags | None = None, moment: int | None = None, searcher: Searcher | None = None
) -> Flags:  # fmt: skip
    """What `mark(csr, members, …)` finds, looked for along the way back: a flag for each row of `back`.

    Cheaper where few rows have many links each and many ends are members.
    """
    if len(members) != csr.rows:
        raise IndexError(f"{len(members)} flags for {csr.rows} rows")
    return (searcher or native.searcher()).seek(back, members, shown, moment)


def _meet(network: Network, source: int, target: int, depth: int, budget: Budget, searcher: Searcher | None) -> Meeting:
    return (searcher or native.searcher()).meet(network, source, target, min(depth, ANY_DEPTH), budget.started())


def _single(network: Network, source: int, target: int, search: Callable[[], Meeting]) -> Ways:
    if not (network.is_visible(source) and network.is_visible(target)):
        return Ways(())
    if source == target:
        return Ways((Path((source,), (), 0.0),))
    met = search()
    if met.bridge is None:
        return Ways((), met.cut)
    return Ways((_path(met.seen, met.bridge, met.cost),))


def _path(seen: Seen, bridge: Bridge, weight: float) -> Path:
    """The way over a bridge; a bridge without a hop is one node that both sides found."""
    front, front_hops = _to_root(seen, bridge.front)
    back, back_hops = _to_root(seen, bridge.back)
    between, rest = ((bridge.hop,), back) if bridge.hop >= 0 else ((), back[1:])
    return Path((*reversed(front), *rest), (*reversed(front_hops), *between, *back_hops), weight)


def _to_root(seen: Seen, place: int) -> tuple[list[int], list[int]]:
    nodes, hops = [], []
    while place >= 0:
        node, parent, hop, _ = seen[place].tolist()
        nodes.append(node)
        if parent >= 0:
            hops.append(hop)
        place = parent
    return nodes, hops


def _all(network: Network, met: Meeting) -> Iterator[Path]:
    """Every path has one edge from the last level of one side to the last of the other; from there, levels lead home."""
    levels = _Levels(network, met)
    front_depth, back_depth = met.depths
    told: set[tuple[int, int]] = set()
    for hop, source, target in levels.bridges(front_depth, back_depth):
        if (source, target) in told:
            continue
        told.add((source, target))
        for front, front_hops in levels.home(source, front_depth, side=0):
            for back, back_hops in levels.home(target, back_depth, side=1):  # never as a list: there may be more than memory holds
                yield Path((*reversed(front), *back), (*reversed(front_hops), hop, *back_hops), met.cost)


class _Levels:
    """Which side found a node, and how many hops from its end."""

    def __init__(self, network: Network, met: Meeting) -> None:
        self._network = network
        self._order = np.argsort(met.seen[:, NODE], kind="stable")
        self._nodes, self._codes = met.seen[self._order, NODE].astype(np.int64), met.seen[self._order, CODE]
        self._found, self._found_codes = met.seen[:, NODE].astype(np.int64), met.seen[:, CODE]

    def bridges(self, front_depth: int, back_depth: int) -> Iterator[tuple[int, int, int]]:
        """Edges from the last level of side 0 to the last of side 1: hop, source, target."""
        level = self._found[self._found_codes == 2 * front_depth]
        for index, hop in enumerate(self._network.hops):
            leaves, _, targets = self._network.leaving(hop, level)
            across = np.flatnonzero(self._are(targets, 2 * back_depth + 1))
            yield from (
                (index, source, target) for source, target in zip(level[leaves[across]].tolist(), targets[across].tolist(), strict=True)
            )

    def home(self, node: int, depth: int, *, side: int) -> Iterator[tuple[list[int], list[int]]]:
        """Every way from a node to its side's end, a level at a time, and the hops taken."""
        if depth == 0:
            yield [node], []
            return
        nodes, hops = [node], list[int]()
        ahead = [self._nearer(node, depth, side)]
        while ahead:
            step = next(ahead[-1], None)
            if step is None:
                del ahead[-1], nodes[-1], hops[-1:]
                continue
            nodes.append(step[0])
            hops.append(step[1])
            if len(hops) == depth:
                yield list(nodes), list(hops)
                del nodes[-1], hops[-1]
            else:
                ahead.append(self._nearer(step[0], depth - len(hops), side))

    def _nearer(self, node: int, depth: int, side: int) -> Iterator[tuple[int, int]]:
        """The nodes one hop nearer to a side's end, each by the first hop that leads there."""
        told: set[int] = set()
        for index, hop in enumerate(self._network.hops):
            _, _, nearer = self._network.leaving(hop, np.array([node]), back=side == 0)
            for parent in nearer[self._are(nearer, 2 * (depth - 1) + side)].tolist():
                if parent not in told:
                    told.add(parent)
                    yield parent, index

    def _are(self, nodes: Nodes, code: int) -> Flags:
        """Which of some nodes were found at the level and side of `code`."""
        places = np.minimum(np.searchsorted(self._nodes, nodes), len(self._nodes) - 1)
        same: Flags = (self._nodes[places] == nodes) & (self._codes[places] == code)
        return same
