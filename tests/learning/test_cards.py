"""A card tells the same story each time, in two languages, with the constant in every table."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from palantir_assets.learning.cards import calibration, card, markdown
from palantir_assets.learning.drawing import calibration_png, roc_png
from palantir_assets.learning.training import CONSTANT, Metrics, Trained
from palantir_assets.ontology.spec import Model

KNOWN_AT = {"shop": None, "amount": "ordered_at"}


def test_a_card_is_plain_json_and_the_same_each_time(trained: Trained) -> None:
    document = card(trained, KNOWN_AT)
    assert json.loads(json.dumps(document)) == document
    assert document == card(trained, KNOWN_AT)


def test_a_card_says_what_when_and_how_well(trained: Trained) -> None:
    document = card(trained, KNOWN_AT)
    assert (document["model"], document["predict"], document["at"], document["served"]) == (
        "order_returned",
        "returned",
        "ordered_at",
        "boosting",
    )
    assert document["split"]["train_until"] == "2024-10-01"
    assert list(document["metrics"]) == [CONSTANT, "boosting", "network"]
    assert {label: each["file"] for label, each in document["estimators"].items()} == {
        "boosting": "boosting.skops",
        "network": "network.onnx",
    }
    assert [feature["known_at"] for feature in document["features"]] == [None, "ordered_at", None, None]


@pytest.mark.parametrize(
    ("language", "title", "limits"), [("en", "# Model card: Returned order", "## Limits"), ("ko", "# 모델 카드: 반품되는 주문", "## 한계")]
)
def test_a_card_can_be_read_in_both_languages(trained: Trained, language: str, title: str, limits: str) -> None:
    text = markdown(card(trained, KNOWN_AT), "ko" if language == "ko" else "en")
    assert text.startswith(title)
    assert limits in text
    assert f"| {CONSTANT} | 0.5000 |" in text
    assert "| `amount` |" in text
    assert "{" not in text


def test_limits_speak_of_drift_of_unknown_outcomes_and_of_folded_values(trained: Trained) -> None:
    shop = replace(trained.encoder.features[0], other_share=0.1)
    encoder = replace(trained.encoder, features=(shop, *trained.encoder.features[1:]))
    odd = replace(trained, encoder=encoder, test=replace(trained.test, base_rate=trained.train.base_rate + 0.05))
    text = markdown(card(odd, KNOWN_AT))
    assert f"{trained.without_target} rows have no known outcome" in text
    assert "The share of true outcomes moved" in text
    assert "Values of shop beyond the 5 most frequent ones" in text


def test_a_model_that_is_no_better_than_the_constant_says_so(trained: Trained) -> None:
    good = replace(trained, metrics={**trained.metrics, "boosting": Metrics(0.9, 0.9, 0.01, 0.1)})
    assert "no better" not in markdown(card(good, KNOWN_AT))
    useless = replace(trained, metrics={**trained.metrics, "boosting": trained.metrics[CONSTANT]})
    assert "no better than the constant by auroc, average_precision, brier, log_loss." in markdown(card(useless, KNOWN_AT))


def test_calibration_bins_hold_equal_shares_and_every_row_once() -> None:
    scores = np.random.default_rng(0).random(1_000)
    bins = calibration(np.random.default_rng(1).random(1_000) < scores, scores)
    assert len(bins) == 10
    assert sum(each.rows for each in bins) == 1_000
    assert all(abs(each.mean_score - each.observed) < 0.15 for each in bins)
    assert all(left.highest < right.lowest for left, right in pairwise(bins))


def test_equal_scores_share_a_bin() -> None:
    bins = calibration(np.array([True, False, False, False]), np.full(4, 0.25))
    assert [(each.rows, each.mean_score, each.observed) for each in bins] == [(4, 0.25, 0.25)]


def test_pictures_are_png_and_the_same_each_time(trained: Trained) -> None:
    for draw in (calibration_png, roc_png):
        picture = draw(trained)
        assert picture.startswith(b"\x89PNG")
        assert picture == draw(trained)


def test_a_card_without_a_label_takes_the_name(trained: Trained, spec_of: Callable[..., Model]) -> None:
    assert markdown(card(replace(trained, spec=spec_of(label=None)), {})).startswith("# Model card: order_returned")
