"""Follows the release log while the app runs. What happens on a change is told in `release.holding`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from anyio import to_thread

from palantir_assets.release.holding import ReleaseHolder

LOG: Final = logging.getLogger(__name__)
POLL_SECONDS: Final = 1.0


@asynccontextmanager
async def following(holder: ReleaseHolder, *, every: float = POLL_SECONDS) -> AsyncIterator[None]:
    """Look for a new release once before the block, and again and again during it."""
    await to_thread.run_sync(holder.refresh)
    task = asyncio.create_task(_follow(holder, every), name="follow the release log")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        holder.close()


async def _follow(holder: ReleaseHolder, every: float) -> None:
    """`refresh` keeps its own errors; should one escape all the same, it is logged and the poll goes on."""
    while True:
        await asyncio.sleep(every)
        try:
            await to_thread.run_sync(holder.refresh)
        except Exception:
            LOG.exception("looking for a new release failed; it is tried again in %s s", every)
