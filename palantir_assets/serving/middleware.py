"""What every request goes through, once: an id, one release, headers, a body limit, a log line, a last resort.

Pure ASGI, one layer, no request objects: a hot route pays some ten microseconds for it. Answers are not
compressed here: that costs more than a page of objects does, and a proxy in front does it as well.
"""

from __future__ import annotations

import logging
import re
from contextlib import ExitStack
from os import urandom
from time import perf_counter
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from palantir_assets.errors import NoRelease
from palantir_assets.release.reading import Release
from palantir_assets.serving.deps import Exchange, Exchanged, Services, data_as_of, utc
from palantir_assets.serving.errors import UNFORESEEN, respond

LOG: Final = logging.getLogger("palantir_assets.access_log")
MAX_BODY: Final = 1_000_000
CLIENT_GONE: Final = 499

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SECURITY: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (b"cache-control", b"no-cache, private"),
)


class Envelope:
    """The one middleware. `services.holder` gives each request one release, from its first byte to its last."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app, self._services = app, services
        self._released: tuple[Release, tuple[tuple[bytes, bytes], ...]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with ExitStack() as stack:
            exchange = Exchange(_request_id(scope), self._acquire(stack), self._services)
            scope[Exchanged] = exchange
            await self._run(scope, exchange, receive, send)

    async def _run(self, scope: Scope, exchange: Exchange, receive: Receive, send: Send) -> None:
        began, status = perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", exchange.request_id.encode()),
                    *self._headers(exchange),
                ]
            await send(message)

        try:
            await self._app(scope, receive if scope["method"] in ("GET", "HEAD") else _limited(receive), send_with_headers)
        except ClientDisconnect:
            status = CLIENT_GONE
        except Exception:
            LOG.exception("unforeseen error", extra={"request_id": exchange.request_id, "path": scope["path"]})
            if status:  # half an answer is out: the connection is cut, so that nobody takes it for a whole one
                raise
            await respond(UNFORESEEN, scope)(scope, receive, send_with_headers)
        finally:
            _log(scope, exchange, status, perf_counter() - began)

    def _acquire(self, stack: ExitStack) -> Release | None:
        try:
            return stack.enter_context(self._services.holder.acquire())
        except NoRelease:
            return None

    def _headers(self, exchange: Exchange) -> tuple[tuple[bytes, bytes], ...]:
        """Security headers, and of which release and how old the data is, in seconds."""
        release = exchange.release
        if release is None:
            return _SECURITY
        if self._released is None or self._released[0] is not release:
            told = ((b"release-id", release.id.encode()), (b"data-as-of", utc(data_as_of(release)).encode()))
            self._released = (release, (*_SECURITY, *told))
        age = self._services.clock() - data_as_of(release)
        return (*self._released[1], (b"data-age", b"%d" % max(0, int(age.total_seconds()))))


def _request_id(scope: Scope) -> str:
    """The caller's own id if it is a plain one, so that logs of both sides meet; else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return urandom(16).hex()


def _limited(receive: Receive) -> Receive:
    """The body, refused as soon as it is longer than MAX_BODY, whatever its header says."""
    read = 0

    async def receive_counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MAX_BODY:
            raise HTTPException(413, f"the body is longer than {MAX_BODY:,} bytes", headers={"Connection": "close"})
        return message

    return receive_counted


def _log(scope: Scope, exchange: Exchange, status: int, seconds: float) -> None:
    """One line a request. The query string stays out of it: it may hold what somebody searched for."""
    if not LOG.isEnabledFor(logging.INFO):
        return
    route = scope.get("route")
    fields = {
        "request_id": exchange.request_id,
        "method": scope["method"],
        "path": scope["path"],
        "route": getattr(route, "path", None),
        "status": status,
        "milliseconds": round(seconds * 1000, 3),
        "release_id": exchange.release.id if exchange.release else None,
    }
    LOG.info("request", extra={**fields, "error_id": exchange.error_id} if exchange.error_id else fields)
