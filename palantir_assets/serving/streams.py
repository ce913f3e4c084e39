"""Streams that outlive the moment they were asked in: open for as long as whoever asked is still who may.

A stream ends within `EVERY` seconds, and some, after its credential was revoked or has expired, and after anything that
decides what its caller may see was changed: who reconnects is looked at anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import anyio
from starlette.types import Scope

from palantir_assets.access.principal import Principal
from palantir_assets.errors import LedgerError
from palantir_assets.serving.recognising import Recognises, Unauthorized

EVERY: Final = 1.0
"""Seconds between two looks; each costs as much as recognising a request."""


@dataclass(slots=True)
class Stream:
    """`ended` tells, after the block, that the caller is not the same any more."""

    ended: bool = False


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
        if not _same(recognises, scope, principal):
            stream.ended = True
            block.cancel()
            return


def _same(recognises: Recognises, scope: Scope, principal: Principal | None) -> bool:
    try:
        return recognises.recognise(scope) == principal
    except (Unauthorized, LedgerError):  # without a ledger nobody knows who may
        return False
