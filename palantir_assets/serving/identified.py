"""Who asks, from what a request carries: a token in its `Authorization`, or the cookie of a browser that signed in.

Looked up under the role version, which is read at every request: what is granted, revoked or disabled anywhere holds
from the next request on. A bad credential is refused; one that is absent is None, and what that may see is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from starlette.types import Scope

from palantir_assets.access.principal import Principal
from palantir_assets.identity import opaque
from palantir_assets.identity.accounts import SCOPES, Credential
from palantir_assets.identity.keys import SigningKeys
from palantir_assets.identity.ports import Credentials, Identities
from palantir_assets.identity.tokens import TokenRefused, Tokens
from palantir_assets.serving.admitting import FORMS
from palantir_assets.serving.recognising import Unauthorized
from palantir_assets.settings import DAGSTER_PREFIX

K = TypeVar("K")
V = TypeVar("V")

STANDING: Final = "palantir.standing"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_REMEMBERED: Final = 10_000
TOUCHED: Final = timedelta(hours=1)
"""How stale the last use of a personal token may be told."""

BY_ORIGIN: Final = (f"{DAGSTER_PREFIX}/",)
"""Whose pages are not ours and know no form token: their origin is all that they can show, and must."""

_READ: Final = "palantir.role_version"
_IN_QUERIES: Final = frozenset({"access_token", "token", "id_token", "refresh_token", "authorization", "api_key"})
_READING: Final = ("/api/v2/ontologies/", "/api/platform/v1/graph", "/api/platform/v1/search")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller is known: by which credential, and for what it is good. `credential` is None for an access token."""

    principal: Principal
    scopes: frozenset[str]
    family: str
    credential: Credential | None = None

    @property
    def in_person(self) -> bool:
        """Whether somebody sits before a browser: a token does not make tokens."""
        return self.credential is not None and self.credential.kind == "session"


