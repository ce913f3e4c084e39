"""What was fetched of a table before: which kept bytes an object has that still bears the same mark.

Only a saving. What is not written here, or cannot be read, is fetched again; what bears another mark always is.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from palantir_assets.errors import SourceError
from palantir_assets.names import fingerprint
from palantir_assets.sources.raw_files import RawFile, RawFiles


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells bytes apart without reading them: their tag at the source, and their size."""

    tag: str
    size: int


@dataclass(frozen=True, slots=True)
class FetchedBefore:
    """What one table's objects were when they were kept, by name: a small file beside the folder of kept bytes."""

    file: Path
    raw_files: RawFiles

    def read(self) -> dict[str, tuple[Mark, RawFile]]:
        """Those of which the bytes are still kept."""
        try:
            told = json.loads(self.file.read_text(encoding="utf-8"))
            found = {name: (Mark(tag, size), self.raw_files.kept(sha256, size, name=name)) for name, (tag, size, sha256) in told.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}
        return {name: (mark, file) for name, (mark, file) in found.items() if file is not None}

    def write(self, kept: Mapping[str, tuple[Mark, RawFile]]) -> None:
        """What stood here before is forgotten. Raises SourceError where it cannot be written."""
        told = {name: (mark.tag, mark.size, file.sha256) for name, (mark, file) in kept.items()}
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            handle, new = tempfile.mkstemp(dir=self.file.parent, prefix=".new-")
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                json.dump(told, out)
            Path(new).replace(self.file)
        except OSError as error:
            why = f"what was fetched cannot be noted in {self.file.parent}: {error.strerror or error}"
            raise SourceError(why, next_step="free some space, then run `palantir build --select 'group:raw'`") from error


def fetched_before(raw_files: RawFiles, *of: object) -> FetchedBefore:
    """What was fetched before of a table; `of` tells which one."""
    return FetchedBefore(raw_files.index / "objects" / f"{fingerprint(*of)}.json", raw_files)
