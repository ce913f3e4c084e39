"""The door to Dagster's own pages under `/dagster/`: Dagster knows no callers, so it listens on loopback, and this asks who.

Who holds the role `engineer` (or `admin`) reaches the server that can do everything; everybody else who signed in, one that
only shows. That one is started when it is wanted: this touches a file, and `palantir up` looks at it. What passes is told in
`forwarding`; how long a WebSocket lives, in `streams`.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from palantir_assets.access.policy import rights_of
from palantir_assets.access.principal import Principal
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.serving.deps import exchange_of
from palantir_assets.serving.forwarding import coming_back, going_out
from palantir_assets.serving.policies import guarded
from palantir_assets.serving.recognising import ANONYMOUS, Unauthorized
from palantir_assets.serving.routing import AsgiEndpoint
from palantir_assets.settings import DAGSTER_PREFIX, Settings

if TYPE_CHECKING:
    from httpx2 import AsyncClient

FULL: Final = frozenset({"engineer", "admin"})
METHODS: Final = ("GET", "POST")
LOOPBACK: Final = "127.0.0.1"
ASKED_AGAIN: Final = 30.0
"""Seconds after which it is said again that the pages for viewers are wanted."""
_STARTS: Final = (
    "Dagster's pages start when the build has ended, or when they are wanted, which takes up to a minute. "
    "This page asks again every 3 seconds.\n"
    "Dagster 화면은 빌드가 끝나거나 요청이 있을 때 시작되며, 최대 1분이 걸립니다. 이 페이지는 3초마다 다시 확인합니다.\n"
).encode()


@dataclass
class Door:
    """The two servers behind the door. `sockets` counts the open WebSockets of each caller."""

    settings: Settings
    sockets: Counter[str] = field(default_factory=Counter)
    _client: AsyncClient | None = None
    _wanted: float = float("-inf")

    def base(self, principal: Principal, access: ServedAccess | None) -> str:
        """Where a caller's requests go, as `host:port`; asks for it to be started where it may not be running."""
        if is_engineer(principal, access):
            return f"{LOOPBACK}:{self.settings.dagster_port}"
        now = time.monotonic()
        if now - self._wanted > ASKED_AGAIN:
            self._wanted = now
            with suppress(OSError):
                self.settings.dagster_wanted.touch()
        return f"{LOOPBACK}:{self.settings.dagster_viewer_port}"

    def client(self) -> AsyncClient:
        """One pool of connections, made with the first request."""
        if self._client is None:
            import httpx2

            timeout = httpx2.Timeout(120.0, connect=3.0)
            limits = httpx2.Limits(max_connections=100, max_keepalive_connections=20)
            self._client = httpx2.AsyncClient(timeout=timeout, limits=limits, trust_env=False, follow_redirects=False)
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None


class DoorRoute(Route):
    """Everything under the prefix, as it was sent. What its answers say of scripts and caches is theirs to say."""

    own_headers = asks_itself = True

    def __init__(self, endpoint: AsgiEndpoint) -> None:
        super().__init__(f"{DAGSTER_PREFIX}/{{path:path}}", endpoint, methods=list(METHODS), include_in_schema=False)
        self.app = endpoint

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or not (scope["path"] == DAGSTER_PREFIX or scope["path"].startswith(f"{DAGSTER_PREFIX}/")):
            return Match.NONE, {}
        match = Match.FULL if scope["method"] in METHODS else Match.PARTIAL
        return match, {"route": self, "endpoint": self.endpoint, "path_params": {}}


def is_engineer(principal: Principal, access: ServedAccess | None) -> bool:
    """Whether a caller holds a role that may do everything there; before the first release no role brings another along."""
    held = principal.roles | (rights_of(principal, access).roles if access is not None else frozenset())
    return not FULL.isdisjoint(held)


@guarded("dagster.use")
async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """A request to Dagster's pages, passed on for who signed in."""
    exchange = exchange_of(scope)
    if exchange.refused is not None:
        raise exchange.refused
    principal = exchange.principal
    if principal is None or principal.id == ANONYMOUS:
        await _sign_in_first(scope, send)
        return
    door: Door = scope["app"].state.door
    base = door.base(principal, exchange.release.access if exchange.release else None)
    await _passed_on(door.client(), base, scope, receive, send)


async def _sign_in_first(scope: Scope, send: Send) -> None:
    """A browser is shown where to; a program is refused. Raises Unauthorized."""
    if scope["method"] != "GET" or b"text/html" not in _header(scope, b"accept"):
        raise Unauthorized("Dagster's pages are for who signed in", presented=False)
    following = quote(scope["path"], safe="/")
    headers = [(b"location", f"/sign-in?next={following}".encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _passed_on(client: AsyncClient, base: str, scope: Scope, receive: Receive, send: Send) -> None:
    import httpx2

    url = f"http://{base}{target(scope)}"
    request = client.build_request(scope["method"], url, headers=list(going_out(scope["headers"])), content=await _body(receive))
    try:
        reply = await client.send(request, stream=True)
    except (httpx2.ConnectError, httpx2.ConnectTimeout):
        await _not_there_yet(send)
        return
    try:
        headers = coming_back(reply.headers.raw, base=f"http://{base}".encode())
        await send({"type": "http.response.start", "status": reply.status_code, "headers": list(headers)})
        async for part in reply.aiter_raw():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await reply.aclose()


def target(scope: Scope) -> str:
    """The path as it was sent, with its query."""
    path = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


async def _body(receive: Receive) -> bytes:
    """All of it; how long it may be is counted in `middleware`."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _not_there_yet(send: Send) -> None:
    kind = (b"content-type", b"text/plain; charset=utf-8")
    length = (b"content-length", b"%d" % len(_STARTS))
    await send({"type": "http.response.start", "status": 503, "headers": [kind, length, (b"retry-after", b"3"), (b"refresh", b"3")]})
    await send({"type": "http.response.body", "body": _STARTS})


def _header(scope: Scope, wanted: bytes) -> bytes:
    return next((value for name, value in scope["headers"] if name == wanted), b"")
