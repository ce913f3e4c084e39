"""Vectors on disk, in memory or on a server: three indexes behind `search.retrieval.VectorIndex`.

`EdgeVectors` is Qdrant inside this process and the default; `QdrantVectors` the same points on a
Qdrant server (or in memory, for tests); `ExactVectors` a matrix product, the oracle of the other two and the
faster one up to some 6,000 points. All are rebuilt from a release's `vectors.npy` at any time: an
index that is damaged is deleted, not repaired.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from palantir_assets.errors import BuildError, QueryError, ReleaseError
from palantir_assets.search.encoding import Vectors
from palantir_assets.search.retrieval import Ranked, Scope

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models
    from qdrant_edge import EdgeShard, Filter

CARD: Final = "card.json"
FORMAT: Final = 1
CHUNK: Final = 1_000
OBJECT_TYPE: Final = "object_type"


@dataclass(frozen=True, eq=False)
class ExactVectors:
    """All cosines, computed: exact, and linear in the points. `vectors` float32 (n, d), L2-normalised, may be mapped."""

    vectors: Vectors
    object_types: npt.NDArray[np.str_]

    @classmethod
    def build(cls, vectors: Vectors, object_types: Sequence[str]) -> ExactVectors:
        """Nothing is copied. Raises BuildError if the two differ in length."""
        _check_shape(vectors, object_types)
        return cls(vectors, np.asarray(object_types, dtype=np.str_))

    def search(self, vector: Vectors, k: int, scope: Scope) -> Ranked:
        _check_vector(vector, self.vectors.shape[1])
        points = self._points(scope)
        scores = self.vectors @ vector if len(points) == len(self.vectors) else self.vectors[points] @ vector
        best = np.argpartition(-scores, k)[:k] if k < len(scores) else np.arange(len(scores))
        return _best(((int(points[place]), float(scores[place])) for place in best), k)

    def count(self) -> int:
        return len(self.vectors)

    def close(self) -> None:
        """Nothing to close."""

    def _points(self, scope: Scope) -> npt.NDArray[np.intp]:
        inside = np.ones(len(self.vectors), dtype=np.bool_)
        if scope.object_types is not None:
            inside &= np.isin(self.object_types, sorted(scope.object_types))
        if scope.points is not None:
            inside &= scope.points
        return np.flatnonzero(inside)


@dataclass(frozen=True, eq=False)
class EdgeVectors:
    """A Qdrant shard in a folder, searched in this process; several processes may open the same folder.

    Qdrant searches it exactly up to 10 MB of vectors (about 6,500 of 384 numbers), and by HNSW above.
    """

    shard: EdgeShard
    points: int
    dimension: int

    @classmethod
    def build(cls, folder: Path, vectors: Vectors, object_types: Sequence[str]) -> EdgeVectors:
        """Build beside `folder` and rename: it is whole or not there. Raises BuildError if `folder` exists."""
        _check_shape(vectors, object_types)
        if folder.exists():
            raise BuildError(f"the vector index {folder} is there already", next_step=f"delete {folder}, it is rebuilt from the release")
        fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
        shutil.rmtree(fresh, ignore_errors=True)
        (fresh / "shard").mkdir(parents=True)
        try:
            _fill_shard(fresh / "shard", vectors, object_types)
            card = {"format": FORMAT, "points": len(vectors), "dimension": vectors.shape[1]}
            (fresh / CARD).write_text(json.dumps(card))
            fresh.rename(folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> EdgeVectors:
        """Open a built index. Raises ReleaseError if it is missing, damaged, or holds another number of points than it was given."""
        import qdrant_edge

        try:
            card = json.loads((folder / CARD).read_text())
            shard = qdrant_edge.EdgeShard.load(str(folder / "shard"))
            found = shard.info().points_count
        except Exception as error:  # the library raises bare Exception
            raise _damaged(folder, str(error)) from error
        if card.get("format") != FORMAT or found != card["points"]:
            shard.close()
            raise _damaged(folder, f"it holds {found} of {card.get('points')} points")
        return cls(shard, card["points"], card["dimension"])

    def search(self, vector: Vectors, k: int, scope: Scope) -> Ranked:
        from qdrant_edge import Query, QueryRequest

        _check_vector(vector, self.dimension)
        if _sees_nothing(scope):
            return []
        request = QueryRequest(query=Query.Nearest(vector.tolist()), limit=k, filter=_edge_filter(scope))
        return _best(((int(str(point.id)), float(point.score)) for point in self.shard.query(request)), k)

    def count(self) -> int:
        return self.points

    def close(self) -> None:
        self.shard.close()


@dataclass(frozen=True, eq=False)
class QdrantVectors:
    """A collection on a Qdrant server, or in memory. Names are content ids, so a collection is never changed."""

    client: QdrantClient
    name: str
    dimension: int

    @classmethod
    def build(cls, client: QdrantClient, name: str, vectors: Vectors, object_types: Sequence[str]) -> QdrantVectors:
        """Make the collection anew. A killed build leaves too few points, which `open` refuses."""
        from qdrant_client import models

        _check_shape(vectors, object_types)
        if client.collection_exists(name):
            client.delete_collection(name)
        client.create_collection(name, vectors_config=models.VectorParams(size=vectors.shape[1], distance=models.Distance.DOT))
        for chunk in _chunks(len(vectors)):
            points = [models.PointStruct(id=at, vector=vectors[at].tolist(), payload={OBJECT_TYPE: object_types[at]}) for at in chunk]
            client.upsert(name, points=points, wait=True)
        return cls.open(client, name, points=len(vectors))

    @classmethod
    def open(cls, client: QdrantClient, name: str, *, points: int) -> QdrantVectors:
        """The collection, if it holds `points` points; raises ReleaseError otherwise."""
        found = client.count(name, exact=True).count if client.collection_exists(name) else 0
        if found != points:
            raise _damaged(name, f"it holds {found} of {points} points")
        return cls(client, name, client.get_collection(name).config.params.vectors.size)

    def search(self, vector: Vectors, k: int, scope: Scope) -> Ranked:
        _check_vector(vector, self.dimension)
        if _sees_nothing(scope):
            return []
        found = self.client.query_points(self.name, query=vector.tolist(), limit=k, query_filter=_server_filter(scope))
        return _best(((int(point.id), float(point.score)) for point in found.points), k)

    def count(self) -> int:
        return int(self.client.count(self.name, exact=True).count)

    def close(self) -> None:
        self.client.close()


def _fill_shard(folder: Path, vectors: Vectors, object_types: Sequence[str]) -> None:
    from qdrant_edge import Distance, EdgeConfig, EdgeShard, EdgeVectorParams, PayloadSchemaType, Point, UpdateOperation

    # Without a write-ahead log: a folder is filled once, flushed and renamed, and then many may read it.
    config = EdgeConfig(vectors=EdgeVectorParams(size=vectors.shape[1], distance=Distance.Dot), wal_enabled=False, max_search_threads=1)
    shard = EdgeShard.create(str(folder), config)
    for chunk in _chunks(len(vectors)):
        points = [Point(at, vectors[at].tolist(), {OBJECT_TYPE: object_types[at]}) for at in chunk]
        shard.update(UpdateOperation.upsert_points(points))
    shard.update(UpdateOperation.create_field_index(OBJECT_TYPE, PayloadSchemaType.Keyword))
    shard.optimize()
    shard.flush()
    shard.close()


def _edge_filter(scope: Scope) -> Filter | None:
    from qdrant_edge import FieldCondition, Filter, HasIdCondition, MatchAny

    must: list[FieldCondition | HasIdCondition] = []
    if scope.object_types is not None:
        must.append(FieldCondition(OBJECT_TYPE, match=MatchAny(sorted(scope.object_types))))
    if scope.points is not None:
        must.append(HasIdCondition(set(np.flatnonzero(scope.points).tolist())))
    return Filter(must=list(must)) if must else None


def _server_filter(scope: Scope) -> models.Filter | None:
    from qdrant_client import models

    must: list[models.Condition] = []
    if scope.object_types is not None:
        must.append(models.FieldCondition(key=OBJECT_TYPE, match=models.MatchAny(any=sorted(scope.object_types))))
    if scope.points is not None:
        must.append(models.HasIdCondition(has_id=np.flatnonzero(scope.points).tolist()))
    return models.Filter(must=must) if must else None


def _sees_nothing(scope: Scope) -> bool:
    return scope.object_types == frozenset() or (scope.points is not None and not scope.points.any())


def _best(found: Iterator[tuple[int, float]], k: int) -> Ranked:
    return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]


def _chunks(points: int) -> Iterator[range]:
    return (range(start, min(start + CHUNK, points)) for start in range(0, points, CHUNK))


def _check_shape(vectors: Vectors, object_types: Sequence[str]) -> None:
    if vectors.ndim != 2 or len(vectors) != len(object_types):
        raise BuildError(f"vectors of shape {vectors.shape} for {len(object_types)} documents")
    if not np.isfinite(vectors).all():
        raise BuildError("a vector holds a number that is not finite")


def _check_vector(vector: Vectors, dimension: int) -> None:
    if vector.shape != (dimension,) or not np.isfinite(vector).all():
        raise QueryError(f"the query vector is not {dimension} finite numbers")


def _damaged(index: object, why: str) -> ReleaseError:
    return ReleaseError(f"the vector index {index} cannot be used: {why}", next_step=f"delete {index}, it is rebuilt from the release")
