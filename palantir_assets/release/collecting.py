"""What may go: folders of dead builds, blobs nobody links to, candidates and indexes of long ago.

Releases are never removed here, nor folders moved aside as damaged: a person decides on those.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from palantir_assets.release import locks
from palantir_assets.release.log import ReleaseLog
from palantir_assets.release.sealing import Shelf


@dataclass(frozen=True, slots=True)
class Collected:
    """What went, by kind; `bytes` counts blobs only."""

    orphans: int = 0
    blobs: int = 0
    candidates: int = 0
    indexes: int = 0
    bytes: int = 0


def collect_garbage(shelf: Shelf, indexes: Path, log: ReleaseLog, *, keep: int = 3, pinned: frozenset[str] = frozenset()) -> Collected:
    """Remove what no release needs; keep the content of the last `keep` distinct releases, and `pinned` content ids.

    Waits for publishers to end. Raises LedgerError, and removes nothing, when the ledger cannot be reached.
    """
    recent = list(dict.fromkeys(pointer.content_id for pointer in reversed(log.list())))[:keep]
    with locks.alone(shelf.lock):
        orphans = _remove(entry for entry in _entries(shelf.staging) if _is_orphan(entry))
        newest = _candidates(shelf)[:keep]
        kept = {*recent, *pinned, *(entry.name for entry in newest)}
        candidates = _remove(entry for entry in _candidates(shelf) if entry.name not in kept)
        old = [entry for entry in _entries(indexes) if _is_orphan(entry) or _is_old_index(entry, kept)]
        blobs, freed = _remove_blobs(shelf)
    return Collected(orphans, blobs, candidates, _remove(old), freed)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_orphan(entry: Path) -> bool:
    """A staging folder or file whose writer is dead."""
    return entry.suffix == ".tmp" and not locks.in_use(entry)


def _is_old_index(entry: Path, kept: set[str]) -> bool:
    return entry.is_dir() and entry.suffix != ".tmp" and entry.name not in kept


def _candidates(shelf: Shelf) -> list[Path]:
    """Sealed candidates, the one made or adopted last first."""
    sealed = [entry for entry in _entries(shelf.staging) if entry.suffix != ".tmp" and not entry.name.startswith("damaged-")]
    return sorted(sealed, key=lambda entry: entry.stat().st_mtime, reverse=True)


def _remove(entries: Iterable[Path]) -> int:
    count = 0
    for entry in entries:
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
        count += 1
    return count


def _remove_blobs(shelf: Shelf) -> tuple[int, int]:
    count = freed = 0
    for blob in _entries(shelf.blobs):
        facts = blob.stat()
        if facts.st_nlink == 1:
            blob.unlink()
            count, freed = count + 1, freed + facts.st_size
    return count, freed
