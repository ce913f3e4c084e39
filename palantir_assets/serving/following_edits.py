"""Follows the edit log in each API process: which edits lie over which release, and which of it a request reads.

One thread looks for new edits every few milliseconds and lays them over every release that is open; a request takes one
state of one release and keeps it to its end. A release that is closed is followed no more. What was erased is in no
state, of however early an edit. While the log cannot be read, the last states go on being served, so that what edits
removed stays away, and `behind` says why. What edits make of a release is told in `engine.edited`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from typing import Final, Protocol

from anyio import to_thread

from palantir_assets.actions.edits import Edit
from palantir_assets.actions.recording import read
from palantir_assets.errors import PalantirError
from palantir_assets.release.editing import EditedRelease, Opened, as_built, with_nothing
from palantir_assets.release.reading import Release

LOG: Final = logging.getLogger(__name__)
POLL_SECONDS: Final = 0.015
AT_ONCE: Final = 5_000
WAIT_SECONDS: Final = 2.0
"""How long a read waits for an edit that it must see."""
KEPT: Final = 32
"""How many states stay, for those who are reading pages; one that is older is made anew where few edits are between."""


class Recorded(Protocol):
    """One row of the edit log. `values` are the whole edit, as `actions.recording` reads it."""

    @property
    def edit_no(self) -> int: ...
    @property
    def values(self) -> Mapping[str, object]: ...


class EditSource(Protocol):
    """The edit log, as far as it is followed. Both raise LedgerError when it cannot be read."""

    def head(self) -> int: ...

    def since(self, edit_no: int, limit: int = 1000) -> Sequence[Recorded]: ...


class EditsBehind(PalantirError):
    """An edit that a read must see is not here yet."""

    next_step = "ask again in a moment, or without a number of an edit"


class FollowedEdits:
    """The states of every open release. `log` is None where nothing is ever edited. Safe to share between threads."""

    def __init__(self, log: EditSource | None = None, *, every: float = POLL_SECONDS) -> None:
        self._log, self._every = log, every
        self._current: dict[str, EditedRelease] = {}
        self._opened: Counter[str] = Counter()  # how often each release is open: the same one may be, twice at once
        self._kept: OrderedDict[tuple[str, int], EditedRelease] = OrderedDict()
        self._folding, self._looking = threading.Lock(), threading.Lock()
        self._wake, self._ending = threading.Event(), threading.Event()
        self._behind: str | None = None
        self._erased_at = 0  # the last edit that erased something: no page is read as of an earlier one

    @property
    def behind(self) -> str | None:
        """Why newer edits may be missing, or None."""
        return self._behind

    @property
    def edit_no(self) -> int:
        """The last edit that every current state has."""
        return min((state.edit_no for state in list(self._current.values())), default=0)

    @property
    def any_edits(self) -> bool:
        """Whether there is a state that a page could be of, other than a release alone."""
        return any(state.patches or state.edit_no != state.manifest.edit_watermark for state in list(self._current.values()))

    def prepared(self, release: Release) -> Release:
        """The same release, once all edits after its watermark are laid over it; followed until it is closed. Raises LedgerError."""
        if self._log is not None:
            state = self._laid(with_nothing(release))
            with self._looking:
                self._current[release.id] = state
                self._opened[release.id] += 1
            release.when_closed(partial(self._let_go, release.id))
        return release

    def over(self, release: Release, edit_no: int | None = None) -> Opened:
        """The state of a held release: the newest, or where it can still be had the one of an edit's number."""
        with self._looking:
            state = self._current.get(release.id)
            if state is None:
                return release
            if edit_no is not None and edit_no != state.edit_no and edit_no >= self._erased_at:
                state = self._kept.get((release.id, edit_no)) or state
            if state.base is not release:
                state = state.ruled_by(release)
                if edit_no is None:
                    self._current[release.id] = state
            self._kept[release.id, state.edit_no] = state
            self._kept.move_to_end((release.id, state.edit_no))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return state if state.edit_no != release.edit_no else release

    def current(self, release: Opened) -> Opened:
        """The newest state of the release of some state."""
        return self.over(as_built(release))

    def has(self, release_id: str, edit_no: int) -> bool:
        """Whether the state of an edit's number can be had without making it anew."""
        current = self._current.get(release_id)
        return current is None or current.edit_no == edit_no or edit_no < self._erased_at or (release_id, edit_no) in self._kept

    def remade(self, release: Release, edit_no: int) -> Opened:
        """The state of an edit's number, made anew from the nearest one before it where few edits are between. Raises LedgerError."""
        before = [state for key, state in self._states() if key[0] == release.id and key[1] <= edit_no]
        start = max(before, key=lambda state: state.edit_no, default=with_nothing(release))
        if self._log is not None and 0 <= edit_no - start.edit_no <= AT_ONCE:
            numbered = [(row.edit_no, row) for row in self._log.since(start.edit_no, AT_ONCE) if row.edit_no <= edit_no]
            state = start.with_edits(_read(numbered))
            with self._looking:
                self._kept[release.id, state.edit_no] = state
        return self.over(release, edit_no)

    async def caught_up(self, edit_no: int, *, within: float = WAIT_SECONDS) -> None:
        """Return once an edit is seen by every read from now on. Raises EditsBehind if that takes too long."""
        until = monotonic() + within
        while (seen := self.edit_no) < edit_no:
            self._wake.set()
            if self._log is None or monotonic() > until:
                raise EditsBehind(f"edit {edit_no} is not here yet; the last one is {seen}")
            await asyncio.sleep(0.001)

    def refresh(self) -> bool:
        """Lay new edits over every open release; True if there were any. Raises what kept them from one, once the others have them."""
        if self._log is None or self._log.head() <= self.edit_no:
            return False
        failed: Exception | None = None
        with self._folding:
            for release_id in list(self._current):
                try:
                    self._advance(release_id)
                except Exception as error:  # one that was closed meanwhile cannot be read, and need not be
                    failed = error if release_id in self._current else failed
        if failed is not None:
            raise failed
        return True

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Look for new edits again and again during the block, in a thread of its own."""
        if self._log is None:
            yield
            return
        thread = threading.Thread(target=self._follow, name="follow the edit log", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            self._wake.set()
            await to_thread.run_sync(thread.join, 5.0)

    def _follow(self) -> None:
        while not self._ending.is_set():
            self._wake.wait(self._every)
            self._wake.clear()
            try:
                self.refresh()
                self._behind = None
            except Exception as error:  # whatever it is, the last states are better than none
                if str(error) != self._behind:
                    LOG.warning("edits cannot be followed: %s", error)
                self._behind = str(error)

    def _advance(self, release_id: str) -> None:
        with self._looking:
            state = self._current.get(release_id)
        if state is None:
            return
        newer = self._laid(state)
        with self._looking:
            if (now := self._current.get(release_id)) is not None and now.edit_no < newer.edit_no:
                self._current[release_id] = newer if now.base is newer.base else newer.ruled_by(now.base)
            self._forget()

    def _laid(self, state: EditedRelease) -> EditedRelease:
        assert self._log is not None, "asked only where there is one"
        while rows := self._log.since(state.edit_no, AT_ONCE):
            edits = _read([(row.edit_no, row) for row in rows])
            state = state.with_edits(edits)
            self._erased_at = max([self._erased_at, *(number for number, edit in edits if edit.kind == "erase")])
        return state

    def _let_go(self, release_id: str) -> None:
        """A release is about to be closed: what cannot be read any more must not hold the others up."""
        with self._looking:
            self._opened[release_id] -= 1
            if self._opened[release_id] <= 0:
                del self._opened[release_id]
                self._current.pop(release_id, None)
                self._kept = OrderedDict((key, kept) for key, kept in self._kept.items() if key[0] != release_id)

    def _forget(self) -> None:
        """No state stays in which something is that was erased since; asked with the lock held."""
        self._kept = OrderedDict((key, kept) for key, kept in self._kept.items() if key[1] >= self._erased_at)

    def _states(self) -> list[tuple[tuple[str, int], EditedRelease]]:
        with self._looking:
            return [*self._kept.items(), *(((name, state.edit_no), state) for name, state in self._current.items())]


def _read(rows: Sequence[tuple[int, Recorded]]) -> list[tuple[int, Edit]]:
    return [(number, read(row.values)) for number, row in rows]
