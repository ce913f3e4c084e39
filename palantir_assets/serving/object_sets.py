"""Objects by search and by set: load, count, aggregate, links and temporary sets, in the shape of Foundry's API v2.

What a set means is told in `query.sets`; definitions are kept in `saved`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from palantir_assets.errors import QueryError
from palantir_assets.query.planning import UnknownSet
from palantir_assets.query.plans import Plan
from palantir_assets.release.editing import Opened
from palantir_assets.serving import bodies
from palantir_assets.serving.aggregates import send_groups
from palantir_assets.serving.asking import OBJECTS, Query, asked, executed, planned, searched, send_page
from palantir_assets.serving.bodies import parsed, schema
from palantir_assets.serving.deps import exchange_of
from palantir_assets.serving.describing import local_property
from palantir_assets.serving.linked import send_links
from palantir_assets.serving.policies import guarded
from palantir_assets.serving.routing import SegmentRoute, send_json

SETS: Final = "/api/v2/ontologies/{ontology}/objectSets"


@guarded("objects.read")
async def search_objects(scope: Scope, receive: Receive, send: Send) -> None:
    """POST …/objects/{type}/search: the objects that a filter finds."""
    release, path, _ = asked(scope)
    body = parsed(bodies.SearchRequest, await Request(scope, receive).body())
    made = planned(searched({"object": path["object_type"], "where": body.where}, body, release, scope), release, scope)
    await send_page(send, await executed(made, release), total=True, without_rid=bool(body.exclude_rid))


@guarded("objects.read")
async def count_objects(scope: Scope, receive: Receive, send: Send) -> None:
    """POST …/objects/{type}/count: how many objects there are."""
    release, path, _ = asked(scope)
    answer = await executed(planned({"object": path["object_type"], "count": True}, release, scope), release)
    await send_json(send, b'{"count":%d}' % answer.total)


@guarded("objects.read")
async def aggregate_objects(scope: Scope, receive: Receive, send: Send) -> None:
    """POST …/objects/{type}/aggregate: metrics over the objects that a filter finds, in groups."""
    _, path, _ = asked(scope)
    body = parsed(bodies.AggregateRequest, await Request(scope, receive).body())
    await send_groups(scope, send, {"object": path["object_type"], "where": body.where}, body)


@guarded("objects.read")
async def load_objects(scope: Scope, receive: Receive, send: Send) -> None:
    """POST …/objectSets/loadObjects: the objects of a set, each with its own properties."""
    release, body, made = await _loaded(scope, receive, {})
    await send_page(send, await executed(made, release), total=True, without_rid=bool(body.exclude_rid))


@guarded("objects.read")
async def load_objects_of_types(scope: Scope, receive: Receive, send: Send) -> None:
    """POST …/objectSets/loadObjectsMultipleObjectTypes: the same, with how each type implements the set's interface."""
    release, body, made = await _loaded(scope, receive, {})
    answer = await executed(made, release)
    await send_page(send, answer, total=True, without_rid=bool(body.exclude_rid), more=_mappings(made))


@guarded("objects.read")
async def load_objects_or_interfaces(scope: Scope, receive: Receive, send: Send) -> None:
    """POST …/objectSets/loadObjectsOrInterfaces: the objects of a set as it shows them: with an interface's properties if it is of one."""
    release, body, made = await _loaded(scope, receive, {"naming": "interface"})
    await send_page(send, await executed(made, release), total=True, without_rid=bool(body.exclude_rid))


@guarded("objects.read")
async def load_links(scope: Scope, receive: Receive, send: Send) -> None:
    """POST …/objectSets/loadLinks: where the links of a set's objects lead, as keys."""
    release, _, _ = asked(scope)
    body = parsed(bodies.LinksRequest, await Request(scope, receive).body())
    await send_links(scope, send, release, body)


