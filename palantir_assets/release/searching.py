"""The search indexes of a release: built from its documents and vectors, and opened with its own encoder.

How text is tokenised, encoded and ranked is decided in `search`; how keywords and vectors lie on disk, in
`stores`. A release without documents has no search.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from palantir_assets.errors import ReleaseError
from palantir_assets.release.indexing import KEYWORDS, VECTORS
from palantir_assets.search import documents
from palantir_assets.search.encoding import Vectors, open_encoder
from palantir_assets.search.retrieval import SearchIndex
from palantir_assets.stores.keywords import SqliteKeywords
from palantir_assets.stores.vectors import EdgeVectors

DOCUMENTS: Final = "search/documents.parquet"
ENCODED: Final = "search/vectors.npy"
ENCODER: Final = "search/encoder"


def build_search(folder: Path, target: Path) -> None:
    """Make the keyword and vector indexes of a release in the folder `target`. Raises ReleaseError or BuildError."""
    if not (folder / DOCUMENTS).exists():
        return
    found = documents.read(folder / DOCUMENTS)
    SqliteKeywords.build(target / KEYWORDS, found).close()
    EdgeVectors.build(target / VECTORS, _read_vectors(folder / ENCODED), found.column("object_type")).close()


def open_search(folder: Path, target: Path) -> SearchIndex | None:
    """Search over a release, with its encoder loaded; None if the release has no documents. Raises ReleaseError."""
    if not (folder / DOCUMENTS).exists():
        return None
    found = documents.read(folder / DOCUMENTS, texts=False)
    encoder = open_encoder(folder / ENCODER)
    keywords = SqliteKeywords.open(target / KEYWORDS)
    try:
        return SearchIndex(found, encoder, EdgeVectors.open(target / VECTORS), keywords)
    except BaseException:
        keywords.close()
        raise


def _read_vectors(path: Path) -> Vectors:
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False), dtype=np.float32)
    except (OSError, ValueError, EOFError) as error:
        raise ReleaseError(f"{path} cannot be read: {error}") from error
