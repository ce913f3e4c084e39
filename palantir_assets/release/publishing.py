"""Station 9: a gated candidate becomes a release, and one ledger row makes it the release that is served.

The folder comes first, whole and on disk; the row is the commit. Between the two a crash leaves a folder
that the next attempt adopts. Whether a candidate may be released is the gate's decision, in `assets`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from palantir_assets.errors import LedgerError, ReleaseError
from palantir_assets.release import locks
from palantir_assets.release.filesystem import FileSystem, told_plainly
from palantir_assets.release.log import Pointer, ReleaseLog
from palantir_assets.release.manifest import (
    MANIFEST,
    PROVENANCE,
    REPORTS,
    FileEntry,
    Manifest,
    canonical_json,
    dump,
    read_manifest,
    release_id,
    verify,
)
from palantir_assets.release.sealing import DISK, Candidate, NewName, Settled, Shelf, random_name, settle

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


DECLASSIFICATIONS: Final = "declassifications"
"""The report of what is declassified in a release, which is part of its id."""


@dataclass(frozen=True, slots=True)
class Published:
    """What became of it: a new row `release_no`, or the head that pointed there already."""

    release_id: str
    release_no: int
    outcome: Literal["published", "unchanged"]
    folder: Path
    notes: tuple[str, ...] = ()


def publish(
    candidate: Candidate,
    reports: Mapping[str, object],
    *,
    shelf: Shelf,
    log: ReleaseLog,
    reason: str,
    actor: str,
    clock: Clock = utc_now,
    fs: FileSystem = DISK,
    new_name: NewName = random_name,
) -> Published:
    """Release a candidate with its reports (name → JSON value; no times, no run ids).

    Raises ReleaseError when the candidate is damaged, the disk refuses or another publisher was first, and
    LedgerError when the ledger cannot be reached; the complete folder then waits for `activate`.
    """
    head, audit_head, unreachable = _ask(log)
    texts = {f"{REPORTS}{name}.json": canonical_json(report) for name, report in reports.items()}
    with told_plainly("publishing the release"), locks.shared(shelf.lock):
        _refuse_damaged(candidate.folder)
        manifest = _release_manifest(candidate.manifest, texts, audit_head)
        folder = shelf.release(manifest.release_id or "")
        links = {path: candidate.folder / path for path in candidate.manifest.files}
        provenance = (candidate.folder / PROVENANCE).read_bytes()
        settled = settle(links, {**texts, MANIFEST: dump(manifest), PROVENANCE: provenance}, folder, shelf, "publish", fs, new_name)
        if unreachable:
            raise _waiting(folder.name, unreachable) from unreachable
        return _commit(folder, head, settled, shelf=shelf, log=log, reason=reason, actor=actor, clock=clock, fs=fs)


def activate(
    release: str, *, shelf: Shelf, log: ReleaseLog, reason: str, actor: str, clock: Clock = utc_now, fs: FileSystem = DISK
) -> Published:
    """Make a release that lies on the shelf the current one: rollback, or the commit of one that waited.

    Raises ReleaseError when it is not there or damaged, LedgerError when the ledger cannot be reached.
    """
    folder = shelf.release(release)
    with told_plainly("activating the release"), locks.shared(shelf.lock):
        if not (folder / MANIFEST).is_file() or folder.parent != shelf.root:
            raise ReleaseError(f"there is no release {release!r} in {shelf.root}")
        _refuse_damaged(folder)
        if read_manifest(folder).release_id != release:
            raise ReleaseError(f"{folder} does not hold the release it is named after")
        head, _, unreachable = _ask(log)
        if unreachable:
            raise _waiting(release, unreachable) from unreachable
        return _commit(folder, head, Settled(), shelf=shelf, log=log, reason=reason, actor=actor, clock=clock, fs=fs)


def _ask(log: ReleaseLog) -> tuple[Pointer | None, str | None, LedgerError | None]:
    """The head, the audit head, and why there is neither if the ledger cannot be reached."""
    try:
        return log.head(), log.audit_head(), None
    except LedgerError as error:
        return None, None, error


def _release_manifest(candidate: Manifest, texts: Mapping[str, bytes], audit_head: str | None) -> Manifest:
    reports = {path: FileEntry(sha256=sha256(data).hexdigest(), bytes=len(data)) for path, data in texts.items()}
    return candidate.model_copy(
        update={
            "release_id": release_id(candidate.content_id, reports),
            "files": {**candidate.files, **reports},
            "audit_head": audit_head,
        }
    )


def _commit(
    folder: Path,
    head: Pointer | None,
    settled: Settled,
    *,
    shelf: Shelf,
    log: ReleaseLog,
    reason: str,
    actor: str,
    clock: Clock,
    fs: FileSystem,
) -> Published:
    if head and head.release_id == folder.name and not settled.notes:
        return Published(folder.name, head.release_no, "unchanged", folder)
    content = read_manifest(folder).content_id
    fs.reach("commit.before", folder)
    try:
        number = log.commit(
            folder.name,
            content_id=content,
            expected_no=head.release_no if head else 0,
            reason=reason,
            actor=actor,
            at=clock(),
            notes=settled.notes,
            **_declassified(folder),
        )
    except LedgerError as error:
        raise _waiting(folder.name, error) from error
    fs.reach("commit.after", folder)
    _cache_current(folder.name, shelf, fs)
    return Published(folder.name, number, "published", folder, settled.notes)


def _declassified(folder: Path) -> dict[str, list[dict[str, object]]]:
    """What the release says is declassified in it, as the log wants to be told; nothing where nothing is."""
    file = folder / f"{REPORTS}{DECLASSIFICATIONS}.json"
    found: list[dict[str, object]] = json.loads(file.read_bytes()) if file.is_file() else []
    return {"declassified": found} if found else {}


def _cache_current(release: str, shelf: Shelf, fs: FileSystem) -> None:
    part = shelf.staging / f"CURRENT-{release}.tmp"
    with suppress(OSError):  # the ledger has decided already
        fs.make_folder(shelf.staging, point="current")
        fs.write(part, f"{release}\n".encode(), point="current")
        fs.replace(part, shelf.current, point="current")


def _refuse_damaged(folder: Path) -> None:
    if problems := verify(folder):
        told = "\n".join(f"  {problem}" for problem in problems[:5])
        more = f"\n  and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise ReleaseError(
            f"{folder.name} is damaged and was not released:\n{told}{more}", next_step="run `palantir build` to make it anew"
        )


def _waiting(release: str, error: LedgerError) -> LedgerError:
    return LedgerError(
        f"{error.message}; release {release} is complete on disk and waits, and what was served is served still",
        next_step=f"when the ledger answers again, run `palantir release activate {release}`",
    )
