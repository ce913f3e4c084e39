"""Pictures of how good a model is: calibration and ROC, as PNG bytes.

Drawn without a display, without a clock in the file. What is drawn was measured in `training`.
"""

from __future__ import annotations

import io
from typing import Any

from palantir_assets.learning.cards import calibration
from palantir_assets.learning.training import CONSTANT, Trained


def calibration_png(trained: Trained) -> bytes:
    """Mean score against the observed share, ten bins an estimator; on the diagonal a score is a probability."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], "--", color="grey", linewidth=1, label="perfect")
        for label, scores in trained.test_scores.items():
            bins = calibration(trained.test_target, scores)
            axes.plot([each.mean_score for each in bins], [each.observed for each in bins], "o-", markersize=4, label=label)
        top = max(
            max(each.mean_score, each.observed)
            for scores in trained.test_scores.values()
            for each in calibration(trained.test_target, scores)
        )
        axes.set(xlim=(0, min(1, top * 1.1)), ylim=(0, min(1, top * 1.1)), xlabel="mean score", ylabel="observed share")

    return _png(f"{trained.name}: calibration on {trained.test.rows:,} test rows", draw)


def roc_png(trained: Trained) -> bytes:
    """True against false positives as the threshold moves, one line an estimator; the constant is the diagonal."""

    def draw(axes: Any) -> None:
        from sklearn.metrics import roc_curve

        axes.plot([0, 1], [0, 1], "--", color="grey", linewidth=1, label=f"{CONSTANT} ({trained.metrics[CONSTANT].auroc:.3f})")
        for label, scores in trained.test_scores.items():
            false_positives, true_positives, _ = roc_curve(trained.test_target, scores)
            axes.plot(false_positives, true_positives, label=f"{label} ({trained.metrics[label].auroc:.3f})")
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="false positive rate", ylabel="true positive rate")

    return _png(f"{trained.name}: ROC on {trained.test.rows:,} test rows", draw)


def _png(title: str, draw: Any) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    draw(axes)
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
