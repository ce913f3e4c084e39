"""Secrets that are only ever compared: personal tokens, refresh tokens, sessions, one-time codes.

Each is random, is shown once, and is kept as its SHA-256: with 256 random bits there is nothing to slow down. The code a
person types from one screen into another is short, and lives as long as that takes. Passwords are in `passwords`.
"""

from __future__ import annotations

from base64 import b32encode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from hmac import new as new_hmac
from typing import Final

Random = Callable[[int], bytes]
"""So many random bytes, such as `os.urandom`."""

PERSONAL: Final = "pat_"
SESSION: Final = "ses_"
REFRESH: Final = "ref_"
MAX_LENGTH: Final = 128


def new_secret(prefix: str, random: Random) -> str:
    """A secret of 256 random bits behind a prefix that scanners of leaked secrets can find."""
    return prefix + urlsafe_b64encode(random(32)).rstrip(b"=").decode()


def new_user_code(random: Random) -> str:
    """Eight letters and digits to be typed: 40 random bits, such as ABCD-2345."""
    text = b32encode(random(5)).decode()
    return f"{text[:4]}-{text[4:]}"


def plain_user_code(text: str) -> str:
    """What somebody typed, as `new_user_code` spells it."""
    letters = "".join(letter for letter in text[:40].upper() if letter.isalnum())
    return f"{letters[:4]}-{letters[4:]}"


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def form_token(cookie: str) -> str:
    """What a form says back to show that it came from a page of ours: only who holds the cookie can work it out."""
    return new_hmac(cookie.encode(), b"form", "sha256").hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell how far they are."""
    return compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def proves(verifier: str, challenge: str) -> bool:
    """Whether a PKCE verifier (RFC 7636) is the one an S256 challenge was made of."""
    if not 43 <= len(verifier) <= 128 or not verifier.isascii():
        return False
    made = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return same(made, challenge)
