"""Where training runs are recorded: MLflow on SQLite, with a folder of artefacts beside it.

The only home of mlflow. Everything here works on MLflow's active run, whoever opened it: `run` below, or Dagster's
`mlflow_tracking` resource, which leaves its runs open; `ended` closes them. What a run is worth is decided in
`learning`, and nothing is served from here: a release carries its own model files.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from palantir_assets.learning.boosting import TRUSTED, Boosting
from palantir_assets.learning.estimators import Fitted
from palantir_assets.learning.training import Trained

CHAMPION: Final = "champion"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A named experiment: the tracking database as a URL (`sqlite:////…/mlflow.db`) and the folder of its artefacts."""

    name: str
    url: str
    artifacts: Path


@dataclass(frozen=True, slots=True)
class Logged:
    """What was recorded: the run, each estimator's model URI, and the registered version of the served one."""

    run_id: str
    models: Mapping[str, str]
    version: str


def prepare(experiment: Experiment) -> str:
    """Make MLflow ready to record this experiment and return its id; made with its artefact folder if it is new.

    Call it before Dagster's resource is initialised: left to itself MLflow writes artefacts into the current folder.
    """
    mlflow = _mlflow()
    mlflow.set_tracking_uri(experiment.url)
    found = mlflow.get_experiment_by_name(experiment.name)
    if found is None:
        experiment.artifacts.mkdir(parents=True, exist_ok=True)
        mlflow.create_experiment(experiment.name, artifact_location=experiment.artifacts.resolve().as_uri())
    return str(mlflow.set_experiment(experiment.name).experiment_id)


@contextmanager
def run(experiment: Experiment, name: str, tags: Mapping[str, str]) -> Iterator[str]:
    """A run of an experiment, from start to end, without Dagster. Yields its id."""
    prepare(experiment)
    with ended(name, tags) as run_id:
        yield run_id


@contextmanager
def ended(name: str, tags: Mapping[str, str]) -> Iterator[str]:
    """The active run, or a new one if there is none, ended in any case: FINISHED, or FAILED on an exception. Yields its id."""
    mlflow = _mlflow()
    active = mlflow.active_run() or mlflow.start_run(run_name=name)
    status = "FAILED"
    try:
        mlflow.set_tags({"mlflow.runName": name, **tags})
        yield str(active.info.run_id)
        status = "FINISHED"
    finally:
        mlflow.end_run(status=status)


def log(trained: Trained, card: Mapping[str, Any], files: Mapping[str, bytes], *, champion: bool) -> Logged:
    """Record parameters, metrics, the card, other files by name, and every model in the active run.

    The served estimator becomes a version of the registered model of this name; with `champion`, which is to say
    if it passed its gate, the alias `champion` moves to it.
    """
    mlflow = _mlflow()
    mlflow.log_params(_parameters(trained))
    mlflow.log_metrics(_metrics(trained))
    mlflow.log_dict(dict(card), "card.json")
    for name, content in files.items():
        _log_file(name, content)
    models = {label: _log_model(trained, label) for label in trained.estimators}
    registered = str(models[trained.spec.serve].registered_model_version)
    if champion:
        mlflow.MlflowClient().set_registered_model_alias(trained.name, CHAMPION, registered)
    return Logged(str(mlflow.active_run().info.run_id), {label: str(info.model_uri) for label, info in models.items()}, registered)


def _mlflow() -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow

    return mlflow


def _parameters(trained: Trained) -> dict[str, str | int | float]:
    spec = trained.spec
    shared: dict[str, str | int | float] = {
        "seed": spec.seed,
        "served": spec.serve,
        "features": ", ".join(spec.features),
        "train_until": str(spec.split.train_until),
    }
    own = {f"{label}.{key}": value for label, fitted in trained.estimators.items() for key, value in fitted.parameters.items()}
    return {**shared, **own}


def _metrics(trained: Trained) -> dict[str, float]:
    """Every estimator's metrics under its name, `constant` among them; the served one's once more without a name."""
    named = {f"{label}.{name}": value for label, each in trained.metrics.items() for name, value in asdict(each).items()}
    rows = {"rows.train": trained.train.rows, "rows.test": trained.test.rows, "base_rate.test": trained.test.base_rate}
    return {**named, **asdict(trained.metrics[trained.spec.serve]), **rows}


def _log_file(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        _mlflow().log_artifact(str(path))


def _log_model(trained: Trained, label: str) -> Any:
    """Log one model in its safe format (skops or pt2, no pickle), its requirements given rather than guessed."""
    from mlflow import pytorch, sklearn
    from mlflow.models import infer_signature

    fitted = trained.estimators[label]
    example = np.zeros((2, len(trained.encoder.features)), dtype=np.float32)
    registered = trained.name if label == trained.spec.serve else None
    common = {"name": label, "pip_requirements": _requirements(fitted), "registered_model_name": registered}
    if isinstance(fitted, Boosting):
        signature = infer_signature(example, fitted.model.predict_proba(example))
        safe = {"serialization_format": "skops", "skops_trusted_types": list(TRUSTED), "pyfunc_predict_fn": "predict_proba"}
        return sklearn.log_model(fitted.model, signature=signature, **safe, **common)
    signature = infer_signature(example, fitted.predict(example).astype(np.float32))
    return pytorch.log_model(fitted.model, signature=signature, serialization_format="pt2", input_example=example, **common)


def _requirements(fitted: Fitted) -> list[str]:
    libraries = [fitted.library, "numpy", *(["skops"] if isinstance(fitted, Boosting) else [])]
    return [f"{library}=={version(library).partition('+')[0]}" for library in libraries]
