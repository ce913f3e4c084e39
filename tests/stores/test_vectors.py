"""One body for three vector indexes: the exact one is the oracle of the other two."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import QdrantClient

from palantir_assets.errors import BuildError, QueryError, ReleaseError
from palantir_assets.search.encoding import Vectors
from palantir_assets.search.retrieval import Ranked, Scope, VectorIndex
from palantir_assets.stores.vectors import EdgeVectors, ExactVectors, QdrantVectors

POINTS, DIMENSION = 600, 24
Build = Callable[[Vectors, list[str]], VectorIndex]


def some_vectors(points: int = POINTS) -> Vectors:
    vectors = np.random.default_rng(7).normal(size=(points, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[points // 2 : points // 2 + 20] = vectors[0]  # ties
    return vectors


TYPES = ["customer"] * 100 + ["order"] * (POINTS - 100)


@pytest.fixture(params=["exact", "edge", "qdrant"])
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Build]:
    made: list[VectorIndex] = []

    def make(vectors: Vectors, types: list[str]) -> VectorIndex:
        if request.param == "exact":
            made.append(ExactVectors.build(vectors, types))
        elif request.param == "edge":
            made.append(EdgeVectors.build(tmp_path / f"vectors{len(made)}", vectors, types))
        else:
            made.append(QdrantVectors.build(QdrantClient(":memory:"), "release", vectors, types))
        return made[-1]

    yield make
    for index in made:
        index.close()


def oracle(vectors: Vectors, query: Vectors, k: int, allowed: np.ndarray) -> list[float]:
    """The k best cosines among the allowed points."""
    return sorted((vectors[allowed] @ query).tolist(), reverse=True)[:k]


def check(found: Ranked, vectors: Vectors, query: Vectors, k: int, allowed: np.ndarray) -> None:
    """Right up to ties: the right scores, each that of its point, only allowed points, none twice, equal ones by point."""
    points, scores = [point for point, _ in found], [score for _, score in found]
    assert scores == pytest.approx(oracle(vectors, query, k, allowed), abs=1e-5)
    assert scores == pytest.approx([float(vectors[point] @ query) for point in points], abs=1e-5)
    assert len(set(points)) == len(points) and allowed[points].all()
    assert found == sorted(found, key=lambda hit: (-hit[1], hit[0]))


def test_the_best_ten_are_the_exact_ones(build: Build) -> None:
    vectors = some_vectors()
    index = build(vectors, TYPES)
    for query in vectors[:50]:
        check(index.search(query, 10, Scope()), vectors, query, 10, np.ones(POINTS, dtype=np.bool_))


def test_types_and_a_mask_hold_before_the_best_are_taken(build: Build) -> None:
    vectors, types = some_vectors(), np.array(TYPES)
    index = build(vectors, TYPES)
    mask = np.random.default_rng(1).random(POINTS) < 0.1
    for query in vectors[::60]:
        for object_types in (None, frozenset({"customer"}), frozenset({"order"}), frozenset({"customer", "order"})):
            for points in (None, mask):
                allowed = np.isin(types, sorted(object_types)) if object_types is not None else np.ones(POINTS, dtype=np.bool_)
                allowed = allowed & points if points is not None else allowed
                check(index.search(query, 10, Scope(object_types, points)), vectors, query, 10, allowed)


@pytest.mark.parametrize(
    "scope",
    [Scope(frozenset()), Scope(frozenset({"no_such_type"})), Scope(None, np.zeros(POINTS, dtype=np.bool_)), Scope(frozenset({"a' or 1"}))],
    ids=["no type", "unknown type", "empty mask", "nasty type"],
)
def test_an_empty_scope_finds_nothing(build: Build, scope: Scope) -> None:
    assert build(some_vectors(), TYPES).search(some_vectors()[0], 10, scope) == []


def test_more_asked_for_than_there_are_gives_all(build: Build) -> None:
    vectors = some_vectors()
    assert len(build(vectors, TYPES).search(vectors[0], 10_000, Scope())) == POINTS


@pytest.mark.parametrize("points", [0, 1, POINTS])
def test_the_count_is_that_of_the_source(build: Build, points: int) -> None:
    index = build(some_vectors()[:points], TYPES[:points])
    assert index.count() == points
    assert len(index.search(some_vectors()[0], 5, Scope())) == min(points, 5)


@pytest.mark.parametrize("query", [np.ones(3, dtype=np.float32), np.full(DIMENSION, np.nan, dtype=np.float32)], ids=["short", "nan"])
def test_a_query_of_another_shape_or_of_no_number_is_refused(build: Build, query: Vectors) -> None:
    with pytest.raises(QueryError, match="24 finite numbers"):
        build(some_vectors(), TYPES).search(query, 5, Scope())


def test_vectors_that_do_not_fit_their_documents_are_refused(build: Build) -> None:
    with pytest.raises(BuildError, match="599 documents"):
        build(some_vectors(), TYPES[:-1])
    broken = some_vectors()
    broken[3, 3] = np.inf
    with pytest.raises(BuildError, match="not finite"):
        build(broken, TYPES)


def test_threads_get_the_answers_that_one_gets(build: Build) -> None:
    vectors = some_vectors()
    index = build(vectors, TYPES)
    alone, together = [index.search(query, 5, Scope()) for query in vectors[:8]], {}
    threads = [
        threading.Thread(target=lambda place=place: together.update({place: index.search(vectors[place], 5, Scope())}))
        for place in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[place] for place in range(8)] == alone


def test_a_shard_opens_again_in_two_processes_at_once(tmp_path: Path) -> None:
    vectors = some_vectors()
    built = EdgeVectors.build(tmp_path / "vectors", vectors, TYPES)
    answer = built.search(vectors[5], 5, Scope())
    program = textwrap.dedent("""
        import json, pathlib, sys
        import numpy as np
        from palantir_assets.search.retrieval import Scope
        from palantir_assets.stores.vectors import EdgeVectors
        query = np.array(json.loads(sys.argv[2]), dtype=np.float32)
        print(json.dumps(EdgeVectors.open(pathlib.Path(sys.argv[1])).search(query, 5, Scope())))
    """)
    command = [sys.executable, "-c", program, str(tmp_path / "vectors"), json.dumps(vectors[5].tolist())]
    other = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (
        [tuple(hit) for hit in json.loads(other.stdout)] == answer == EdgeVectors.open(tmp_path / "vectors").search(vectors[5], 5, Scope())
    )


@pytest.mark.parametrize("lost", ["card.json", "shard", "shard/segments"])
def test_a_shard_that_lost_a_part_is_refused_with_the_way_out(tmp_path: Path, lost: str) -> None:
    EdgeVectors.build(tmp_path / "vectors", some_vectors(), TYPES).close()
    path = tmp_path / "vectors" / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(ReleaseError, match="rebuilt from the release"):
        EdgeVectors.open(tmp_path / "vectors")


def test_a_build_that_dies_leaves_nothing_under_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("palantir_assets.stores.vectors._fill_shard", lambda *arguments: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        EdgeVectors.build(tmp_path / "vectors", some_vectors(), TYPES)
    assert list(tmp_path.iterdir()) == []


def test_an_index_is_never_built_over_another(tmp_path: Path) -> None:
    EdgeVectors.build(tmp_path / "vectors", some_vectors(), TYPES)
    with pytest.raises(BuildError, match="there already"):
        EdgeVectors.build(tmp_path / "vectors", some_vectors(), TYPES)


def test_a_collection_with_too_few_points_is_refused_and_a_new_build_replaces_it() -> None:
    client = QdrantClient(":memory:")
    QdrantVectors.build(client, "release", some_vectors()[:5], TYPES[:5])
    with pytest.raises(ReleaseError, match="5 of 600 points"):
        QdrantVectors.open(client, "release", points=POINTS)
    with pytest.raises(ReleaseError, match="0 of 600 points"):
        QdrantVectors.open(client, "no_such_collection", points=POINTS)
    assert QdrantVectors.build(client, "release", some_vectors(), TYPES).count() == POINTS
