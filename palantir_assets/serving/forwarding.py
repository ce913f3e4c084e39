"""What passes the door to another server, and what does not: headers by name, and nothing that is not named.

No credential of ours goes out, no cookie of theirs comes in, and what belongs to one connection stays on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

Headers = Sequence[tuple[bytes, bytes]]

OUT: Final = frozenset(
    (
        b"accept", b"accept-encoding", b"accept-language", b"content-type", b"if-modified-since", b"if-none-match", b"if-range",
        b"range", b"idempotency-key", b"user-agent",
    )
)  # fmt: skip
"""Of a request."""
BACK: Final = frozenset(
    (
        b"accept-ranges", b"cache-control", b"content-disposition", b"content-encoding", b"content-length", b"content-range",
        b"content-security-policy", b"content-type", b"etag", b"last-modified", b"location", b"retry-after",
    )
)  # fmt: skip
"""Of an answer."""
OF_ITS_OWN: Final = b"; ".join(
    (b"default-src 'self'", b"style-src 'self' 'unsafe-inline'", b"img-src 'self' data:", b"object-src 'none'", b"base-uri 'none'")
)
_CSP: Final = b"content-security-policy"


def going_out(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of a request that the other server may know.

    >>> going_out([(b"accept", b"*/*"), (b"cookie", b"palantir_session=s"), (b"authorization", b"Bearer t"), (b"te", b"trailers")])
    [(b'accept', b'*/*')]
    """
    return [(name, value) for name, value in headers if name in OUT]


def coming_back(headers: Iterable[tuple[bytes, bytes]], *, base: bytes) -> Headers:
    """The headers of an answer that the caller may have; a place on the other server is told as one here.

    What says nothing of scripts itself may run those of its own origin: workers are bound by the answer they were loaded with.

    >>> coming_back([(b"Location", b"http://127.0.0.1:3000/dagster/runs"), (b"Set-Cookie", b"a=b")], base=b"http://127.0.0.1:3000")[0]
    (b'location', b'/dagster/runs')
    """
    lower = ((name.lower(), value) for name, value in headers)
    found = [(name, value.removeprefix(base) if name == b"location" else value) for name, value in lower if name in BACK]
    return found if any(name == _CSP for name, _ in found) else [*found, (_CSP, OF_ITS_OWN)]
