"""Walks against networkx, on random graphs; and the two searchers against each other, step by step."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Iterator

import networkx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palantir_assets.errors import QueryError
from palantir_assets.graph import native
from palantir_assets.graph.building import build_csr
from palantir_assets.graph.networks import Hop, Network
from palantir_assets.graph.searches import Searcher
from palantir_assets.graph.walks import (
    UNBOUND,
    Budget,
    Path,
    all_shortest_paths,
    distance,
    lightest_path,
    mark,
    neighbourhood,
    seek,
    shortest_path,
)
from tests.graph.oracle import MOMENT, Case, cases, least

assert native.load(), "numba is part of what is tested"
SEARCHERS: dict[str, Searcher] = {"native": native.searcher(), "plain": native.PLAIN}
GRAPHS = 180
COUNTS = {"graphs": 0, "walks": 0}

deep = settings(max_examples=GRAPHS, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
every_searcher = pytest.mark.parametrize("searcher", SEARCHERS.values(), ids=SEARCHERS)


@pytest.fixture(scope="module", autouse=True)
def told() -> Iterator[None]:
    yield
    print(f"\n{COUNTS['graphs']:,} random graphs, {COUNTS['walks']:,} walks equal to networkx")


def pairs(case: Case) -> Iterator[tuple[int, int]]:
    COUNTS["graphs"] += 1
    for pair in itertools.product(range(case.network.nodes), repeat=2):
        COUNTS["walks"] += 1
        yield pair


@deep
@given(cases(most=4))
def test_the_ways_between_any_two_nodes_are_those_of_networkx(case: Case) -> None:
    graph = case.multigraph()
    for source, target in pairs(case):
        fewest = least(graph, source, target, None)
        oracle = sorted(networkx.all_shortest_paths(graph, source, target)) if fewest is not None else []
        for searcher in SEARCHERS.values():
            assert distance(case.network, source, target, searcher=searcher) == (fewest, "")
            found = shortest_path(case.network, source, target, searcher=searcher)
            assert [path.weight for path in found.paths] == ([] if fewest is None else [fewest])
            every = all_shortest_paths(case.network, source, target, most=10_000, searcher=searcher)
            assert sorted(list(path.nodes) for path in every.paths) == oracle
            for path in (*found.paths, *every.paths):
                assert list(path.nodes) in oracle
                assert_hops_are_there(graph, path)
        assert_alike(lambda searcher, s=source, t=target: shortest_path(case.network, s, t, searcher=searcher))  # type: ignore[misc]
        assert_alike(lambda searcher, s=source, t=target: all_shortest_paths(case.network, s, t, most=3, searcher=searcher))  # type: ignore[misc]


@deep
@given(cases(most=4))
def test_the_lightest_way_is_that_of_networkx(case: Case) -> None:
    graph = case.multigraph(weighted=True)
    for source, target in pairs(case):
        best = least(graph, source, target, "weight")
        one, other = (lightest_path(case.network, source, target, searcher=searcher) for searcher in SEARCHERS.values())
        assert one == other
        if best is None:
            assert one.paths == ()
            continue
        (path,) = one.paths
        assert (path.nodes[0], path.nodes[-1]) == (source, target)
        assert path.weight == pytest.approx(best, abs=1e-12)
        assert_hops_are_there(graph, path)
        steps = zip(path.nodes, path.nodes[1:], path.hops, strict=False)
        assert path.weight == pytest.approx(sum(cheapest(graph, *one_step) for one_step in steps), abs=1e-12)


@deep
@given(cases(), st.integers(0, 5), st.integers(1, 25), st.data())
def test_what_is_near_is_what_networkx_finds_and_a_bound_keeps_the_nearest(case: Case, depth: int, rows: int, data: st.DataObject) -> None:
    network, graph = case.network, case.multigraph()
    COUNTS["graphs"] += 1
    starts = data.draw(st.lists(st.integers(0, network.nodes - 1), max_size=3))
    near: dict[int, int] = {}
    for start in (start for start in starts if start in graph):
        for node, hops in networkx.single_source_shortest_path_length(graph, start, cutoff=depth).items():
            near[node] = min(hops, near.get(node, hops))
    results = []
    for searcher in SEARCHERS.values():
        found = neighbourhood(network, starts, depth, UNBOUND, searcher=searcher)
        assert dict(zip(found.nodes.tolist(), found.depths.tolist(), strict=True)) == near
        assert found.cut == "" and found.depths.tolist() == sorted(found.depths.tolist())
        bound = neighbourhood(network, starts, depth, Budget(rows=rows), searcher=searcher)
        assert bound.nodes.tolist() == found.nodes.tolist()[:rows]
        assert bound.cut == ("rows" if len(near) > rows else "")
        for node, parent, hop in zip(found.nodes.tolist(), found.parents.tolist(), found.hops.tolist(), strict=True):
            if parent >= 0:
                assert hop in {data["hop"] for data in graph.get_edge_data(int(found.nodes[parent]), node).values()}
        results.append([found.nodes.tolist(), found.parents.tolist(), found.hops.tolist()])
    assert results[0] == results[1]


@settings(max_examples=200, deadline=None)
@given(cases(), st.data())
def test_a_set_of_rows_one_hop_on_is_what_each_of_them_is_linked_to(case: Case, data: st.DataObject) -> None:
    hop = data.draw(st.sampled_from(list(case.network.hops)))
    rows = data.draw(st.lists(st.integers(0, hop.out.rows - 1), max_size=9))
    shown, moment = case.network.visible.get(hop.target), case.network.moment
    expected = {
        int(to)
        for row in rows
        for to in (hop.out.of(row) if moment is None else hop.out.of_many([row], moment))
        if shown is None or shown[to]
    }
    for searcher in SEARCHERS.values():
        flags = np.zeros(hop.out.rows, dtype=np.bool_)
        flags[rows] = True
        for given_as in (flags, np.asarray(rows, dtype=np.int32)):
            for enough in (None, len(expected)):
                marked = mark(hop.out, given_as, hop.back.rows, shown=shown, moment=moment, enough=enough, searcher=searcher)
                assert np.flatnonzero(marked).tolist() == sorted(expected)
        sought = seek(hop.out, hop.back, flags, shown=shown, moment=moment, searcher=searcher)
        assert np.flatnonzero(sought).tolist() == sorted(expected)


def assert_hops_are_there(graph: networkx.MultiDiGraph[int], path: Path) -> None:
    assert len(path.hops) == len(path.nodes) - 1
    for source, target, hop in zip(path.nodes, path.nodes[1:], path.hops, strict=False):
        assert hop in {data["hop"] for data in graph.get_edge_data(source, target).values()}


def assert_alike(walk: object) -> None:
    one, other = (walk(searcher) for searcher in SEARCHERS.values())  # type: ignore[operator]
    assert one == other


def cheapest(graph: networkx.MultiDiGraph[int], source: int, target: int, hop: int) -> float:
    return min(data["weight"] for data in graph.get_edge_data(source, target).values() if data["hop"] == hop)


def line(length: int, *, visible: list[bool] | None = None, weights: list[float] | None = None) -> Network:
    """0 → 1 → 2 → …"""
    arrays = build_csr(range(length - 1), range(1, length), length, length)
    weighed = [np.array(weights), np.array(weights)] if weights else [None, None]
    hop = Hop("item.next", "item", "item", arrays.forward, arrays.reverse, *weighed)
    return Network({"item": length}, [hop], {"item": np.array(visible)} if visible else {})


@every_searcher
def test_a_hidden_node_is_neither_an_end_nor_on_a_way(searcher: Searcher) -> None:
    network = line(4, visible=[True, False, True, True])
    assert shortest_path(network, 0, 3, searcher=searcher).paths == ()
    assert shortest_path(network, 1, 3, searcher=searcher).paths == ()
    assert shortest_path(network, 1, 1, searcher=searcher).paths == ()
    assert lightest_path(network, 0, 3, searcher=searcher).paths == ()
    assert shortest_path(network, 2, 3, searcher=searcher).paths == (Path((2, 3), (0,), 1.0),)
    assert neighbourhood(network, [0, 1], 9, UNBOUND, searcher=searcher).nodes.tolist() == [0]


@every_searcher
def test_a_way_longer_than_the_depth_is_not_found(searcher: Searcher) -> None:
    assert distance(line(9), 0, 8, depth=7, searcher=searcher) == (None, "")
    assert distance(line(9), 0, 8, depth=8, searcher=searcher) == (8, "")


@every_searcher
def test_time_that_is_over_is_said_and_not_taken_for_an_answer(searcher: Searcher) -> None:
    ticks = itertools.count()
    network, late = line(50, weights=[1.0] * 49), Budget(seconds=2, clock=lambda: float(next(ticks)))
    assert neighbourhood(network, [0], 60, Budget(seconds=0), searcher=searcher).cut == "time"
    assert neighbourhood(network, [0], 60, Budget(seconds=0), searcher=searcher).nodes.tolist() == [0]
    for walk in (shortest_path, lightest_path):
        found = walk(network, 0, 49, budget=Budget(seconds=0), searcher=searcher)
        assert (found.paths, found.cut) == ((), "time")
    assert distance(network, 0, 49, budget=Budget(seconds=0), searcher=searcher) == (None, "time")
    assert all_shortest_paths(network, 0, 1, most=9, budget=late, searcher=searcher).cut in ("", "time")


@every_searcher
def test_more_ways_than_asked_for_are_cut_and_said(searcher: Searcher) -> None:
    arrays = build_csr([0, 0, 0, 1, 2, 3], [1, 2, 3, 4, 4, 4], 5, 5)
    network = Network({"item": 5}, [Hop("item.next", "item", "item", arrays.forward, arrays.reverse)], {})
    found = all_shortest_paths(network, 0, 4, most=2, searcher=searcher)
    assert [path.nodes for path in found.paths] == [(0, 1, 4), (0, 2, 4)] and found.cut == "rows"
    assert all_shortest_paths(network, 0, 4, most=3, searcher=searcher).cut == ""


@every_searcher
def test_more_ways_than_any_memory_holds_and_ways_longer_than_any_stack_are_told_as_asked(searcher: Searcher) -> None:
    wide, layers = 8, 12
    steps = [(layer * wide + i, (layer + 1) * wide + j) for layer in range(layers) for i in range(wide) for j in range(wide)]
    first, last = (layers + 1) * wide, (layers + 1) * wide + 1
    steps += [(first, i) for i in range(wide)] + [(layers * wide + i, last) for i in range(wide)]
    links = build_csr([one for one, _ in steps], [other for _, other in steps], last + 1, last + 1)
    mesh = Network({"item": last + 1}, [Hop("item.next", "item", "item", links.forward, links.reverse)], {})
    found = all_shortest_paths(mesh, first, last, most=9, searcher=searcher)
    assert (len(set(found.paths)), found.cut) == (9, "rows")
    (way,) = all_shortest_paths(line(5_000), 0, 4_999, most=9, searcher=searcher).paths
    assert way.nodes == tuple(range(5_000))


@every_searcher
def test_many_nodes_and_many_links_make_room_for_themselves(searcher: Searcher) -> None:
    wide, long = 30_000, 9_000
    star = build_csr([0] * wide, range(1, wide + 1), wide + 1, wide + 1)
    both = [Hop("out", "item", "item", star.forward, star.reverse), Hop("back", "item", "item", star.reverse, star.forward)]
    network = Network({"item": wide + 1}, both, {})
    assert shortest_path(network, 1, wide, searcher=searcher).paths == (Path((1, 0, wide), (1, 0), 2.0),)
    assert len(neighbourhood(network, [3], 2, UNBOUND, searcher=searcher).nodes) == wide + 1
    assert lightest_path(network, 1, wide, searcher=searcher).paths == (Path((1, 0, wide), (1, 0), 2.0),)
    assert distance(line(long), 0, long - 1, searcher=searcher) == (long - 1, "")
    assert lightest_path(line(long), 0, long - 1, searcher=searcher).paths[0].weight == long - 1


def test_memory_used_again_does_not_remember() -> None:
    small, large = line(5), line(900)
    for _ in range(3):
        assert distance(large, 0, 899, searcher=SEARCHERS["native"]) == (899, "")
        assert distance(small, 4, 0, searcher=SEARCHERS["native"]) == (None, "")
        assert lightest_path(small, 4, 0, searcher=SEARCHERS["native"]).paths == ()
        assert lightest_path(small, 0, 4, searcher=SEARCHERS["native"]).paths[0].nodes == (0, 1, 2, 3, 4)


@every_searcher
def test_a_link_exists_from_its_beginning_until_before_its_end(searcher: Searcher) -> None:
    arrays = build_csr([0, 0], [1, 2], 3, 3, valid=np.array([[MOMENT, MOMENT + 1], [MOMENT - 1, MOMENT]]))
    hops = [Hop("item.next", "item", "item", arrays.forward, arrays.reverse)]
    assert neighbourhood(Network({"item": 3}, hops, {}, MOMENT), [0], 1, UNBOUND, searcher=searcher).nodes.tolist() == [0, 1]
    assert neighbourhood(Network({"item": 3}, hops, {}, MOMENT - 1), [0], 1, UNBOUND, searcher=searcher).nodes.tolist() == [0, 2]
    assert neighbourhood(Network({"item": 3}, hops, {}), [0], 1, UNBOUND, searcher=searcher).nodes.tolist() == [0, 1, 2]


@every_searcher
def test_rows_that_do_not_exist_are_an_error_and_not_other_memory(searcher: Searcher) -> None:
    for rows in ([-1], [5]):
        with pytest.raises(IndexError):
            mark(line(5).hops[0].out, np.asarray(rows, dtype=np.int32), 5, searcher=searcher)
        with pytest.raises(IndexError):
            neighbourhood(line(5), rows, 1, UNBOUND, searcher=searcher)
        with pytest.raises(IndexError):
            shortest_path(line(5), 0, rows[0], searcher=searcher)


def test_networks_that_cannot_be_walked_are_refused_in_words() -> None:
    hop = line(3).hops[0]
    with pytest.raises(QueryError, match="does not fit the objects"):
        Network({"item": 4}, [hop], {})
    with pytest.raises(QueryError, match="below 0"):
        line(3, weights=[1.0, -0.5])
    with pytest.raises(QueryError, match="too big to be walked"):
        Network({"item": 2**30 + 1}, [], {})


def test_a_node_is_a_type_and_a_row() -> None:
    network = Network({"a": 2, "none": 0, "b": 3}, [], {"b": np.array([True, False, True])})
    assert [network.row(node) for node in range(5)] == [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("b", 2)]
    assert [network.node(*network.row(node)) for node in range(5)] == list(range(5))
    assert [network.is_visible(node) for node in range(5)] == [True, True, True, False, True]


def test_nobody_who_begins_waits_for_what_is_being_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native._Loaded, "began", True)
    with native._Loaded.lock:  # as `load` holds it, for seconds
        asking = threading.Thread(target=native.begin, daemon=True)
        asking.start()
        asking.join(5)
        assert not asking.is_alive()


def test_what_is_loaded_in_the_background_is_there_in_the_end_and_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native._Loaded, "native", None)
    monkeypatch.setattr(native._Loaded, "began", False)
    native.begin()
    native.begin()
    threads = [thread for thread in threading.enumerate() if thread.name == "walks"]
    assert len(threads) <= 1
    for thread in threads:
        thread.join(120)
    assert native.searcher() is not native.PLAIN


def test_a_hub_is_not_looked_at_as_a_whole_where_a_way_is_found_without() -> None:
    # 0 … 199 are tied to hub 0 or 1, all are tied to their own small group of two; the way goes by a group's other member.
    count, rows = 20_000, np.arange(20_000)
    hubs, groups = build_csr(rows, rows % 2, count, 2), build_csr(rows, rows // 2, count, count // 2)
    ties = {"item.hub": ("hub", hubs), "item.group": ("group", groups)}
    hops = [Hop(name, "item", to, made.forward, made.reverse) for name, (to, made) in ties.items()]
    hops += [Hop(f"{to}.items", to, "item", made.reverse, made.forward) for to, made in ties.values()]
    network = Network({"item": count, "hub": 2, "group": count // 2}, hops, {})
    ways = [shortest_path(network, 10, 501, searcher=searcher) for searcher in SEARCHERS.values()]
    assert ways[0] == ways[1] and ways[0].paths[0].weight == 4.0
    met = SEARCHERS["native"].meet(network, 10, 501, 99, lambda: False, whole=False)
    assert met.cost == 4.0
    seconds = []
    for _ in range(20):
        start = time.thread_time()
        shortest_path(network, 10, 501, searcher=SEARCHERS["native"])
        seconds.append(time.thread_time() - start)
    assert min(seconds) < 0.01, "a hub of 10,000 links was walked"


def test_without_a_compiler_walks_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native._Loaded, "native", None)
    monkeypatch.setitem(sys.modules, "palantir_assets.graph.kernels", None)
    monkeypatch.setitem(sys.modules, "palantir_assets.graph.weighing", None)
    monkeypatch.delattr("palantir_assets.graph.kernels")
    monkeypatch.delattr("palantir_assets.graph.weighing")
    assert not native.load()
    assert native.searcher() is native.PLAIN
    begin = time.process_time()
    assert distance(line(50), 0, 49) == (49, "")
    assert time.process_time() - begin < 10


def test_flags_of_another_number_of_rows_are_refused() -> None:
    hop = line(5).hops[0]
    for searcher in SEARCHERS.values():
        with pytest.raises(IndexError, match="3 flags for 5 rows"):
            seek(hop.out, hop.back, np.ones(3, dtype=np.bool_), searcher=searcher)
