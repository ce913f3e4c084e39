"""Later rows judge, the constant stands beside every estimator, and the gate says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from palantir_assets.errors import BuildError
from palantir_assets.learning.training import (
    CONSTANT,
    Failed,
    Metrics,
    Passed,
    Trained,
    gate_result,
    measured,
    model_files,
    predictions,
    train,
)
from palantir_assets.ontology.spec import Model

TREES = {"boosting": {"kind": "gradient_boosting"}}
GOOD = Metrics(auroc=0.7, average_precision=0.4, brier=0.15, log_loss=0.45)
CONSTANT_ONE = Metrics(auroc=0.5, average_precision=0.2, brier=0.17, log_loss=0.53)


def _with(orders: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    return orders.set_column(orders.column_names.index(name), name, column)


def test_every_estimator_beats_the_constant_which_stands_first(trained: Trained) -> None:
    assert list(trained.metrics) == [CONSTANT, "boosting", "network"]
    assert trained.metrics[CONSTANT].auroc == 0.5
    assert trained.metrics[CONSTANT].average_precision == pytest.approx(trained.test.base_rate, abs=1e-6)
    for label in ("boosting", "network"):
        assert trained.metrics[label].auroc > 0.7
        assert trained.metrics[label].log_loss < trained.metrics[CONSTANT].log_loss


def test_the_constant_is_the_base_rate_of_the_training_part(trained: Trained, orders: pa.Table) -> None:
    rows = len(trained.test_target)
    learned = orders.filter(pc.less(orders["ordered_at"], pa.scalar(datetime(2024, 10, 1))))["returned"].drop_null()
    rate = float(np.mean(learned.to_numpy()))
    assert trained.train.base_rate == pytest.approx(rate, abs=1e-6)
    assert trained.metrics[CONSTANT] == measured(trained.test_target, np.full(rows, rate))


def test_the_split_is_in_time_and_rows_without_a_target_are_in_no_part(trained: Trained, orders: pa.Table) -> None:
    assert trained.train.last == date(2024, 9, 30)
    assert trained.test.first == date(2024, 10, 1)
    assert trained.without_target == orders["returned"].null_count > 0
    assert trained.train.rows + trained.test.rows + trained.without_target == orders.num_rows


def test_all_rows_are_scored_in_the_order_of_the_frame(trained: Trained, orders: pa.Table) -> None:
    table = predictions(trained)
    assert table.schema == pa.schema({"_row": pa.int32(), "return_probability": pa.float64()})
    assert table["_row"].to_pylist() == orders["_row"].to_pylist()
    assert np.isfinite(trained.scores).all()
    judged = np.asarray(pc.and_(pc.is_valid(orders["returned"]), pc.greater_equal(orders["ordered_at"], pa.scalar(datetime(2024, 10, 1)))))
    np.testing.assert_array_equal(trained.scores[judged], trained.test_scores["boosting"])


def test_nothing_of_the_later_rows_reaches_what_was_learned(trained: Trained, orders: pa.Table, spec_of: Callable[..., Model]) -> None:
    """Turn every later outcome around, rename every later shop: what was learned stays the same to the bit, only the metrics change."""
    later = pc.greater_equal(orders["ordered_at"], pa.scalar(datetime(2024, 10, 1)))
    turned = _with(orders, "returned", pc.if_else(later, pc.invert(orders["returned"]), orders["returned"]))
    renamed = pc.if_else(later, "a new shop", orders["shop"])
    again = train("order_returned", spec_of(estimators=TREES), _with(turned, "shop", renamed))
    assert again.encoder == trained.encoder
    before = np.asarray(pc.invert(later))
    assert (again.scores[before] == trained.scores[before]).all()
    assert again.metrics["boosting"].auroc < 0.5 < trained.metrics["boosting"].auroc


def test_training_again_gives_the_same_scores_and_metrics(trained: Trained, orders: pa.Table, spec_of: Callable[..., Model]) -> None:
    again = train("order_returned", spec_of(), orders)
    assert again.metrics == trained.metrics
    assert (again.scores == trained.scores).all()
    assert again.encoder == trained.encoder


def test_each_estimator_has_its_file(trained: Trained) -> None:
    alone = replace(trained, estimators={"boosting": trained.estimators["boosting"]})
    assert model_files(alone) == {"boosting.skops": trained.estimators["boosting"].to_bytes()}


def test_a_split_time_with_a_zone_counts_in_utc_and_a_missing_one_is_in_no_part(orders: pa.Table, spec_of: Callable[..., Model]) -> None:
    at = orders["ordered_at"].combine_chunks().cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us", "Asia/Seoul"))
    missing = pa.array(np.arange(orders.num_rows) % 10 == 0)
    gone = pc.if_else(missing, pa.scalar(None, at.type), at)
    found = train("zoned", spec_of(estimators=TREES), _with(orders, "ordered_at", gone))
    assert found.train.last == date(2024, 9, 30)
    kept = pc.and_(pc.invert(missing), pc.is_valid(orders["returned"].combine_chunks()))
    assert found.train.rows + found.test.rows == pc.sum(kept).as_py()
    assert len(found.scores) == orders.num_rows


@pytest.mark.parametrize(
    ("until", "message"),
    [
        ("2030-01-01", "the test part has no rows with a known 'returned'"),
        ("2020-01-01", "the train part has no rows with a known 'returned'"),
    ],
)
def test_a_split_that_leaves_a_part_empty_is_refused(orders: pa.Table, spec_of: Callable[..., Model], until: str, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        train("order_returned", spec_of(split={"by": "ordered_at", "train_until": until}), orders)


def test_a_part_with_one_outcome_only_is_refused(orders: pa.Table, spec_of: Callable[..., Model]) -> None:
    with pytest.raises(BuildError, match="the train part knows only one outcome of 'returned'\n  next: move `train_until: 2024-10-01`"):
        train("order_returned", spec_of(), _with(orders, "returned", pa.array(np.ones(orders.num_rows, dtype=bool))))


@pytest.mark.parametrize(
    ("column", "message"), [("returned", "no boolean column 'returned'"), ("ordered_at", "no timestamp column 'ordered_at'")]
)
def test_a_column_that_is_missing_or_of_the_wrong_type_is_named(
    orders: pa.Table, spec_of: Callable[..., Model], column: str, message: str
) -> None:
    for frame in (orders.drop_columns([column]), _with(orders, column, pa.array(["?"] * orders.num_rows))):
        with pytest.raises(BuildError, match=message):
            train("order_returned", spec_of(), frame)


def test_progress_names_each_step(orders: pa.Table, spec_of: Callable[..., Model]) -> None:
    heard: list[tuple[str, float]] = []
    train("order_returned", spec_of(estimators=TREES), orders, lambda step, share: heard.append((step, share)))
    assert heard == [("encode", 1.0), ("boosting", 1.0)]


@pytest.mark.parametrize(
    ("gate", "passes"),
    [
        ({"metric": "auroc", "at_least": 0.7}, True),
        ({"metric": "auroc", "at_least": 0.71}, False),
        ({"metric": "brier", "at_most": 0.15}, True),
        ({"metric": "log_loss", "at_most": 0.4}, False),
        ({"metric": "auroc", "beats": ["constant"]}, True),
        ({"metric": "log_loss", "beats": ["constant"]}, True),
        (None, True),
    ],
)
def test_the_gate_compares_the_served_estimator(spec_of: Callable[..., Model], gate: dict[str, object] | None, passes: bool) -> None:
    result = gate_result(spec_of(gate=gate), {CONSTANT: CONSTANT_ONE, "boosting": GOOD})
    assert isinstance(result, Passed if passes else Failed)


def test_a_closed_gate_gives_every_reason(spec_of: Callable[..., Model]) -> None:
    spec = spec_of(gate={"metric": "log_loss", "at_most": 0.5, "beats": ["constant"]})
    result = gate_result(spec, {CONSTANT: CONSTANT_ONE, "boosting": replace(GOOD, log_loss=0.6)})
    assert result == Failed("log_loss is 0.6000, more than 0.5; log_loss is 0.6000, no better than the constant's 0.5300")


def test_the_gate_fails_closed(spec_of: Callable[..., Model]) -> None:
    assert isinstance(gate_result(spec_of(), {CONSTANT: CONSTANT_ONE}), Failed)
    assert isinstance(gate_result(spec_of(), {"boosting": GOOD}), Failed)
    assert isinstance(gate_result(spec_of(), {CONSTANT: CONSTANT_ONE, "boosting": replace(GOOD, auroc=float("nan"))}), Failed)
