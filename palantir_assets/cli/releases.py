"""`palantir release list|show|activate`: the release log and the shelf, told. Nothing is decided here."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from palantir_assets.cli import console
from palantir_assets.errors import ReleaseError
from palantir_assets.release.comparing import changes
from palantir_assets.release.manifest import Manifest, Provenance, read_manifest, read_provenance
from palantir_assets.release.sealing import Shelf
from palantir_assets.settings import Settings

if TYPE_CHECKING:
    from palantir_assets.release.log import Pointer, ReleaseLog

SQLITE = "sqlite:///"


def head(settings: Settings) -> dict[str, Any] | None:
    """What is released now, as plain values; None before the first release."""
    pointers = _pointers(settings)
    return _plain(settings, pointers[-1]) if pointers else None


def show_all(settings: Settings, *, as_json: bool) -> int:
    """Print every release, newest first, each with what changed since the one before it."""
    pointers = _pointers(settings)
    told = [{**_plain(settings, pointer), "changes": _changes(settings, before, pointer)} for before, pointer in _pairs(pointers)][::-1]
    if as_json:
        console.answer_json(told)
    elif not told:
        console.answer("no release yet; run `palantir up`")
    else:
        rows = [(row["release_no"], row["release_id"], row["committed_at"], row["reason"], "\n".join(row["changes"])) for row in told]
        console.answer_table(("no", "release", "committed (UTC)", "why", "changes"), rows)
    return 0


def show(settings: Settings, release_id: str, *, as_json: bool) -> int:
    """Print one release: rows, versions, files and provenance."""
    folder = Shelf(settings.releases).release(_complete(settings, release_id))
    manifest, provenance = read_manifest(folder), read_provenance(folder)
    if as_json:
        console.answer_json({"manifest": manifest.model_dump(mode="json"), "provenance": provenance.model_dump(mode="json")})
    else:
        for line in _described(manifest, provenance):
            console.answer(line)
    return 0


def activate(settings: Settings, release_id: str, *, reason: str) -> int:
    """Make a release on the shelf the served one, and say so."""
    from palantir_assets.release import publishing

    done = publishing.activate(
        _complete(settings, release_id), shelf=Shelf(settings.releases), log=_log(settings), reason=reason, actor=f"cli:{user()}"
    )
    if done.outcome == "unchanged":
        console.answer(f"release {done.release_id} is the served one already (number {done.release_no})")
    else:
        console.answer(f"release {done.release_id} is served from now on (number {done.release_no}); a running API follows by itself")
    return 0


def _log(settings: Settings) -> ReleaseLog:
    from palantir_assets.stores.ledger import open_ledger

    return open_ledger(settings.ledger_url, settings.audit_key)


def _pointers(settings: Settings) -> Sequence[Pointer]:
    """The release log, oldest first; empty where no ledger was made yet, and looking makes none."""
    file = settings.ledger_url.removeprefix(SQLITE)
    if settings.ledger_url.startswith(SQLITE) and not settings.state.joinpath(file).exists():
        return []
    return _log(settings).list()


def _pairs(pointers: Sequence[Pointer]) -> list[tuple[Pointer | None, Pointer]]:
    return list(zip([None, *pointers[:-1]], pointers, strict=True))


def _plain(settings: Settings, pointer: Pointer) -> dict[str, Any]:
    as_of = None
    with suppress(ReleaseError):
        as_of = read_provenance(Shelf(settings.releases).release(pointer.release_id)).data_as_of
    return {
        "release_no": pointer.release_no,
        "release_id": pointer.release_id,
        "content_id": pointer.content_id,
        "committed_at": pointer.committed_at.isoformat(timespec="seconds"),
        "reason": pointer.reason,
        "actor": pointer.actor,
        "data_as_of": as_of.isoformat(timespec="seconds") if as_of else None,
    }


def _changes(settings: Settings, before: Pointer | None, after: Pointer) -> list[str]:
    if before is None:
        return ["the first release"]
    shelf = Shelf(settings.releases)
    try:
        return changes(read_manifest(shelf.release(before.release_id)), read_manifest(shelf.release(after.release_id))).lines()
    except ReleaseError:
        return ["not known: one of the two is no longer on disk"]


def _complete(settings: Settings, beginning: str) -> str:
    """The id of the release with this number, as `release list` shows it, or of the one on the shelf that begins so."""
    numbered = [pointer.release_id for pointer in _pointers(settings) if str(pointer.release_no) == beginning]
    if numbered:
        return numbered[0]
    shelf = settings.releases
    found = (
        sorted(folder.name for folder in shelf.iterdir() if folder.is_dir() and not folder.name.startswith(".")) if shelf.is_dir() else []
    )
    matches = [name for name in found if name.startswith(beginning)]
    if len(matches) == 1:
        return matches[0]
    if not matches and beginning.isdigit():
        raise ReleaseError(f"no release has the number {beginning!r}, and no release on disk begins with it")
    what = "several releases begin" if matches else "no release on disk begins"
    raise ReleaseError(f"{what} with {beginning!r}")


def _described(manifest: Manifest, provenance: Provenance) -> list[str]:
    rows = ", ".join(f"{name} {count:,}" for name, count in sorted(manifest.rows.items()))
    return [
        f"release     {manifest.release_id}",
        f"content     {manifest.content_id}",
        f"made        {provenance.created_at.isoformat(timespec='seconds')} by run {provenance.run_id or 'unknown'}",
        f"data as of  {provenance.data_as_of.isoformat(timespec='seconds') if provenance.data_as_of else 'unknown'}",
        f"rows        {rows or 'none'}",
        f"size        {manifest.total_bytes / 1e6:,.1f} MB in {len(manifest.files)} files, {len(manifest.reports)} of them reports",
        f"versions    code {manifest.code_version}, specs {manifest.spec_version}, lock {manifest.lock_version}",
        *(f"  {path}  {entry.bytes:,} bytes  {entry.sha256[:12]}" for path, entry in sorted(manifest.files.items())),
    ]


def user() -> str:
    """Who runs this command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user entry
        return "unknown"
