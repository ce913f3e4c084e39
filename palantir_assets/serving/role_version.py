"""The role version where it is a network away: read beside the event loop, once for all requests that wait for it.

Whoever asks is given a read that began after he asked, so that what was revoked before a request came holds for it. What
is looked up under the version is `identified`'s affair.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class SharedVersion:
    """One read at a time in a thread of its own, and one more for all who asked since it began. For one event loop at a time."""

    def __init__(self, read: Callable[[], int]) -> None:
        self._read = read
        self._aside = ThreadPoolExecutor(1, "role-version")  # its thread starts with the first read
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Future[int] | None = None
        self._following: asyncio.Future[int] | None = None

    async def __call__(self) -> int:
        """The version as it was committed at some moment after the call. Raises LedgerError, as `read` does, for all who wait."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._running, self._following = loop, None, None
        if self._running is None:
            return await asyncio.shield(self._begin(loop))
        if self._following is None:
            self._following = loop.create_future()
            self._following.add_done_callback(_heard)
        return await asyncio.shield(self._following)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[int]:
        self._running = loop.run_in_executor(self._aside, self._read)
        self._running.add_done_callback(self._ended)
        return self._running

    def _ended(self, done: asyncio.Future[int]) -> None:
        """Begin the next read for those who asked meanwhile."""
        _heard(done)
        waiting, self._following, self._running = self._following, None, None
        if waiting is not None and self._loop is not None:
            self._begin(self._loop).add_done_callback(lambda read: _hand_on(read, waiting))


def _hand_on(read: asyncio.Future[int], waiting: asyncio.Future[int]) -> None:
    if waiting.done():
        return
    if read.cancelled():
        waiting.cancel()
    elif (error := read.exception()) is not None:
        waiting.set_exception(error)
    else:
        waiting.set_result(read.result())


def _heard(done: asyncio.Future[int]) -> None:
    """An error is told to those who wait; if nobody does any more, it is nobody's."""
    if not done.cancelled():
        done.exception()
