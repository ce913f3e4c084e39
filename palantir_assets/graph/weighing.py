"""The inner loops of weighted walks, compiled as those of `kernels` are, which tells how they work.

What this module takes from there is compiled into what is kept on disk: change this file whenever that changes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from palantir_assets.graph.kernels import (
    DONE,
    FIRST,
    FULL,
    INTS,
    LAST,
    LONGS,
    LONGS_2,
    LONGS_3,
    OFFSETS,
    PAUSE,
    ROWS_OF_FOUR,
    SHOWN,
    TARGETS,
    TO,
    VALID,
    WEIGHTS,
    Ints,
    Small,
    compiled,
    compiler,
    pointer,
    types,
)

Doubles = npt.NDArray[np.float64]

CROWDED = 9
"""Why the loop came back, beside what `kernels` knows: no room in a heap."""
TAIL, DATED, MOMENT, BUDGET, MET_FRONT, MET_BACK, RANKED, RANKED_BACK, STATE = range(9)
"""Places in the state of a search, and how many. RANKED and RANKED_BACK count the entries of each side's heap."""

_DOUBLES: Any = types.float64[::1]
_DOUBLES_2: Any = types.Array(types.float64, 2, "C")


@compiled()
def _push(keys: Doubles, nodes: Ints, count: int, key: float, node: int) -> None:
    at = count
    while at > 0:
        above = (at - 1) >> 1
        if keys[above] < key or (keys[above] == key and nodes[above] <= node):
            break
        keys[at], nodes[at] = keys[above], nodes[above]
        at = above
    keys[at], nodes[at] = key, node


@compiled()
def _pop(keys: Doubles, nodes: Ints, count: int) -> None:
    last = count - 1
    key, node = keys[last], nodes[last]
    at = 0
    while True:
        below = 2 * at + 1
        if below >= last:
            break
        right = below + 1
        if right < last and (keys[right] < keys[below] or (keys[right] == keys[below] and nodes[right] < nodes[below])):
            below = right
        if key < keys[below] or (key == keys[below] and node <= nodes[below]):
            break
        keys[at], nodes[at] = keys[below], nodes[below]
        at = below
    keys[at], nodes[at] = key, node


@compiled()
def _room(table: Ints, node: int) -> int:
    total = 0
    for hop in range(len(table)):
        first, last = table[hop, FIRST], table[hop, LAST]
        if first <= node < last:
            offsets = compiler.carray(pointer(table[hop, OFFSETS]), last - first + 1, np.int32)
            total += offsets[node - first + 1] - offsets[node - first]
    return total


@compiled()
def _place(mark: Small, seen: Small, tail: int, node: int, side: int) -> int:
    """Where a side has a node; -1 if it has not found it."""
    at = mark[side * (len(mark) // 2) + node]
    return int(at) if 0 <= at < tail and seen[at, 0] == node and seen[at, 3] & 1 == side else -1


@compiled()
def _exists(table: Ints, hop: int, link: int, row: int, state: Ints) -> bool:
    """Whether a link leads to a row that is visible, and is valid at the moment."""
    if table[hop, SHOWN] != 0 and compiler.carray(pointer(table[hop, SHOWN]), 1, np.uint8)[row] == 0:
        return False
    if state[DATED] == 0 or table[hop, VALID] == 0:
        return True
    valid = compiler.carray(pointer(table[hop, VALID]), 1, np.int64)
    return bool(valid[2 * link] <= state[MOMENT] and state[MOMENT] < valid[2 * link + 1])


@compiled()
def _settle(
    tables: Ints, mark: Small, seen: Small, costs: Doubles, keys: Doubles, ranked: Ints, state: Ints, best: Doubles, me: int
) -> None:
    """Take the nearest node of a side, and improve what it leads to."""
    half = len(mark) // 2
    node = ranked[me, 0]
    _pop(keys[me], ranked[me], state[RANKED + me])
    state[RANKED + me] -= 1
    place = mark[me * half + node]
    seen[place, 3] |= 2
    table = tables[me]
    tail = state[TAIL]
    for hop in range(len(table)):
        first, last, to = table[hop, FIRST], table[hop, LAST], table[hop, TO]
        if node < first or node >= last:
            continue
        offsets = compiler.carray(pointer(table[hop, OFFSETS]), last - first + 1, np.int32)
        targets = compiler.carray(pointer(table[hop, TARGETS]), 1, np.int32)
        weights = compiler.carray(pointer(table[hop, WEIGHTS]), 1, np.float64)
        for link in range(offsets[node - first], offsets[node - first + 1]):
            row = targets[link]
            if not _exists(table, hop, link, row, state):
                continue
            weight = 1.0 if table[hop, WEIGHTS] == 0 else weights[link]
            if math.isnan(weight):
                continue
            other, cost = to + row, costs[place] + weight
            at = _place(mark, seen, tail, other, me)
            if at < 0:
                at = tail
                mark[me * half + other] = at
                seen[at, 0], seen[at, 3] = other, me
                tail += 1
            elif cost >= costs[at]:
                continue
            costs[at], seen[at, 1], seen[at, 2] = cost, place, hop
            _push(keys[me], ranked[me], state[RANKED + me], cost, other)
            state[RANKED + me] += 1
            across = _place(mark, seen, tail, other, 1 - me)
            if across >= 0 and cost + costs[across] < best[0]:
                best[0] = cost + costs[across]
                state[MET_FRONT], state[MET_BACK] = (at, across) if me == 0 else (across, at)
    state[TAIL] = tail


@compiled(types.int64(LONGS_3, INTS, ROWS_OF_FOUR, _DOUBLES, _DOUBLES_2, LONGS_2, LONGS, _DOUBLES))
def weighted(tables: Ints, mark: Small, seen: Small, costs: Doubles, keys: Doubles, ranked: Ints, state: Ints, best: Doubles) -> int:
    """Dijkstra (1959) from both ends, until no better way can be left. `best[0]` is the way's weight, infinite for none."""
    half = len(mark) // 2
    while True:
        for side in range(2):
            while state[RANKED + side] > 0 and seen[mark[side * half + ranked[side, 0]], 3] & 2 != 0:
                _pop(keys[side], ranked[side], state[RANKED + side])
                state[RANKED + side] -= 1
        if state[RANKED] == 0 or state[RANKED_BACK] == 0 or keys[0, 0] + keys[1, 0] >= best[0]:
            return DONE
        me = 0 if keys[0, 0] <= keys[1, 0] else 1
        room = _room(tables[me], ranked[me, 0])
        if state[TAIL] + room > len(seen):
            return FULL
        if state[RANKED + me] + room > ranked.shape[1]:
            return CROWDED
        if state[BUDGET] <= 0:
            return PAUSE
        state[BUDGET] -= room + 1
        _settle(tables, mark, seen, costs, keys, ranked, state, best, me)
