"""Pages of every list: how many at once, and the cursor to the next.

Foundry's defaults: 1,000 objects, 500 types; a size larger than the largest page is cut to it, and one that
is not positive is refused. Lists of metadata are cut here; pages of objects, in `engine`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Query

from palantir_assets.errors import NotFound, QueryError
from palantir_assets.names import fingerprint
from palantir_assets.query.tokens import InvalidToken, PageToken, read_token, write_token
from palantir_assets.release.editing import Opened

OBJECTS_AT_ONCE: Final = 1_000
MAX_OBJECTS: Final = 10_000
TYPES_AT_ONCE: Final = 500
MAX_BATCH: Final = 100

Item = TypeVar("Item")


class InvalidPageSize(QueryError):
    """A page of no objects, or of fewer."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"pageSize: at least 1, not {size}")


class BatchTooLarge(QueryError):
    """A batch of more parts than are answered at once, or of none."""

    most = MAX_BATCH

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"requests: between 1 and {MAX_BATCH}, not {size}")


class NotLinked(NotFound):
    """An object that does not exist, or is not linked to the one at hand by that link."""

    def __init__(self, link: str, object_type: str, key: str) -> None:
        self.link = link
        super().__init__(object_type, key)


@dataclass(frozen=True, slots=True)
class Asked:
    """`pageSize` and `pageToken` of a request."""

    size: int | None
    token: str | None


def checked_size(size: int | None, *, default: int = OBJECTS_AT_ONCE, most: int = MAX_OBJECTS) -> int:
    """How many to give: the default, or what is asked for, but never more than the most.

    >>> checked_size(None), checked_size(7), checked_size(99_999)
    (1000, 7, 10000)
    """
    if size is None:
        return default
    if size < 1:
        raise InvalidPageSize(size)
    return min(size, most)


def size_in(text: str | None) -> int | None:
    """The number in a query string. Raises QueryError for what is none."""
    if text is None:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise QueryError("pageSize: a whole number is needed, as in `pageSize=100`")
    return int(text) if len(digits) < 10 else (-1 if text.startswith("-") else MAX_OBJECTS)


def checked_batch(requests: Sequence[Item]) -> Sequence[Item]:
    """A batch of at most as many as Foundry allows."""
    if not 1 <= len(requests) <= MAX_BATCH:
        raise BatchTooLarge(len(requests))
    return requests


def cut(
    items: Iterable[Item], asked: Asked, release: Opened, *question: str, default: int = TYPES_AT_ONCE
) -> tuple[list[Item], str | None]:
    """One page of a list that is whole in memory, and the token of the next.

    Raises InvalidToken for a token of another question or release.
    """
    found, size = list(items), checked_size(asked.size, default=default)
    name = fingerprint("list", *question)
    offset = 0
    if asked.token is not None:
        token = read_token(asked.token)
        if (token.query, token.release) != (name, release.id):  # what is listed here, no edit changes
            raise InvalidToken("this page token belongs to another question or release", token)
        offset = token.offset
    end = offset + size
    return found[offset:end], write_token(PageToken(release.id, name, end)) if end < len(found) else None


async def _asked(
    page_size: Annotated[str | None, Query(alias="pageSize", description="how many at once")] = None,
    page_token: Annotated[str | None, Query(alias="pageToken", description="`nextPageToken` of the page before")] = None,
) -> Asked:
    return Asked(size_in(page_size), page_token)


Paging = Annotated[Asked, Depends(_asked)]
