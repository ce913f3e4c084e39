"""Routes of objects, whose keys may hold any character.

A framework matches the decoded path, where an encoded slash of a key has become a slash of the path.
`SegmentRoute` matches the path as it was sent, segment by segment, and decodes each segment by itself. Its
endpoint is an ASGI function that sends bytes: the hot way, without a request or response object.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from palantir_assets.serving.conditional import holds
from palantir_assets.serving.deps import exchange_of

AsgiEndpoint = Callable[[Scope, Receive, Send], Awaitable[None]]
_JSON: Final = (b"content-type", b"application/json")


class SegmentRoute(Route):
    """A route such as `/objects/{object_type}/{key...}`; `{name...}` takes one segment or more.

    A key sent with plain slashes is understood where nothing else fits; sent encoded, it always is. What a GET
    answers is decided by the release, the URL and the language alone, unless `of_release` says otherwise: a
    caller who holds it already is told so, and the endpoint is not asked.
    """

    def __init__(
        self, path: str, endpoint: AsgiEndpoint, *, method: str, query: Sequence[str] = (), body: Mapping[str, Any] | None = None,
        of_release: bool | None = None,
    ) -> None:  # fmt: skip
        """`query` are the names of the parameters it takes; `body` is a JSON Schema for the documentation."""
        super().__init__(path.replace("...}", ":path}"), endpoint, methods=[method])
        self.of_release = method == "GET" if of_release is None else of_release
        self.app = _unless_held(endpoint) if self.of_release else endpoint
        self.template, self.query, self.body = path, tuple(query), body
        template = [segment.encode() for segment in path.strip("/").split("/")]
        self._names = [segment[1:-1].rstrip(b".").decode() if segment.startswith(b"{") else None for segment in template]
        self._literals = [(index, segment) for index, segment in enumerate(template) if not segment.startswith(b"{")]
        self._rest = next((index for index, segment in enumerate(template) if segment.endswith(b"...}")), None)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        found = self._match(_segments(scope))
        if found is None:
            return Match.NONE, {}
        match = Match.FULL if self.methods is None or scope["method"] in self.methods else Match.PARTIAL
        return match, {"route": self, "endpoint": self.endpoint, "path_params": found}

    def _match(self, segments: list[bytes]) -> dict[str, str] | None:
        spare = len(segments) - len(self._names)
        if spare and (spare < 0 or self._rest is None):
            return None
        if spare and self._rest is not None:
            end = self._rest + spare + 1
            segments = [*segments[: self._rest], b"/".join(segments[self._rest : end]), *segments[end:]]
        if any(segments[index] != literal for index, literal in self._literals):
            return None
        return {name: _decoded(segment) for name, segment in zip(self._names, segments, strict=True) if name}


def _unless_held(endpoint: AsgiEndpoint) -> AsgiEndpoint:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        held = exchange.asked.if_none_match
        if held and exchange.tag and holds(held, exchange.tag, known=False):
            await send({"type": "http.response.start", "status": 304, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await endpoint(scope, receive, send)

    return answer


async def send_json(send: Send, body: bytes) -> None:
    """A 200 with a JSON body."""
    await send({"type": "http.response.start", "status": 200, "headers": [_JSON, (b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def _segments(scope: Scope) -> list[bytes]:
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return raw[1:].split(b"/")


def _decoded(segment: bytes) -> str:
    return unquote_to_bytes(segment).decode("utf-8", "replace") if b"%" in segment else segment.decode("utf-8", "replace")
