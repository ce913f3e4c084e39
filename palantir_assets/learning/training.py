"""Training and judging: a split in time, every estimator on the same rows, and the constant beside them.

Rows before the split train, rows from it on judge; a row without a target does neither and is scored all the
same. Whether a feature may be used at all is asked in `ontology.leaks`, before anything is built; how a model's story is
told, in `cards`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from palantir_assets.errors import BuildError
from palantir_assets.learning.estimators import Fitted, fit
from palantir_assets.learning.features import Encoder, fit_encoder
from palantir_assets.ontology.spec import Model, ModelGate

CONSTANT: Final = "constant"
HIGHER_IS_BETTER: Final[Mapping[str, bool]] = {"auroc": True, "average_precision": True, "brier": False, "log_loss": False}
LATE_SHARE: Final = 0.1

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
OnProgress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Metrics:
    """How good scores are on the test rows, to six digits."""

    auroc: float
    average_precision: float
    brier: float
    log_loss: float


@dataclass(frozen=True, slots=True)
class Part:
    """The train or the test part: rows with a known target, the share of true ones, and their first and last day."""

    rows: int
    base_rate: float
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Trained:
    """All that training gives. Arrays: `rows` int32 and `scores` float64 (all rows,), in the order of the frame;
    `test_target` bool and each of `test_scores` float64 (test rows,). `metrics` holds `constant` first."""

    name: str
    spec: Model
    encoder: Encoder
    estimators: Mapping[str, Fitted]
    metrics: Mapping[str, Metrics]
    train: Part
    test: Part
    without_target: int
    rows: npt.NDArray[np.int32]
    scores: Floats
    test_target: Bools
    test_scores: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Passed:
    """The gate is open."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The gate is closed; every reason, in words."""

    reason: str


def train(name: str, spec: Model, frame: pa.Table, on_progress: OnProgress = lambda step, share: None) -> Trained:
    """Fit every estimator of a model, judge each on the test part, and score all rows with the one that is served.

    `frame` has `_row`, the target (boolean), the split timestamp and one column a feature, named as in the spec.
    `on_progress` hears the step ("encode" or an estimator's name) and the share of it that is done. Raises
    BuildError if a column is missing or of no use, or if a part has no rows or only one outcome.
    """
    target, known = _target(frame, spec.predict)
    before, from_on, when = _split(frame, spec)
    learn, judge = known & before, known & from_on
    parts = _part("train", name, spec, target[learn], when[learn]), _part("test", name, spec, target[judge], when[judge])
    encoder = fit_encoder(frame.filter(pa.array(learn)), spec.features)
    matrix = encoder.encode(frame)
    on_progress("encode", 1.0)
    estimators: dict[str, Fitted] = {}
    late = _late(when[learn])
    for label, estimator in spec.estimators.items():
        on_share = partial(on_progress, label)
        estimators[label] = fit(estimator, matrix[learn], target[learn], late, encoder.features, seed=spec.seed, on_share=on_share)
    scores = estimators[spec.serve].predict(matrix)
    others = {label: fitted.predict(matrix[judge]) for label, fitted in estimators.items() if label != spec.serve}
    test_scores = {label: scores[judge] if label == spec.serve else others[label] for label in estimators}
    baseline = {CONSTANT: np.full(int(judge.sum()), target[learn].mean()), **test_scores}
    metrics = {label: measured(target[judge], given) for label, given in baseline.items()}
    rows = frame.column("_row").to_numpy().astype(np.int32)
    return Trained(name, spec, encoder, estimators, metrics, *parts, int((~known).sum()), rows, scores, target[judge], test_scores)


def measured(target: Bools, scores: Floats) -> Metrics:
    """The four metrics of scores (rows,) against outcomes (rows,), of which both kinds must be there."""
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

    values = (
        roc_auc_score(target, scores),
        average_precision_score(target, scores),
        brier_score_loss(target, scores),
        log_loss(target, scores),
    )
    return Metrics(*(round(float(value), 6) for value in values))


def is_better(metric: str, value: float, bar: float) -> bool:
    """Whether a value of a metric is strictly better than another; what is not a number never is."""
    return value > bar if HIGHER_IS_BETTER[metric] else value < bar


