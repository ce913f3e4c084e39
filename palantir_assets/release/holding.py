"""The release being served: which one is open, and how it is exchanged without a request noticing.

A request takes one reference to one release and keeps it to its end. The last ones stay open for some minutes after
they were replaced, so that whoever is reading pages of one reads on. All of them are read under the rules of the
newest release ever built: a rollback takes back data, never a permission. What a release can answer is told in
`reading`; how often to look for a new one is decided in `serving`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from palantir_assets.errors import NoRelease, ReleaseError
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.release.log import Pointer, ReleaseLog
from palantir_assets.release.reading import Release

LOG = logging.getLogger(__name__)

Opener = Callable[[Pointer], Release]
Rules = Callable[[Pointer], ServedAccess]
KEPT: Final = 2
KEPT_FOR: Final = timedelta(minutes=10)
"""How many replaced releases stay open, and for how long."""


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

    `open_pointer` opens what a pointer names, such as `lambda p: open_release(shelf.release(p.release_id), indexes)`;
    `rules` reads the rules of what a pointer names; without it, each release is read under its own.
    """

    def __init__(
        self, log: ReleaseLog, open_pointer: Opener, *, clock: Callable[[], datetime], keep: int = KEPT, rules: Rules | None = None
    ) -> None:
        self._log, self._open, self._clock, self._keep, self._rules = log, open_pointer, clock, keep, rules
        self._held: _Held | None = None
        self._retired: list[tuple[datetime, _Held]] = []
        self._status = HolderStatus()
        self._counting = threading.Lock()
        self._reloading = threading.Lock()

    @property
    def status(self) -> HolderStatus:
        return self._status

    @property
    def keeps_older(self) -> bool:
        """Whether a release that was replaced is still open."""
        return bool(self._retired)

    @contextmanager
    def acquire(self, release_id: str | None = None) -> Iterator[Release]:
        """The release of that id where it is still open, else the current one; open until the block ends. Raises NoRelease."""
        with self._counting:
            held = self._held
            if held is None:
                raise NoRelease("nothing has been released yet")
            if release_id is not None and release_id != held.release.id:
                held = next((old for _, old in self._retired if old.release.id == release_id), held)
            held.users += 1
        try:
            yield held.release
        finally:
            self._let_go(held)

    @contextmanager
    def past(self, release_id: str) -> Iterator[Release]:
        """The release of that id under the rules in force, opened from disk where it is no longer open.

        Raises ReleaseError if it is gone.
        """
        with self.acquire(release_id) as held:
            if held.id == release_id:
                yield held
                return
        pointer = next((pointer for pointer in self._log.list() if pointer.release_id == release_id), None)
        if pointer is None:
            raise ReleaseError(f"there was never a release {release_id}")
        opened = self._open(pointer)
        try:
            yield _under(self._in_force(), opened)
        finally:
            opened.close()

    def refresh(self) -> bool:
        """Follow the log's head; True if another release is served now.

        Any error is told in `status.last_reload_error`, and the old release stays served.
        """
        with self._reloading:
            self._forget(before=self._clock() - KEPT_FOR)
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
            old, self._held = [held for _, held in self._retired] + [held for held in (self._held,) if held], None
            self._retired = []
        for held in old:
            self._let_go(held)

    def _follow(self, head: Pointer) -> bool:
        if head.release_id == self._status.release_id and self._held:
            self._status = replace(self._status, release_no=head.release_no, last_reload_error=None)
            return False
        access = self._in_force()
        opened = self._open(head)
        fresh = _Held(_under(access, opened))
        with self._counting:
            for _, retired in self._retired:
                retired.release = _under(access, retired.release)
            old, self._held = self._held, fresh
            self._status = HolderStatus(head.release_id, head.release_no, loaded_at=self._clock())
            if old:
                old.release = _under(access, old.release)
                self._retired.append((self._clock(), old))
        self._forget()
        return True

    def _in_force(self) -> ServedAccess | None:
        """The rules of the release that was built last, whichever is served; None where each has its own."""
        if self._rules is None:
            return None
        first = {pointer.release_id: pointer for pointer in reversed(self._log.list())}  # of each id, where it first stands
        newest = max(first.values(), key=lambda pointer: pointer.release_no, default=None)
        return None if newest is None else self._rules(newest)

    def _forget(self, *, before: datetime | None = None) -> None:
        """Let go of what was replaced before a moment, and of all but the newest."""
        with self._counting:
            first = max(len(self._retired) - self._keep, 0)
            kept = [entry for entry in self._retired[first:] if before is None or entry[0] > before]
            gone = [held for at, held in self._retired if (at, held) not in kept]
            self._retired = kept
        for held in gone:
            self._let_go(held)

    def _let_go(self, held: _Held) -> None:
        with self._counting:
            held.users -= 1
            last = held.users == 0
        if last:
            held.release.close()


def _under(access: ServedAccess | None, release: Release) -> Release:
    return release if access is None else release.under(access)
