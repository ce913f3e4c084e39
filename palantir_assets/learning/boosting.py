"""Gradient-boosted trees: scikit-learn's HistGradientBoostingClassifier, and its file.

The number of trees is found on the last tenth of the training rows by time, then all of them are learned from.
Which rows those are is decided in `training`. One thread does it: where others want the cores too, OpenMP threads
that wait for each other took 64 to 147 s for what one did in 8 to 14. Nothing is ever pickled: the file is skops,
with the object ids and times that skops writes taken out, so that the same model is the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Final, cast

import numpy as np
import numpy.typing as npt

from palantir_assets.learning.features import Feature, Matrix

MAX_TREES: Final = 50
LEARNING_RATE: Final = 0.2  # with 50 trees: as good on held-back rows as 0.1 with 100, at half the time
# What a file of ours may hold beyond the types that skops trusts by itself.
TRUSTED: Final = (
    "functools.partial",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
)


@dataclass(frozen=True, slots=True)
class Boosting:
    """Fitted trees."""

    model: Any
    suffix: ClassVar[str] = ".skops"
    library: ClassVar[str] = "scikit-learn"

    @property
    def parameters(self) -> Mapping[str, str | int | float]:
        return {"learning_rate": self.model.learning_rate, "trees": int(self.model.n_iter_), "max_leaf_nodes": self.model.max_leaf_nodes}

    def predict(self, matrix: Matrix) -> npt.NDArray[np.float64]:
        """The probability of the target for each row, float64 (rows,)."""
        with _one_thread():
            return cast(npt.NDArray[np.float64], self.model.predict_proba(matrix)[:, 1])

    def to_bytes(self) -> bytes:
        """The skops file; the same model gives the same bytes."""
        import skops.io

        return _without_ids(skops.io.dumps(self.model))


def fit_boosting(
    matrix: Matrix, target: npt.NDArray[np.bool_], late: npt.NDArray[np.bool_], features: Sequence[Feature], *, seed: int
) -> Boosting:
    """Learn from all rows; `late` marks those that judge how many trees are enough. No late rows: `MAX_TREES` / 2 trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    categories = [index for index, feature in enumerate(features) if feature.kind == "categorical"]
    settings: dict[str, Any] = {"categorical_features": categories or None, "learning_rate": LEARNING_RATE, "random_state": seed}
    trees = MAX_TREES // 2
    with _one_thread():
        if len(np.unique(target[late])) == 2 and len(np.unique(target[~late])) == 2:
            trial = HistGradientBoostingClassifier(max_iter=MAX_TREES, early_stopping=True, **settings)
            trial.fit(matrix[~late], target[~late], X_val=matrix[late], y_val=target[late])
            trees = max(int(np.argmax(trial.validation_score_)), 1)
        return Boosting(HistGradientBoostingClassifier(max_iter=trees, early_stopping=False, **settings).fit(matrix, target))


def boosting_from_bytes(data: bytes) -> Boosting:
    """The model of a file; skops refuses any type that is neither its own choice nor in `TRUSTED`."""
    import skops.io

    return Boosting(skops.io.loads(data, trusted=list(TRUSTED)))


def _one_thread() -> AbstractContextManager[object]:
    from threadpoolctl import threadpool_limits

    return cast(AbstractContextManager[object], threadpool_limits(1, user_api="openmp"))


def _without_ids(data: bytes) -> bytes:
    """A skops archive with memory addresses replaced by ordinals and its members in order, undated."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members.pop("schema.json"))
    names: dict[str, str] = {}
    text = json.dumps(_renamed(schema, {}, names), separators=(",", ":"))
    renamed = {"schema.json": text.encode(), **{names[name]: content for name, content in members.items()}}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(renamed):
            entry = zipfile.ZipInfo(name)  # dated 1980-01-01
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            archive.writestr(entry, renamed[name])
    return out.getvalue()


def _renamed(node: Any, ids: dict[int, int], names: dict[str, str]) -> Any:
    """The schema with `__id__`s counted from 1 in order of appearance, and files called after their ordinal."""
    if isinstance(node, list):
        return [_renamed(part, ids, names) for part in node]
    if not isinstance(node, dict):
        return node
    out = {key: _renamed(value, ids, names) for key, value in node.items()}
    if "__id__" in node:
        out["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
    if isinstance(node.get("file"), str):
        old = node["file"]
        out["file"] = names.setdefault(old, f"{len(names) + 1:05d}.{old.rpartition('.')[2]}")
    return out
