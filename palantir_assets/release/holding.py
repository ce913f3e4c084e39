"""The release being served: which one is open, and how it is exchanged without a request noticing.

A request takes one reference to one release and keeps it to its end. What a release can answer is told in
`reading`; how often to look for a new one is decided in `serving`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from palantir_assets.errors import NoRelease
from palantir_assets.release.log import Pointer, ReleaseLog
from palantir_assets.release.reading import Release

LOG = logging.getLogger(__name__)

Opener = Callable[[Pointer], Release]


@dataclass(frozen=True, slots=True)
class HolderStatus:
    """What is served since when, and why the last attempt to change it failed, if it did."""

    release_id: str | None = None
    release_no: int | None = None
    loaded_at: datetime | None = None
    last_reload_error: str | None = None


class _Held:
    """A release and the number of those who use it; the holder itself is one of them."""

    __slots__ = ("release", "users")

    def __init__(self, release: Release) -> None:
        self.release, self.users = release, 1


class ReleaseHolder:
    """Hands out the current release; `refresh` follows the log's head.

    `open_pointer` opens what a pointer names, such as `lambda p: open_release(shelf.release(p.release_id), indexes)`.
    """

    def __init__(self, log: ReleaseLog, open_pointer: Opener, *, clock: Callable[[], datetime]) -> None:
        self._log, self._open, self._clock = log, open_pointer, clock
        self._held: _Held | None = None
        self._status = HolderStatus()
        self._counting = threading.Lock()
        self._reloading = threading.Lock()

    @property
    def status(self) -> HolderStatus:
        return self._status

    @contextmanager
    def acquire(self) -> Iterator[Release]:
        """The current release, for one request; it stays open until the block ends. Raises NoRelease."""
        with self._counting:
            held = self._held
            if held is None:
                raise NoRelease("nothing has been released yet")
            held.users += 1
        try:
            yield held.release
        finally:
            self._let_go(held)

    def refresh(self) -> bool:
        """Follow the log's head; True if another release is served now.

        Any error is told in `status.last_reload_error`, and the old release stays served.
        """
        with self._reloading:
            try:
                head = self._log.head()
                return self._follow(head) if head else False
            except Exception as error:  # whatever it is, the old release is better than none
                if str(error) != self._status.last_reload_error:
                    LOG.warning("the release could not be reloaded: %s", error)
                self._status = replace(self._status, last_reload_error=str(error))
                return False

    def close(self) -> None:
        """Serve nothing any more; what requests still use is closed by the last of them."""
        with self._counting:
            old, self._held = self._held, None
        if old:
            self._let_go(old)

    def _follow(self, head: Pointer) -> bool:
        if head.release_id == self._status.release_id and self._held:
            self._status = replace(self._status, release_no=head.release_no, last_reload_error=None)
            return False
        fresh = _Held(self._open(head))
        with self._counting:
            old, self._held = self._held, fresh
            self._status = HolderStatus(head.release_id, head.release_no, loaded_at=self._clock())
        if old:
            self._let_go(old)
        return True

    def _let_go(self, held: _Held) -> None:
        with self._counting:
            held.users -= 1
            last = held.users == 0
        if last:
            held.release.close()
