"""Objects and their links, in the shape of Foundry's Ontologies API v2. The hot routes: bytes in, bytes out.

What is asked is parsed here and answered in `engine`. Lookups and plain pages run on the event loop, since
they take microseconds; what needs DuckDB or reshapes every object runs in a worker thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeVar
from urllib.parse import parse_qs

import orjson
from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from palantir_assets.engine.answering import Answer, execute
from palantir_assets.engine.objects import get, linked, linked_one
from palantir_assets.errors import QueryError
from palantir_assets.query.plans import DEFAULT_PAGE, MAX_PAGE, Plan, parse_query, plan
from palantir_assets.release.reading import Release
from palantir_assets.serving.deps import check_ontology, release_of
from palantir_assets.serving.policies import caller, guarded
from palantir_assets.serving.routing import SegmentRoute, send_json

PREFIX: Final = "/api/v2/ontologies/{ontology}/objects/{object_type}"

Params = Mapping[str, list[str]]
Result = TypeVar("Result")


class OrderBy(BaseModel):
    """`orderBy` of a search. `orderType: relevance` is refused: texts are searched by the platform's own route."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)
    order_type: StrictStr = Field("fields", pattern="^fields$")
    fields: tuple[dict[str, object], ...] = ()


class SearchRequest(BaseModel):
    """The body of a search, as Foundry's clients send it. Flags that change nothing here are read and ignored."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)
    where: dict[str, object] | None = None
    order_by: OrderBy | None = None
    page_size: StrictInt | None = None
    page_token: StrictStr | None = None
    select: tuple[StrictStr, ...] = ()
    exclude_rid: StrictBool | None = None
    snapshot: StrictBool | None = Field(None, description="pages always come from one release")
    load_ontology_defined_derived_properties: StrictBool | None = None


@guarded("objects.read")
async def get_object(scope: Scope, receive: Receive, send: Send) -> None:
    """GET …/objects/{type}/{key}: one object."""
    release, path, params = _asked(scope)
    await send_json(send, get(release, caller(scope), path["object_type"], path["key"], select=_select(params)))


@guarded("objects.read")
async def list_objects(scope: Scope, receive: Receive, send: Send) -> None:
    """GET …/objects/{type}: a page of objects, by key or as `orderBy` says."""
    release, path, params = _asked(scope)
    order = [_ordering(part) for part in (_one(params, "orderBy") or "").split(",") if part]
    query = {"object": path["object_type"], "order_by": order, "select": _select(params), "page_token": _one(params, "pageToken")}
    await _send_page(send, await _executed(_plan({**query, "limit": _page_size(params)}, release, scope), release), total=True)


@guarded("objects.read")
async def search_objects(scope: Scope, receive: Receive, send: Send) -> None:
    """POST …/objects/{type}/search: the objects that a filter finds."""
    release, path, _ = _asked(scope)
    asked = _search_request(await Request(scope, receive).body())
    query = {
        "object": path["object_type"],
        "where": asked.where,
        "order_by": asked.order_by.fields if asked.order_by else (),
        "select": asked.select,
        "limit": DEFAULT_PAGE if asked.page_size is None else asked.page_size,
        "page_token": asked.page_token,
    }
    await _send_page(send, await _executed(_plan(query, release, scope), release), total=True)


@guarded("objects.read")
async def count_objects(scope: Scope, receive: Receive, send: Send) -> None:
    """POST …/objects/{type}/count: how many objects there are."""
    release, path, _ = _asked(scope)
    answer = execute(_plan({"object": path["object_type"], "count": True}, release, scope), release)
    await send_json(send, b'{"count":%d}' % answer.total)


@guarded("objects.read")
async def list_linked_objects(scope: Scope, receive: Receive, send: Send) -> None:
    """GET …/{key}/links/{link}: a page of the objects linked to one, in the order of their keys."""
    release, path, params = _asked(scope)
    if _one(params, "orderBy"):
        raise QueryError("orderBy: linked objects come in the order of their keys; a search can order them otherwise")
    select, principal = _select(params), caller(scope)
    hop = partial(linked, limit=_page_size(params), page_token=_one(params, "pageToken"), select=select)
    call = partial(hop, release, principal, path["object_type"], path["key"], path["link"])
    await _send_page(send, await _run(call, inline=not select), total=False)


@guarded("objects.read")
async def get_linked_object(scope: Scope, receive: Receive, send: Send) -> None:
    """GET …/{key}/links/{link}/{linked key}: one object, if it is linked."""
    release, path, params = _asked(scope)
    names = (path["object_type"], path["key"], path["link"], path["linked_key"])
    await send_json(send, linked_one(release, caller(scope), *names, select=_select(params)))


# In the order they are tried: exact ones first, then keys that were sent with plain slashes.
ROUTES: Final = (
    SegmentRoute(f"{PREFIX}/{{key}}", get_object, method="GET", query=["select"]),
    SegmentRoute(f"{PREFIX}/{{key}}/links/{{link}}", list_linked_objects, method="GET", query=["pageSize", "pageToken", "select"]),
    SegmentRoute(f"{PREFIX}/{{key}}/links/{{link}}/{{linked_key}}", get_linked_object, method="GET", query=["select"]),
    SegmentRoute(PREFIX, list_objects, method="GET", query=["orderBy", "pageSize", "pageToken", "select"]),
    SegmentRoute(
        f"{PREFIX}/search", search_objects, method="POST", body=SearchRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    ),
    SegmentRoute(f"{PREFIX}/count", count_objects, method="POST"),
    SegmentRoute(f"{PREFIX}/{{key...}}/links/{{link}}", list_linked_objects, method="GET"),
    SegmentRoute(f"{PREFIX}/{{key...}}", get_object, method="GET"),
)


def _asked(scope: Scope) -> tuple[Release, dict[str, str], Params]:
    path: dict[str, str] = scope["path_params"]
    check_ontology(path["ontology"])
    text: bytes = scope["query_string"]
    return release_of(scope), path, parse_qs(text.decode("latin-1"), keep_blank_values=True) if text else {}


def _search_request(body: bytes) -> SearchRequest:
    try:
        return SearchRequest.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise QueryError(f"the body is not JSON: {error}") from None
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise QueryError(f"{'.'.join(str(part) for part in problem['loc']) or 'body'}: {problem['msg']}") from None


def _plan(query: Mapping[str, object], release: Release, scope: Scope) -> Plan:
    return plan(parse_query(query), release.ontology, caller(scope))


async def _executed(made: Plan, release: Release) -> Answer:
    arithmetic = made.where is None and not made.order_by and not made.select
    return await _run(partial(execute, made, release), inline=arithmetic)


async def _run(call: Callable[[], Result], *, inline: bool) -> Result:
    return call() if inline else await to_thread.run_sync(call)


async def _send_page(send: Send, answer: Answer, *, total: bool) -> None:
    parts = [b'{"data":[', b",".join(answer.rows), b"]"]
    if answer.next_token is not None:
        parts.append(b',"nextPageToken":"%b"' % answer.next_token.encode())
    if total:  # text, as Foundry writes every long
        parts.append(b',"totalCount":"%d"' % answer.total)
    await send_json(send, b"".join([*parts, b"}"]))


def _one(params: Params, name: str) -> str | None:
    return params[name][-1] if name in params else None


def _select(params: Params) -> list[str]:
    return params.get("select", [])


def _page_size(params: Params) -> int:
    text = _one(params, "pageSize")
    if text is None:
        return DEFAULT_PAGE
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= MAX_PAGE:
        raise QueryError(f"pageSize: a number from 1 to {MAX_PAGE}")
    return int(text)


def _ordering(text: str) -> dict[str, object]:
    """`properties.amount:desc` or `p.amount`."""
    name, colon, direction = text.partition(":")
    prefix, _, field = name.partition(".")
    if prefix not in ("p", "properties") or not field:
        raise QueryError("orderBy: properties are written as in `orderBy=properties.amount:desc,p.note`")
    return {"field": field, "direction": direction if colon else "asc"}
