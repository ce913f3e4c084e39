"""Passwords: argon2id, what a new one must be, and the same time for a user who does not exist."""

from __future__ import annotations

from functools import cache
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from palantir_assets.errors import IdentityError

SHORTEST: Final = 12
LONGEST: Final = 256
AT_ONCE: Final = 4
"""Passwords hashed at the same time; each takes 64 MiB."""

_HASHING: Final = BoundedSemaphore(AT_ONCE)


class PasswordRefused(IdentityError):
    """A new password that is too short, too long or too near to the user's name."""

    next_step = f"choose another of {SHORTEST} to {LONGEST} characters"


def hashed(password: str, *, user: str) -> str:
    """The argon2id hash of a new password. Raises PasswordRefused."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordRefused(f"a password has {SHORTEST} to {LONGEST} characters")
    folded = password.casefold()
    if (user.casefold() in folded and len(password) < len(user) + SHORTEST) or len(set(folded)) < 5:
        raise PasswordRefused("this password is too easy to guess")
    with _HASHING:
        return _hasher().hash(password)


def fits(password: str, kept: str | None) -> bool:
    """Whether a password is the one kept; without one (no such user, no password) the same work is done in vain."""
    if len(password) > LONGEST:
        return False
    with _HASHING:
        try:
            return _hasher().verify(kept or _nobody(), password) and kept is not None
        except (VerificationError, InvalidHashError, UnicodeError):
            return False


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobody() -> str:
    return _hasher().hash("nobody has this password")
