"""A session for servers that are asked over HTTP: it asks declared hosts alone, at public addresses, not too often and not too long.

Every request goes through `send`: redirects, links to next pages and token requests too. Where a name leads is looked
at when the connection stands and before a word is said, so a name that changes its mind is refused as well. Of what is
asked, and of pages, `http` decides.
"""

from __future__ import annotations

import io
import ipaddress
import json
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection

from palantir_assets.errors import SourceError
from palantir_assets.sources.raw_files import RawFiles

LARGEST: Final = 1 << 30
"""Bytes of one answer."""
TRIES: Final = 4
AGAIN: Final = (429, 500, 502, 503, 504)
"""Answers after which the same is asked again, later each time, or when `Retry-After` says."""
LONGEST_WAIT_SECONDS: Final = 60


Origin = tuple[str, str, int]
"""Scheme, host and port of a URL."""


def origin_of(url: str) -> Origin:
    """Where a URL leads. Raises ValueError for what is none.

    >>> origin_of("https://API.example.org/v1")
    ('https', 'api.example.org', 443)
    """
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").casefold(), parts.port or _PORTS.get(parts.scheme, 0)


class NotAllowed(SourceError):
    """Something points to where this source may not go; nothing was asked there."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a session may go, and how."""

    origins: frozenset[Origin]
    private: bool = False
    seconds_between: float = 0.0
    timeout_seconds: float = 30.0
    largest: int = LARGEST
    retry_after_seconds: float = 0.5


@dataclass(slots=True)
class Memory:
    """What was answered last, so that a server may say that nothing has changed."""

    kept: RawFiles
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.kept.index / "http"

    def of(self, url: str) -> Mapping[str, str]:
        """The validators and the sha256 of the last answer, or nothing if its bytes are gone."""
        try:
            told: Mapping[str, str] = json.loads(self._file(url).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return told if (self.kept.folder / told.get("sha256", "-")).is_file() else {}

    def keep(self, url: str, answer: requests.Response, body: bytes) -> None:
        """Remember an answer that carries a validator."""
        validators = {name: answer.headers[name] for name in ("ETag", "Last-Modified") if name in answer.headers}
        if validators:
            digest = self.kept.keep(io.BytesIO(body), name="answer").sha256
            self.folder.mkdir(parents=True, exist_ok=True)
            part = self._file(url).with_suffix(".part")
            part.write_text(json.dumps({**validators, "sha256": digest}), encoding="utf-8")
            part.replace(self._file(url))

    def _file(self, url: str) -> Path:
        return self.folder / f"{sha256(url.encode()).hexdigest()}.json"


class Asking(requests.Session):
    """A session within bounds. Raises NotAllowed for whatever points out of them, and SourceError for an answer that is too large."""

    def __init__(
        self,
        bounds: Bounds,
        memory: Memory | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__()
        self.trust_env = False  # no proxy and no password of this machine
        self._bounds, self._memory, self._clock, self._sleep, self._last = bounds, memory, clock, sleep, float("-inf")
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(bounds))

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """One request and its redirects."""
        url = request.url or ""
        self._allow(url)
        self._wait()
        last = self._memory.of(url) if self._memory is not None and request.method == "GET" else {}
        for name, header in (("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")):
            if name in last:
                request.headers[header] = last[name]
        options = {**options, "timeout": self._bounds.timeout_seconds, "stream": True, "proxies": {}}
        answer = super().send(request, **options)
        if answer.status_code == requests.codes.not_modified and last and self._memory is not None:
            answer.status_code, body = 200, (self._memory.kept.folder / last["sha256"]).read_bytes()
        else:
            body = self._read(answer)
            if answer.ok and self._memory is not None and request.method == "GET" and not answer.is_redirect:
                self._memory.keep(url, answer, body)
        answer._content, answer._content_consumed = body, True
        return answer

    def _allow(self, url: str) -> None:
        try:
            origin = origin_of(url)
        except ValueError as error:
            raise NotAllowed("a link that the server gave is no URL", next_step=_ADVICE) from error
        if origin not in self._bounds.origins:
            raise NotAllowed(f"the server points to {origin[0]}://{origin[1]}:{origin[2]}, which is not declared", next_step=_ADVICE)

    def _wait(self) -> None:
        left = self._last + self._bounds.seconds_between - self._clock()
        if left > 0:
            self._sleep(left)
        self._last = self._clock()

    def _read(self, answer: requests.Response) -> bytes:
        if answer._content_consumed:  # of a redirect that was followed
            return answer.content
        parts, size = [], 0
        for chunk in answer.iter_content(1 << 16):
            size += len(chunk)
            if size > self._bounds.largest:
                answer.close()
                raise SourceError(
                    f"the answer is larger than {self._bounds.largest:,} bytes", next_step="ask for less at once, by `paging`"
                )
            parts.append(chunk)
        return b"".join(parts)


class _Adapter(HTTPAdapter):
    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        again = Retry(
            TRIES, redirect=0, status_forcelist=AGAIN, allowed_methods={"GET", "POST"}, backoff_factor=bounds.retry_after_seconds,
            backoff_jitter=bounds.retry_after_seconds / 2, raise_on_status=False, retry_after_max=LONGEST_WAIT_SECONDS,
        )  # fmt: skip
        super().__init__(max_retries=again)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        if not self._bounds.private:
            self.poolmanager.pool_classes_by_scheme = {"http": _PublicPool, "https": _PublicPoolTls}


def _looked_at(connect: Callable[[Any], socket.socket]) -> Callable[[Any], socket.socket]:
    def connected(self: Any) -> socket.socket:
        sock = connect(self)
        address = ipaddress.ip_address(str(sock.getpeername()[0]).partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
        if not mapped.is_global or mapped.is_multicast:
            sock.close()
            raise NotAllowed(
                f"{self.host} leads to {address}, which is no public address; nothing was asked there",
                next_step="declare `private: true` for a server in your own network",
            )
        return sock

    return connected


class _Public(HTTPConnection):
    _new_conn = _looked_at(HTTPConnection._new_conn)  # where a connection stands before anything is said


class _PublicTls(HTTPSConnection):
    _new_conn = _looked_at(HTTPSConnection._new_conn)


class _PublicPool(HTTPConnectionPool):
    ConnectionCls = _Public


class _PublicPoolTls(HTTPSConnectionPool):
    ConnectionCls = _PublicTls


_PORTS: Final = {"http": 80, "https": 443}
_ADVICE: Final = "if it may be asked, add its host to `hosts`"
