"""An open release with edits laid over it, as services read it: what `engine.edited` makes, and what the release itself is.

Which edits are laid over which release is decided in `serving`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

from palantir_assets.actions.edits import Edit
from palantir_assets.actions.overlay import Overlay
from palantir_assets.engine.edited import Edited, edited_as
from palantir_assets.engine.ports import Released
from palantir_assets.release.manifest import Manifest, Provenance
from palantir_assets.release.reading import Release


class Opened(Released, Protocol):
    """A release that is open for reading, with edits or without."""

    @property
    def id(self) -> str: ...
    @property
    def folder(self) -> Path: ...
    @property
    def manifest(self) -> Manifest: ...
    @property
    def provenance(self) -> Provenance: ...


class EditedRelease(Edited):
    """A release with edits; its folder, manifest and provenance are those of the release alone."""

    @property
    def release(self) -> Release:
        return cast(Release, self.base)

    @property
    def id(self) -> str:
        return self.release.id

    @property
    def folder(self) -> Path:
        return self.release.folder

    @property
    def manifest(self) -> Manifest:
        return self.release.manifest

    @property
    def provenance(self) -> Provenance:
        return self.release.provenance


def with_nothing(release: Release) -> EditedRelease:
    """The release as it was built, ready for the edits after its watermark."""
    return edited_as(EditedRelease, release, Overlay(edit_no=release.manifest.edit_watermark))


def planned_over(release: Opened, edits: Sequence[Edit]) -> Opened:
    """The release as edits that are only planned would make it."""
    if not edits:
        return release
    edited = release if isinstance(release, EditedRelease) else with_nothing(as_built(release))
    return edited.with_planned(edits)


def as_built(release: Opened) -> Release:
    """The release alone, without the edits laid over it."""
    return release.release if isinstance(release, EditedRelease) else cast(Release, release)
