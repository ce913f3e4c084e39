"""Where a declared table's bytes lie: in an installed package, or beside the project.

A package is found and never imported: its data files are wanted, not its code. The bytes are handed to
`raw_files`, which keeps them.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path, PurePosixPath

from palantir_assets.errors import SourceError, did_you_mean
from palantir_assets.ontology.spec import Source, SourceTable
from palantir_assets.sources.raw_files import RawFile, RawFiles


def fetch(source: Source, table: SourceTable, *, project: Path, into: RawFiles) -> RawFile:
    """Keep the bytes of one declared table. Raises SourceError if they cannot be found or read."""
    return into.keep(find_file(source, table.file, project=project))


def find_file(source: Source, file: str, *, project: Path) -> Path:
    """The path of a declared file. Raises SourceError for a missing one, or one outside its root."""
    inside = PurePosixPath(file)
    if inside.is_absolute() or ".." in inside.parts or "\\" in file:
        raise SourceError(f"{file!r} points out of its folder", next_step="name a file inside it, such as data/orders.csv")
    if source.kind == "package_data":
        return _existing(_package_folders(source.package or ""), file, f"package {source.package}")
    path = _existing([project], file, str(project))
    if not path.resolve().is_relative_to(project.resolve()):
        raise SourceError(f"{file!r} is a link out of {project}", next_step="copy the file into the project")
    return path


def _package_folders(package: str) -> list[Path]:
    found = importlib.util.find_spec(package)
    if found is None:
        advice = f"install it (pip install {package}), then run the command again"
        raise SourceError(f"package {package!r} is not installed", next_step=advice)
    if not found.submodule_search_locations:
        raise SourceError(f"{package!r} is a single module: it holds no data files")
    return [Path(folder) for folder in found.submodule_search_locations]


def _existing(roots: list[Path], file: str, where: str) -> Path:
    for root in roots:
        if (root / file).is_file():
            return root / file
    nearby = [path.name for root in roots if (root / file).parent.is_dir() for path in (root / file).parent.iterdir()]
    hint = did_you_mean(PurePosixPath(file).name, nearby)
    raise SourceError(f"there is no file {file!r} in {where}" + (f"; {hint}" if hint else ""))
