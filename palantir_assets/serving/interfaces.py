"""Objects by an interface, each with the interface's properties, in the shape of Foundry's Ontologies API v2.

What an interface is, is told in `interface_types`; that it is a set like any other, in `query.sets`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from palantir_assets.engine.objects import get
from palantir_assets.errors import QueryError, UnknownName
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.serving import bodies
from palantir_assets.serving.aggregates import send_groups
from palantir_assets.serving.asking import LISTED, Query, asked, executed, flag, listed, ordered, planned, send_page, this_object
from palantir_assets.serving.bodies import parsed, schema
from palantir_assets.serving.finding import find_interface_link, implementers
from palantir_assets.serving.paging import checked_size
from palantir_assets.serving.policies import guarded, viewer
from palantir_assets.serving.routing import SegmentRoute

PREFIX: Final = "/api/v2/ontologies/{ontology}/interfaces/{interface_type}"


@guarded("objects.read")
async def list_interface_objects(scope: Scope, receive: Receive, send: Send) -> None:
    """GET …/interfaces/{interface}: a page of the objects of an interface."""
    release, path, params = asked(scope)
    made = planned(listed(_set(scope, path["interface_type"]), params), release, scope)
    await send_page(send, await executed(made, release), total=True, without_rid=flag(params, "excludeRid"))


@guarded("objects.read")
async def search_interface_objects(scope: Scope, receive: Receive, send: Send) -> None:
    """POST …/interfaces/{interface}/search: those of them that a filter finds."""
    release, path, _ = asked(scope)
    body = parsed(bodies.InterfaceSearchRequest, await Request(scope, receive).body())
    query = {
        **_narrowed(viewer(scope).ontology, path["interface_type"], body),
        **ordered(body.order_by),
        "where": body.where,
        "select": _wanted(body),
        "limit": checked_size(body.page_size),
        "page_token": body.page_token,
    }
    await send_page(send, await executed(planned(query, release, scope), release), total=True)


@guarded("objects.read")
async def aggregate_interface(scope: Scope, receive: Receive, send: Send) -> None:
    """POST …/interfaces/{interface}/aggregate: metrics over them, in groups."""
    _, path, _ = asked(scope)
    body = parsed(bodies.AggregateRequest, await Request(scope, receive).body())
    await send_groups(scope, send, {"set": _base(scope, path["interface_type"]), "where": body.where}, body)


@guarded("objects.read")
async def list_interface_linked_objects(scope: Scope, receive: Receive, send: Send) -> None:
    """GET …/interfaces/{interface}/{type}/{key}/links/{link}: the objects that a link of the interface leads to from one."""
    release, path, params = asked(scope)
    interface, object_type, key = path["interface_type"], path["object_type"], path["key"]
    find_interface_link(viewer(scope).ontology, interface, path["link"])
    kind = viewer(scope).ontology.find_type(object_type)
    if interface not in kind.implements:
        raise UnknownName("interface", interface, kind.implements)
    get(release, viewer(scope), object_type, key)  # an object that is not there is told, not an empty page
    seen = {"type": "asType", "entityType": interface, "objectSet": this_object(object_type, key)}
    around = {"type": "interfaceLinkSearchAround", "objectSet": seen, "interfaceLink": path["link"]}
    made = planned(listed({"set": around, "naming": "interface"}, params), release, scope)
    await send_page(send, await executed(made, release), total=False, without_rid=flag(params, "excludeRid"))


def _base(scope: Scope, interface: str) -> dict[str, object]:
    return {"type": "interfaceBase", "interfaceType": viewer(scope).ontology.find_interface(interface).name}


def _set(scope: Scope, interface: str) -> Query:
    return {"set": _base(scope, interface), "naming": "interface"}


def _narrowed(ontology: ServedOntology, interface: str, body: bodies.InterfaceSearchRequest) -> Query:
    """The interface's objects, or those of them that are of the selected types and have the other interfaces too."""
    known = set(implementers(ontology, interface))
    for other in body.other_interface_types:
        known &= set(implementers(ontology, other))
    for name in body.selected_object_types:
        ontology.find_type(name)
    types = [name for name in ontology.types if name in known and (not body.selected_object_types or name in body.selected_object_types)]
    if not types:
        raise QueryError("selectedObjectTypes, otherInterfaceTypes: no object type is left")
    seen = [{"type": "asType", "entityType": interface, "objectSet": {"type": "base", "objectType": name}} for name in types]
    return {"set": {"type": "union", "objectSets": seen}, "naming": "interface"}


def _wanted(body: bodies.InterfaceSearchRequest) -> list[str]:
    parts: Iterable[str] = (*body.selected_shared_property_types, *body.selected_interface_property_types)
    augmented = (body.augmented_properties, body.augmented_shared_property_types, body.augmented_interface_property_types)
    if any(names for each in augmented for names in each.values()):
        raise QueryError("augmented properties: ask objectSets/loadObjects, which gives every object its own properties")
    return list(dict.fromkeys(parts))


ROUTES: Final = (
    SegmentRoute(PREFIX, list_interface_objects, method="GET", query=LISTED),
    SegmentRoute(f"{PREFIX}/search", search_interface_objects, method="POST", body=schema(bodies.InterfaceSearchRequest)),
    SegmentRoute(f"{PREFIX}/aggregate", aggregate_interface, method="POST", body=schema(bodies.AggregateRequest)),
    SegmentRoute(f"{PREFIX}/{{object_type}}/{{key}}/links/{{link}}", list_interface_linked_objects, method="GET", query=LISTED),
)
