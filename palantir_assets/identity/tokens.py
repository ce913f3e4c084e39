"""Access tokens (RFC 9068): made, and checked to the last claim.

A token says who it is for, for which client, and with which scopes. It never says which roles somebody has: those
are looked up at every request. Whether a token was revoked is asked by `serving.identified`, under the role version.
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError

from palantir_assets.errors import IdentityError
from palantir_assets.identity.keys import ALGORITHM, SigningKeys

TYPE: Final = "at+jwt"
LIFE: Final = 600
"""Seconds an access token lives, and the most that is believed of one."""
LEEWAY: Final = 30
"""Seconds that clocks may differ."""
MAX_LENGTH: Final = 4096
MAX_TEXT: Final = 255
MAX_REMEMBERED: Final = 10_000

_HEADER: Final = frozenset({"alg", "typ", "kid"})
_TEXTS: Final = ("iss", "aud", "sub", "client_id", "jti", "sid")
_LAST_TIME: Final = 2**40


class TokenRefused(IdentityError):
    """A token that is not taken. The reason is for a test and for nobody else: a caller hears that it is not valid."""

    next_step = "sign in again, or make a new token with `palantir token create`"


@dataclass(frozen=True, slots=True)
class Access:
    """What a checked token says. Times are whole seconds since 1970, UTC. `family` names the sign-in it came from."""

    subject: str
    client_id: str
    token_id: str
    family: str
    scopes: frozenset[str]
    issued_at: int
    expires_at: int
    authenticated_at: int
    key_id: str


class Tokens:
    """Makes and checks the access tokens of one issuer for one audience. Safe to share between threads."""

    def __init__(self, issuer: str, audience: str, keys: SigningKeys, clock: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self.issuer, self.audience, self.keys = issuer, audience, keys
        self._clock, self._new_id = clock, new_id
        self._remembered: dict[bytes, Access] = {}

    def issue(self, *, subject: str, client_id: str, family: str, scopes: frozenset[str], authenticated_at: datetime) -> str:
        """A signed token that lives LIFE seconds."""
        at = int(self._clock().timestamp())
        claims = {
            "iss": self.issuer, "aud": self.audience, "sub": subject, "client_id": client_id, "iat": at, "exp": at + LIFE,
            "jti": self._new_id(), "sid": family, "scope": " ".join(sorted(scopes)), "auth_time": int(authenticated_at.timestamp()),
        }  # fmt: skip
        signing = self.keys.current
        return jwt.encode({"alg": ALGORITHM, "typ": TYPE, "kid": signing.id}, claims, signing.key, [ALGORITHM])

    def verify(self, text: str) -> Access:
        """What the token says. Raises TokenRefused for any token that is not one of ours and in its time.

        A token seen before costs one hash: its times and its key are looked at again each time.
        """
        if len(text) > MAX_LENGTH or not text.isascii():
            raise TokenRefused("too long, or not of plain characters")
        now, digest = self._clock(), sha256(text.encode("ascii")).digest()
        access = self._remembered.get(digest)
        if access is None:
            access = self._checked(text, now)
            while len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)), None)
            self._remembered[digest] = access
        if now.timestamp() >= access.expires_at + LEEWAY or access.issued_at > now.timestamp() + LEEWAY:
            raise TokenRefused("not in its time")
        if access.key_id != self.keys.current.id and self.keys.verifying(access.key_id, now) is None:
            raise TokenRefused("its key is no longer taken")
        return access

    def _checked(self, text: str, now: datetime) -> Access:
        parts = text.split(".")
        if len(parts) != 3:
            raise TokenRefused("not three parts")
        header, claims = _json(_bytes(parts[0])), _json(_bytes(parts[1]))
        _bytes(parts[2])
        if set(header) != _HEADER or header["alg"] != ALGORITHM or header["typ"] != TYPE:
            raise TokenRefused("another kind of token")
        key = self.keys.verifying(header["kid"], now) if isinstance(header["kid"], str) else None
        if key is None:
            raise TokenRefused("signed with a key that is not ours")
        try:
            jwt.decode(text, key.key, [ALGORITHM])
        except (JoseError, ValueError) as error:
            raise TokenRefused("not signed by us") from error
        return self._said(claims, key.id, int(now.timestamp()))

    def _said(self, claims: Mapping[str, object], key_id: str, now: int) -> Access:
        issuer, audience, subject, client, token_id, family = (_text(claims, name) for name in _TEXTS)
        if issuer != self.issuer or audience != self.audience:
            raise TokenRefused("of another issuer, or for another audience")
        issued, expires, authenticated = (_time(claims, name) for name in ("iat", "exp", "auth_time"))
        if not 0 < expires - issued <= LIFE or issued > now + LEEWAY or authenticated > issued + LEEWAY:
            raise TokenRefused("with times that do not hold together")
        if "nbf" in claims and _time(claims, "nbf") > now + LEEWAY:
            raise TokenRefused("not yet valid")
        scopes = claims.get("scope")
        if not isinstance(scopes, str):
            raise TokenRefused("without scopes")
        return Access(subject, client, token_id, family, frozenset(scopes.split()), issued, expires, authenticated, key_id)


def _bytes(part: str) -> bytes:
    """Base64url in its one spelling: no padding, no stray bits, no other alphabet."""
    try:
        found = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (ValueError, binascii.Error) as error:
        raise TokenRefused("not base64url") from error
    if urlsafe_b64encode(found).rstrip(b"=").decode() != part:
        raise TokenRefused("not base64url as it is written")
    return found


def _json(data: bytes) -> dict[str, object]:
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise TokenRefused("not JSON") from error
    if not isinstance(found, dict):
        raise TokenRefused("not a JSON object")
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no JSON")


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        raise TokenRefused(f"without a proper {name}")
    return value


def _time(claims: Mapping[str, object], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or not 0 < value < _LAST_TIME:
        raise TokenRefused(f"without a proper {name}")
    return value
