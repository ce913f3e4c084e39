"""An answer on its way out: its headers, whether the caller holds it already, whether it travels compressed.

The beginning is held back until the first part of the body is there, because only then is it known whether
that is all. Which headers every answer has is decided in `middleware`.
"""

from __future__ import annotations

from time import perf_counter
from typing import Final

from anyio import to_thread
from starlette.types import Message, Scope, Send

from palantir_assets.errors import LedgerError
from palantir_assets.serving.conditional import holds, not_modified, tag_of_bytes
from palantir_assets.serving.deps import Exchange
from palantir_assets.serving.encoding import ELSEWHERE, SMALLEST, accepted, compressed, compressible
from palantir_assets.serving.recording import put_on_record

Headers = tuple[tuple[bytes, bytes], ...]

_THEIRS: Final = frozenset((b"content-security-policy", b"cache-control"))
_WRITTEN: Final = b"edit-no"
"""What an answer to a write says itself: its own edit, which is later than those that the request saw."""
_FOUND: Final = (200, 304)


class Outgoing:
    """Hand `send` to the app; `status` and `begun` tell how far it came."""

    __slots__ = ("_exchange", "_headers", "_method", "_scope", "_send", "_start", "begun", "begun_at", "kept_back", "status")

    def __init__(self, scope: Scope, exchange: Exchange, send: Send, headers: Headers, method: str) -> None:
        self._scope, self._exchange, self._send, self._headers, self._method = scope, exchange, send, headers, method
        self._start: Message | None = None
        self.status, self.begun, self.begun_at = 0, False, 0.0
        self.kept_back: LedgerError | None = None

    async def send(self, message: Message) -> None:
        """A message of the app, sent on as the caller wants it, once what is sensitive of it is on record.

        Nothing of an answer that cannot be put on record is sent: `kept_back` says why. Raises LedgerError for the rest of
        one that has begun.
        """
        if self.kept_back is not None:
            return
        try:
            await put_on_record(self._scope, self._exchange)
        except LedgerError as error:
            if self.begun:
                raise
            self.kept_back, self._start = error, None
            return
        await self._sent(message)

    async def _sent(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self._start = message["status"], message
            return
        start, self._start = self._start, None
        if start is not None:
            start, message = await self._shaped(start, message)
            self.begun, self.begun_at = True, perf_counter()
            await self._send(start)
        if self._method == "HEAD" and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)

    async def _shaped(self, start: Message, first: Message) -> tuple[Message, Message]:
        """The beginning with all its headers, and the first part of the body as it travels."""
        exchange = self._exchange
        own = list(start.get("headers", ()))
        headers = [*own, (b"x-request-id", exchange.request_id.encode()), *self._beside(own)]
        start = {"type": "http.response.start", "status": self.status, "headers": headers}
        whole = not first.get("more_body", False) and first["type"] == "http.response.body"
        tag = self._tag(first.get("body", b""), whole) if self.status in _FOUND and self._scope["method"] == "GET" else b""
        if tag:
            headers.append((b"etag", tag))
            if exchange.asked.if_none_match and holds(exchange.asked.if_none_match, tag) and whole:
                self.status = 304
                return not_modified(start), {**first, "body": b""}
        if whole and exchange.asked.accept_encoding and len(first["body"]) >= SMALLEST:
            return await self._encoded(start, first)
        return start, first

    def _beside(self, own: list[tuple[bytes, bytes]]) -> Headers:
        """What every answer says, but what a route that is let, or a write, says itself."""
        theirs = _THEIRS if getattr(self._scope.get("route"), "own_headers", False) else frozenset((_WRITTEN,))
        said = {name.lower() for name, _ in own} & theirs
        if not said:
            return self._headers
        return tuple(header for header in self._headers if header[0] not in said)

    def _tag(self, body: bytes, whole: bool) -> bytes:
        """Known beforehand where the release alone decides the answer; of what streams there is none."""
        if getattr(self._scope.get("route"), "of_release", False):
            return self._exchange.tag
        return tag_of_bytes(body) if whole else b""

    async def _encoded(self, start: Message, first: Message) -> tuple[Message, Message]:
        encoding = accepted(self._exchange.asked.accept_encoding)
        headers = dict(start["headers"])
        if encoding is None or b"content-encoding" in headers or not compressible(headers.get(b"content-type", b"")):
            return start, first
        body = first["body"]
        made = compressed(body, encoding) if len(body) < ELSEWHERE else await to_thread.run_sync(compressed, body, encoding)
        if made is None:
            return start, first
        kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
        length = (b"content-length", b"%d" % len(made))
        return {**start, "headers": [*kept, length, (b"content-encoding", encoding.encode())]}, {**first, "body": made}