class Identified:
    """Recognises callers over stores, tokens and a clock. For the event loop: what it remembers has no lock."""

    def __init__(
        self,
        identities: Identities,
        credentials: Credentials,
        tokens: Tokens,
        clock: Callable[[], datetime],
        *,
        public_url: str,
        load_keys: Callable[[], SigningKeys] | None = None,
        touch: Callable[[str], None] | None = None,
        version_aside: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        """`version_aside` reads the role version without holding the event loop, where that takes longer than some microseconds."""
        self._identities, self._credentials, self._tokens, self._clock = identities, credentials, tokens, clock
        self._public_url, self._load_keys, self._touch, self._version_aside = public_url, load_keys, touch, version_aside
        self._version = -1
        self._held: dict[str, tuple[Credential, Principal]] = {}
        self._families: dict[tuple[str, str], tuple[Credential, Principal]] = {}

    async def make_ready(self, scope: Scope) -> None:
        """Wait for the role version that the next `recognise` of this request goes by. Raises LedgerError."""
        if self._version_aside is not None and any(name in (b"authorization", b"cookie") for name, _ in scope["headers"]):
            scope[_READ] = await self._version_aside()

    def recognise(self, scope: Scope) -> Principal | None:
        """Who asks; None where nothing says so. Raises Unauthorized for what is not taken, LedgerError without a ledger.

        The standing is left in the scope, for routes that ask how the caller is known.
        """
        standing = self.standing(scope)
        if standing is None:
            return None
        scope[STANDING] = standing
        needed = needed_scope(scope)
        if needed not in standing.scopes:
            step = f"ask for a token with that scope: `palantir token create NAME --scope read --scope {needed}`, or the scope of a sign-in"
            raise Unauthorized(f"this token is not for {needed}: it lacks the scope", forbidden=True, next_step=step)
        return standing.principal

    def standing(self, scope: Scope) -> Standing | None:
        """How the caller is known, whatever the credential is good for. Raises as `recognise`."""
        version = scope.pop(_READ, None)
        if scope["query_string"]:
            _no_token_in(scope["query_string"])
        authorization, cookie, proof, origin = _carried(scope["headers"])
        if authorization is not None:
            self._follow(version)
            return self._by_token(authorization)
        if cookie is None or scope["path"].startswith(FORMS):
            return None  # forms of a sign-in ask for the session themselves
        return self._by_cookie(scope, self.session(cookie, version=version), (cookie, proof, origin))

    def session(self, cookie: str, *, version: int | None = None) -> Standing | None:
        """Who signed in with the browser that brings this cookie; None where that has ended: he is nobody, and may sign in."""
        self._follow(version)
        try:
            held, principal = self._holding(cookie, personal=False)
        except Unauthorized:
            return None
        return Standing(principal, frozenset(SCOPES), held.family, held)

    def _follow(self, version: int | None) -> None:
        """Forget everything as soon as anything has changed. A version counts for the request that it was read for, and once."""
        version = self._identities.version() if version is None else version
        if version != self._version:
            self._held.clear()
            self._families.clear()
            if self._load_keys is not None:
                self._tokens.keys = self._load_keys()
            self._version = version

    def _by_token(self, authorization: str) -> Standing:
        kind, _, text = authorization.partition(" ")
        if kind.lower() != "bearer" or not text:
            raise Unauthorized("only `Authorization: Bearer …` is read")
        if text.startswith(opaque.PERSONAL):
            held, principal = self._holding(text, personal=True)
            return Standing(principal, frozenset(held.scopes.split()), held.family, held)
        try:
            access = self._tokens.verify(text)
        except TokenRefused as error:
            raise Unauthorized("the access token is not valid") from error
        known = self._families.get((access.family, access.subject)) or self._begun(access.family, access.subject)
        if not known[0].lives(self._clock()):
            raise Unauthorized("the access token is not valid")
        return Standing(known[1], access.scopes & frozenset(known[0].scopes.split()), access.family)

    def _begun(self, family: str, subject: str) -> tuple[Credential, Principal]:
        """The sign-in of a family and whose it is: alive, of the same subject, and of somebody who is not disabled."""
        grant = self._credentials.family(family)
        principal = self._identities.principal(subject)
        if grant is None or principal is None or grant.subject != subject or grant.revoked_at is not None:
            raise Unauthorized("the access token is not valid")
        _remember(self._families, (family, subject), (grant, principal))
        return grant, principal

    def _by_cookie(self, scope: Scope, found: Standing | None, shown: tuple[str, str, str | None]) -> Standing | None:
        """A cookie comes along whoever made the browser ask: what changes anything must show that a page of ours did."""
        cookie, proof, origin = shown
        safe = scope["type"] == "http" and scope["method"] in SAFE
        if found is None or (safe and origin is None):
            return found
        if origin not in self._origins(scope):
            raise Unauthorized("a page of another origin may not ask with this browser's cookie", forbidden=True)
        enough = safe or scope["type"] != "http" or scope["path"].startswith(BY_ORIGIN)
        if not enough and not opaque.same(proof, opaque.form_token(cookie)):
            raise Unauthorized("a request with a cookie that changes something needs X-CSRF-Token", forbidden=True)
        return found

    def _holding(self, secret: str, *, personal: bool) -> tuple[Credential, Principal]:
        if len(secret) > opaque.MAX_LENGTH:
            raise Unauthorized("the credential is not valid")
        digest = opaque.digest(secret)
        found = self._held.get(digest) or self._looked_up(digest, personal=personal)
        if not found[0].lives(self._clock()) or (found[0].kind == "pat") != personal:
            raise Unauthorized("the credential is not valid")
        return found

    def _looked_up(self, digest: str, *, personal: bool) -> tuple[Credential, Principal]:
        held, now = self._credentials.find(digest, "pat" if personal else "session"), self._clock()
        principal = self._identities.principal(held.subject) if held and held.lives(now) else None
        if held is None or principal is None:
            raise Unauthorized("the credential is not valid")
        if personal and self._touch and (held.used_at is None or now - held.used_at > TOUCHED):
            self._touch(digest)
        _remember(self._held, digest, (held, principal))
        return held, principal

    def _origins(self, scope: Scope) -> tuple[str, str]:
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
        return self._public_url, f"{scheme}://{host}"


def needed_scope(scope: Scope) -> str:
    """What a token must be for to ask this: reading, writing, or one's own account. What is not known to read, writes."""
    path = scope["path"]
    if path.startswith("/api/platform/v1/me"):
        return "account" if scope.get("method", "GET") not in SAFE else "read"
    reads = scope.get("method", "GET") in SAFE or (path.startswith(_READING) and "/actions" not in path)
    return "read" if reads else "write"


def cookie_name(public_url: str) -> str:
    """Behind https a name that browsers take from this very host only."""
    return "__Host-palantir_session" if public_url.startswith("https://") else "palantir_session"


def _remember(kept: dict[K, V], key: K, value: V) -> None:
    while len(kept) >= MAX_REMEMBERED:
        kept.pop(next(iter(kept)))
    kept[key] = value


def _carried(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str | None, str | None, str, str | None]:
    """Authorization, session cookie, form token and origin. Raises Unauthorized where a credential stands twice."""
    found: dict[bytes, str] = {}
    for name, value in headers:
        if name in (b"authorization", b"cookie", b"x-csrf-token", b"origin"):
            if name in found and name != b"cookie":
                raise Unauthorized(f"more than one {name.decode()} header")
            found[name] = f"{found[name]}; {value.decode('latin-1')}" if name in found else value.decode("latin-1")
    cookies = [part.strip().partition("=") for part in found.get(b"cookie", "").split(";")]
    sessions = [value for name, _, value in cookies if name in ("palantir_session", "__Host-palantir_session")]
    if len(sessions) > 1:
        raise Unauthorized("more than one session cookie")
    return found.get(b"authorization"), sessions[0] if sessions else None, found.get(b"x-csrf-token", ""), found.get(b"origin")


def _no_token_in(query: bytes) -> None:
    """A URL is logged by everybody it passes: a token in one is lost. What could not hold such a name is not taken apart."""
    folded = query.lower()
    if not any(word in folded for word in (b"token=", b"authorization=", b"api_key=", b"%")):
        return
    for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name.lower() in _IN_QUERIES:
            raise Unauthorized("a token in a URL is not read, and is no secret any more: revoke it, and send it in Authorization")
