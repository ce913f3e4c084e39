"""The model card: what a model predicts, from what, how well, and where it should not be trusted.

The card is JSON without a clock or a run id, so that the same training gives the same bytes; `markdown` tells it
to people in English or Korean, `learning.drawing` draws it. Numbers are made in `training`, not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Final, Literal

import numpy as np

from palantir_assets.learning.training import CONSTANT, Bools, Floats, Part, Trained, is_better

Language = Literal["en", "ko"]
BINS: Final = 10
DRIFT: Final = 0.02

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "card": ("Model card", "모델 카드"),
    "what": ("What it predicts", "무엇을 예측하는가"),
    "predicts": ("{predict} of each {object}, as of {at}", "{object}의 {predict} ({at} 시점 기준)"),
    "split": ("Training and test rows", "학습과 평가 데이터"),
    "part": ("part", "구분"),
    "train": ("train", "학습"),
    "test": ("test", "평가"),
    "rows": ("rows", "행 수"),
    "base_rate": ("share of true", "참 비율"),
    "days": ("days", "기간"),
    "metrics": ("Metrics on the test rows", "평가 지표"),
    "estimator": ("estimator", "추정기"),
    "served": ("served", "제공 중"),
    "features": ("Features", "특성"),
    "feature": ("feature", "특성"),
    "kind": ("kind", "종류"),
    "values": ("known values", "알려진 값 수"),
    "missing": ("missing", "결측"),
    "known_at": ("known at", "알려지는 시점"),
    "always": ("always", "항상"),
    "categorical": ("categorical", "범주형"),
    "numeric": ("numeric", "수치형"),
    "calibration": ("Calibration on the test rows", "보정 (평가 데이터)"),
    "scores": ("scores", "점수 구간"),
    "mean_score": ("mean score", "평균 점수"),
    "observed": ("observed share", "실제 비율"),
    "limits": ("Limits", "한계"),
    "later": (
        "Judged on {rows} rows of {first} to {last} only; nothing is known of how it fares on later ones.",
        "{first}부터 {last}까지의 {rows}개 행으로만 평가했습니다. 그 이후의 성능은 알 수 없습니다.",
    ),
    "without_target": (
        "{rows} rows have no known outcome: they are scored, but nothing was learned from them or judged by them.",
        "결과를 알 수 없는 {rows}개 행은 점수만 매기고 학습과 평가에는 쓰지 않았습니다.",
    ),
    "drift": (
        "The share of true outcomes moved from {train} in training to {test} in the test rows, so scores may be off as probabilities.",
        "참 비율이 학습 {train}에서 평가 {test}(으)로 달라져, 점수가 확률로서는 어긋날 수 있습니다.",
    ),
    "folded": (
        "Values of {feature} beyond the {values} most frequent ones are treated alike.",
        "{feature}의 값 중 빈도 상위 {values}개를 제외한 나머지는 구별하지 않습니다.",
    ),
    "no_better": ("It is no better than the constant by {metrics}.", "{metrics} 기준으로는 상수 기준선보다 낫지 않습니다."),
}


@dataclass(frozen=True, slots=True)
class Bin:
    """A tenth of the test rows by score: its lowest and highest score, their mean, and the share of true outcomes."""

    lowest: float
    highest: float
    rows: int
    mean_score: float
    observed: float


def calibration(target: Bools, scores: Floats, bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of about equally many rows, from low scores to high; equal scores share a bin, so there may be fewer."""
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, bins + 1)[1:-1]))
    member = np.searchsorted(edges, scores, side="left")
    found = (member == index for index in range(len(edges) + 1))
    return tuple(_bin(target[rows], scores[rows]) for rows in found if rows.any())


def card(trained: Trained, known_at: Mapping[str, str | None]) -> dict[str, Any]:
    """The card as plain JSON. `known_at` says of each feature from which timestamp on it is known, or None: always."""
    spec = trained.spec
    encoded = trained.encoder.to_json()["features"]
    return {
        "format": 1,
        "model": trained.name,
        "label": spec.label.model_dump() if spec.label else None,
        "description": spec.description,
        "owner": spec.owner,
        "object": spec.object,
        "predict": spec.predict,
        "at": spec.at,
        "writes": next(iter(spec.writes)),
        "served": spec.serve,
        "seed": spec.seed,
        "split": {
            "by": spec.split.by,
            "train_until": str(spec.split.train_until),
            "train": _part(trained.train),
            "test": _part(trained.test),
        },
        "rows": {"scored": len(trained.rows), "without_target": trained.without_target},
        "metrics": {label: asdict(metrics) for label, metrics in trained.metrics.items()},
        "estimators": {label: _estimator(trained, label) for label in trained.estimators},
        "features": [{**feature, "known_at": known_at.get(feature["name"])} for feature in encoded],
        "calibration": [asdict(each) for each in calibration(trained.test_target, trained.test_scores[spec.serve])],
        "limits": _limits(trained),
    }


