"""The keys that sign access tokens: one signs, those before it verify until their last token is gone.

ES256 only. Where keys lie is decided in `stores.signing_keys`; what is signed with them, in `tokens`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from joserfc.jwk import ECKey

from palantir_assets.errors import SettingsError

ALGORITHM: Final = "ES256"
KEPT: Final = timedelta(minutes=11)
"""How long a retired key verifies: the life of an access token, and the leeway of clocks."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key under its RFC 7638 thumbprint. `retired_at` is when another one took over."""

    id: str
    made_at: datetime
    key: ECKey = field(repr=False)
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The key that signs and those that still verify."""

    current: SigningKey
    previous: tuple[SigningKey, ...] = ()

    def verifying(self, key_id: str, at: datetime) -> SigningKey | None:
        """The key of that id, if tokens signed with it are taken at that time."""
        return next((key for key in self.live(at) if key.id == key_id), None)

    def live(self, at: datetime) -> tuple[SigningKey, ...]:
        """Every key whose tokens are taken at that time, the signing one first."""
        kept = (key for key in self.previous if key.retired_at is not None and at < key.retired_at + KEPT)
        return (self.current, *kept)

    def public(self, at: datetime) -> dict[str, object]:
        """The JWKS document (RFC 7517): public parts only."""
        return {"keys": [_public(key) for key in self.live(at)]}


def new_key(at: datetime) -> SigningKey:
    """A fresh P-256 key."""
    key = ECKey.generate_key("P-256")
    return SigningKey(key.thumbprint(), at, key)


def rolled(keys: SigningKeys, at: datetime) -> SigningKeys:
    """A new key signs; the one before it verifies until its tokens are gone; older ones are dropped."""
    retired = SigningKey(keys.current.id, keys.current.made_at, keys.current.key, at)
    return SigningKeys(new_key(at), (retired, *keys.live(at)[1:]))


def written(keys: SigningKeys) -> str:
    """The keys, private parts included, as JSON for a file that only its owner reads."""
    return json.dumps({"keys": [_private(key) for key in (keys.current, *keys.previous)]}, indent=1)


def read(text: str) -> SigningKeys:
    """What `written` wrote. Raises SettingsError for anything else, without showing it."""
    try:
        found = [_key(each) for each in json.loads(text)["keys"]]
        return SigningKeys(found[0], tuple(found[1:]))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise SettingsError(
            f"the file of signing keys cannot be read ({type(error).__name__})",
            next_step="restore it from a backup, or remove it: everybody signs in again",
        ) from None


def _public(key: SigningKey) -> dict[str, object]:
    return {**key.key.as_dict(private=False), "kid": key.id, "alg": ALGORITHM, "use": "sig"}


def _private(key: SigningKey) -> dict[str, object]:
    retired = key.retired_at.isoformat() if key.retired_at else None
    return {"made_at": key.made_at.isoformat(), "retired_at": retired, "jwk": key.key.as_dict(private=True)}


def _key(told: Mapping[str, object]) -> SigningKey:
    jwk, retired = told["jwk"], told["retired_at"]
    if not isinstance(jwk, dict):
        raise TypeError
    key = ECKey.import_key(jwk)
    return SigningKey(
        key.thumbprint(), datetime.fromisoformat(str(told["made_at"])), key, datetime.fromisoformat(str(retired)) if retired else None
    )
