"""Values that only the holder of an object's key can read: AES-256-GCM, bound to the place where they stand.

An object's key is wrapped by a master key, which lies in a file outside the database. What several objects are told
of in is sealed under all their keys at once: without one of them it cannot be read. Where keys are kept is decided in
`object_keys`, what is sealed in `personal`.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from palantir_assets.errors import LedgerError
from palantir_assets.stores.audit_chain import canonical
from palantir_assets.stores.audit_key import AuditKey
from palantir_assets.stores.edit_rows import Subject

MARK: Final = "$sealed"
NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32

Json = Any
Random = Callable[[int], bytes]
Place = Sequence[str | int]
"""Where a sealed value stands; it cannot be read anywhere else."""


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """The key of one object. Its text never shows the secret."""

    subject: Subject
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Master:
    """The key that wraps the keys of objects; `key_id` names it without telling it."""

    key_id: str
    secret: bytes = field(repr=False)


def master_of(key: AuditKey) -> Master:
    """The master key that a key file holds."""
    return Master(key.key_id, _derived(key.secret, b"palantir object keys"))


def pseudonym_of(master: Master, text: str) -> str:
    """What stands for a text wherever it may not stand itself: always the same, and nobody without the key can tell whose."""
    return f"•••{hmac.digest(_derived(master.secret, b'palantir pseudonyms'), text.encode(), 'sha256').hex()[:32]}"


def new_key(master: Master, subject: Subject, random: Random = os.urandom) -> tuple[ObjectKey, bytes]:
    """A fresh key of an object, and how it is kept."""
    secret = random(KEY_BYTES)
    nonce = random(NONCE_BYTES)
    return ObjectKey(subject, secret), nonce + AESGCM(master.secret).encrypt(nonce, secret, _bytes(subject))


def unwrapped(master: Master, subject: Subject, wrapped: bytes) -> ObjectKey:
    """The key of an object as it was kept. Raises LedgerError if it is not what this master key wrapped for this object."""
    try:
        secret = AESGCM(master.secret).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _bytes(subject))
    except InvalidTag:
        raise LedgerError(
            f"the key of {subject[0]} {subject[1]!r} cannot be read", next_step="`palantir ledger verify` looks at the ledger"
        ) from None
    return ObjectKey(subject, secret)


def sealed(value: Json, keys: Sequence[ObjectKey], place: Place, random: Random = os.urandom) -> str:
    """A JSON value as base64, readable with all these keys and at this place alone. `keys` may not be empty."""
    nonce = random(NONCE_BYTES)
    return base64.b64encode(nonce + _cipher(keys).encrypt(nonce, canonical(value).encode(), _bytes(place))).decode()


def opened(box: str, keys: Sequence[ObjectKey], place: Place) -> Json:
    """The value that `sealed` sealed. Raises LedgerError if it was changed, or stood elsewhere."""
    try:
        raw = base64.b64decode(box, validate=True)
        return json.loads(_cipher(keys).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bytes(place)))
    except (InvalidTag, ValueError):
        where = "/".join(map(str, place))
        raise LedgerError(f"a sealed value at {where} was changed after it was written", next_step="run `palantir ledger verify`") from None


def is_sealed(value: Json) -> bool:
    """Whether a value is a mark with what was sealed."""
    return isinstance(value, Mapping) and MARK in value


def _cipher(keys: Sequence[ObjectKey]) -> AESGCM:
    if len(keys) == 1:
        return AESGCM(keys[0].secret)
    together = b"".join(key.secret for key in sorted(keys, key=lambda key: key.subject))
    return AESGCM(_derived(together, b"palantir several objects"))


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose).derive(secret)


def _bytes(place: Place) -> bytes:
    return canonical(list(place)).encode()
