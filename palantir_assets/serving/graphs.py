"""Questions about the graph: `POST /api/platform/v1/graph/…`. What may be asked of it is told in `engine.graphs`.

Walks run in worker threads, for as long as they were given and no longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal

import orjson
from fastapi import APIRouter, Depends, Header, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from palantir_assets.engine import graphs
from palantir_assets.engine.graphs import MAX_OBJECTS, MAX_PATHS, MAX_SECONDS, Thing
from palantir_assets.engine.networks import MAX_LINKS, Ties
from palantir_assets.errors import QueryError
from palantir_assets.graph import native
from palantir_assets.graph.export import Subgraph, cytoscape, graphml
from palantir_assets.graph.walks import ANY_DEPTH, Budget
from palantir_assets.query.plans import Plan, parse_query, plan
from palantir_assets.serving.deps import CurrentRelease, exchange_of
from palantir_assets.serving.parameters import CHECKED
from palantir_assets.serving.policies import Viewed, guarded

router = APIRouter(prefix="/api/platform/v1/graph", tags=["Graph"], dependencies=[*CHECKED, Depends(native.begin)])

Format = Literal["json", "graphml", "cytoscape"]
MAX_STARTS: Final = 1_000
_KINDS: Final[dict[Format, str]] = {
    "json": "application/json",
    "graphml": "application/graphml+xml",
    "cytoscape": "application/vnd.cytoscape.v1+json",
}
_SECONDS = Field(1.0, gt=0, le=MAX_SECONDS, description="for how long to look")
_DEPTH = Field(None, ge=0, le=ANY_DEPTH, description="at most so many hops; any number if it is left out")
_SELECT = Field((), max_length=100, description="the properties to tell; all if it is left out")


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Ref(Body):
    """An object."""

    object_type: str
    key: str | int | float | bool

    def thing(self) -> Thing:
        return Thing(self.object_type, self.key)


class Walk(Body):
    """What is walked: links as `order.customer`, each in the direction of its name; all of them, both ways, if none are named."""

    links: tuple[str, ...] | None = Field(None, min_length=1, max_length=MAX_LINKS)
    valid_at: datetime | None = Field(None, description="keep to links that are valid at this time")
    seconds: float = _SECONDS

    def ties(self) -> Ties:
        return Ties(self.links, valid_at=self.valid_at)


class NeighbourhoodRequest(Walk):
    start: Ref
    depth: int = Field(1, ge=0, le=100)
    limit: int = Field(1_000, ge=1, le=MAX_OBJECTS)
    select: tuple[str, ...] = _SELECT


class PathRequest(Walk):
    """`weights` names for a link a property that holds its length: of the object that stands for the link, or that points along it."""

    source: Ref = Field(alias="from")
    target: Ref = Field(alias="to")
    depth: int | None = _DEPTH
    every: bool = Field(False, alias="all", description="every shortest path, not only one")
    limit: int = Field(100, ge=1, le=MAX_PATHS, description="how many paths, with `all`")
    weights: dict[str, str] = Field({}, max_length=MAX_LINKS)
    select: tuple[str, ...] = _SELECT

    def ties(self) -> Ties:
        return Ties(self.links, self.weights, self.valid_at)


class ReachableRequest(Walk):
    source: Ref = Field(alias="from")
    target: Ref = Field(alias="to")
    depth: int | None = _DEPTH


class SubgraphRequest(Walk):
    """Where it begins: objects, or an object set as /api/v2 takes it."""

    start: tuple[Ref, ...] | None = Field(None, min_length=1, max_length=MAX_STARTS)
    object_set: dict[str, object] | None = None
    depth: int = Field(1, ge=0, le=100)
    limit: int = Field(1_000, ge=1, le=MAX_OBJECTS)
    select: tuple[str, ...] = _SELECT
    format: Format | None = Field(None, description="instead of an Accept header")


@router.post("/neighbourhood")
@guarded("objects.read")
def neighbourhood(release: CurrentRelease, view: Viewed, asked: NeighbourhoodRequest) -> Response:
    """What is near an object, nearest first; `cut` says whether rows or time ran out."""
    budget = Budget(asked.limit, asked.seconds)
    found = graphs.neighbourhood(release, view, asked.start.thing(), asked.ties(), depth=asked.depth, budget=budget, select=asked.select)
    data = [
        {"distance": near.distance, "parent": near.parent, "link": near.link, "object": orjson.Fragment(near.object)}
        for near in found.objects
    ]
    return _json({"release_id": found.release_id, "cut": found.cut or None, "data": data})


@router.post("/path")
@guarded("objects.read")
def path(release: CurrentRelease, view: Viewed, asked: PathRequest) -> Response:
    """A shortest path, every shortest path, or the lightest one. No path at all is an empty list, unless `cut` says that time ran out."""
    found = graphs.path(
        release, view, asked.source.thing(), asked.target.thing(), asked.ties(), every=asked.every,
        depth=ANY_DEPTH if asked.depth is None else asked.depth, budget=Budget(asked.limit, asked.seconds), select=asked.select,
    )  # fmt: skip
    data = [{"weight": way.weight, "links": way.links, "objects": [orjson.Fragment(item) for item in way.objects]} for way in found.ways]
    return _json({"release_id": found.release_id, "cut": found.cut or None, "data": data})


@router.post("/reachable")
@guarded("objects.read")
def reachable(release: CurrentRelease, view: Viewed, asked: ReachableRequest) -> Response:
    """Whether one object can be reached from another, and in how many hops; `reachable` is null if time ran out before that was known."""
    found = graphs.reachable(
        release, view, asked.source.thing(), asked.target.thing(), asked.ties(),
        depth=ANY_DEPTH if asked.depth is None else asked.depth, budget=Budget(seconds=asked.seconds),
    )  # fmt: skip
    told = {"reachable": found.reachable, "distance": found.distance}
    return _json({"release_id": found.release_id, "cut": found.cut or None, **told})


@router.post("/subgraph")
@guarded("objects.read")
def subgraph(
    request: Request,
    release: CurrentRelease,
    view: Viewed,
    asked: SubgraphRequest,
    accept: Annotated[str, Header(description="application/graphml+xml or application/vnd.cytoscape.v1+json")] = "",
) -> Response:
    """Some objects, what is near them, and every link between these: as JSON, GraphML or Cytoscape JSON. Graph-Cut says what ran out."""
    if (asked.start is None) == (asked.object_set is None):
        raise QueryError("give either `start` or `object_set`, one of them and not both")
    kind = asked.format or next((name for name, media in _KINDS.items() if media in accept), "json")
    services = exchange_of(request.scope).services
    starts: Sequence[Thing] | Plan = [ref.thing() for ref in asked.start or ()]
    if asked.object_set is not None:
        starts = plan(parse_query({"object_set": asked.object_set}), view, saved=services.sets, now=services.clock())
    found = graphs.subgraph(
        release, view, starts, asked.ties(),
        depth=asked.depth, budget=Budget(asked.limit, asked.seconds), select=asked.select,
    )  # fmt: skip
    headers = {"Graph-Cut": found.cut} if found.cut else {}
    if kind == "graphml":
        return Response(graphml(found.graph), media_type=_KINDS[kind], headers=headers)
    if kind == "cytoscape":
        return Response(cytoscape(found.graph), media_type=_KINDS[kind], headers=headers)
    return Response(orjson.dumps(_told(found.graph, found.cut, found.release_id)), media_type=_KINDS["json"], headers=headers)


def _told(graph: Subgraph, cut: str, release_id: str) -> dict[str, object]:
    """Links name their ends by their places among the objects."""
    nodes = [{"object_type": node.type, "key": node.key, "title": node.title, "properties": node.properties} for node in graph.nodes]
    links = [{"source": edge.source, "target": edge.target, "link": edge.link} for edge in graph.edges]
    return {"release_id": release_id, "cut": cut or None, "objects": nodes, "links": links}


def _json(body: dict[str, object]) -> Response:
    return Response(orjson.dumps(body), media_type=_KINDS["json"])
