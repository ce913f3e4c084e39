"""From columns to numbers: a plain encoding that is learned on training rows and kept as JSON.

A string or a boolean is a category, a number is a number. What an estimator does with the codes and the gaps is
its own business; which columns there are, and which rows train, is decided in `training`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from palantir_assets.errors import BuildError, did_you_mean

Matrix = npt.NDArray[np.float32]

MISSING: Final = 0
OTHER: Final = 1
FIRST_VALUE: Final = 2
MAX_CODES: Final = 255  # what HistGradientBoosting can tell apart
MAX_VALUES: Final = MAX_CODES - FIRST_VALUE


@dataclass(frozen=True, slots=True)
class Feature:
    """One column as the model sees it.

    `values` are a category's known values, the most frequent first; code 0 stands for a missing value, 1 for
    any other, and `values[i]` has code `i + 2`. The shares are those among training rows.
    """

    name: str
    kind: Literal["categorical", "numeric"]
    values: tuple[str, ...] = ()
    missing_share: float = 0.0
    other_share: float = 0.0

    @property
    def codes(self) -> int:
        """How many codes a category has; 0 for a number."""
        return len(self.values) + FIRST_VALUE if self.kind == "categorical" else 0


@dataclass(frozen=True, slots=True)
class Encoder:
    """The features in order; all that is needed to encode new rows."""

    features: tuple[Feature, ...]

    def encode(self, frame: pa.Table) -> Matrix:
        """A float32 matrix (rows, features): codes of categories, numbers as they are, NaN for a missing or infinite number."""
        matrix = np.empty((frame.num_rows, len(self.features)), dtype=np.float32)
        for index, feature in enumerate(self.features):
            column = _column(frame, feature.name)
            matrix[:, index] = _codes(column, feature.values) if feature.kind == "categorical" else _numbers(column)
        return matrix

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; `encoder_from_json` reads it back."""
        return {"features": [{**asdict(feature), "values": list(feature.values)} for feature in self.features]}


def encoder_from_json(document: Mapping[str, Any]) -> Encoder:
    """The encoder that `to_json` wrote."""
    return Encoder(tuple(Feature(**{**feature, "values": tuple(feature["values"])}) for feature in document["features"]))


def fit_encoder(frame: pa.Table, names: Sequence[str]) -> Encoder:
    """Learn the encoding of the named columns from training rows alone.

    Raises BuildError for a column that is not there or whose type cannot be a feature.
    """
    return Encoder(tuple(_learn(name, _column(frame, name)) for name in names))


def _learn(name: str, column: pa.ChunkedArray) -> Feature:
    rows = max(len(column), 1)
    if _kind(name, column.type) == "numeric":
        return Feature(name, "numeric", missing_share=round(float(np.isnan(_numbers(column)).sum()) / rows, 6))
    counts = pc.value_counts(_text(column).drop_null())
    texts, numbers = counts.field("values").to_pylist(), counts.field("counts").to_pylist()
    by_frequency = sorted(zip(texts, numbers, strict=True), key=lambda pair: (-pair[1], pair[0]))
    others = sum(count for _, count in by_frequency[MAX_VALUES:])
    values = tuple(text for text, _ in by_frequency[:MAX_VALUES])
    return Feature(name, "categorical", values, round(column.null_count / rows, 6), round(others / rows, 6))


def _kind(name: str, type_: pa.DataType) -> Literal["categorical", "numeric"]:
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_boolean(type_):
        return "categorical"
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "numeric"
    if pa.types.is_temporal(type_):
        advice = "derive what matters of it (hour, weekday, month) in the dbt model or as a derived property and use that"
        raise BuildError(
            f"feature {name!r} is a {type_}: a point in time never comes again, so nothing can be learned from it", next_step=advice
        )
    raise BuildError(f"feature {name!r} is a {type_}, which cannot be a feature", next_step="use a string, boolean or number")


def _column(frame: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in frame.column_names:
        hint = did_you_mean(name, frame.column_names)
        raise BuildError(f"the training table has no column {name!r}" + (f"; {hint}" if hint else ""))
    return frame.column(name)


def _codes(column: pa.ChunkedArray, values: Sequence[str]) -> npt.NDArray[np.float32]:
    text = _text(column)
    known = pc.index_in(text, value_set=pa.array(values, type=pa.string()))
    codes = pc.fill_null(pc.add(known, pa.scalar(FIRST_VALUE, pa.int32())), OTHER)
    codes = pc.if_else(pc.is_null(text), pa.scalar(MISSING, pa.int32()), codes)
    return cast(npt.NDArray[np.float32], codes.to_numpy().astype(np.float32))


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float32]:
    numbers = pc.fill_null(column.cast(pa.float64(), safe=False), float("nan")).to_numpy()
    with np.errstate(over="ignore"):
        single = numbers.astype(np.float32)
    single[~np.isfinite(single)] = np.nan
    return cast(npt.NDArray[np.float32], single)
