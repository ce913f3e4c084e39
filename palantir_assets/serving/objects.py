"""Objects and their links, in the shape of Foundry's Ontologies API v2. The hot routes: bytes in, bytes out.

What is asked is parsed in `asking` and answered in `engine`. Sets of objects are asked for in `object_sets`.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from starlette.types import Receive, Scope, Send

from palantir_assets.engine.objects import get, linked, linked_one
from palantir_assets.errors import NotFound
from palantir_assets.serving.asking import (
    LISTED,
    OBJECTS,
    asked,
    executed,
    flag,
    listed,
    one,
    planned,
    run,
    send_page,
    this_object,
    without_rid,
)
from palantir_assets.serving.paging import NotLinked, checked_size, size_in
from palantir_assets.serving.policies import guarded, viewer
from palantir_assets.serving.routing import SegmentRoute, send_json


@guarded("objects.read")
async def get_object(scope: Scope, receive: Receive, send: Send) -> None:
    """GET …/objects/{type}/{key}: one object."""
    release, path, params = asked(scope)
    found = get(release, viewer(scope), path["object_type"], path["key"], select=params.get("select", ()))
    await send_json(send, without_rid(found, params) if params else found)


@guarded("objects.read")
async def list_objects(scope: Scope, receive: Receive, send: Send) -> None:
    """GET …/objects/{type}: a page of objects, by key or as `orderBy` says."""
    release, path, params = asked(scope)
    made = planned(listed({"object": path["object_type"]}, params), release, scope)
    await send_page(send, await executed(made, release), total=True, without_rid=flag(params, "excludeRid"))


@guarded("objects.read")
async def list_linked_objects(scope: Scope, receive: Receive, send: Send) -> None:
    """GET …/{key}/links/{link}: a page of the objects linked to one, in the order of their keys or as `orderBy` says."""
    release, path, params = asked(scope)
    names, view = (path["object_type"], path["key"], path["link"]), viewer(scope)
    if one(params, "orderBy"):
        get(release, view, *names[:2])  # an object that is not there is told, not an empty page
        around = {"type": "searchAround", "objectSet": this_object(*names[:2]), "link": path["link"]}
        answer = await executed(planned(listed({"set": around}, params), release, scope), release)
    else:
        select, size = params.get("select", ()), checked_size(size_in(one(params, "pageSize")))
        hop = partial(linked, limit=size, page_token=one(params, "pageToken"), select=select)
        answer = await run(partial(hop, release, view, *names), inline=not select)
    await send_page(send, answer, total=False, without_rid=flag(params, "excludeRid"))


@guarded("objects.read")
async def get_linked_object(scope: Scope, receive: Receive, send: Send) -> None:
    """GET …/{key}/links/{link}/{linked key}: one object, if it is linked."""
    release, path, params = asked(scope)
    names = (path["object_type"], path["key"], path["link"], path["linked_key"])
    try:
        found = linked_one(release, viewer(scope), *names, select=params.get("select", ()))
    except NotFound as error:
        if (error.object_type, error.key) == names[:2] or error.key != path["linked_key"]:
            raise
        raise NotLinked(path["link"], error.object_type, error.key) from None
    await send_json(send, without_rid(found, params))


ONE: Final = SegmentRoute(f"{OBJECTS}/{{key}}", get_object, method="GET", query=["select", "excludeRid"])
LINKED: Final = SegmentRoute(f"{OBJECTS}/{{key}}/links/{{link}}", list_linked_objects, method="GET", query=LISTED)
LINKED_ONE: Final = SegmentRoute(
    f"{OBJECTS}/{{key}}/links/{{link}}/{{linked_key}}", get_linked_object, method="GET", query=["select", "excludeRid"]
)
LIST: Final = SegmentRoute(OBJECTS, list_objects, method="GET", query=LISTED)
# In the order they are tried: exact ones first; keys that were sent with plain slashes come after every other route.
ROUTES: Final = (ONE, LINKED, LINKED_ONE, LIST)
LOOSE: Final = (
    SegmentRoute(f"{OBJECTS}/{{key...}}/links/{{link}}", list_linked_objects, method="GET", query=LISTED),
    SegmentRoute(f"{OBJECTS}/{{key...}}", get_object, method="GET", query=["select", "excludeRid"]),
)
