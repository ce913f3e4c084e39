"""Entity tags: whether a caller holds the answer already, known before it is made where that is possible.

What a route declares `of_release` is a function of the release, the rights of the caller, the URL and a few headers. Its
tag names the release, the rights and this program, so one comparison answers without asking the engine. Any other whole answer is
tagged by its bytes. All tags are weak: a compressed answer and a plain one have the same.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import lru_cache
from importlib import resources
from typing import Final

from starlette.types import Message

CONTENT: Final = frozenset((b"content-length", b"content-type", b"content-encoding"))
ANSWERING: Final = ("access", "engine", "ontology", "query", "release", "serving")
"""The rooms that decide the bytes of an answer."""


@lru_cache(maxsize=1)
def program() -> str:
    """What this program is, as 8 hex digits: tags made by another version of it are not ours."""
    digest = hashlib.sha256()
    for room in ANSWERING:
        folder = resources.files("palantir_assets").joinpath(room)
        for file in sorted((each for each in folder.iterdir() if each.name.endswith(".py")), key=lambda each: each.name):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:8]


def tag_of_release(release_id: str, rights: str, varying: bytes) -> bytes:
    """The tag of what one URL gives in a release to who has these rights; `varying` are the headers an answer may depend on."""
    return b'W/"%s-%s-%s-%08x"' % (release_id.encode(), program().encode(), rights.encode(), zlib.crc32(varying))


def tag_of_bytes(body: bytes) -> bytes:
    """The tag of an answer that is known."""
    return b'W/"%s"' % hashlib.blake2b(body, digest_size=12).hexdigest().encode()


def holds(if_none_match: bytes, tag: bytes, *, known: bool = True) -> bool:
    """Whether a caller holds what the tag names. `*` means any answer there is, and needs one that is `known`.

    >>> holds(b'"a", W/"b"', b'W/"b"'), holds(b"*", b'W/"b"'), holds(b"*", b'W/"b"', known=False)
    (True, True, False)
    """
    if if_none_match.strip() == b"*":
        return known
    bare = tag.removeprefix(b"W/")
    return any(part.strip().removeprefix(b"W/") == bare for part in if_none_match.split(b","))


def not_modified(start: Message) -> Message:
    """The beginning of the same answer without its content."""
    headers = [(name, value) for name, value in start["headers"] if name not in CONTENT]
    return {**start, "status": 304, "headers": headers}
