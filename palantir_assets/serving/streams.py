"""Streams that outlive the moment they were asked in: open for as long as whoever asked is still who may.

A stream ends within `EVERY` seconds, and some, after its credential was revoked or has expired, and after anything that
decides what its caller may see was changed: who reconnects is looked at anew. So does one whose reader has stopped to
read. One caller has so many open at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Final

import anyio
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from palantir_assets.access.principal import Principal
from palantir_assets.errors import LedgerError
from palantir_assets.serving.recognising import ANONYMOUS, Recognises, Unauthorized

EVERY: Final = 1.0
"""Seconds between two looks; each costs as much as recognising a request."""
MOST: Final = 5
"""Streams of one caller, in one process."""
_LAST_WORD: Final = 1.0
"""Seconds in which a reader may take the end of a stream."""


@dataclass(slots=True)
class Stream:
    """`ended` tells, after the block, that the caller is not the same any more."""

    ended: bool = False


class Streams:
    """Counts the open streams of each caller, in this process; safe to share between threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most, self._lock = most, Lock()
        self._open: Counter[str] = Counter()

    def take(self, principal: str) -> Callable[[], None] | None:
        """A place for one more stream of a caller, as what gives it back, once; None where there is none."""
        with self._lock:
            if self._open[principal] >= self._most:
                return None
            self._open[principal] += 1
        given = False

        def give_back() -> None:
            nonlocal given
            with self._lock:
                if not given:
                    given = True
                    self._open[principal] -= 1
                    self._open += Counter()  # drops who has none

        return give_back


class Followed(StreamingResponse):
    """A streamed answer that ends with its caller's right to it, whether or not it is being read. `done` is called once, at its end."""

    def __init__(
        self, parts: AsyncIterator[bytes], media_type: str, recognises: Recognises, caller: Principal, done: Callable[[], None]
    ) -> None:
        super().__init__(parts, media_type=media_type, headers={"Cache-Control": "no-store"})
        self._recognises, self._caller, self._done = recognises, caller, done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with open_stream(self._recognises, scope, self._caller) as stream:
                await super().__call__(scope, receive, send)
            if stream.ended:
                with anyio.move_on_after(_LAST_WORD):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._done()


def still(recognises: Recognises, scope: Scope, principal: Principal | None) -> bool:
    """Whether the request that began a stream would be recognised as the same caller's now; who came without a credential stays so."""
    nobody = principal is None or principal.id == ANONYMOUS
    try:
        known = recognises.recognise(scope)
    except (Unauthorized, LedgerError):  # without a ledger nobody knows who may
        return False
    return known == principal or (known is None and nobody)


@asynccontextmanager
async def open_stream(recognises: Recognises, scope: Scope, principal: Principal | None, *, every: float = EVERY) -> AsyncIterator[Stream]:
    """A block that is cancelled once the request that began it would no longer be recognised as the same caller's.

    `principal` is what `recognise` gave for the scope; None for a caller without a credential, who stays one.
    """
    stream = Stream()
    async with anyio.create_task_group() as group:
        group.start_soon(_watch, recognises, scope, principal, stream, group.cancel_scope, every)
        try:
            yield stream
        finally:
            group.cancel_scope.cancel()


async def _watch(
    recognises: Recognises, scope: Scope, principal: Principal | None, stream: Stream, block: anyio.CancelScope, every: float
) -> None:
    while True:
        await anyio.sleep(every)
        if not still(recognises, scope, principal):
            stream.ended = True
            block.cancel()
            return
