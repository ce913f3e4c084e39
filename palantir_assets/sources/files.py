"""Files on this machine: in an installed package, or beside the project.

A package is found and never imported: its data files are wanted, not its code. The bytes are handed to
`raw_files`, which keeps them.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from palantir_assets.errors import SourceError, did_you_mean
from palantir_assets.ontology.spec import Source, SourceTable
from palantir_assets.sources.raw_files import RawFile, RawFiles, sha256_of

PATTERN: Final = "*?["
"""What makes a pattern of a file's name."""


@dataclass(frozen=True, slots=True)
class Files:
    """The tables of a source on this machine. Their version is that of their content."""

    source: Source
    project: Path

    def fetch(self, table: SourceTable, into: RawFiles) -> list[RawFile]:
        """Keep the bytes of each file, by name."""
        return [into.keep(path) for path in self._paths(table)]

    def version(self, table: SourceTable, into: RawFiles) -> str:  # nothing is kept for it
        """The sha256 of the file, or what stands for those of several."""
        return sha256_of([_digest(path) for path in self._paths(table)])

    def look(self, table: SourceTable) -> None:
        """Raises SourceError where no file lies there."""
        self._paths(table)

    def _paths(self, table: SourceTable) -> list[Path]:
        return find_files(self.source, table.file, project=self.project)


def find_files(source: Source, file: str, *, project: Path) -> list[Path]:
    """The path of a declared file, or those of all that fit a pattern, in their order by name.

    Raises SourceError where there is none, and for one outside its root.
    """
    inside = PurePosixPath(file)
    if inside.is_absolute() or ".." in inside.parts or "\\" in file:
        raise SourceError(f"{file!r} points out of its folder", next_step="name a file inside it, such as data/orders.csv")
    packaged = source.kind == "package_data"
    roots = _package_folders(source.package or "") if packaged else [project]
    where = f"package {source.package}" if packaged else str(project)
    found = _fitting(roots, file, where) if any(mark in file for mark in PATTERN) else [_existing(roots, file, where)]
    for path in found:
        if not packaged and not path.resolve().is_relative_to(project.resolve()):
            name = path.relative_to(project).as_posix()
            raise SourceError(f"{name!r} is a link out of {project}", next_step="copy the file into the project")
    return found


def _package_folders(package: str) -> list[Path]:
    found = importlib.util.find_spec(package)
    if found is None:
        advice = f"install it (pip install {package}), then run the command again"
        raise SourceError(f"package {package!r} is not installed", next_step=advice)
    if not found.submodule_search_locations:
        raise SourceError(f"{package!r} is a single module: it holds no data files")
    return [Path(folder) for folder in found.submodule_search_locations]


def _fitting(roots: list[Path], pattern: str, where: str) -> list[Path]:
    for root in roots:
        if found := sorted(path for path in root.glob(pattern) if path.is_file()):
            return found
    raise SourceError(f"no file in {where} fits {pattern!r}", next_step="see that the files are there, or mend the pattern")


def _existing(roots: list[Path], file: str, where: str) -> Path:
    for root in roots:
        if (root / file).is_file():
            return root / file
    nearby = [path.name for root in roots if (root / file).parent.is_dir() for path in (root / file).parent.iterdir()]
    hint = did_you_mean(PurePosixPath(file).name, nearby)
    raise SourceError(f"there is no file {file!r} in {where}" + (f"; {hint}" if hint else ""))


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
