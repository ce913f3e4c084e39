"""One release, open for reading: the same code for a candidate under evaluation and for what is served.

Here is what can be asked of a release by row number, by key and by SQL. Which questions exist is decided in
`query`, how they are answered in `engine`, and which release is served in `holding`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

import duckdb
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from palantir_assets.engine.postings import Postings
from palantir_assets.engine.remembering import Memory
from palantir_assets.engine.rows import RowSet, everything
from palantir_assets.errors import ReleaseError
from palantir_assets.graph.building import LinkArrays, load
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_access import ACCESS_FILE, ServedAccess
from palantir_assets.release.index_set import REGISTRY, IndexSet, open_indexes
from palantir_assets.release.manifest import Manifest, Provenance, read_manifest, read_provenance
from palantir_assets.search.retrieval import SearchIndex

ONTOLOGY: Final = "ontology.json"


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """An open candidate or release; safe to share between threads until `close`.

    `links` are by table name (`order__customer`); `search` is None where no object type is searchable. `access` are the
    rules in force, which may be those of a later release; `memory` keeps what follows from them.
    """

    folder: Path
    manifest: Manifest
    provenance: Provenance
    ontology: ServedOntology
    links: Mapping[str, LinkArrays]
    _indexes: IndexSet = field(repr=False)
    _closing: ExitStack = field(repr=False)
    access: ServedAccess = field(default_factory=ServedAccess, repr=False)
    memory: Memory = field(default_factory=Memory, repr=False)

    @property
    def id(self) -> str:
        """The release id; of a candidate, its content id."""
        return self.manifest.release_id or self.manifest.content_id

    @property
    def search(self) -> SearchIndex | None:
        return self._indexes.search

    @property
    def lasting(self) -> Memory:
        """The same as `memory`: nothing is edited here."""
        return self.memory

    @property
    def edit_no(self) -> int:
        """The last edit that was folded into this release."""
        return self.manifest.edit_watermark

    def living(self, object_type: str) -> RowSet:
        """Every row is an object."""
        return everything(self.count(object_type))

    def patch(self, object_type: str) -> None:
        """Nothing is laid over it."""

    def row_of(self, object_type: str, key: object) -> int | None:
        """The row number of an object, or None. Raises UnknownName for a type that does not exist."""
        return self._indexes.rows.row_of(self.ontology.find_type(object_type).name, key)

    def json_rows(self, object_type: str, rows: Sequence[int]) -> list[bytes]:
        """The ready JSON of each row, in the order asked for. Raises IndexError for a row that is not there."""
        return self._indexes.rows.json_rows(self.ontology.find_type(object_type).name, rows)

    def count(self, object_type: str) -> int:
        """How many objects there are of a type."""
        return self._indexes.rows.count(self.ontology.find_type(object_type).name)

    def index(self, object_type: str, name: str) -> Postings | None:
        """The index of a property, if the specs declare one."""
        return self._indexes.postings.get(object_type, {}).get(name)

    def vectors(self, object_type: str, name: str) -> NDArray[np.float32] | None:
        """A vector property as a matrix with a row for each object; a missing vector is all NaN."""
        return self._indexes.vectors.get(object_type, {}).get(name)

    def encode(self, text: str) -> NDArray[np.float32] | None:
        """A text as a vector, if the release has an encoder that understands it."""
        if self.search is None or not self.search.encoder.understands(text):
            return None
        vector: NDArray[np.float32] = self.search.encoder.encode([text])[0]
        return vector

    @contextmanager
    def sql(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for one request: one table an object type, read-only, no files, no settings."""
        cursor = self._indexes.objects.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def under(self, access: ServedAccess) -> Release:
        """The same open release under other rules. Whichever of the two is closed closes both."""
        return self if access == self.access else replace(self, access=access, memory=Memory())

    def when_closed(self, told: Callable[[], object]) -> None:
        """Call `told` once, when this release is closed and before anything of it is."""
        self._closing.callback(told)

    def close(self) -> None:
        """Give back what is open; a second call does nothing."""
        self._closing.close()


def open_release(folder: Path, indexes: Path) -> Release:
    """Open a sealed folder; builds its indexes under `indexes` if they are not there.

    Checks that every file of the manifest is there in full length, not its hash: `manifest.verify` does.
    Raises ReleaseError for a folder that is missing, incomplete or damaged.
    """
    manifest, provenance = read_manifest(folder), read_provenance(folder)
    _refuse_incomplete(folder, manifest)
    ontology = _read_ontology(folder)
    links = {path.name: load(path) for path in sorted((folder / "links").glob("*")) if path.is_dir()}
    with ExitStack() as stack:
        shared = (indexes / manifest.content_id).resolve()
        index_set = REGISTRY.take(shared, lambda: open_indexes(folder, manifest, ontology, indexes))
        stack.callback(REGISTRY.give_back, shared)
        _refuse_misfits(folder, manifest, ontology, links)
        access = read_access(folder)
        return Release(folder, manifest, provenance, ontology, MappingProxyType(links), index_set, stack.pop_all(), access)


def read_access(folder: Path) -> ServedAccess:
    """The rules of a sealed folder; one without any lets nobody read anything. Raises ReleaseError for what is damaged."""
    try:
        return ServedAccess.model_validate_json((folder / ACCESS_FILE).read_bytes())
    except FileNotFoundError:
        return ServedAccess()
    except (OSError, ValidationError) as error:
        raise ReleaseError(f"{folder / ACCESS_FILE} cannot be read: {str(error).splitlines()[0]}") from error


def _read_ontology(folder: Path) -> ServedOntology:
    try:
        return ServedOntology.model_validate_json((folder / ONTOLOGY).read_bytes())
    except (OSError, ValidationError) as error:
        raise ReleaseError(f"{folder / ONTOLOGY} cannot be read: {str(error).splitlines()[0]}") from error


def _refuse_incomplete(folder: Path, manifest: Manifest) -> None:
    for path, entry in manifest.files.items():
        try:
            size = (folder / path).stat().st_size
        except OSError as error:
            raise ReleaseError(f"{folder.name} lacks {path}") from error
        if size != entry.bytes:
            raise ReleaseError(f"{path} of {folder.name} has {size} bytes instead of {entry.bytes}")


def _refuse_misfits(folder: Path, manifest: Manifest, ontology: ServedOntology, links: Mapping[str, LinkArrays]) -> None:
    """Link arrays must be there for every link and be as long as their types have rows."""
    for kind in ontology.types.values():
        for name, link in kind.links.items():
            table = f"{kind.name}__{name}"
            if table not in links:
                raise ReleaseError(f"{folder.name} lacks the link arrays of {table}")
            lengths = (links[table].forward.rows, links[table].reverse.rows)
            if lengths != (manifest.rows.get(kind.name), manifest.rows.get(link.to)):
                raise ReleaseError(f"the link arrays of {table} in {folder.name} do not fit its objects")