@guarded("objects.read")
async def aggregate_set(scope: Scope, receive: Receive, send: Send) -> None:
    """POST …/objectSets/aggregate: metrics over a set, in groups."""
    asked(scope)
    body = parsed(bodies.AggregateSetRequest, await Request(scope, receive).body())
    await send_groups(scope, send, {"objectSet": body.object_set}, body)


@guarded("objects.read")
async def create_temporary_set(scope: Scope, receive: Receive, send: Send) -> None:
    """POST …/objectSets/createTemporary: keep the definition of a set for an hour."""
    release, _, _ = asked(scope)
    body = parsed(bodies.SetRequest, await Request(scope, receive).body())
    planned({"objectSet": body.object_set, "count": True}, release, scope)  # what cannot be asked is not kept
    await send_json(send, orjson.dumps({"objectSetRid": exchange_of(scope).services.sets.keep(body.object_set)}))


@guarded("objects.read")
async def get_object_set(scope: Scope, receive: Receive, send: Send) -> None:
    """GET …/objectSets/{rid}: the definition that was kept."""
    release, path, _ = asked(scope)
    found = exchange_of(scope).services.sets.find(path["object_set"])
    if found is None or not _may_ask(found, release, scope):
        raise UnknownSet(path["object_set"])
    await send_json(send, orjson.dumps(found))


async def _loaded(scope: Scope, receive: Receive, more: Query) -> tuple[Opened, bodies.LoadRequest, Plan]:
    release, _, _ = asked(scope)
    body = parsed(bodies.LoadRequest, await Request(scope, receive).body())
    return release, body, planned(searched({"objectSet": body.object_set, **more}, body, release, scope), release, scope)


def _may_ask(form: Mapping[str, object], release: Opened, scope: Scope) -> bool:
    """Whether the caller may know all that a set names: else somebody else kept it."""
    try:
        planned({"objectSet": form, "count": True}, release, scope)
    except QueryError:
        return False
    return True


def _mappings(made: Plan) -> bytes:
    """Which of an object's properties stand for the interface's; nothing where the set is not of an interface."""
    interface = made.scope.interface
    if interface is None:
        return b',"interfaceToObjectTypeMappings":{},"interfaceToObjectTypeMappingsV2":{}'
    shared = {name for name, what in made.view.ontology.interface_properties(interface).items() if what.shared}
    own = {kind.name: kind.implements[interface] for kind in made.types}
    first = {interface: {kind: {name: to for name, to in mapping.items() if name in shared} for kind, mapping in own.items()}}
    second = {interface: {kind: {name: local_property(to) for name, to in mapping.items()} for kind, mapping in own.items()}}
    told = orjson.dumps({"interfaceToObjectTypeMappings": first, "interfaceToObjectTypeMappingsV2": second})
    return b"," + told[1:-1]


ROUTES: Final = (
    SegmentRoute(f"{OBJECTS}/search", search_objects, method="POST", body=schema(bodies.SearchRequest)),
    SegmentRoute(f"{OBJECTS}/count", count_objects, method="POST"),
    SegmentRoute(f"{OBJECTS}/aggregate", aggregate_objects, method="POST", body=schema(bodies.AggregateRequest)),
    SegmentRoute(f"{SETS}/loadObjects", load_objects, method="POST", body=schema(bodies.LoadRequest)),
    SegmentRoute(f"{SETS}/loadObjectsMultipleObjectTypes", load_objects_of_types, method="POST", body=schema(bodies.LoadRequest)),
    SegmentRoute(f"{SETS}/loadObjectsOrInterfaces", load_objects_or_interfaces, method="POST", body=schema(bodies.LoadRequest)),
    SegmentRoute(f"{SETS}/loadLinks", load_links, method="POST", body=schema(bodies.LinksRequest)),
    SegmentRoute(f"{SETS}/aggregate", aggregate_set, method="POST", body=schema(bodies.AggregateSetRequest)),
    SegmentRoute(f"{SETS}/createTemporary", create_temporary_set, method="POST", body=schema(bodies.SetRequest)),
    SegmentRoute(f"{SETS}/{{object_set}}", get_object_set, method="GET", of_release=False),
)
