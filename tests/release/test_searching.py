"""A release with documents can be searched; damaged search indexes come back like all others."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from palantir_assets.errors import ReleaseError
from palantir_assets.release import indexing
from palantir_assets.release.reading import open_release
from palantir_assets.release.sealing import Candidate, Shelf, seal_candidate, staging
from palantir_assets.search import documents
from palantir_assets.search.documents import Document
from palantir_assets.search.encoding import open_encoder
from palantir_assets.search.exporting import ensure_encoder
from tests.release.shop import CUSTOMERS, PROVENANCE, VERSIONS, write_content

TEXTS = ("Ada buys garden furniture", "A wholesaler of bicycles", "한국 고객은 책을 삽니다")


@pytest.fixture
def encoder_folder(request: pytest.FixtureRequest) -> Path:
    """The one that the tests of `search` use, kept in pytest's cache."""
    return ensure_encoder(request.config.cache.mkdir("encoder"))


@pytest.fixture
def candidate(shelf: Shelf, encoder_folder: Path) -> Candidate:
    with staging(shelf) as folder:
        rows = write_content(folder)
        found = [Document("customer", row, str(CUSTOMERS[row]["customer_id"]), f"customer {row}", text) for row, text in enumerate(TEXTS)]
        documents.write(documents.collect(found), folder / "search" / "documents.parquet")
        np.save(folder / "search" / "vectors.npy", open_encoder(encoder_folder).encode(TEXTS), allow_pickle=False)
        shutil.copytree(encoder_folder, folder / "search" / "encoder")
        return seal_candidate(folder, shelf, versions=VERSIONS, provenance=PROVENANCE, rows=rows)


def found(candidate: Candidate, indexes: Path, query: str) -> list[tuple[int, tuple[str, ...]]]:
    release = open_release(candidate.folder, indexes)
    try:
        assert release.search is not None
        return [(hit.row, hit.by) for hit in release.search.search(query, 1)]
    finally:
        release.close()


def test_words_meanings_and_korean_are_found_with_the_release_s_own_encoder(candidate: Candidate, indexes: Path) -> None:
    assert found(candidate, indexes, "bicycles") == [(1, ("keywords", "vectors"))]
    assert found(candidate, indexes, "chairs and tables for outside") == [(0, ("vectors",))]
    assert found(candidate, indexes, "책") == [(2, ("keywords",))]


@pytest.mark.parametrize("harm", ["vectors gone", "vectors noise", "keywords noise"])
def test_damaged_search_indexes_are_built_anew(candidate: Candidate, indexes: Path, harm: str) -> None:
    before = found(candidate, indexes, "bicycles")
    target = indexes / candidate.content_id
    match harm:
        case "vectors gone":
            shutil.rmtree(target / indexing.VECTORS)
        case "vectors noise":
            for path in (target / indexing.VECTORS).rglob("*.json"):
                path.write_bytes(os.urandom(100))
        case "keywords noise":
            path = target / indexing.KEYWORDS
            path.write_bytes(os.urandom(path.stat().st_size))
    assert found(candidate, indexes, "bicycles") == before


def test_a_damaged_encoder_is_told_and_no_index_helps(shelf: Shelf, candidate: Candidate, indexes: Path) -> None:
    (candidate.folder / "search" / "encoder" / "tokenizer.json").unlink()
    with pytest.raises(ReleaseError, match="tokenizer"):
        open_release(candidate.folder, indexes)
