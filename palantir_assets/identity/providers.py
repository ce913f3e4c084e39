"""What is believed of an identity provider: an ID token that is signed, whole, recent, for us and for this very sign-in.

OpenID Connect Core 1.0, 3.1.3.7. How a provider is reached is `stores.openid`'s affair.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from palantir_assets.errors import IdentityError
from palantir_assets.identity.opaque import same

ALGORITHMS: Final = ("RS256", "PS256", "ES256")
LEEWAY: Final = 60
MAX_ROLES: Final = 100

_ROLE: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")


class ProviderRefused(IdentityError):
    """An identity provider that cannot be reached, or says what cannot be believed."""

    next_step = "try again; if it stays so, see PALANTIR_OIDC_ISSUER in docs/settings.md"


@dataclass(frozen=True, slots=True)
class Person:
    """Who a provider says somebody is. `roles` is None where no claim of roles is set up."""

    issuer: str
    subject: str
    display: str
    roles: tuple[str, ...] | None


class Provider(Protocol):
    """An identity provider. Both raise ProviderRefused."""

    def begin(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """The URL to send the browser to."""
        ...

    def finish(self, *, code: str, redirect_uri: str, nonce: str, verifier: str, issuer: str | None) -> Person:
        """Who came back, for the code it came back with; `issuer` is the `iss` beside the code, if there was one (RFC 9207)."""
        ...


def person(
    id_token: str, keys: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, at: datetime, roles_claim: str | None
) -> Person:
    """Who an ID token is about. Raises ProviderRefused for one that is not to be believed."""
    try:
        token = jwt.decode(id_token, KeySet.import_key_set({"keys": list(keys["keys"])}), list(ALGORITHMS))
        registry = jwt.JWTClaimsRegistry(
            now=int(at.timestamp()),
            leeway=LEEWAY,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True},
        )
        registry.validate(token.claims)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise ProviderRefused(f"the provider's ID token is not valid ({type(error).__name__})") from error
    claims = token.claims
    subject, audience = claims["sub"], claims["aud"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or not same(str(claims["nonce"]), nonce):
        raise ProviderRefused("the provider's ID token belongs to another sign-in")
    if ((isinstance(audience, list) and len(audience) > 1) or "azp" in claims) and claims.get("azp") != client_id:
        raise ProviderRefused("the provider's ID token is for another client")
    return Person(issuer, subject, _display(claims), None if roles_claim is None else _roles(claims.get(roles_claim)))


def _display(claims: Mapping[str, Any]) -> str:
    for name in ("name", "preferred_username", "email", "sub"):
        if isinstance(claims.get(name), str) and claims[name]:
            return str(claims[name])[:200]
    return ""


def _roles(told: object) -> tuple[str, ...]:
    """Roles as a list or a text with spaces; what could be no role is left out."""
    names = told.split() if isinstance(told, str) else told if isinstance(told, list) else []
    return tuple(sorted({name for name in names[:MAX_ROLES] if isinstance(name, str) and _ROLE.fullmatch(name)}))
