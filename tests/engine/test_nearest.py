"""Neighbours are checked by the oracle; here, that pieces are put together and that no length of a question is too large or too small."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from palantir_assets.engine import nearest as module
from palantir_assets.engine.asking import Asking
from palantir_assets.engine.nearest import nearest
from palantir_assets.engine.rows import everything, of_rows
from palantir_assets.query.fields import Column
from palantir_assets.query.nodes import Base, Nearest

VECTORS = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
VECTORS[7], VECTORS[8] = np.nan, 0
FAKE: Any = SimpleNamespace(
    release=SimpleNamespace(patch=lambda *_: None, vectors=lambda *_: VECTORS), ontology=SimpleNamespace(types=["a"])
)


def asked(query: tuple[float, ...], rows: Any) -> list[tuple[str, int, float]]:
    column = Column("v", "v", "vector", size=3)
    return nearest(cast(Asking, FAKE), Nearest(Base("a"), (("a", column),), query, 5, None), {"a": rows})


@pytest.mark.parametrize("factor", [1.0, 1e300, 1e-300])
@pytest.mark.parametrize("few", [False, True])
def test_the_nearest_are_those_of_the_largest_cosine(monkeypatch: pytest.MonkeyPatch, factor: float, few: bool) -> None:
    monkeypatch.setattr(module, "_PIECE", 7)
    query = np.array([0.3, -2.0, 1.0])
    numbers = np.arange(0, 50, 2 if few else 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = (VECTORS @ query) / np.linalg.norm(VECTORS, axis=1) / np.linalg.norm(query)
    expected = sorted((row for row in numbers.tolist() if np.isfinite(cosines[row])), key=lambda row: -cosines[row])[:5]
    found = asked(tuple((query * factor).tolist()), of_rows(numbers, 50) if few else everything(50))
    assert [row for _, row, _ in found] == expected
    assert [score for _, _, score in found] == pytest.approx([float(cosines[row]) for row in expected], abs=1e-6)
