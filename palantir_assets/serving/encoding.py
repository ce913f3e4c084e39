"""How an answer's bytes travel: as they are, or compressed with zstd or gzip, as `Accept-Encoding` allows.

Small answers travel as they are: to compress one costs more than to send it. What else happens to an answer
on its way out is told in `middleware`.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Final, Literal

from backports import zstd

Encoding = Literal["zstd", "gzip"]

SMALLEST: Final = 2_048
"""Bytes below which nothing is gained on any wire: two packets."""
WORTH: Final = 0.9
ELSEWHERE: Final = 65_536
"""Bytes from which compressing is left to a thread, so that other requests do not wait for it (a quarter of a millisecond)."""

_PREFERRED: Final[tuple[Encoding, ...]] = ("zstd", "gzip")
_TEXTS: Final = (
    b"application/json",
    b"application/problem+json",
    b"application/xml",
    b"application/graphml+xml",
    b"text/",
    b"image/svg+xml",
)
_GZIP: Final = 31
"""zlib's word for: the largest window, with a gzip header."""


@lru_cache(maxsize=256)
def accepted(header: bytes) -> Encoding | None:
    """The encoding a header prefers among ours; zstd of equals, None where it wants the bytes as they are.

    >>> accepted(b"gzip, deflate, br;q=0.9, zstd;q=0.5"), accepted(b"*;q=0.1"), accepted(b"gzip;q=0"), accepted(b"identity, gzip;q=0.5")
    ('gzip', 'zstd', None, None)
    """
    weights = dict(_weighted(part) for part in header.decode("latin-1").lower().split(",") if part.strip())
    others = weights.get("*", 0.0)
    found = max(_PREFERRED, key=lambda name: weights.get(name, others))  # the first of equals
    weight = weights.get(found, others)
    return found if weight > 0 and weight >= weights.get("identity", 0.0) else None


def compressible(content_type: bytes) -> bool:
    """Whether a kind of content is text; images and archives are compressed as they are."""
    return content_type.lower().startswith(_TEXTS)


def compressed(body: bytes, encoding: Encoding) -> bytes | None:
    """The body, smaller; None where it does not pay."""
    if encoding == "zstd":
        made = zstd.compress(body, 1)
    else:
        press = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
        made = press.compress(body) + press.flush()
    return made if len(made) < WORTH * len(body) else None


def _weighted(part: str) -> tuple[str, float]:
    name, _, parameter = part.partition(";")
    key, _, number = parameter.strip().partition("=")
    try:
        weight = float(number) if key.strip() == "q" else 1.0
    except ValueError:
        weight = 0.0
    return name.strip(), weight if 0 <= weight <= 1 else 0.0
