"""What the engine needs of an open release or candidate. `release.reading.Release` fulfils it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import duckdb
import numpy as np
from numpy.typing import NDArray

from palantir_assets.ontology.served import ServedOntology


class Adjacency(Protocol):
    """One direction of a link: from a row to the rows it is linked to."""

    def of(self, row: int) -> NDArray[np.int32]: ...


class Links(Protocol):
    """Both directions of a link."""

    @property
    def forward(self) -> Adjacency: ...
    @property
    def reverse(self) -> Adjacency: ...


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
    """Finds at most `k` objects, best first; the types restrict them before the best are taken."""

    def search(self, query: str, k: int, *, object_types: frozenset[str] | None) -> Sequence[Hit]: ...


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
    def ontology(self) -> ServedOntology: ...
    @property
    def links(self) -> Mapping[str, Links]: ...
    @property
    def search(self) -> TextIndex | None: ...

    def count(self, object_type: str) -> int: ...

    def row_of(self, object_type: str, key: object) -> int | None:
        """By the key's value, or by its text in a URL."""

    def json_rows(self, object_type: str, rows: Sequence[int]) -> list[bytes]: ...

    def sql(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A read-only, locked-down cursor with one table a type; one for each request."""


def identity(release: Released) -> str:
    """The id an answer carries: the release's, or the content's while it is a candidate."""
    return release.manifest.release_id or release.manifest.content_id
