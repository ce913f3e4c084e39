"""Questions about the graph: what is near an object, how two hang together, and a part of it to take away.

Each takes a View; every hop keeps to what the caller may see. Which links are
walked is settled in `networks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import orjson

from palantir_assets.access.views import View
from palantir_assets.engine.asking import Asking
from palantir_assets.engine.networks import Ties, declared, ends, network
from palantir_assets.engine.ports import Released, identity
from palantir_assets.engine.sets import resolve
from palantir_assets.engine.shaping import shaped
from palantir_assets.errors import NotFound, QueryError, UnknownName
from palantir_assets.graph import walks
from palantir_assets.graph.export import Edge, Node, Scalar, Subgraph
from palantir_assets.graph.networks import Network, Nodes
from palantir_assets.graph.searches import Cut
from palantir_assets.graph.walks import ANY_DEPTH, Budget, Path
from palantir_assets.query.plans import Plan

MAX_OBJECTS: Final = 10_000
MAX_EDGES_A_NODE: Final = 10
MAX_PATHS: Final = 1_000
MAX_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Thing:
    """An object by its type and key."""

    object_type: str
    key: Scalar


@dataclass(frozen=True, slots=True)
class Near:
    """One object near where the walk began: its JSON, how many hops away, and the place and link it was first reached by."""

    object: bytes
    distance: int
    parent: int | None
    link: str | None


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    objects: Sequence[Near]
    cut: Cut
    release_id: str


@dataclass(frozen=True, slots=True)
class Way:
    """Objects from one end to the other as JSON, the link between each two, and the weight: hops, if none was asked for."""

    objects: Sequence[bytes]
    links: Sequence[str]
    weight: float


@dataclass(frozen=True, slots=True)
class WaysFound:
    ways: Sequence[Way]
    cut: Cut
    release_id: str


@dataclass(frozen=True, slots=True)
class Reachability:
    """Whether an object can be reached, None if time ran out before that was known, and in how many hops."""

    reachable: bool | None
    distance: int | None
    cut: Cut
    release_id: str


@dataclass(frozen=True, slots=True)
class Part:
    graph: Subgraph
    cut: Cut
    release_id: str


def neighbourhood(
    release: Released, view: View, start: Thing, ties: Ties, *, depth: int, budget: Budget, select: Sequence[str] = ()
) -> Neighbourhood:
    """What is at most `depth` hops from an object, nearest first, within a budget. Raises UnknownName, NotFound or QueryError."""
    _check(depth, budget, rows=MAX_OBJECTS)
    asking = Asking(view, release)
    walked = network(asking, ties, [start.object_type])
    found = walks.neighbourhood(walked, [_node(asking, walked, start)], depth, budget)
    objects = _objects(asking, walked, found.nodes.tolist(), select)
    names = [hop.name for hop in walked.hops]
    places = zip(objects, found.depths.tolist(), found.parents.tolist(), found.hops.tolist(), strict=True)
    near = [
        Near(item, distance, None if parent < 0 else parent, None if parent < 0 else names[hop]) for item, distance, parent, hop in places
    ]
    return Neighbourhood(near, found.cut, identity(release))


def path(
    release: Released,
    view: View,
    source: Thing,
    target: Thing,
    ties: Ties,
    *,
    every: bool = False,
    depth: int = ANY_DEPTH,
    budget: Budget,
    select: Sequence[str] = (),
) -> WaysFound:
    """A way of the fewest hops, every such way (at most `budget.rows`), or the one of the least weight where a link has one."""
    _check(depth, budget, rows=MAX_PATHS)
    if ties.weights and (every or depth != ANY_DEPTH):
        raise QueryError("a weighed way is one way, of any number of hops", next_step="leave out `all` and `depth`, or `weights`")
    asking = Asking(view, release)
    walked = network(asking, ties, [source.object_type, target.object_type])
    nodes = _node(asking, walked, source), _node(asking, walked, target)
    if ties.weights:
        found = walks.lightest_path(walked, *nodes, budget=budget)
    elif every:
        found = walks.all_shortest_paths(walked, *nodes, most=budget.rows, depth=depth, budget=budget)
    else:
        found = walks.shortest_path(walked, *nodes, depth=depth, budget=budget)
    return WaysFound(_ways(asking, walked, found.paths, select), found.cut, identity(release))


def reachable(
    release: Released, view: View, source: Thing, target: Thing, ties: Ties, *, depth: int = ANY_DEPTH, budget: Budget
) -> Reachability:
    """Whether there is a way of at most `depth` hops, and how many the shortest has."""
    _check(depth, budget, rows=2**31)
    asking = Asking(view, release)
    walked = network(asking, ties, [source.object_type, target.object_type])
    nodes = _node(asking, walked, source), _node(asking, walked, target)
    hops, cut = walks.distance(walked, *nodes, depth=depth, budget=budget)
    return Reachability(None if cut else hops is not None, hops, cut, identity(release))


def subgraph(
    release: Released,
    view: View,
    starts: Sequence[Thing] | Plan,
    ties: Ties,
    *,
    depth: int,
    budget: Budget,
    select: Sequence[str] = (),
) -> Part:
    """The objects at most `depth` hops from some objects or an object set, with every link between them.

    It is cut at the budget's rows and at MAX_EDGES_A_NODE times as many links, in the order in which they are found.
    """
    _check(depth, budget, rows=MAX_OBJECTS)
    asking = Asking(view, release)
    if isinstance(starts, Plan):
        sets = resolve(asking, starts.node)
        walked = network(asking, ties, sets)
        # One more than fits, so that the walk sees that there are more.
        begin = [walked.base(name) + row for name, rows in sets.items() for row in rows.page(0, budget.rows + 1).tolist()]
    else:
        walked = network(asking, ties, [thing.object_type for thing in starts])
        begin = [_node(asking, walked, thing) for thing in starts]
    found = walks.neighbourhood(walked, begin, depth, budget)
    edges, more = _edges(asking, walked, ties, found.nodes, MAX_EDGES_A_NODE * budget.rows)
    nodes = [_exported(item) for item in _objects(asking, walked, found.nodes.tolist(), select)]
    return Part(Subgraph(nodes, edges), found.cut or ("rows" if more else ""), identity(release))


def _check(depth: int, budget: Budget, *, rows: int) -> None:
    if not 0 <= depth <= ANY_DEPTH:
        raise QueryError("depth: 0 or more")
    if not 1 <= budget.rows <= rows:
        raise QueryError(f"limit: between 1 and {rows:,}")
    if not 0 < budget.seconds <= MAX_SECONDS:
        raise QueryError(f"seconds: more than 0, at most {MAX_SECONDS:g}")


def _node(asking: Asking, walked: Network, thing: Thing) -> int:
    asking.ontology.find_type(thing.object_type)
    row = asking.release.row_of(thing.object_type, thing.key)
    if row is None or not walked.is_visible(walked.node(thing.object_type, row)):
        raise NotFound(thing.object_type, str(thing.key))
    return walked.node(thing.object_type, row)


def _objects(asking: Asking, walked: Network, nodes: Sequence[int], select: Sequence[str]) -> list[bytes]:
    """The JSON of each node, fetched a type at a time."""
    known = {name for object_type in walked.types for name in asking.ontology.types[object_type].properties}
    for name in select:
        if name not in known:
            raise UnknownName("property", name, known)
    places: dict[str, dict[int, int]] = {}
    for place, (object_type, row) in enumerate(walked.rows(nodes)):
        places.setdefault(object_type, {})[place] = row
    found = [b""] * len(nodes)
    for object_type, rows in places.items():
        told = shaped(asking.json_rows(object_type, list(rows.values())), select)
        for place, item in zip(rows, told, strict=True):
            found[place] = item
    return found


def _ways(asking: Asking, walked: Network, paths: Sequence[Path], select: Sequence[str]) -> list[Way]:
    nodes = list(dict.fromkeys(node for found in paths for node in found.nodes))
    objects = dict(zip(nodes, _objects(asking, walked, nodes, select), strict=True))
    names = [hop.name for hop in walked.hops]
    return [Way([objects[node] for node in found.nodes], [names[hop] for hop in found.hops], found.weight) for found in paths]


def _edges(asking: Asking, walked: Network, ties: Ties, nodes: Nodes, most: int) -> tuple[list[Edge], bool]:
    """Every link between some nodes, in the direction in which it is declared, each once; whether there are more than `most`."""
    order = np.argsort(nodes, kind="stable")
    ascending = nodes[order]
    hops, found, told = {hop.name: hop for hop in walked.hops}, list[Edge](), set[str]()
    for name, end in ends(asking, ties).items():
        if end.table in told:
            continue
        told.add(end.table)
        hop, forward = hops[name], end.direction == "forward"
        leaves, _, targets = walked.leaving(hop, nodes, back=not forward)
        places = np.minimum(np.searchsorted(ascending, targets), max(len(ascending) - 1, 0))
        inside = np.flatnonzero(ascending[places] == targets) if len(ascending) else np.arange(0)
        link = ".".join(declared(end))
        pairs = zip(leaves[inside].tolist(), order[places[inside]].tolist(), strict=True)
        found += [Edge(source, target, link) for source, target in pairs]
        if len(found) > most:
            return found[:most], True
    return found, False


def _exported(item: bytes) -> Node:
    told: Mapping[str, object] = orjson.loads(item)
    simple = {name: value for name, value in told.items() if not name.startswith("__") and isinstance(value, str | int | float | bool)}
    key = told["__primaryKey"]
    return Node(
        str(told["__apiName"]), key if isinstance(key, str | int | float | bool) else str(key), str(told.get("__title", "")), simple
    )
