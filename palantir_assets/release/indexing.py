"""Indexes: what is made from the truth of a release so that reading is fast, and may be deleted at any time.

Rows as ready JSON (`rows`), DuckDB for everything ad hoc, keywords, vectors; one folder a content id. It is
built beside and renamed, and built anew when its marker is missing, old or does not fit the files. What is
asked of the indexes is told in `reading`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from palantir_assets.errors import ReleaseError
from palantir_assets.names import literal, quoted
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_parts import ServedType
from palantir_assets.release import bodies, locks
from palantir_assets.release.filesystem import told_plainly
from palantir_assets.release.manifest import Manifest, canonical_json
from palantir_assets.release.postings import POSTINGS, sizes, write_postings
from palantir_assets.release.ready_json import ready_select
from palantir_assets.release.rows import write_rows
from palantir_assets.release.sealing import NewName, random_name
from palantir_assets.release.virtual import add_virtual, ready_source, table_select

FORMAT: Final = 3
DONE: Final = "done"
ROWS: Final = "objects.lmdb"
OBJECTS: Final = "objects.duckdb"
KEYWORDS: Final = "keywords.sqlite"
VECTORS: Final = "vectors"
BUILD_MEMORY: Final = "1GB"

BuildSearch = Callable[[Path, Path], None]


def ensure_indexes(
    folder: Path, manifest: Manifest, ontology: ServedOntology, indexes: Path, *, build_search: BuildSearch, new_name: NewName = random_name
) -> Path:
    """The folder of indexes for a release's content, built if it is not there whole; about 15 µs an object.

    `build_search(release_folder, index_folder)` makes the keyword and vector indexes. One process builds,
    others wait for it. Raises ReleaseError when the truth cannot be read or the disk refuses.
    """
    target = indexes / manifest.content_id
    if is_whole(target):
        return target
    with told_plainly("building the indexes"), locks.alone(indexes / f"{manifest.content_id}.lock"):
        if not is_whole(target):
            _build(folder, ontology, target, build_search, new_name)
    return target


def discard_indexes(indexes: Path, content_id: str) -> None:
    """Forget the indexes of a content id, so that they are built anew."""
    shutil.rmtree(indexes / content_id, ignore_errors=True)


def is_whole(target: Path) -> bool:
    """Whether the marker is there, of this format and this DuckDB, and the files have the sizes it tells."""
    try:
        marker = json.loads((target / DONE).read_bytes())
    except (OSError, ValueError):
        return False
    return bool(marker == _marker(target))


def _build(folder: Path, ontology: ServedOntology, target: Path, build_search: BuildSearch, new_name: NewName) -> None:
    temporary = target.with_name(f"{target.name}-{new_name()}.tmp")
    temporary.mkdir(parents=True)
    with locks.held(temporary):
        try:
            _build_objects(folder, ontology, temporary)
            build_search(folder, temporary)
            (temporary / DONE).write_bytes(canonical_json(_marker(temporary)))
            shutil.rmtree(target, ignore_errors=True)
            temporary.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _build_objects(folder: Path, ontology: ServedOntology, temporary: Path) -> None:
    """The pieces are read in their order, which is that of the rows: nothing is sorted again."""
    config = {
        "memory_limit": BUILD_MEMORY,
        "preserve_insertion_order": "true",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    try:
        with duckdb.connect(str(temporary / OBJECTS), config=dict(config)) as con:
            con.execute("SET TimeZone = 'UTC'")
            for name, kind in ontology.types.items():
                pieces = ", ".join(literal(str(piece)) for piece in _pieces(folder, name))
                con.execute(f"CREATE TABLE {quoted(name)} AS {table_select(kind, f'read_parquet([{pieces}])')}")
            add_virtual(con, folder, ontology)
            for kind in ontology.types.values():
                write_postings(con, kind, temporary / POSTINGS)
            types = ((name, _batches(con, kind, folder)) for name, kind in ontology.types.items())
            write_rows(temporary / ROWS, types, count=len(ontology.types))
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise ReleaseError(
            f"the objects of {folder.name} cannot be indexed: {reason}",
            next_step="`palantir release list` shows one to activate instead, `palantir build` makes a new one",
        ) from error


def _batches(con: duckdb.DuckDBPyConnection, kind: ServedType, folder: Path) -> Iterator[pa.Table]:
    """Piece by piece, so that memory is bounded by one piece's JSON."""
    for piece in _pieces(folder, kind.name):
        yield con.sql(ready_select(kind, ready_source(kind, f"read_parquet({literal(str(piece))})"))).to_arrow_table()


def _pieces(folder: Path, object_type: str) -> list[Path]:
    pieces = sorted((folder / "objects" / object_type).glob("part-*.parquet"))
    if not pieces:
        raise ReleaseError(
            f"{folder.name} holds no objects of type {object_type!r}",
            next_step="`palantir release list` shows one to activate instead, `palantir build` makes a new one",
        )
    return pieces


def _marker(target: Path) -> dict[str, object]:
    """Format, DuckDB's storage generation, and the size of every file that opening leaves as it is."""
    whole = {name: (target / name).stat().st_size for name in (ROWS, OBJECTS, KEYWORDS) if (target / name).exists()}
    return {
        "format": FORMAT,
        "duckdb": duckdb.__version__.rpartition(".")[0],
        "sizes": {**whole, **sizes(target), **bodies.sizes(target)},
        "vectors": (target / VECTORS).is_dir(),
    }
