"""Where an erased object still is on this machine's disk: releases and candidates that hold it, and what was made of them.

Reads hide it everywhere at once; here is what must expire so that it is nowhere. Releases that nobody is served can be
removed here; what else may go is decided by a person.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from palantir_assets.errors import ReleaseError
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.release import locks
from palantir_assets.release.manifest import MANIFEST, read_manifest
from palantir_assets.release.sealing import Shelf

ONTOLOGY: Final = "ontology.json"


@dataclass(frozen=True, slots=True)
class Holder:
    """A release, or a candidate, that holds an object. `content_id` names its indexes; `models` were trained on such objects."""

    folder: Path
    content_id: str
    is_candidate: bool
    models: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.folder.name


def holders(shelf: Shelf, object_type: str, key: str) -> list[Holder]:
    """Every sealed folder that holds the object, releases first. One that cannot be read is taken to hold it."""
    return [holder for folder in _sealed(shelf) if (holder := _holder(shelf, folder, object_type, key))]


def expire(shelf: Shelf, indexes: Path, found: Collection[Holder], *, served: Collection[str]) -> list[Holder]:
    """Remove the holders that are not served, and the indexes that no other folder shares; those that went.

    `served` are the ids of releases that must stay. Waits for publishers to end.
    """
    gone = [holder for holder in found if holder.id not in served]
    with locks.alone(shelf.lock):
        for holder in gone:
            shutil.rmtree(holder.folder)
        contents = {_content_id(folder) for folder in _sealed(shelf)}
        for content_id in {holder.content_id for holder in gone} - contents - {""}:
            shutil.rmtree(indexes / content_id, ignore_errors=True)
        for blob in shelf.blobs.iterdir() if shelf.blobs.is_dir() else ():
            if blob.stat().st_nlink == 1:
                blob.unlink()
    return gone


def _sealed(shelf: Shelf) -> Iterator[Path]:
    for root in (shelf.root, shelf.staging):
        for folder in sorted(root.iterdir()) if root.is_dir() else ():
            if folder.is_dir() and not folder.name.startswith(".") and (folder / MANIFEST).exists():
                yield folder


def _holder(shelf: Shelf, folder: Path, object_type: str, key: str) -> Holder | None:
    made = Holder(folder, _content_id(folder), folder.parent == shelf.staging)
    try:
        ontology = ServedOntology.model_validate_json((folder / ONTOLOGY).read_bytes())
    except (OSError, ValidationError):
        return made
    kind = ontology.types.get(object_type)
    if kind is None or not any(_holds(piece, kind.key, key) for piece in (folder / "objects" / object_type).glob("part-*.parquet")):
        return None
    models = tuple(name for name, model in ontology.models.items() if model.object == object_type)
    return Holder(made.folder, made.content_id, made.is_candidate, models)


def _holds(piece: Path, column: str, key: str) -> bool:
    try:
        keys = pq.read_table(piece, columns=[column]).column(0)
    except (OSError, pa.ArrowException, KeyError):
        return True
    return bool(pc.any(pc.equal(pc.cast(keys, pa.string()), key)).as_py())


def _content_id(folder: Path) -> str:
    try:
        return read_manifest(folder).content_id
    except ReleaseError:  # a damaged manifest names nothing that could be removed with it
        return ""
