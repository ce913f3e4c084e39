"""Columns become numbers by what the training rows show, and the encoding survives as JSON."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.errors import BuildError
from palantir_assets.learning.features import MAX_CODES, MAX_VALUES, encoder_from_json, fit_encoder


def _codes(encoder_rows: pa.Table, rows: pa.Table, name: str = "shop") -> list[float]:
    return fit_encoder(encoder_rows, [name]).encode(rows)[:, 0].tolist()


def test_codes_go_by_frequency_and_leave_room_for_the_missing_and_the_unknown() -> None:
    training = pa.table({"shop": ["b", "a", "b", "c", "a", "b", None]})
    assert _codes(training, pa.table({"shop": ["b", "a", "c", "new", None]})) == [2, 3, 4, 1, 0]


def test_equally_frequent_values_are_ordered_by_name() -> None:
    assert fit_encoder(pa.table({"shop": ["z", "a", "m"]}), ["shop"]).features[0].values == ("a", "m", "z")


def test_a_boolean_is_a_category() -> None:
    assert _codes(pa.table({"gift": [False, False, True]}), pa.table({"gift": [True, False, None]}), "gift") == [3, 2, 0]


def test_rare_values_of_a_wide_column_are_folded_and_counted() -> None:
    values = [f"{number:04d}" for number in range(300)]
    training = pa.table({"shop": [*values, *values[:MAX_VALUES]]})
    feature = fit_encoder(training, ["shop"]).features[0]
    assert feature.codes == MAX_CODES == 255
    assert feature.values == tuple(values[:MAX_VALUES])
    assert feature.other_share == pytest.approx(47 / 553, abs=1e-6)
    assert _codes(training, pa.table({"shop": [values[0], values[252], values[253]]})) == [2, 254, 1]


@pytest.mark.parametrize("type_", [pa.int8(), pa.int32(), pa.int64(), pa.uint16(), pa.float32(), pa.float64(), pa.decimal128(10, 2)])
def test_every_kind_of_number_is_a_number(type_: pa.DataType) -> None:
    column = pa.array([Decimal(3), None] if pa.types.is_decimal(type_) else [3, None], type_)
    encoder = fit_encoder(pa.table({"amount": column}), ["amount"])
    assert encoder.features[0].kind == "numeric"
    assert encoder.features[0].missing_share == 0.5
    np.testing.assert_array_equal(encoder.encode(pa.table({"amount": column}))[:, 0], np.array([3, np.nan], dtype=np.float32))


def test_infinite_numbers_and_those_too_large_count_as_missing() -> None:
    frame = pa.table({"amount": [float("inf"), float("-inf"), 1e300, float("nan"), 1.5]})
    encoded = fit_encoder(frame, ["amount"]).encode(frame)[:, 0]
    assert np.isnan(encoded).tolist() == [True, True, True, True, False]


@pytest.mark.parametrize("moment", [datetime(2024, 1, 1), date(2024, 1, 1)])
def test_a_point_in_time_is_refused_with_a_way_out(moment: date) -> None:
    with pytest.raises(BuildError, match=r"'ordered_at' is a .*\n  next: derive what matters of it"):
        fit_encoder(pa.table({"ordered_at": [moment]}), ["ordered_at"])


def test_a_type_that_is_no_feature_is_refused() -> None:
    with pytest.raises(BuildError, match="'tags' is a list"):
        fit_encoder(pa.table({"tags": [["a"]]}), ["tags"])


def test_a_missing_column_is_named_with_what_was_meant() -> None:
    with pytest.raises(BuildError, match=r"no column 'shopp'; did you mean 'shop'\?"):
        fit_encoder(pa.table({"shop": ["a"]}), ["shopp"])


@given(st.lists(st.tuples(st.one_of(st.none(), st.text(max_size=4)), st.one_of(st.none(), st.floats(width=32))), min_size=1, max_size=40))
def test_an_encoder_read_back_from_json_encodes_alike(rows: list[tuple[str | None, float | None]]) -> None:
    texts, numbers = (list(column) for column in zip(*rows, strict=True))
    frame = pa.table({"shop": pa.array(texts, pa.string()), "amount": pa.array(numbers, pa.float64())})
    encoder = fit_encoder(frame, ["shop", "amount"])
    again = encoder_from_json(json.loads(json.dumps(encoder.to_json())))
    assert again == encoder
    np.testing.assert_array_equal(again.encode(frame), encoder.encode(frame))
    assert set(encoder.encode(frame)[:, 0].tolist()) <= set(range(encoder.features[0].codes))
