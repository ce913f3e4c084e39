"""What the engine needs of an open release or candidate. `release.reading.Release` fulfils it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import duckdb
import numpy as np
from numpy.typing import NDArray

from palantir_assets.engine.patches import Patch
from palantir_assets.engine.remembering import Memory
from palantir_assets.engine.rows import RowSet
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_access import ServedAccess


class Adjacency(Protocol):
    """One direction of a link: from a row to the rows it is linked to."""

    @property
    def offsets(self) -> NDArray[np.int32]: ...
    @property
    def targets(self) -> NDArray[np.int32]: ...
    @property
    def through(self) -> NDArray[np.int32] | None:
        """Beside the targets, the rows of the objects that stand for the links, if there are any."""

    def of(self, row: int) -> NDArray[np.int32]: ...


class Links(Protocol):
    """Both directions of a link; of a dated one, from when until when each is valid, in microseconds, beside each direction's targets."""

    @property
    def forward(self) -> Adjacency: ...
    @property
    def reverse(self) -> Adjacency: ...
    @property
    def valid(self) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None: ...


class ColumnIndex(Protocol):
    """One property in order: a rank for every row, and the rows by rank. Equal values share a rank, a missing one has `MISSING`."""

    @property
    def ranks(self) -> NDArray[np.int32]:
        """By row."""

    @property
    def order(self) -> NDArray[np.int32]:
        """Rows by rank, then row; those without a value at the end."""

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where each rank begins in `order`, and where the last ends."""

    def between(self, value: object) -> tuple[int, int]:
        """The ranks of what equals a value: from the first, to before the second. Empty where it would stand."""

    def values_of(self, ranks: NDArray[np.int32]) -> NDArray[Any]:
        """The values of some ranks; they compare as those of the property do."""


class Hit(Protocol):
    """One object found by text; the higher the score, the better."""

    @property
    def object_type(self) -> str: ...
    @property
    def row(self) -> int: ...
    @property
    def key(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def by(self) -> Sequence[str]: ...


class TextIndex(Protocol):
    """Finds at most `k` objects, best first; types and rows restrict them before the best are taken."""

    def search(
        self, query: str, k: int, *, object_types: frozenset[str] | None, allowed: Callable[[str], NDArray[np.bool_] | bool] | None
    ) -> Sequence[Hit]:
        """`allowed` tells of a type whether all of its rows may be found, none, or which: a bool a row."""


class Identity(Protocol):
    """The part of a manifest that names what is read; a candidate has no release id yet."""

    @property
    def content_id(self) -> str: ...
    @property
    def release_id(self) -> str | None: ...


class Released(Protocol):
    """An open release: rows by number, keys to rows, links as arrays, and SQL for everything ad hoc."""

    @property
    def manifest(self) -> Identity: ...
    @property
    def ontology(self) -> ServedOntology:
        """What is stored. What a caller may know of it is told by a `View`, and names are taken from there."""

    @property
    def access(self) -> ServedAccess:
        """The rules in force."""

    @property
    def memory(self) -> Memory:
        """What is worth keeping until the next edit."""

    @property
    def lasting(self) -> Memory:
        """What is worth keeping for as long as the release is open, whatever is edited."""

    @property
    def links(self) -> Mapping[str, Links]: ...
    @property
    def search(self) -> TextIndex | None: ...

    @property
    def edit_no(self) -> int:
        """The last edit that is seen: the release's own watermark, or what is laid over it."""

    def count(self, object_type: str) -> int:
        """How many rows a type has; not all of them need be objects."""

    def living(self, object_type: str) -> RowSet:
        """The rows that are objects: all, unless edits removed some."""

    def patch(self, object_type: str) -> Patch | None:
        """What edits laid over the release make of a type; None where nobody edited it."""

    def row_of(self, object_type: str, key: object) -> int | None:
        """By the key's value, or by its text in a URL."""

    def json_rows(self, object_type: str, rows: Sequence[int]) -> list[bytes]: ...

    def index(self, object_type: str, name: str) -> ColumnIndex | None:
        """The index of a property, if it has one."""

    def vectors(self, object_type: str, name: str) -> NDArray[np.float32] | None:
        """A vector property as a matrix with a row for each object; a missing vector is all NaN."""

    def encode(self, text: str) -> NDArray[np.float32] | None:
        """A text as a vector, if the release has an encoder that understands it."""

    def sql(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A read-only, locked-down cursor with one table a type; one for each request."""


def identity(release: Released) -> str:
    """The id an answer carries: the release's, or the content's while it is a candidate."""
    return release.manifest.release_id or release.manifest.content_id
