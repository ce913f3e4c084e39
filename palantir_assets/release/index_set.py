"""The indexes of one content, open: once in a process, however many releases or candidates share them.

LMDB and the embedded vector store each refuse to open a path twice in one process. How the indexes are
built is told in `indexing`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
from numpy.typing import NDArray

from palantir_assets.engine.postings import Postings
from palantir_assets.errors import ReleaseError
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.release.indexing import OBJECTS, ROWS, discard_indexes, ensure_indexes
from palantir_assets.release.manifest import Manifest
from palantir_assets.release.postings import POSTINGS, read_postings, read_vectors
from palantir_assets.release.rows import RowStore, open_rows
from palantir_assets.release.searching import build_search, open_search
from palantir_assets.search.retrieval import SearchIndex

LOG = logging.getLogger(__name__)

SERVING_MEMORY: Final = "256MB"
SERVING_THREADS: Final = 2
SERVING_SPILL: Final = "2GB"
"""On disk, of all statements together, beside the indexes: DuckDB by itself would take nine tenths of what is free."""


@dataclass(frozen=True, slots=True, eq=False)
class IndexSet:
    """Ready rows, tables for SQL, search (None where nothing is searchable), and by type and property what is in order or a vector."""

    rows: RowStore
    objects: duckdb.DuckDBPyConnection
    search: SearchIndex | None
    postings: Mapping[str, Mapping[str, Postings]]
    vectors: Mapping[str, Mapping[str, NDArray[np.float32]]]

    def close(self) -> None:
        self.rows.close()
        self.objects.close()
        if self.search is not None:
            self.search.close()


@dataclass(slots=True)
class _Shared:
    index_set: IndexSet
    users: int = 1


@dataclass(frozen=True, slots=True)
class IndexRegistry:
    """Which index sets this process has open, and how many use each. One is opened at a time, and nobody who is done waits for that."""

    opening: threading.Lock = field(default_factory=threading.Lock)
    lock: threading.Lock = field(default_factory=threading.Lock)
    open: dict[Path, _Shared] = field(default_factory=dict)

    def take(self, path: Path, opening: Callable[[], IndexSet]) -> IndexSet:
        """The set at a path, opened if nobody has it open; `give_back` it when done."""
        with self.opening:
            with self.lock:
                if shared := self.open.get(path):
                    shared.users += 1
                    return shared.index_set
            index_set = opening()
            with self.lock:
                self.open[path] = _Shared(index_set)
            return index_set

    def give_back(self, path: Path) -> None:
        """One user less; the last one closes the set."""
        with self.lock:
            shared = self.open[path]
            shared.users -= 1
            if shared.users:
                return
            del self.open[path]
        shared.index_set.close()


REGISTRY: Final = IndexRegistry()


def open_indexes(folder: Path, manifest: Manifest, ontology: ServedOntology, indexes: Path) -> IndexSet:
    """Open the indexes of a release's content; build them first if need be, once more if they are damaged.

    Raises ReleaseError if even fresh ones cannot be opened.
    """
    target = ensure_indexes(folder, manifest, ontology, indexes, build_search=build_search)
    try:
        return _open(folder, target, ontology)
    except Exception as error:  # damage shows as whatever the library of that index raises
        LOG.warning("the indexes of %s are damaged and built anew: %s", folder.name, error)
        discard_indexes(indexes, manifest.content_id)
    target = ensure_indexes(folder, manifest, ontology, indexes, build_search=build_search)
    try:
        return _open(folder, target, ontology)
    except Exception as error:
        raise ReleaseError(
            f"the indexes of {folder.name} cannot be opened: {error}",
            next_step="`palantir release list` shows one to activate instead, `palantir build` makes a new one",
        ) from error


def _open(folder: Path, target: Path, ontology: ServedOntology) -> IndexSet:
    rows = open_rows(target / ROWS, tuple(ontology.types))
    try:
        objects = _connect(target / OBJECTS)
        try:
            postings = {kind.name: read_postings(kind, target / POSTINGS) for kind in ontology.types.values()}
            vectors = {kind.name: read_vectors(kind, target / POSTINGS) for kind in ontology.types.values()}
            return IndexSet(rows, objects, open_search(folder, target), postings, vectors)
        except BaseException:
            objects.close()
            raise
    except BaseException:
        rows.close()
        raise


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    """A connection that reads this file and nothing else, and whose settings nobody changes."""
    config = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": SERVING_MEMORY,
        "threads": str(SERVING_THREADS),
        "max_temp_directory_size": SERVING_SPILL,
    }
    con = duckdb.connect(str(path), read_only=True, config=dict(config))
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET lock_configuration = true")
    return con
