"""What every request goes through, once: an id, one release, its caller, headers, limits, a log line, a last resort.

Pure ASGI, one layer, no request objects: a hot route pays some ten microseconds for it. HEAD is answered
wherever GET is. Which requests are let in is decided in `admitting`; how an answer is tagged, and a caller told
that he holds it already, in `conditional`; how it is compressed, in `encoding`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from itertools import count
from os import urandom
from time import perf_counter
from typing import Final

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from palantir_assets.access.principal import Principal
from palantir_assets.access.views import View, on_record
from palantir_assets.engine.visibility import seen_by, view_key
from palantir_assets.errors import NoRelease, PalantirError, QueryError
from palantir_assets.observability import tell
from palantir_assets.query.tokens import PageToken
from palantir_assets.release.editing import Opened
from palantir_assets.release.reading import Release
from palantir_assets.serving.admitting import Admits, refusal, with_json_body
from palantir_assets.serving.conditional import program, tag_of_release
from palantir_assets.serving.deps import Asked, Exchange, Exchanged, Services, data_as_of, utc
from palantir_assets.serving.errors import UNFORESEEN, respond, told
from palantir_assets.serving.following_edits import EditsBehind
from palantir_assets.serving.limiting import Limiter
from palantir_assets.serving.outgoing import Headers, Outgoing
from palantir_assets.serving.parameters import wanted_edit
from palantir_assets.serving.recognising import Awaited, anonymous
from palantir_assets.serving.turning import page_turned

LOG: Final = logging.getLogger("palantir_assets.access_log")
MAX_BODY: Final = 1_000_000
CLIENT_GONE: Final = 499
_LONGEST_NUMBER: Final = 19

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_ALWAYS: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (b"cache-control", b"no-cache, private"),
    (b"vary", b"Accept, Accept-Encoding, Accept-Language, Authorization, Cookie"),
)
_HEEDED: Final = frozenset((b"x-request-id", b"accept-encoding", b"if-none-match", b"accept", b"accept-language", b"host", b"content-type"))


class Envelope:
    """The one middleware. `services.holder` gives each request one release, from its first byte to its last.

    Who goes on reading the pages of an older release, while it is still open, is given that one.
    """

    def __init__(self, app: ASGIApp, services: Services, admitted: Admits, limiter: Limiter | None = None) -> None:
        self._app, self._services, self._admitted, self._limiter = app, services, admitted, limiter
        self._awaited = services.recognises if isinstance(services.recognises, Awaited) else None
        self._served: _Served | None = None
        self._new_ids = _new_ids()
        program()  # reads this program's sources, once, and not while a request waits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        page: PageToken | None = None
        if self._services.holder.keeps_older or self._services.edits.any_edits:
            page, receive = await page_turned(scope, receive, at_most=MAX_BODY)
        late = await self._late(scope)
        held = self._services.holder.acquire(None if page is None else page.release)
        try:
            release = held.__enter__()
        except NoRelease:
            await self._answer(scope, receive, send, None, late)
            return
        try:
            await self._answer(scope, receive, send, self._of(await self._as_of(release, page)), late)
        finally:
            held.__exit__(None, None, None)

    async def _late(self, scope: Scope) -> PalantirError | None:
        """Why the caller cannot be given the edit that the answer must have, if it must have one."""
        wanted = wanted_edit(scope)
        if wanted is None:
            return None
        if not (wanted.isascii() and wanted.isdigit() and len(wanted) < _LONGEST_NUMBER):
            return QueryError("Min-Edit-No: the number of an edit is needed, as in `Min-Edit-No: 17`, or `minEditNo=17` in the URL")
        try:
            await self._services.edits.caught_up(int(wanted))
        except EditsBehind as error:
            return error
        return None

    async def _as_of(self, release: Release, page: PageToken | None) -> Opened:
        """The release with the newest edits, or for a further page with those of the first where they can still be had."""
        edits = self._services.edits
        if page is None or page.release != release.id or edits.has(release.id, page.edit_no):
            return edits.over(release, None if page is None or page.release != release.id else page.edit_no)
        try:
            return await to_thread.run_sync(edits.remade, release, page.edit_no)
        except PalantirError:
            return edits.over(release)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, served: _Served | None, late: PalantirError | None = None) -> None:
        began, asked, method = perf_counter(), _asked(scope["headers"]), scope["method"]
        if method == "HEAD":  # answered as GET, and sent without its body
            scope = {**scope, "method": "GET"}
        elif method == "POST":
            scope = with_json_body(scope, asked.content_type)
        exchange = Exchange(self._request_id(asked), None, self._services, None, asked)
        if served is not None:
            exchange.release = served.release
        scope[Exchanged] = exchange
        headers = served.headers(self._services) if served else _ALWAYS
        outgoing = Outgoing(scope, exchange, send, headers, method)
        status = CLIENT_GONE
        try:
            await self._run(scope, receive, exchange, outgoing, late)
            status = outgoing.status
        except ClientDisconnect:
            pass
        except BaseException:
            status = outgoing.status
            raise
        finally:
            if self._limiter is not None:
                self._limiter.charge(scope, exchange, (outgoing.begun_at or perf_counter()) - began)
            took = perf_counter() - began
            self._services.traffic.count(scope, method, status, took)
            _log(scope, method, exchange, status, took)

    async def _run(self, scope: Scope, receive: Receive, exchange: Exchange, outgoing: Outgoing, late: PalantirError | None) -> None:
        """The app's answer, or the one to what nobody foresaw."""
        try:
            refused = refusal(scope, exchange.asked, self._admitted) or (None if late is None else told(late, scope))
            await self._recognise(scope, exchange)
            if refused is None and self._limiter is not None:
                refused = self._limiter.refusal(scope, exchange)
            app = respond(refused, scope) if refused else self._app
            await app(scope, receive if scope["method"] == "GET" else _limited(receive), outgoing.send)
            if (error := outgoing.kept_back) is not None:
                LOG.error("an answer was kept back: %s", error, extra={"request_id": exchange.request_id, "path": scope["path"]})
                outgoing.kept_back = None
                await respond(told(error, scope) or UNFORESEEN, scope)(scope, receive, outgoing.send)
        except ClientDisconnect:
            raise
        except Exception:
            LOG.exception("unforeseen error", extra={"request_id": exchange.request_id, "path": scope["path"]})
            if outgoing.begun:  # half an answer is out: the connection is cut, so that nobody takes it for a whole one
                raise
            await respond(UNFORESEEN, scope)(scope, receive, outgoing.send)

    async def _recognise(self, scope: Scope, exchange: Exchange) -> None:
        """The caller, and what the caller may see; or why neither is known, which a public route need not mind."""
        try:
            if self._awaited is not None:
                await self._awaited.make_ready(scope)
            exchange.principal = self._services.recognises.recognise(scope)
            if (release := exchange.release) is None:
                return
            principal = exchange.principal = exchange.principal or anonymous(release.access)
            if principal is not None:
                exchange.view = on_record(await _seen(principal, release))
                exchange.tag = tag_of_release(f"{release.id}-{release.edit_no}", exchange.view.signature, exchange.asked.varying)
        except PalantirError as error:
            exchange.refused = error

    def _of(self, release: Opened) -> _Served:
        if self._served is None or self._served.release is not release:
            self._served = _Served(release)
        return self._served

    def _request_id(self, asked: Asked) -> str:
        """The caller's own id if it is a plain one, so that logs of both sides meet; else a new one."""
        given = asked.request_id
        return given.decode() if given and _REQUEST_ID.fullmatch(given) else next(self._new_ids)


