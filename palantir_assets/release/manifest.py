"""What a release is: its files, their hashes, and the two ids that follow from them.

The manifest says what a candidate or a release holds; `provenance.json` beside it says when and by which
run, and is hashed into nothing. How the files came there is told in `publishing`.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from palantir_assets.errors import Place, Problem, ReleaseError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
PROVENANCE: Final = "provenance.json"
REPORTS: Final = "reports/"

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _inside(path: str) -> str:
    parts = path.split("/")
    if "\\" in path or "\0" in path or any(part in ("", ".", "..") for part in parts) or path in (MANIFEST, PROVENANCE):
        raise ValueError(f"{path!r} is not a path inside a release")
    return path


RelativePath = Annotated[str, AfterValidator(_inside)]


class Record(BaseModel):
    """A file of the release format: frozen, strict, and closed to keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


RecordType = TypeVar("RecordType", bound=Record)


class FileEntry(Record):
    sha256: Sha256
    bytes: int = Field(ge=0)


class Versions(Record):
    """What the content was first made with. Recorded, but no part of the ids: equal bytes are equal content."""

    code_version: str
    spec_version: str
    lock_version: str
    data_versions: dict[str, str] = {}
    edit_watermark: int = Field(0, ge=0)


class Manifest(Versions):
    """Everything in a candidate (`release_id` is None) or a release. `rows` counts objects by type."""

    format: Literal[1] = 1
    content_id: Id
    release_id: Id | None = None
    files: dict[RelativePath, FileEntry]
    audit_head: str | None = None
    rows: dict[str, int] = {}

    @property
    def content(self) -> dict[str, FileEntry]:
        return {path: entry for path, entry in self.files.items() if not path.startswith(REPORTS)}

    @property
    def reports(self) -> dict[str, FileEntry]:
        return {path: entry for path, entry in self.files.items() if path.startswith(REPORTS)}

    @property
    def total_bytes(self) -> int:
        return sum(entry.bytes for entry in self.files.values())


class Provenance(Record):
    """Which run made the content, when, and how old its oldest source bytes are. Times are UTC."""

    run_id: str | None = None
    created_at: Annotated[datetime, Field(strict=False)]
    data_as_of: Annotated[datetime, Field(strict=False)] | None = None


def content_id(files: Mapping[str, FileEntry], *, edit_watermark: int) -> str:
    """32 hex digits over the content's paths and hashes, the format, and the edits folded in."""
    return _digest({"format": FORMAT, "edit_watermark": edit_watermark, "files": _hashes(files)})


def release_id(content: str, reports: Mapping[str, FileEntry]) -> str:
    """32 hex digits over the content id and the reports' paths and hashes."""
    return _digest({"content_id": content, "reports": _hashes(reports)})


def canonical_json(value: object) -> bytes:
    """One way to write JSON: sorted keys, no spaces, UTF-8, no NaN, a newline at the end."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode() + b"\n"


def dump(record: Record) -> bytes:
    """A record as canonical JSON."""
    return canonical_json(record.model_dump(mode="json"))


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a candidate or release; raises ReleaseError if there is none that can be read."""
    return _read(folder / MANIFEST, Manifest)


def read_provenance(folder: Path) -> Provenance:
    """The provenance beside the manifest; raises ReleaseError if there is none that can be read."""
    return _read(folder / PROVENANCE, Provenance)


def hash_file(path: Path) -> FileEntry:
    """A file's sha256 and size in bytes."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileEntry(sha256=digest, bytes=file.tell())


def content_files(folder: Path) -> dict[str, Path]:
    """Every file below a folder but the manifest and the provenance, by relative path, sorted.

    Raises ReleaseError for a link, socket or device: a release holds plain files only.
    """
    found = dict(sorted(_walk(folder, "")))
    return {path: file for path, file in found.items() if path not in (MANIFEST, PROVENANCE)}


def verify(folder: Path) -> list[Problem]:
    """What is wrong with a candidate or release: missing, extra and changed files, ids that do not follow.

    Reads every byte (about a second a GB). An empty list means whole.
    """
    try:
        manifest = read_manifest(folder)
        read_provenance(folder)
        present = content_files(folder)
    except ReleaseError as error:
        return [Problem(error.message, Place(folder))]
    missing = [Problem("missing", Place(folder / path)) for path in sorted(manifest.files.keys() - present.keys())]
    extra = [Problem("not in the manifest", Place(folder / path)) for path in sorted(present.keys() - manifest.files.keys())]
    changed = [
        Problem("changed since it was sealed", Place(folder / path))
        for path, entry in sorted(manifest.files.items())
        if path in present and hash_file(present[path]) != entry
    ]
    return missing + extra + changed + _wrong_ids(folder, manifest)


def _wrong_ids(folder: Path, manifest: Manifest) -> list[Problem]:
    content = content_id(manifest.content, edit_watermark=manifest.edit_watermark)
    problems = []
    if content != manifest.content_id:
        problems.append(Problem("the content id does not follow from the files", Place(folder / MANIFEST)))
    if manifest.release_id is not None and release_id(content, manifest.reports) != manifest.release_id:
        problems.append(Problem("the release id does not follow from the files", Place(folder / MANIFEST)))
    return problems


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    for entry in folder.iterdir():
        mode = entry.lstat().st_mode
        if stat.S_ISDIR(mode):
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif stat.S_ISREG(mode):
            yield f"{prefix}{entry.name}", entry
        else:
            raise ReleaseError(f"{entry} is not a plain file; a release holds plain files only")


def _read(path: Path, kind: type[RecordType]) -> RecordType:
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ReleaseError(f"{path} is missing") from error
    except (OSError, ValidationError) as error:
        raise ReleaseError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error


def _hashes(files: Mapping[str, FileEntry]) -> list[list[str]]:
    return [[path, files[path].sha256] for path in sorted(files)]


def _digest(value: object) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()[:32]
