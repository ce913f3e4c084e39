"""The searcher without a compiler: numpy a hop at a time, Python's heap for weights.

It answers as `native` does, node by node; it stands in while that is not loaded, or cannot be.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

import numpy as np

from palantir_assets.graph.building import Csr
from palantir_assets.graph.networks import Flags, Hop, Network, Nodes
from palantir_assets.graph.ordering import Rows
from palantir_assets.graph.searches import CODE, PROBED, SAMPLE, Bridge, Cut, Meeting, Over, Seen, Spread, alone


def spread(network: Network, starts: Nodes, depth: int, limit: int, over: Over) -> Spread:
    """See `searches.Searcher.spread`."""
    found = _Found(network.nodes)
    cut: Cut = "rows" if len(starts) > limit else ""
    found.add(starts[:limit], np.full(len(starts[:limit]), -1), -1, 0)
    level = starts[:limit]
    for steps in range(1, depth + 1):
        first, behind = found.count, found.count - len(level)
        for index, hop in enumerate(network.hops):
            if cut or over():
                return Spread(found.seen(), cut or "time")
            leaves, _, targets = network.leaving(hop, level)
            new = found.new(targets)
            cut = "rows" if len(new) > limit - found.count else ""
            new = new[: limit - found.count]
            found.add(targets[new], leaves[new] + behind, index, 2 * steps)
        level = found.nodes(first)
        if not len(level):
            break
    return Spread(found.seen(), cut)


def meet(network: Network, source: int, target: int, depth: int, over: Over, *, whole: bool = False) -> Meeting:
    """See `searches.Searcher.meet`."""
    found, first, depths = _Found(network.nodes), [0, 1], [0, 0]
    levels = [np.array([source]), np.array([target])]
    for side in (0, 1):
        found.add(levels[side], np.array([-1]), -1, side)
    while len(levels[0]) and len(levels[1]) and sum(depths) < depth:
        links = [_links(network, levels[0], back=False), _links(network, levels[1], back=True)]
        ends = [_End(side, levels[side], first[side], 2 * depths[side] + side, links[side]) for side in (0, 1)]
        bridge, steps = _close(network, found, ends), 1
        late, me, begin = False, 0 if sum(links[0]) <= sum(links[1]) else 1, found.count
        order = sorted(range(len(network.hops)), key=links[me].__getitem__)
        while order and bridge is None and not (late := over()):
            index, before = order.pop(0), found.count
            leaves, _, targets = network.leaving(network.hops[index], levels[me], back=me == 1)
            new = found.new(targets)
            found.add(targets[new], leaves[new] + first[me], index, 2 * (depths[me] + 1) + me)
            if not whole and sum(depths) + 2 <= depth and found.count > before:
                fresh = _End(me, found.nodes(before), before, 2 * (depths[me] + 1) + me, links[me])
                bridge, steps = _probe(network, found, index, fresh, ends[1 - me], links[me][index] + PROBED), 2
        if bridge is not None:
            way, bridge = (found.seen(), bridge) if whole else alone(found.seen(), bridge)
            return Meeting(way, bridge, (depths[0], depths[1]), float(sum(depths) + steps))
        if late:
            return Meeting(found.seen(), None, (depths[0], depths[1]), cut="time")
        levels[me], first[me], depths[me] = found.nodes(begin), begin, depths[me] + 1
    return Meeting(found.seen(), None, (depths[0], depths[1]))


def cheapest(network: Network, source: int, target: int, over: Over) -> Meeting:
    """See `searches.Searcher.cheapest`: Dijkstra (1959) from both ends, which end when no better way is left."""
    sides = (_Side(source), _Side(target))
    best, met = math.inf, None
    while (top := sides[0].top()) is not None and (bottom := sides[1].top()) is not None and top + bottom < best:
        if over():
            return Meeting(_merged(sides), None, cut="time")
        me = 0 if top <= bottom else 1
        mine, other = sides[me], sides[1 - me]
        node = mine.settle()
        for index, hop in enumerate(network.hops):
            for weight, to in _edges(network, hop, node, back=me == 1):
                if mine.improve(to, mine.cost[node] + weight, node, index) and to in other.cost and mine.cost[to] + other.cost[to] < best:
                    best, met = mine.cost[to] + other.cost[to], to
    if met is None:
        return Meeting(_merged(sides), None)
    place = len(sides[0].cost) + list(sides[1].cost).index(met)
    return Meeting(*alone(_merged(sides), Bridge(list(sides[0].cost).index(met), -1, place)), cost=best)


def mark(csr: Csr, rows: Rows | Flags, count: int, shown: Flags | None, moment: int | None, enough: int) -> Flags:
    """See `searches.Searcher.mark`."""
    marked = np.zeros(count, dtype=np.bool_)
    numbers = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows.astype(np.int64)
    marked[csr.of_many(numbers, moment)] = True
    return marked if shown is None else marked & shown


def seek(back: Csr, members: Flags, shown: Flags | None, moment: int | None) -> Flags:
    """See `searches.Searcher.seek`."""
    rows = np.repeat(np.arange(back.rows), back.degrees())
    led = members[back.targets]
    if moment is not None and back.valid is not None:
        led &= (back.valid[:, 0] <= moment) & (moment < back.valid[:, 1])
    marked = np.zeros(back.rows, dtype=np.bool_)
    marked[rows[led]] = True
    return marked if shown is None else marked & shown


class _Found:
    """Nodes in the order in which they were found, and the place of each."""

    def __init__(self, nodes: int) -> None:
        self.place = np.full(nodes, -1, dtype=np.int32)
        self._codes = np.full(nodes, -1, dtype=np.int32)
        self._parts: list[Seen] = []
        self.count = 0

    def add(self, nodes: Nodes, parents: Nodes, hop: int, code: int) -> None:
        self.place[nodes] = np.arange(self.count, self.count + len(nodes))
        self._codes[nodes] = code
        same = np.full(len(nodes), hop), np.full(len(nodes), code)
        self._parts.append(np.stack([nodes, parents, *same], axis=1).astype(np.int32))
        self.count += len(nodes)

    def new(self, nodes: Nodes) -> Nodes:
        """The places among `nodes` of those not found yet, each where it first stands."""
        fresh = np.flatnonzero(self.place[nodes] < 0)
        firsts = fresh[np.unique(nodes[fresh], return_index=True)[1]]
        firsts.sort()
        return firsts

    def coded(self, nodes: Nodes, code: int) -> Flags:
        same: Flags = self._codes[nodes] == code
        return same

    def seen(self) -> Seen:
        return np.concatenate(self._parts)

    def nodes(self, first: int) -> Nodes:
        return self.seen()[first:, 0].astype(np.int64)


@dataclass(slots=True)
class _Side:
    """One end of a weighted search: costs in the order in which nodes were found, and where each was reached from."""

    root: int
    cost: dict[int, float] = field(default_factory=dict)
    reached: dict[int, tuple[int, int]] = field(default_factory=dict)
    _settled: set[int] = field(default_factory=set)
    _heap: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.improve(self.root, 0.0, -1, -1)

    def top(self) -> float | None:
        """The least cost that is not settled."""
        while self._heap and self._heap[0][1] in self._settled:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def settle(self) -> int:
        _, node = heapq.heappop(self._heap)
        self._settled.add(node)
        return node

    def improve(self, node: int, cost: float, parent: int, hop: int) -> bool:
        if cost >= self.cost.get(node, math.inf):
            return False
        self.cost[node], self.reached[node] = cost, (parent, hop)
        heapq.heappush(self._heap, (cost, node))
        return True


def _edges(network: Network, hop: Hop, node: int, *, back: bool) -> list[tuple[float, int]]:
    _, places, targets = network.leaving(hop, np.array([node]), back=back)
    weights = hop.back_weights if back else hop.weights
    found = np.ones(len(places)) if weights is None else weights[places]
    return [(weight, to) for weight, to in zip(found.tolist(), targets.tolist(), strict=True) if not math.isnan(weight)]


def _links(network: Network, nodes: Nodes, *, back: bool) -> list[int]:
    """About how many links a level has, by hop, those included that do not exist for whoever walks. 0 is exact."""
    found = []
    for hop in network.hops:
        first, csr = network.base(hop.target if back else hop.source), hop.back if back else hop.out
        rows = nodes[(nodes >= first) & (nodes < first + csr.rows)] - first
        some = rows[:SAMPLE]
        links = int(np.sum(csr.offsets[some + 1] - csr.offsets[some]))
        found.append(links if len(rows) <= SAMPLE else max(1, links * len(rows) // SAMPLE))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _End:
    """Some nodes of one side, which stand from place `first` on with one `code`, and the links of their level by hop."""

    side: int
    nodes: Nodes
    first: int
    code: int
    links: list[int]


def _across(network: Network, found: _Found, hop: int, here: _End, code: int, most: float) -> tuple[int, int] | None:
    """The first place of `here` from which one of its first `most` links leads to a node with that code, and the place of this."""
    tie, back = network.hops[hop], here.side == 1
    first, csr = network.base(tie.target if back else tie.source), tie.back if back else tie.out
    inside = np.flatnonzero((here.nodes >= first) & (here.nodes < first + csr.rows))
    counts = np.diff(csr.offsets)[here.nodes[inside] - first]
    enough = inside[: int(np.searchsorted(np.cumsum(counts), most)) + 1]
    leaves, places, targets = network.leaving(tie, here.nodes[enough], back=back)
    # Links are counted whether they exist for whoever walks or not.
    starts = csr.offsets[here.nodes[enough] - first].astype(np.int64)
    before = np.cumsum(counts[: len(enough)]) - counts[: len(enough)]
    looked = before[leaves] + places - starts[leaves] < most
    hits = np.flatnonzero(looked & found.coded(targets, code))
    return None if not len(hits) else (int(enough[leaves[hits[0]]]) + here.first, int(found.place[targets[hits[0]]]))


def _close(network: Network, found: _Found, ends: list[_End]) -> Bridge | None:
    """A link between the levels of both sides; see `searches`."""
    for hop in range(len(network.hops)):
        if ends[0].links[hop] and ends[1].links[hop]:
            here, there = ends if ends[0].links[hop] <= ends[1].links[hop] else reversed(ends)
            if (met := _across(network, found, hop, here, there.code, math.inf)) is not None:
                return _bridge(here.side, *met, hop)
    return None


def _probe(network: Network, found: _Found, hop: int, fresh: _End, there: _End, most: int) -> Bridge | None:
    """A link between what a hop has just found and the level of the other side; see `searches`."""
    ways = [(tie.source, tie.target) if fresh.side == 0 else (tie.target, tie.source) for tie in network.hops]
    for back, (end, _) in enumerate(ways):
        linked = there.links[back] and end == ways[hop][1]
        if linked and (met := _across(network, found, back, there, fresh.code, most)) is not None:
            return _bridge(there.side, *met, back)
    for on, (begin, _) in enumerate(ways):
        linked = there.links[on] and begin == ways[hop][1]
        if linked and (met := _across(network, found, on, fresh, there.code, most)) is not None:
            return _bridge(fresh.side, *met, on)
    return None


def _bridge(side: int, mine: int, other: int, hop: int) -> Bridge:
    return Bridge(mine, hop, other) if side == 0 else Bridge(other, hop, mine)


def _merged(sides: tuple[_Side, _Side]) -> Seen:
    seen, before = [], 0
    for number, side in enumerate(sides):
        place = {node: before + index for index, node in enumerate(side.cost)} | {-1: -1}
        seen += [(node, place[side.reached[node][0]], side.reached[node][1], number) for node in side.cost]
        before += len(side.cost)
    return np.array(seen, dtype=np.int32).reshape(-1, CODE + 1)
