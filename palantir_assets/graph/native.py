"""The searcher with compiled loops, and when it is there to be used.

numba takes two seconds of work and some 55 MB to be ready, so that nobody waits for it: `begin` brings it in a
thread, after the first question that could use it, and until then `searcher` names the plain one. Both answer
alike. `load` waits for it.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from palantir_assets.graph import plain
from palantir_assets.graph.building import Csr
from palantir_assets.graph.networks import Flags, Network, Nodes
from palantir_assets.graph.ordering import Rows
from palantir_assets.graph.searches import Bridge, Cut, Meeting, Over, Searcher, Seen, Spread, alone

if TYPE_CHECKING:
    from types import ModuleType

ROOM: Final = 4_096
LINKS_A_LOOK: Final = 500_000
"""After how many links the clock is looked at: about a millisecond."""
_POOLED: Final = 2
_COMPILE: Final = "import os; os.nice(10); import palantir_assets.graph.marking, palantir_assets.graph.weighing"


class Native:
    """`searches.Searcher`, compiled. Safe to share between threads; loops run without the interpreter's lock."""

    def __init__(self, kernels: ModuleType, weighing: ModuleType, marking: ModuleType) -> None:
        self._kernels, self._weighing, self._marking = kernels, weighing, marking
        self._pool: deque[_Place] = deque(maxlen=_POOLED)

    def spread(self, network: Network, starts: Nodes, depth: int, limit: int, over: Over) -> Spread:
        """See `searches.Searcher.spread`."""
        kernels, place = self._kernels, self._place(network, len(starts))
        state = self._state(depth, network)
        count = min(len(starts), limit)
        place.begin(starts[:count], side=0)
        state[kernels.HIGH], state[kernels.TAIL], state[kernels.LOW_BACK] = count, count, -1
        state[kernels.ENOUGH] = limit
        cut: Cut = "rows" if len(starts) > limit else ""
        if not cut:
            cut = self._run(network, place, state, over)[1]
        seen = place.seen[: state[kernels.TAIL]].copy()
        self._pool.append(place)
        return Spread(seen, cut)

    def meet(self, network: Network, source: int, target: int, depth: int, over: Over, *, whole: bool = False) -> Meeting:
        """See `searches.Searcher.meet`."""
        kernels, place = self._kernels, self._place(network, 2)
        state = self._state(depth, network)
        place.begin((source,), side=0)
        place.begin((target,), side=1, after=1)
        state[kernels.LOW_BACK], state[kernels.HIGH], state[kernels.HIGH_BACK], state[kernels.TAIL] = 1, 1, 2, 2
        state[kernels.PROBES] = 0 if whole else 1
        met, cut = self._run(network, place, state, over)
        found = state.tolist()
        depths = found[kernels.DEPTH], found[kernels.DEPTH_BACK]
        bridge = Bridge(found[kernels.MET_FRONT], found[kernels.MET_HOP], found[kernels.MET_BACK]) if met else None
        seen = place.seen[: state[kernels.TAIL]]
        seen, bridge = (seen.copy(), bridge) if whole else alone(seen, bridge)
        self._pool.append(place)
        return Meeting(seen, bridge, depths, float(found[kernels.STEPS]), cut)

    def cheapest(self, network: Network, source: int, target: int, over: Over) -> Meeting:
        """See `searches.Searcher.cheapest`."""
        kernels, weighing, place = self._kernels, self._weighing, self._place(network, 2)
        state, best = np.zeros(weighing.STATE, dtype=np.int64), np.array([np.inf])
        if network.moment is not None:
            state[weighing.DATED], state[weighing.MOMENT] = 1, network.moment
        place.begin((source,), side=0)
        place.begin((target,), side=1, after=1, shift=network.nodes)
        state[weighing.TAIL] = 2
        state[weighing.RANKED : weighing.RANKED_BACK + 1] = 1
        costs = np.zeros(len(place.seen))
        keys, ranked = np.zeros((2, ROOM)), np.zeros((2, ROOM), dtype=np.int64)
        ranked[:, 0] = source, target
        why, mark = kernels.PAUSE, place.mark[: 2 * network.nodes]
        while why != kernels.DONE and not over():
            state[weighing.BUDGET] = LINKS_A_LOOK
            why = weighing.weighted(network.addresses[0], mark, place.seen, costs, keys, ranked, state, best)
            if why == kernels.FULL:
                place.grow()
                costs = np.concatenate([costs, np.zeros_like(costs)])
            if why == weighing.CROWDED:
                keys, ranked = np.concatenate([keys, np.zeros_like(keys)], axis=1), np.concatenate([ranked, np.zeros_like(ranked)], axis=1)
        met = why == kernels.DONE and np.isfinite(best[0])
        bridge = Bridge(int(state[weighing.MET_FRONT]), -1, int(state[weighing.MET_BACK])) if met else None
        seen = place.seen[: state[weighing.TAIL]]
        seen[:, 3] &= 1
        seen, bridge = alone(seen, bridge)
        self._pool.append(place)
        return Meeting(seen, bridge, cost=float(best[0]) if met else 0.0, cut="" if why == kernels.DONE else "time")

    def mark(self, csr: Csr, rows: Rows | Flags, count: int, shown: Flags | None, moment: int | None, enough: int) -> Flags:
        """See `searches.Searcher.mark`."""
        flags = None if shown is None else np.ascontiguousarray(shown)
        marked = np.zeros(count, dtype=np.uint8)
        where = _addresses(csr, moment, flags)
        if rows.dtype == np.bool_:
            if len(rows) != csr.rows:
                raise IndexError(f"{len(rows)} flags for {csr.rows} rows")
            self._marking.touch_flagged(*where, moment or 0, enough, _writeable(rows).view(np.uint8), marked)
        else:
            asked = _writeable(np.ascontiguousarray(rows, dtype=np.int32))
            if len(asked) and (asked.min() < 0 or asked.max() >= csr.rows):
                raise IndexError(f"rows {asked.min()}..{asked.max()} of {csr.rows}")
            self._marking.touch(*where, moment or 0, enough, asked, marked)
        return marked.view(np.bool_)

    def seek(self, back: Csr, members: Flags, shown: Flags | None, moment: int | None) -> Flags:
        """See `searches.Searcher.seek`."""
        flags = None if shown is None else np.ascontiguousarray(shown)
        marked = np.zeros(back.rows, dtype=np.uint8)
        self._marking.seek(*_addresses(back, moment, flags), moment or 0, _writeable(members).view(np.uint8), marked)
        return marked.view(np.bool_)

    def _run(self, network: Network, place: _Place, state: npt.NDArray[np.int64], over: Over) -> tuple[bool, Cut]:
        kernels, why = self._kernels, self._kernels.PAUSE
        plan = np.empty((3, len(network.hops)), dtype=np.int64)
        while why in (kernels.PAUSE, kernels.FULL):
            if over():
                return False, "time"
            state[kernels.BUDGET] = LINKS_A_LOOK
            why = kernels.search(network.addresses[0], place.mark, place.seen, state, plan)
            if why == kernels.FULL:
                place.grow()
        return why == kernels.MET, "rows" if why == kernels.LIMIT else ""

    def _state(self, depth: int, network: Network) -> npt.NDArray[np.int64]:
        state = np.zeros(self._kernels.STATE, dtype=np.int64)
        state[self._kernels.MOST], state[self._kernels.SPREADING] = depth, -1
        state[self._kernels.ENOUGH] = 2**62
        if network.moment is not None:
            state[self._kernels.DATED], state[self._kernels.MOMENT] = 1, network.moment
        return state

    def _place(self, network: Network, room: int) -> _Place:
        try:
            place = self._pool.pop()
        except IndexError:
            place = _Place()
        place.fit(2 * network.nodes, room)
        return place


