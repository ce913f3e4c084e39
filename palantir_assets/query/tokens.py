"""Page tokens: where the next page begins, in which release, and of which question.

A token is opaque to its bearer and holds no secret: it is base64 of canonical JSON, checked on the way
in as any input is. A release never changes, nor does one with edits up to a number: a token pins both, so its offset is stable.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from typing import Final

from palantir_assets.errors import QueryError

_MAX_LENGTH: Final = 512
_MAX_OFFSET: Final = 2**31


class InvalidToken(QueryError):
    """A page token that is damaged, of another question, or of a release no longer held. `token` is its text."""

    next_step = "ask for the first page again, without a page token"

    def __init__(self, message: str, token: PageToken | str) -> None:
        self.token = token if isinstance(token, str) else write_token(token)
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class PageToken:
    """`release` and `query` are ids; `offset` counts rows already given, as of the edit `edit_no`."""

    release: str
    query: str
    offset: int
    edit_no: int = 0


def write_token(token: PageToken) -> str:
    """The token as text, safe in a URL."""
    return base64.urlsafe_b64encode(json.dumps(asdict(token), separators=(",", ":"), sort_keys=True).encode()).decode().rstrip("=")


def read_token(text: str) -> PageToken:
    """The token that `write_token` wrote. Raises InvalidToken for any other text."""
    try:
        if len(text) > _MAX_LENGTH:
            raise ValueError("too long")
        token = PageToken(**json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)))
        if not _well_formed(token):
            raise ValueError("not a token")
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise InvalidToken("this page token was not made here", text) from None
    return token


def _well_formed(token: PageToken) -> bool:
    counted = all(type(number) is int and number >= 0 for number in (token.offset, token.edit_no)) and token.offset <= _MAX_OFFSET
    return counted and isinstance(token.release, str) and isinstance(token.query, str)
