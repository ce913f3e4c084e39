"""What a request must be before a route sees it: asked by a name of ours, not too long, and with a body that is read as JSON.

A web page that makes its own name point here (DNS rebinding) still says that name in `Host`, and is refused: there is no
login, so its visitors' browsers could read everything for it. How long a body may be is counted as it comes, in `middleware`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from starlette.types import Scope

from palantir_assets.serving.deps import Asked
from palantir_assets.serving.told import Told

MAX_URL: Final = 16_384
MAX_HEADERS: Final = 32_768
MAX_HEADER_COUNT: Final = 100

Admits = Callable[[bytes], bool]

_HOST: Final = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[^\s:\[\]/@,]+))(?::\d{1,5})?")
_UNSAID: Final = (b"", b"application/x-www-form-urlencoded")
_JSON: Final = (b"content-type", b"application/json")
FORMS: Final = ("/oauth/", "/sign-in", "/sign-out")
"""Where forms are read as forms: these routes prove by themselves that a form is one of ours."""


def admits(listening: str, others: Iterable[str] = ()) -> Admits:
    """A test of `Host` headers: loopback by name or address, what the API listens on, and `others`.

    Where it listens on every address (0.0.0.0), any address will do: a page can make a name point here, never an
    address. Whoever sends no Host at all is no browser, and is admitted.
    """
    names = {"localhost", *(name.lower().rstrip(".") for name in (listening, *others))}
    anywhere = listening in ("0.0.0.0", "::", "")

    @lru_cache(maxsize=64)
    def admitted(header: bytes) -> bool:
        if not header:
            return True
        found = _HOST.fullmatch(header.decode("latin-1").lower())
        if found is None:
            return False
        name = (found["six"] or found["name"]).rstrip(".")
        return name in names or name.endswith(".localhost") or _is_address_of_ours(name, anywhere=anywhere)

    return admitted


def refusal(scope: Scope, asked: Asked, admitted: Admits) -> Told | None:
    """Requests to another name, and those whose first lines are too long."""
    if not admitted(asked.host):
        shown = asked.host.decode("latin-1")[:100]
        step = "ask by 127.0.0.1 or localhost, or name the host in PALANTIR_ALLOWED_HOSTS and start the API again"
        return Told(421, "HostNotAllowed", f"nothing is served under the name {shown!r}", step)
    length = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
    if length > MAX_URL:
        return Told(
            414, "RequestUriTooLong", f"the URL has {length:,} bytes and may have {MAX_URL:,}", "ask with POST, or for less at once"
        )
    if asked.size > MAX_HEADERS or asked.count > MAX_HEADER_COUNT:
        limits = f"{MAX_HEADER_COUNT} headers of {MAX_HEADERS:,} bytes in all are read, not {asked.count} of {asked.size:,}"
        return Told(431, "RequestHeadersTooLarge", limits, "send fewer headers")
    return None


def with_json_body(scope: Scope, content_type: bytes) -> Scope:
    """The request, its body said to be JSON where its sender said nothing, or what curl says unless it is told otherwise.

    Every body is JSON, but under FORMS. To take it without that header means that a form on any web page can send one: who
    is known by a cookie must show a form token as well (`identified`), which no other page can.
    """
    if scope["path"].startswith(FORMS):
        return scope
    if content_type.partition(b";")[0].strip().lower() not in _UNSAID:
        return scope
    return {**scope, "headers": [*(header for header in scope["headers"] if header[0] != b"content-type"), _JSON]}


def _is_address_of_ours(name: str, *, anywhere: bool) -> bool:
    try:
        address = ip_address(name)
    except ValueError:
        return False
    return anywhere or address.is_loopback