def markdown(document: Mapping[str, Any], language: Language = "en") -> str:
    """A card for people: headings in English or Korean, the constant beside every estimator."""
    say = _Words(language)
    label = document["label"] or {}
    title = label.get(language) or label.get("en") or document["model"]
    sections = [
        f"# {say('card')}: {title}",
        document["description"],
        f"## {say('what')}\n\n" + say("predicts", **{key: f"`{document[key]}`" for key in ("predict", "object", "at")}),
        f"## {say('split')}\n\n{_split_table(document['split'], say)}",
        f"## {say('metrics')}\n\n{_metrics_table(document, say)}",
        f"## {say('features')}\n\n{_features_table(document['features'], say)}",
        f"## {say('calibration')}\n\n{_calibration_table(document['calibration'], say)}",
        f"## {say('limits')}\n\n" + "\n".join(f"- {say(limit['limit'], **limit['facts'])}" for limit in document["limits"]),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of one language, by name."""

    language: Language

    def __call__(self, word: str, **facts: object) -> str:
        text = _WORDS[word][0 if self.language == "en" else 1]
        return text.format(**{name: f"{fact:,}" if isinstance(fact, int) else fact for name, fact in facts.items()})


def _bin(target: Bools, scores: Floats) -> Bin:
    lowest, highest, mean, observed = (round(float(value), 6) for value in (scores.min(), scores.max(), scores.mean(), target.mean()))
    return Bin(lowest, highest, len(scores), mean, observed)


def _part(part: Part) -> dict[str, Any]:
    return {"rows": part.rows, "base_rate": part.base_rate, "first": str(part.first), "last": str(part.last)}


def _estimator(trained: Trained, label: str) -> dict[str, Any]:
    fitted, kind = trained.estimators[label], trained.spec.estimators[label].kind
    file, library = f"{label}{fitted.suffix}", f"{fitted.library} {version(fitted.library)}"
    return {"kind": kind, "file": file, "library": library, "parameters": dict(fitted.parameters)}


def _limits(trained: Trained) -> list[dict[str, Any]]:
    """What a reader should know before trusting the scores: a word of `_WORDS` and its facts."""
    train, test, served = trained.train, trained.test, trained.metrics[trained.spec.serve]
    limits: list[tuple[str, dict[str, Any]]] = [("later", {"rows": test.rows, "first": str(test.first), "last": str(test.last)})]
    if trained.without_target:
        limits.append(("without_target", {"rows": trained.without_target}))
    if abs(train.base_rate - test.base_rate) >= DRIFT:
        limits.append(("drift", {"train": f"{train.base_rate:.1%}", "test": f"{test.base_rate:.1%}"}))
    for feature in trained.encoder.features:
        if feature.other_share:
            limits.append(("folded", {"feature": feature.name, "values": len(feature.values)}))
    bars = asdict(trained.metrics[CONSTANT])
    worse = [name for name, value in asdict(served).items() if not is_better(name, value, bars[name])]
    if worse:
        limits.append(("no_better", {"metrics": ", ".join(worse)}))
    return [{"limit": word, "facts": facts} for word, facts in limits]


def _split_table(split: Mapping[str, Any], say: _Words) -> str:
    rows = [
        (say(word), f"{part['rows']:,}", f"{part['base_rate']:.1%}", f"{part['first']} – {part['last']}")
        for word, part in (("train", split["train"]), ("test", split["test"]))
    ]
    return _table((say("part"), say("rows"), say("base_rate"), f"{say('days')} (`{split['by']}`)"), rows)


def _metrics_table(document: Mapping[str, Any], say: _Words) -> str:
    metrics = document["metrics"]
    names = tuple(metrics[CONSTANT])
    rows = [
        (f"{label} ({say('served')})" if label == document["served"] else label, *(f"{values[name]:.4f}" for name in names))
        for label, values in metrics.items()
    ]
    return _table((say("estimator"), *names), rows)


def _features_table(features: Sequence[Mapping[str, Any]], say: _Words) -> str:
    rows = [
        (
            f"`{feature['name']}`",
            say(feature["kind"]),
            str(len(feature["values"])) if feature["kind"] == "categorical" else "–",
            f"{feature['missing_share']:.1%}",
            f"`{feature['known_at']}`" if feature["known_at"] else say("always"),
        )
        for feature in features
    ]
    return _table(tuple(say(word) for word in ("feature", "kind", "values", "missing", "known_at")), rows)


def _calibration_table(bins: Sequence[Mapping[str, Any]], say: _Words) -> str:
    rows = [
        (f"{each['lowest']:.3f} – {each['highest']:.3f}", f"{each['rows']:,}", f"{each['mean_score']:.3f}", f"{each['observed']:.3f}")
        for each in bins
    ]
    return _table(tuple(say(word) for word in ("scores", "rows", "mean_score", "observed")), rows)


def _table(heading: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
