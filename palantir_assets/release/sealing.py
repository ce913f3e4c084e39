"""Station 7: what an asset wrote becomes a candidate, sealed and hashed in the release format.

A candidate is read by the same code as a release. Which files belong in it is decided by the asset;
what makes it a release, in `publishing`.
"""

from __future__ import annotations

import errno
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from palantir_assets.errors import ReleaseError
from palantir_assets.release import locks
from palantir_assets.release.filesystem import FileSystem, told_plainly
from palantir_assets.release.manifest import (
    MANIFEST,
    PROVENANCE,
    REPORTS,
    FileEntry,
    Manifest,
    Provenance,
    Versions,
    content_files,
    content_id,
    dump,
    hash_file,
    read_manifest,
    verify,
)

NewName = Callable[[], str]
DISK: Final = FileSystem()


def random_name() -> str:
    """A name nobody else takes: 16 random hex digits."""
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where candidates and releases lie: one folder, on one file system."""

    root: Path

    @property
    def staging(self) -> Path:
        return self.root / ".staging"

    @property
    def blobs(self) -> Path:
        return self.root / ".blobs"

    @property
    def lock(self) -> Path:
        return self.root / ".lock"

    @property
    def current(self) -> Path:
        """A cache of the head for people and scripts; the ledger decides."""
        return self.root / "CURRENT"

    def candidate(self, content: str) -> Path:
        return self.staging / content

    def release(self, release: str) -> Path:
        return self.root / release


@dataclass(frozen=True, slots=True)
class Candidate:
    """Sealed content. `adopted` tells that equal content lay there already."""

    folder: Path
    manifest: Manifest
    adopted: bool = False

    @property
    def content_id(self) -> str:
        return self.manifest.content_id


@contextmanager
def staging(shelf: Shelf, *, fs: FileSystem = DISK, new_name: NewName = random_name) -> Iterator[Path]:
    """An empty folder to write content into: `with staging(shelf) as folder: …; seal_candidate(folder, shelf, …)`.

    It is gone after the block; what a killed process leaves is removed by `collect_garbage`.
    """
    folder = shelf.staging / f"{new_name()}.tmp"
    with told_plainly("opening a staging folder"):
        fs.make_folder(folder, point="stage")
    with locks.held(folder):
        try:
            yield folder
        finally:
            with suppress(OSError):  # what cannot be removed now is the collector's
                fs.remove(folder, point="stage")


def seal_candidate(
    staged: Path,
    shelf: Shelf,
    *,
    versions: Versions,
    provenance: Provenance,
    rows: Mapping[str, int],
    fs: FileSystem = DISK,
    new_name: NewName = random_name,
) -> Candidate:
    """Seal the files of a staging folder under their content id; adopt equal content that lies there whole.

    `staged` is read, never changed, so a failed call can be repeated. Raises ReleaseError when the disk
    refuses, or when a file is not a plain one or would pass for a report.
    """
    with told_plainly("sealing the candidate"), locks.shared(shelf.lock):
        files = _pool_all(staged, shelf, fs)
        content = content_id(files, edit_watermark=versions.edit_watermark)
        manifest = Manifest(content_id=content, files=files, rows=dict(rows), **versions.model_dump())
        sources = {path: shelf.blobs / entry.sha256 for path, entry in files.items()}
        texts = {MANIFEST: dump(manifest), PROVENANCE: dump(provenance)}
        settled = settle(sources, texts, shelf.candidate(content), shelf, "seal", fs, new_name)
        return Candidate(shelf.candidate(content), read_manifest(shelf.candidate(content)), adopted=settled.adopted)


def find_candidate(shelf: Shelf, content: str) -> Candidate:
    """A sealed candidate by its content id; raises ReleaseError if it is not there."""
    return Candidate(shelf.candidate(content), read_manifest(shelf.candidate(content)), adopted=True)


@dataclass(frozen=True, slots=True)
class Settled:
    """How a folder came under its final name."""

    adopted: bool = False
    notes: tuple[str, ...] = ()


def settle(
    links: Mapping[str, Path], texts: Mapping[str, bytes], target: Path, shelf: Shelf, point: str, fs: FileSystem, new_name: NewName
) -> Settled:
    """Make `target`, whole or not at all, from links to existing files and small new ones.

    A folder already there that verifies is adopted; a damaged one is moved aside and named in the notes.
    """
    notes: tuple[str, ...] = ()
    if target.exists():
        problems = verify(target)
        if not problems:
            target.touch()
            return Settled(adopted=True)
        aside = shelf.staging / f"damaged-{target.name}-{new_name()}"
        fs.make_folder(shelf.staging, point=f"{point}.aside")
        fs.rename(target, aside, point=f"{point}.aside")
        notes = (f"{target.name} was damaged ({problems[0].message}; {len(problems)} in all), moved to .staging/{aside.name} and rebuilt",)
    with staging(shelf, fs=fs, new_name=new_name) as folder:
        _build_tree(links, texts, folder, point, fs)
        try:
            fs.rename(folder, target, point=point)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or verify(target):
                raise
            return Settled(adopted=True, notes=notes)  # another process was first with the same content
        fs.sync(target.parent, point=f"{point}.parent")
    return Settled(notes=notes)


def _build_tree(links: Mapping[str, Path], texts: Mapping[str, bytes], folder: Path, point: str, fs: FileSystem) -> None:
    parents = {parent for path in [*links, *texts] for parent in (folder / path).parents if parent.is_relative_to(folder)}
    for parent in sorted(parents):
        fs.make_folder(parent, point=point)
    for path, source in links.items():
        fs.link(source, folder / path, point=point)
    for path, data in texts.items():
        fs.write(folder / path, data, point=point)
    for parent in sorted(parents, reverse=True):
        fs.sync(parent, point=f"{point}.folder")


def _pool_all(staged: Path, shelf: Shelf, fs: FileSystem) -> dict[str, FileEntry]:
    staged_files = content_files(staged)
    if any(path.startswith(REPORTS) for path in staged_files):
        raise ReleaseError("content may not lie in reports/; the release step adds the reports")
    fs.make_folder(shelf.blobs, point="blob")
    files = {path: _pool(file, shelf, fs) for path, file in staged_files.items()}
    for folder in (shelf.blobs, shelf.root, shelf.root.parent):
        fs.sync(folder, point="blob.folder")
    return files


def _pool(file: Path, shelf: Shelf, fs: FileSystem) -> FileEntry:
    """Make sure that the blob pool holds these bytes, on disk; return what they are."""
    entry = hash_file(file)
    blob = shelf.blobs / entry.sha256
    if blob.exists():
        if blob.samefile(file) or hash_file(blob) == entry:
            return entry
        fs.remove(blob, point="blob.damaged")
    file.chmod(0o444)
    fs.sync(file, point="blob")
    with suppress(FileExistsError):  # another publisher pooled the same bytes
        fs.link(file, blob, point="blob")
    return entry
