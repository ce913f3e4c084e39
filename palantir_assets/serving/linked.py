"""The links of a set as Foundry tells them: source and target by type and key, link by link."""

from __future__ import annotations

from functools import partial

import orjson
from starlette.types import Scope, Send

from palantir_assets.engine.linking import LinkPage, Located, links_from
from palantir_assets.query.tokens import read_token
from palantir_assets.release.editing import Opened
from palantir_assets.serving.asking import planned, run
from palantir_assets.serving.bodies import LinksRequest
from palantir_assets.serving.paging import OBJECTS_AT_ONCE
from palantir_assets.serving.routing import send_json


async def send_links(scope: Scope, send: Send, release: Opened, body: LinksRequest) -> None:
    """The links of a thousand objects at a time, as Foundry gives them."""
    made = planned({"objectSet": body.object_set, "limit": OBJECTS_AT_ONCE}, release, scope)
    token = read_token(body.page_token) if body.page_token is not None else None
    page = await run(partial(links_from, made, body.links, release, token=token), inline=False)
    await send_json(send, told(page))


def told(page: LinkPage) -> bytes:
    """A page as JSON; an object without any of the links is left out."""
    data = [
        {
            "sourceObject": _locator(item.source),
            "linkedObjects": [{"targetObject": _locator(target), "linkType": link} for link, target in item.targets],
        }
        for item in page.items
        if item.targets
    ]
    return orjson.dumps({"data": data, **({"nextPageToken": page.next_token} if page.next_token else {})})


def _locator(located: Located) -> dict[str, object]:
    return {"__primaryKey": located.key, "__apiName": located.type}
