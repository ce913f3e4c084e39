"""The ways to learn, behind one small protocol.

`fit` gives a fitted estimator for the kind that a spec names; what it can do is `Fitted`. How each learns is in
`boosting` and `network`; how good they are is asked in `training`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from palantir_assets.learning.boosting import fit_boosting
from palantir_assets.learning.features import Feature, Matrix
from palantir_assets.learning.network import fit_network
from palantir_assets.ontology.spec import Estimator


class Fitted(Protocol):
    """What has been learned. `model` is the library's own object, `suffix` that of its file."""

    suffix: ClassVar[str]
    library: ClassVar[str]

    @property
    def model(self) -> Any: ...

    @property
    def parameters(self) -> Mapping[str, str | int | float]:
        """What was set or found while learning."""
        ...

    def predict(self, matrix: Matrix) -> npt.NDArray[np.float64]:
        """Probabilities, float64 (rows,), of an encoded matrix, float32 (rows, features)."""
        ...

    def to_bytes(self) -> bytes:
        """The file of the model, never a pickle; the same model gives the same bytes."""
        ...


def fit(
    estimator: Estimator,
    matrix: Matrix,
    target: npt.NDArray[np.bool_],
    late: npt.NDArray[np.bool_],
    features: Sequence[Feature],
    *,
    seed: int,
    on_share: Callable[[float], None] = lambda share: None,
) -> Fitted:
    """Learn `target` (rows,) from `matrix` (rows, features).

    `late` (rows,) marks the last training rows by time, for estimators that decide by them when to stop.
    `on_share` hears how much is done, in (0, 1].
    """
    if estimator.kind == "mlp":
        return fit_network(matrix, target, features, epochs=estimator.epochs, embeddings=estimator.embeddings, seed=seed, on_share=on_share)
    fitted = fit_boosting(matrix, target, late, features, seed=seed)
    on_share(1.0)
    return fitted