def _addresses(csr: Csr, moment: int | None, flags: Flags | None) -> list[int]:
    parts = (csr.offsets, csr.targets, None if moment is None else csr.valid, flags)
    return [0 if part is None else part.ctypes.data for part in parts]


def _writeable(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array, or a copy where it may not be written to: the kernels' signatures know no read-only ones."""
    return array if array.flags.writeable and array.flags.c_contiguous else array.copy()


class _Place:
    """Memory to search in, used again: nothing in it needs to be cleared."""

    def __init__(self) -> None:
        self.mark: Rows = np.empty(0, dtype=np.int32)
        self.seen: Seen = np.empty((ROOM, 4), dtype=np.int32)

    def fit(self, nodes: int, room: int) -> None:
        if len(self.mark) < nodes:
            self.mark = np.empty(nodes, dtype=np.int32)
        while len(self.seen) < room:
            self.seen = np.empty((2 * len(self.seen), 4), dtype=np.int32)

    def begin(self, nodes: Nodes | tuple[int, ...], *, side: int, after: int = 0, shift: int = 0) -> None:
        if len(nodes) == 1:
            self.seen[after, 0], self.seen[after, 1], self.seen[after, 2], self.seen[after, 3] = nodes[0], -1, -1, side
            self.mark[nodes[0] + shift] = after
            return
        places = np.arange(after, after + len(nodes))
        self.seen[after : after + len(nodes)] = np.array([-1, -1, -1, side])
        self.seen[places, 0] = nodes
        self.mark[np.asarray(nodes) + shift] = places

    def grow(self) -> None:
        self.seen = np.concatenate([self.seen, np.empty_like(self.seen)])


class _Loaded:
    """The compiled searcher of this process, once it is there."""

    native: Native | None = None
    began = False
    beginning = threading.Lock()
    lock = threading.Lock()


def searcher() -> Searcher:
    """The compiled searcher if `load` has brought it, the plain one otherwise."""
    return _Loaded.native or PLAIN


def begin() -> None:
    """Load in the background, once in a process; nobody waits.

    What has never been compiled here is compiled by a child, so that this process goes on answering.
    """
    with _Loaded.beginning:  # not `lock`, which is held for as long as loading takes
        if _Loaded.began:
            return
        _Loaded.began = True
    threading.Thread(target=_compile_and_load, name="walks", daemon=True).start()


def _compile_and_load() -> None:
    folder = Path(__file__).parent / "__pycache__"
    kept = all(any(folder.glob(f"{last}-*.nbi")) for last in ("weighing.weighted", "marking.seek"))
    if not kept and find_spec("numba") is not None:
        with suppress(OSError):
            subprocess.run([sys.executable, "-c", _COMPILE], check=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    load()


def load() -> bool:
    """Import the kernels, compiling them if no compiled ones are kept; False if that cannot be here."""
    with _Loaded.lock:
        if _Loaded.native is None:
            try:
                from palantir_assets.graph import kernels, marking, weighing
            except Exception as error:  # whatever a compiler may say: walks go on without it
                logging.getLogger(__name__).warning("walks are not compiled here, and slower: %s", error)
                return False
            _Loaded.native = Native(kernels, weighing, marking)
    return True


PLAIN: Final[Searcher] = plain
