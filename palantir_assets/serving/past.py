"""Everything that was, for one caller: releases that were served before, and the edits after each, as following needs them.

Where edits are kept, and how a release is read through them, are ports: `EditsSeen` is made where the app is made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from palantir_assets.access.views import View
from palantir_assets.actions.cursors import CursorExpired, Point
from palantir_assets.actions.edits import Edit, from_json
from palantir_assets.actions.following import AT_ONCE, Sight
from palantir_assets.actions.overlay import Overlay, fold
from palantir_assets.engine.ports import Released
from palantir_assets.engine.sights import ReleaseSight
from palantir_assets.engine.visibility import seen_by
from palantir_assets.errors import NoRelease, ReleaseError
from palantir_assets.release.holding import ReleaseHolder
from palantir_assets.release.reading import Release


class Recorded(Protocol):
    """A row of the edit log."""

    @property
    def edit_no(self) -> int: ...
    @property
    def values(self) -> Mapping[str, Any]: ...


class Edits(Protocol):
    """The edit log, as far as following reads it."""

    def head(self) -> int: ...
    def since(self, edit_no: int, limit: int = AT_ONCE) -> Sequence[Recorded]: ...
    def erased(self) -> Collection[tuple[str, str]]: ...


@dataclass(frozen=True, slots=True)
class EditsSeen:
    """The edit log, and how a release is read through an overlay of its edits."""

    log: Edits
    edited: Callable[[Release, Overlay], Released]


@dataclass
class Past:
    """Everything that was, for the caller of one request; `close` gives back the releases that it opened.

    Without `seen`, edits are nowhere to be seen, and only releases differ.
    """

    holder: ReleaseHolder
    release: Release
    asker: View
    seen: EditsSeen | None = None
    _opened: ExitStack = field(default_factory=ExitStack)
    _releases: dict[str, Release] = field(default_factory=dict)
    _overlays: dict[str, Overlay] = field(default_factory=dict)

    @property
    def view(self) -> View:
        """What the caller may know of the release."""
        return self._seen(self.release)

    @property
    def rights(self) -> str:
        """The caller's rights, in hex digits."""
        return self.view.signature

    @property
    def erased(self) -> Collection[tuple[str, str]]:
        return self.seen.log.erased() if self.seen else frozenset()

    def now(self) -> Point:
        """The release of the request, with the last edit."""
        watermark = self.release.manifest.edit_watermark
        return Point(self.release.id, max(watermark, self.seen.log.head()) if self.seen else watermark)

    def watermark(self, release_id: str) -> int:
        return self._release(release_id).manifest.edit_watermark

    def at(self, point: Point) -> Sight:
        """What the caller sees at a point. Raises CursorExpired where the release is gone."""
        release = self._release(point.release_id)
        if self.seen is None or point.edit_no <= release.manifest.edit_watermark:
            return ReleaseSight(release, self._seen(release))
        edited = self.seen.edited(release, self._overlay(release, point.edit_no))
        return ReleaseSight(edited, self._seen(edited))

    def edits(self, after: int, most: int) -> Sequence[tuple[int, Edit]]:
        if self.seen is None:
            return []
        return [(record.edit_no, from_json(record.values)) for record in self.seen.log.since(after, most)]

    def close(self) -> None:
        """Give back what was opened; a second call does nothing."""
        self._opened.close()

    def _seen(self, release: Released) -> View:
        """The asker's view of another release, which notes what is sensitive where the asker's does."""
        return replace(seen_by(self.asker.principal, release), noted=self.asker.noted)

    def _release(self, release_id: str) -> Release:
        if release_id == self.release.id:
            return self.release
        if release_id not in self._releases:
            try:
                self._releases[release_id] = self._opened.enter_context(self.holder.past(release_id))
            except (ReleaseError, NoRelease) as error:
                raise CursorExpired(f"the release {release_id} of this cursor is gone") from error
        return self._releases[release_id]

    def _overlay(self, release: Release, edit_no: int) -> Overlay:
        """The edits of a release up to a number; goes on from the last one asked for, where that is earlier."""
        overlay = self._overlays.get(release.id)
        if overlay is None or overlay.edit_no > edit_no:
            overlay = Overlay(release.manifest.edit_watermark)
        while overlay.edit_no < edit_no:
            pairs = [pair for pair in self.edits(overlay.edit_no, AT_ONCE) if pair[0] <= edit_no]
            if not pairs:
                break
            overlay = fold(overlay, pairs)
        self._overlays[release.id] = overlay
        return overlay


def told_types(view: View, named: str | None) -> Iterable[str] | None:
    """The types that a caller names, with commas between; None for all. Raises UnknownName."""
    return None if not named else frozenset(view.ontology.find_type(name).name for name in named.split(","))
