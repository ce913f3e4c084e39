"""From a request to a plan, and from an answer to bytes: what every route of objects does.

Plain pages run on the event loop, since they take microseconds; whatever searches, sorts or reshapes runs in
a worker thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, TypeVar
from urllib.parse import parse_qs

import orjson
from anyio import to_thread
from starlette.types import Scope, Send

from palantir_assets.engine.answering import Answer, execute
from palantir_assets.errors import QueryError
from palantir_assets.query.fields import KeySelector, LoadLevelSelector, PropertyIdentifier, PropertySelector, TitleSelector
from palantir_assets.query.plans import Plan, parse_query, plan
from palantir_assets.query.sets import OBJECT_RID
from palantir_assets.release.editing import Opened
from palantir_assets.serving.bodies import OrderBy, PageRequest
from palantir_assets.serving.deps import check_ontology, exchange_of, release_of
from palantir_assets.serving.describing import title_property
from palantir_assets.serving.elsewhere import refuse_elsewhere
from palantir_assets.serving.paging import checked_size, size_in
from palantir_assets.serving.parameters import refuse_unknown
from palantir_assets.serving.policies import viewer
from palantir_assets.serving.routing import send_json

OBJECTS: Final = "/api/v2/ontologies/{ontology}/objects/{object_type}"
LISTED: Final = ("orderBy", "pageSize", "pageToken", "select", "excludeRid")
"""What a list may be asked with."""

Params = Mapping[str, list[str]]
Query = dict[str, object]
Result = TypeVar("Result")


def asked(scope: Scope) -> tuple[Opened, dict[str, str], Params]:
    """The release, the parts of the path, and the query string."""
    viewer(scope)
    path: dict[str, str] = scope["path_params"]
    check_ontology(path["ontology"])
    text: bytes = scope["query_string"]
    if not text:
        return release_of(scope), path, {}
    params = parse_qs(text.decode("latin-1"), keep_blank_values=True)
    refuse_elsewhere(params)
    refuse_unknown(params, scope["route"].query)
    return release_of(scope), path, params


def one(params: Params, name: str) -> str | None:
    """A parameter that is given at most once; the last one counts."""
    return params[name][-1] if name in params else None


def flag(params: Params, name: str) -> bool:
    """Whether a parameter says true."""
    return (one(params, name) or "").lower() == "true"


def this_object(object_type: str, key: str) -> Query:
    """The set of one object."""
    return {"type": "static", "objects": [f"{OBJECT_RID}{object_type}.{key}"]}


def listed(path: Query, params: Params) -> Query:
    """A list as a query: its page, its order, its properties."""
    ordering = one(params, "orderBy")
    return {
        **path,
        "orderBy": [_ordering(part) for part in ordering.split(",") if part] if ordering else [],
        "select": params.get("select", []),
        "limit": checked_size(size_in(one(params, "pageSize"))),
        "page_token": one(params, "pageToken"),
    }


def searched(what: Query, body: PageRequest, release: Opened, scope: Scope) -> Query:
    """A search as a query."""
    if body.select and body.select_v2:
        raise QueryError("give either `select` or `selectV2`, one of them and not both")
    select = [*body.select, *(name for each in body.select_v2 or () for name in _selected(each, what, release, scope))]
    return {**what, **ordered(body.order_by), "select": select, "limit": checked_size(body.page_size), "page_token": body.page_token}


def ordered(order_by: OrderBy | None) -> Query:
    """`orderBy` of a body."""
    if order_by is None:
        return {}
    return {"orderBy": order_by.fields, "relevance": order_by.order_type == "relevance"}


def planned(query: Query, release: Opened, scope: Scope) -> Plan:
    """The plan of a query, with the rights of the caller."""
    services = exchange_of(scope).services
    return plan(parse_query(query), viewer(scope), saved=services.sets, now=services.clock())


async def executed(made: Plan, release: Opened) -> Answer:
    derived = any(lens.derived for lens in made.scope.lenses.values())
    return await run(partial(execute, made, release), inline=made.arithmetic and not made.select and not derived)


async def run(call: Callable[[], Result], *, inline: bool) -> Result:
    return call() if inline else await to_thread.run_sync(call)


async def send_page(send: Send, answer: Answer, *, total: bool, without_rid: bool = False, more: bytes = b"") -> None:
    """A page of objects; `more` is what stands beside them, each part with a comma before it."""
    rows: Iterable[bytes] = map(_without_rid, answer.rows) if without_rid else answer.rows
    parts = [b'{"data":[', b",".join(rows), b"]"]
    if answer.next_token is not None:
        parts.append(b',"nextPageToken":"%b"' % answer.next_token.encode())
    if total:  # text, as Foundry writes every long
        parts.append(b',"totalCount":"%d"' % answer.total)
    await send_json(send, b"".join([*parts, more, b"}"]))


def without_rid(body: bytes, params: Params) -> bytes:
    """One object, without its `__rid` if that is asked for."""
    return _without_rid(body) if flag(params, "excludeRid") else body


def _without_rid(body: bytes) -> bytes:
    row = orjson.loads(body)
    row.pop("__rid", None)
    return orjson.dumps(row)


def _ordering(text: str) -> Query:
    """`properties.amount:desc` or `p.amount`."""
    name, colon, direction = text.partition(":")
    prefix, _, field = name.partition(".")
    if prefix not in ("p", "properties") or not field:
        raise QueryError("orderBy: properties are written as in `orderBy=properties.amount:desc,p.note`")
    return {"field": field, "direction": direction if colon else "asc"}


def _selected(identifier: PropertyIdentifier, what: Query, release: Opened, scope: Scope) -> list[str]:
    """The properties that an identifier means, in whichever object types the set has."""
    match identifier:
        case PropertySelector():
            return [identifier.api_name]
        case LoadLevelSelector():
            return _selected(identifier.property_identifier, what, release, scope)
        case KeySelector():
            return sorted({kind.key for kind in planned(what, release, scope).types})
        case TitleSelector():
            return sorted({title_property(kind) for kind in planned(what, release, scope).types})
        case _:
            raise QueryError("selectV2: a struct is selected as a whole")
