"""The inner loops of walks, compiled by numba; importing this module loads or compiles them.

They read link arrays where they lie, by address, because links are many and mapped from files; `native`
makes the table of addresses and keeps the arrays alive. They stop and say why, so that whoever calls can
make room or look at the clock, and go on where they stopped.

What was visited is known without clearing anything (Briggs & Torczon 1993): `mark[node]` is a place in
`seen`, and counts only if the node stands there.

Constants taken from other modules are compiled into what is kept on disk, which is made anew when this file
changes, and not when those do: change this file too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numba.core.cgutils
import numba.extending
import numpy as np
import numpy.typing as npt

from palantir_assets.graph.searches import PROBED, SAMPLE

compiler: Any = numba  # it tells half of its types
types: Any = numba.types
Function = TypeVar("Function", bound=Callable[..., Any])
Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]

DONE, MET, FULL, PAUSE, LIMIT = range(5)
"""Why a kernel came back: all is found, two searches met, no room, no budget, enough found."""
FIRST, LAST, TO, OFFSETS, TARGETS, VALID, SHOWN, WEIGHTS = range(8)
"""Columns of the table, a line a hop: the range of nodes it leaves, the first of those it leads to, and addresses (0: none)."""
(
    ME, AT_HOP, AT, LOW, HIGH, LOW_BACK, HIGH_BACK, TAIL, DEPTH, DEPTH_BACK, MOST, DATED, MOMENT, BUDGET, ENOUGH, PROBES,
    MET_FRONT, MET_HOP, MET_BACK, STEPS, SPREADING, HOP_TAIL, HOP_LINKS, STATE,
) = range(24)  # fmt: skip
"""Places in the state of a search, and how many. Side 0 has its level at LOW, HIGH, side 1 two places further."""
ALL = 2**62

ROWS_OF_FOUR = types.Array(types.int32, 2, "C")
LONGS, LONGS_2, LONGS_3 = types.int64[::1], types.Array(types.int64, 2, "C"), types.Array(types.int64, 3, "C")
INTS, BYTES = types.int32[::1], types.uint8[::1]


def compiled(*signature: object) -> Callable[[Function], Function]:
    """Compiled now and kept on disk where the package, or the user's cache folder, can be written."""

    def compile_(function: Function) -> Function:
        try:
            made = compiler.njit(*signature, cache=True, nogil=True)(function)
        except RuntimeError:  # no folder to keep it in
            made = compiler.njit(*signature, nogil=True)(function)
        return cast(Function, made)

    return compile_


def _typed_pointer(_context: Any, address: Any) -> Any:
    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], compiler.core.cgutils.voidptr_t)

    return types.voidptr(address), generate


pointer: Callable[[int], Any] = compiler.extending.intrinsic(_typed_pointer)