class _Served:
    """What every answer out of a release says, made once."""

    __slots__ = ("_as_of", "_headers", "release")

    def __init__(self, release: Opened) -> None:
        self.release, self._as_of = release, data_as_of(release)
        self._headers = (
            *_ALWAYS, (b"release-id", release.id.encode()), (b"data-as-of", utc(self._as_of).encode()),
            (b"edit-no", b"%d" % release.edit_no), (b"edits-folded", b"%d" % release.manifest.edit_watermark),
        )  # fmt: skip

    def headers(self, services: Services) -> Headers:
        """Security headers, and of which release and how old the data is, in seconds."""
        age = int((services.clock() - self._as_of).total_seconds())
        return (*self._headers, (b"data-age", b"%d" % max(0, age)))


async def _seen(principal: Principal, release: Opened) -> View:
    """The caller's view: kept, or made in a thread, since row rules may take a while."""
    if release.memory.holds(view_key(principal)):
        return seen_by(principal, release)
    return await to_thread.run_sync(seen_by, principal, release)


def _asked(headers: Iterable[tuple[bytes, bytes]]) -> Asked:
    size, number = 0, 0
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        size += len(name) + len(value)
        number += 1
        if name in _HEEDED:
            found[name] = found[name] + b"," + value if name in found else value
    get = found.get
    varying = get(b"accept", b"") + b"\n" + get(b"accept-language", b"")
    return Asked(
        get(b"x-request-id", b""), get(b"accept-encoding", b""), get(b"if-none-match", b""), varying, size, number,
        get(b"host", b""), get(b"content-type", b""),
    )  # fmt: skip


def _new_ids() -> Iterator[str]:
    """Ids that no other process gives: random at the front, counted at the end."""
    front, numbers = urandom(10).hex(), count(1)
    while True:
        yield f"{front}{next(numbers):012x}"


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


def _log(scope: Scope, method: str, exchange: Exchange, status: int, seconds: float) -> None:
    """One line a request. The query string stays out of it: it may hold what somebody searched for."""
    if not LOG.isEnabledFor(logging.INFO):
        return
    fields = {
        "request_id": exchange.request_id,
        "method": method,
        "path": scope["path"],
        "route": getattr(scope.get("route"), "path", None),
        "status": status,
        "milliseconds": round(seconds * 1000, 3),
        "release_id": exchange.release.id if exchange.release else None,
    }
    if exchange.error_id:
        fields["error_id"] = exchange.error_id
    tell(LOG, "request", fields)
