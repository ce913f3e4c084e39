"""Search: one question to two indexes, and one answer.

Vectors find what is meant, keywords what is written; reciprocal rank fusion joins the two lists. Who
may see what comes as `allowed` and holds inside both indexes, before the best k are taken: a hidden
object neither shows nor takes a place. The ports are declared here; `stores` has the indexes.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from palantir_assets.errors import QueryError
from palantir_assets.search.documents import Documents, safe_text
from palantir_assets.search.encoding import Encoder, Vectors
from palantir_assets.search.keywords import MAX_QUERY_CHARACTERS

Leg = Literal["vectors", "keywords"]
Ranked = list[tuple[int, float]]
Mask = npt.NDArray[np.bool_]
Allowed = Callable[[str], "Mask | bool"]

FUSION_K: Final = 60
MAX_HITS: Final = 200
DEPTH: Final = 50
KEPT_SCOPES: Final = 32
"""Masks of callers that are kept with the index."""


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """Which points may be found: those of the types, if given, that are true in `points`, if given."""

    object_types: frozenset[str] | None = None
    points: Mask | None = None


class VectorIndex(Protocol):
    """Vectors by point number."""

    def search(self, vector: Vectors, k: int, scope: Scope) -> Ranked:
        """At most k (point, cosine), best first, equal ones by point."""
        ...

    def count(self) -> int: ...

    def close(self) -> None: ...


class KeywordIndex(Protocol):
    """Words by point number."""

    def search(self, query: str, k: int, scope: Scope) -> Ranked:
        """At most k (point, score), best first, equal ones by point; any text is a valid query."""
        ...

    def count(self) -> int: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Hit:
    """One object found, and the legs that found it. Scores are comparable within one answer only."""

    object_type: str
    row: int
    key: str
    title: str
    score: float
    by: tuple[Leg, ...]


@dataclass(frozen=True)
class SearchIndex:
    """All that can be searched in a release. Safe to use from many threads."""

    documents: Documents
    encoder: Encoder
    vectors: VectorIndex
    keywords: KeywordIndex
    _scopes: OrderedDict[tuple[object, ...], tuple[Scope, list[Mask | bool]]] = field(default_factory=OrderedDict, repr=False)

    def search(self, query: str, k: int = 10, *, object_types: frozenset[str] | None = None, allowed: Allowed | None = None) -> list[Hit]:
        """The best k objects for any text, of the given types, that `allowed` lets through.

        `allowed(type)` is True, False, or a bool array over the type's rows; without it all may be
        found. Raises QueryError unless 1 <= k <= MAX_HITS.
        """
        if not 1 <= k <= MAX_HITS:
            raise QueryError(f"k is {k}; a search gives 1 to {MAX_HITS} hits")
        text = safe_text(query, limit=MAX_QUERY_CHARACTERS)
        scope = self._scope(object_types, allowed)
        depth = max(k, DEPTH)
        ranked: list[tuple[Leg, Ranked]] = [("keywords", self.keywords.search(text, depth, scope))]
        if self.encoder.understands(text):
            ranked.append(("vectors", self.vectors.search(self.encoder.encode([text])[0], depth, scope)))
        return [self._hit(point, score, by) for point, score, by in fuse(ranked)[:k]]

    def close(self) -> None:
        self.vectors.close()
        self.keywords.close()

    def _scope(self, object_types: frozenset[str] | None, allowed: Allowed | None) -> Scope:
        """What may be found, kept for as long as the same masks are asked with: one is as long as there are documents."""
        if allowed is None:
            return Scope(object_types)
        answers = {name: allowed(name) for name in self.documents.ranges if object_types is None or name in object_types}
        key = tuple((name, answer if isinstance(answer, bool) else id(answer)) for name, answer in answers.items())
        kept = self._scopes.get(key)
        if kept is None:
            kept = _scope(self.documents, answers), list(answers.values())  # who is held keeps the id that names it
            self._scopes[key] = kept
            while len(self._scopes) > KEPT_SCOPES:
                with suppress(KeyError):  # another thread was faster
                    self._scopes.popitem(last=False)
        return kept[0]

    def _hit(self, point: int, score: float, by: tuple[Leg, ...]) -> Hit:
        found = self.documents.document(point)
        return Hit(found.object_type, found.row, found.key, found.title, score, by)


def fuse(ranked: Sequence[tuple[Leg, Ranked]]) -> list[tuple[int, float, tuple[Leg, ...]]]:
    """Reciprocal rank fusion (Cormack, Clarke & Büttcher 2009, k = 60): best first, equal ones by point.

    >>> [point for point, _, _ in fuse([("keywords", [(7, 3.0), (2, 1.0)]), ("vectors", [(2, 0.9)])])]
    [2, 7]
    """
    scores: defaultdict[int, float] = defaultdict(float)
    legs: defaultdict[int, list[Leg]] = defaultdict(list)
    for leg, answers in ranked:
        for place, (point, _) in enumerate(answers, start=1):
            scores[point] += 1 / (FUSION_K + place)
            legs[point].append(leg)
    return [(point, scores[point], tuple(legs[point])) for point in sorted(scores, key=lambda point: (-scores[point], point))]


def _scope(documents: Documents, answers: Mapping[str, Mask | bool]) -> Scope:
    """Types that are wholly visible stay names, which indexes filter cheaply; a policy over rows becomes a mask."""
    if all(isinstance(answer, bool) for answer in answers.values()):
        return Scope(frozenset(name for name, answer in answers.items() if answer is True))
    points = np.zeros(len(documents), dtype=np.bool_)
    for name, answer in answers.items():
        part = slice(documents.ranges[name].start, documents.ranges[name].stop)
        points[part] = answer if isinstance(answer, bool) else answer[documents.rows[part]]
    return Scope(None, points)