@compiled()
def _links(table: Ints, seen: Small, low: int, high: int, found: Ints) -> int:
    """About how many links a level has, by hop and in all: counted for SAMPLE nodes. 0 is exact: it has none."""
    total = 0
    for hop in range(len(table)):
        first, last = table[hop, FIRST], table[hop, LAST]
        offsets = compiler.carray(pointer(table[hop, OFFSETS]), last - first + 1, np.int32)
        nodes, links = 0, 0
        for place in range(low, high):
            node = seen[place, 0]
            if first <= node < last:
                if nodes < SAMPLE:
                    links += offsets[node - first + 1] - offsets[node - first]
                nodes += 1
        found[hop] = links if nodes <= SAMPLE else max(1, links * nodes // SAMPLE)
        total += found[hop]
    return int(total)


@compiled()
def _fewest_first(links: Ints, order: Ints) -> None:
    """Put hops with fewer links first; equal ones stay as they are."""
    for end in range(1, len(order)):
        hop, at = order[end], end
        while at > 0 and links[order[at - 1]] > links[hop]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = hop


@compiled()
def _across(table: Ints, hop: int, mark: Small, seen: Small, state: Ints, low: int, high: int, code: int, most: int) -> int:
    """Look along a hop from some places for a node with a code; its place, and in AT the place it was seen from. At most `most` links."""
    first, last, to = table[hop, FIRST], table[hop, LAST], table[hop, TO]
    offsets = compiler.carray(pointer(table[hop, OFFSETS]), last - first + 1, np.int32)
    targets = compiler.carray(pointer(table[hop, TARGETS]), 1, np.int32)
    valid = compiler.carray(pointer(table[hop, VALID]), 1, np.int64)
    shown = compiler.carray(pointer(table[hop, SHOWN]), 1, np.uint8)
    checks_valid, checks_shown, tail = state[DATED] == 1 and table[hop, VALID] != 0, table[hop, SHOWN] != 0, state[TAIL]
    for place in range(low, high):
        node = seen[place, 0]
        if node < first or node >= last:
            continue
        for link in range(offsets[node - first], offsets[node - first + 1]):
            if most <= 0:
                return -1
            most -= 1
            row = targets[link]
            at = mark[to + row]
            if 0 <= at < tail and seen[at, 0] == to + row and seen[at, 3] == code:
                if checks_shown and shown[row] == 0:
                    continue
                if checks_valid and (valid[2 * link] > state[MOMENT] or valid[2 * link + 1] <= state[MOMENT]):
                    continue
                state[AT] = place
                return int(at)
    return -1


@compiled()
def _met(state: Ints, mine: int, hop: int, other: int, me: int, steps: int) -> int:
    state[MET_FRONT], state[MET_BACK] = (mine, other) if me == 0 else (other, mine)
    state[MET_HOP], state[STEPS] = hop, state[DEPTH] + state[DEPTH_BACK] + steps
    return MET


@compiled()
def _close(tables: Ints, mark: Small, seen: Small, state: Ints, plan: Ints) -> int:
    """Is there a link between the levels of both sides? Of each hop, the side with fewer links is looked at."""
    for hop in range(plan.shape[1]):
        if plan[0, hop] > 0 and plan[1, hop] > 0:
            side = 0 if plan[0, hop] <= plan[1, hop] else 1
            code = 2 * state[DEPTH + 1 - side] + 1 - side
            at = _across(tables[side], hop, mark, seen, state, state[LOW + 2 * side], state[HIGH + 2 * side], code, ALL)
            state[BUDGET] -= plan[side, hop]
            if at >= 0:
                return _met(state, state[AT], hop, at, side, 1)
    return DONE


@compiled()
def _probe(tables: Ints, hop: int, mark: Small, seen: Small, state: Ints, plan: Ints) -> int:
    """Is what a hop has just found linked to the level of the other side? Looked for from there and from here, within bounds."""
    me = state[ME]
    other, most = 1 - me, state[HOP_LINKS] + PROBED
    mine, theirs = 2 * (state[DEPTH + me] + 1) + me, 2 * state[DEPTH + other] + other
    for back in range(plan.shape[1]):
        if plan[other, back] > 0 and tables[other, back, TO] == tables[me, hop, TO]:
            at = _across(tables[other], back, mark, seen, state, state[LOW + 2 * other], state[HIGH + 2 * other], mine, most)
            if at >= 0:
                return _met(state, at, back, state[AT], me, 2)
    for on in range(plan.shape[1]):
        if plan[other, on] > 0 and tables[me, on, FIRST] == tables[me, hop, TO]:
            at = _across(tables[me], on, mark, seen, state, state[HOP_TAIL], state[TAIL], theirs, most)
            if at >= 0:
                return _met(state, state[AT], on, at, me, 2)
    return DONE


@compiled()
def _hop(table: Ints, hop: int, mark: Small, seen: Small, state: Ints) -> int:
    """What a level leads to by one hop, from where the state says."""
    me = state[ME]
    code, tail, moment, enough = 2 * (state[DEPTH + me] + 1) + me, state[TAIL], state[MOMENT], state[ENOUGH]
    first, last, to = table[hop, FIRST], table[hop, LAST], table[hop, TO]
    offsets = compiler.carray(pointer(table[hop, OFFSETS]), last - first + 1, np.int32)
    targets = compiler.carray(pointer(table[hop, TARGETS]), 1, np.int32)
    valid = compiler.carray(pointer(table[hop, VALID]), 1, np.int64)
    shown = compiler.carray(pointer(table[hop, SHOWN]), 1, np.uint8)
    checks_valid, checks_shown = state[DATED] == 1 and table[hop, VALID] != 0, table[hop, SHOWN] != 0
    for place in range(state[AT], state[HIGH + 2 * me]):
        node = seen[place, 0]
        if node < first or node >= last:
            continue
        start, end = offsets[node - first], offsets[node - first + 1]
        if tail + end - start > len(seen) or state[BUDGET] <= 0:
            state[AT], state[TAIL] = place, tail
            return FULL if tail + end - start > len(seen) else PAUSE
        state[BUDGET] -= end - start + 1
        state[HOP_LINKS] += end - start
        for link in range(start, end):
            row = targets[link]
            if checks_shown and shown[row] == 0:
                continue
            if checks_valid and (valid[2 * link] > moment or valid[2 * link + 1] <= moment):
                continue
            other = to + row
            at = mark[other]
            if 0 <= at < tail and seen[at, 0] == other:
                continue
            if tail >= enough:
                state[TAIL] = tail
                return LIMIT
            mark[other] = tail
            seen[tail, 0], seen[tail, 1], seen[tail, 2], seen[tail, 3] = other, place, hop, code
            tail += 1
    state[TAIL] = tail
    return DONE


@compiled()
def _level(tables: Ints, mark: Small, seen: Small, state: Ints, plan: Ints) -> int:
    """One level of one side, in the order of the plan, from where the state says; a hop that was probed may end the search."""
    me = state[ME]
    while state[AT_HOP] < plan.shape[1]:
        hop = plan[2, state[AT_HOP]]
        why = _hop(tables[me], hop, mark, seen, state)
        if why != DONE:
            return why
        probes = state[PROBES] == 1 and state[DEPTH] + state[DEPTH_BACK] + 2 <= state[MOST] and state[TAIL] > state[HOP_TAIL]
        if probes and _probe(tables, hop, mark, seen, state, plan) == MET:
            return MET
        state[AT_HOP] += 1
        state[AT], state[HOP_TAIL], state[HOP_LINKS] = state[LOW + 2 * me], state[TAIL], 0
    state[LOW + 2 * me], state[HIGH + 2 * me] = state[SPREADING], state[TAIL]
    state[DEPTH + me] += 1
    state[SPREADING] = -1
    return DONE


@compiled(types.int64(LONGS_3, INTS, ROWS_OF_FOUR, LONGS, LONGS_2))
def search(tables: Ints, mark: Small, seen: Small, state: Ints, plan: Ints) -> int:
    """Levels until one side has none left, the sides meet, or the depth is reached; side 1 may have been left out.

    `plan` is room for each side's links by hop, and for the order of the hops: those with fewer links come first.
    """
    while True:
        if state[SPREADING] < 0:
            alone = state[LOW_BACK] < 0
            empty = state[LOW] >= state[HIGH] or (not alone and state[LOW_BACK] >= state[HIGH_BACK])
            if empty or state[DEPTH] + state[DEPTH_BACK] >= state[MOST]:
                return DONE
            state[ME] = 0
            for hop in range(plan.shape[1]):
                plan[2, hop] = hop
            if not alone:
                front = _links(tables[0], seen, state[LOW], state[HIGH], plan[0])
                back = _links(tables[1], seen, state[LOW_BACK], state[HIGH_BACK], plan[1])
                if _close(tables, mark, seen, state, plan) == MET:
                    return MET
                state[ME] = 0 if front <= back else 1
                _fewest_first(plan[state[ME]], plan[2])
            state[SPREADING], state[AT_HOP], state[AT] = state[TAIL], 0, state[LOW + 2 * state[ME]]
            state[HOP_TAIL], state[HOP_LINKS] = state[TAIL], 0
        why = _level(tables, mark, seen, state, plan)
        if why != DONE:
            return why