def gate_result(spec: Model, metrics: Mapping[str, Metrics]) -> Passed | Failed:
    """Whether the served estimator may be released. Without a gate it may; what cannot be compared is a failure."""
    gate, served = spec.gate, metrics.get(spec.serve)
    if gate is None:
        return Passed("the model declares no gate")
    if served is None:
        return Failed(f"there are no metrics of {spec.serve!r}")
    value = float(getattr(served, gate.metric))
    reasons = [*_outside(gate, value), *(_not_better(gate, value, rival, metrics.get(rival)) for rival in gate.beats)]
    broken = [reason for reason in reasons if reason]
    return Failed("; ".join(broken)) if broken else Passed(f"{gate.metric} of {spec.serve!r} is {value:.4f}")


def predictions(trained: Trained) -> pa.Table:
    """The scores as a table: `_row` int32 and the property that the model writes, double."""
    (written,) = trained.spec.writes
    return pa.table({"_row": pa.array(trained.rows, pa.int32()), written: pa.array(trained.scores, pa.float64())})


def model_files(trained: Trained) -> dict[str, bytes]:
    """Each estimator's file by name, such as `boosting.skops`. Exporting takes a second or two each."""
    return {f"{label}{fitted.suffix}": fitted.to_bytes() for label, fitted in trained.estimators.items()}


def _outside(gate: ModelGate, value: float) -> list[str]:
    """Written so that a value which is not a number is outside."""
    low = gate.at_least is not None and not value >= gate.at_least
    high = gate.at_most is not None and not value <= gate.at_most
    said = f"{gate.metric} is {value:.4f}"
    return [f"{said}, less than {gate.at_least}"] * low + [f"{said}, more than {gate.at_most}"] * high


def _not_better(gate: ModelGate, value: float, rival: str, other: Metrics | None) -> str:
    if other is None:
        return f"there are no metrics of {rival!r} to compare with"
    bar = float(getattr(other, gate.metric))
    return "" if is_better(gate.metric, value, bar) else f"{gate.metric} is {value:.4f}, no better than the {rival}'s {bar:.4f}"


def _target(frame: pa.Table, name: str) -> tuple[Bools, Bools]:
    """The outcome of each row, and whether it is known."""
    if name not in frame.column_names or not pa.types.is_boolean(frame.schema.field(name).type):
        raise BuildError(f"the training table has no boolean column {name!r} to predict")
    column = frame.column(name)
    return _bools(pc.fill_null(column, False)), _bools(pc.is_valid(column))


def _split(frame: pa.Table, spec: Model) -> tuple[Bools, Bools, npt.NDArray[np.datetime64]]:
    """Which rows lie before and from the split on (neither, if they have no time), and their times."""
    name = spec.split.by
    if name not in frame.column_names or not pa.types.is_temporal(frame.schema.field(name).type):
        raise BuildError(f"the training table has no timestamp column {name!r} to split by")
    when = frame.column(name).cast(pa.timestamp("us"), safe=False).to_numpy()
    bound = np.datetime64(spec.split.train_until, "us")
    return when < bound, when >= bound, when


def _part(word: str, name: str, spec: Model, target: Bools, when: npt.NDArray[np.datetime64]) -> Part:
    bound = f"`train_until: {spec.split.train_until}`"
    if len(np.unique(target)) < 2:
        what = f"has no rows with a known {spec.predict!r}" if not len(target) else f"knows only one outcome of {spec.predict!r}"
        raise BuildError(f"model {name!r}: the {word} part {what}", next_step=f"move {bound} so that both parts hold both outcomes")
    first, last = (cast(date, moment.astype("datetime64[D]").item()) for moment in (when.min(), when.max()))
    return Part(len(target), round(float(target.mean()), 6), first, last)


def _late(when: npt.NDArray[np.datetime64]) -> Bools:
    """The last tenth of the training rows by time; rows of one moment stay together."""
    moments = when.astype("datetime64[us]").astype(np.int64)
    return moments > np.quantile(moments, 1 - LATE_SHARE, method="lower")


def _bools(column: pa.ChunkedArray) -> Bools:
    return np.asarray(column.to_numpy(), dtype=np.bool_)
