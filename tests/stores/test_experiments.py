"""A training run is recorded whole, and ends, whatever happens in it; against a real MLflow on SQLite."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from palantir_assets.learning.training import Trained, train
from palantir_assets.ontology.spec import Model
from palantir_assets.stores import experiments
from palantir_assets.stores.experiments import Experiment, Logged, ended, log, prepare, run

SPEC = Model.model_validate(
    {
        "object": "order",
        "predict": "returned",
        "at": "ordered_at",
        "features": ["shop", "amount"],
        "split": {"by": "ordered_at", "train_until": "2024-10-01"},
        "estimators": {"boosting": {"kind": "gradient_boosting"}, "network": {"kind": "mlp"}},
        "serve": "boosting",
        "writes": {"return_probability": {}},
    }
)

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow and what it imports warn about themselves


@pytest.fixture(scope="module")
def trained() -> Trained:
    random = np.random.default_rng(7)
    amount, days = random.normal(50, 20, 600), np.arange(600) * 366 // 600
    frame = pa.table(
        {
            "_row": np.arange(600, dtype=np.int32),
            "returned": random.random(600) < 1 / (1 + np.exp(-(amount - 50) / 10)),
            "ordered_at": np.datetime64("2024-01-01", "us") + days.astype("timedelta64[D]"),
            "shop": [f"shop {number}" for number in random.integers(0, 5, 600)],
            "amount": amount,
        }
    )
    return train("order_returned", SPEC, frame)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Experiment]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow

        before, folder = mlflow.get_tracking_uri(), tmp_path_factory.mktemp("experiments")
        yield Experiment("shop", f"sqlite:///{folder}/mlflow.db", folder / "artifacts")
        mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def client(experiment: Experiment) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prepare(experiment)
        return experiments._mlflow().MlflowClient()


@pytest.fixture(scope="module")
def logged(experiment: Experiment, client: Any, trained: Trained) -> Logged:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with run(experiment, "order_returned", {"station": "learning"}):
            return log(trained, {"model": "order_returned"}, {"roc.png": b"picture"}, champion=True)


def test_a_run_holds_parameters_metrics_the_card_and_files(client: Any, logged: Logged, trained: Trained, tmp_path: Path) -> None:
    recorded = client.get_run(logged.run_id)
    assert recorded.info.status == "FINISHED"
    assert recorded.data.tags["station"] == "learning"
    assert recorded.data.params["network.epochs"] == "3"
    assert recorded.data.metrics["constant.auroc"] == 0.5
    assert recorded.data.metrics["auroc"] == trained.metrics["boosting"].auroc
    assert {file.path for file in client.list_artifacts(logged.run_id)} == {"card.json", "roc.png"}
    assert json.loads(Path(client.download_artifacts(logged.run_id, "card.json", str(tmp_path))).read_text()) == {"model": "order_returned"}


def test_artefacts_lie_in_the_folder_that_was_given(experiment: Experiment, logged: Logged) -> None:
    assert list(experiment.artifacts.rglob("roc.png"))


def test_models_are_kept_in_safe_formats_only(experiment: Experiment, logged: Logged) -> None:
    names = {path.name for path in experiment.artifacts.rglob("*") if path.is_file()}
    assert {"model.skops", "model.pt2"} <= names
    assert not {name for name in names if name.endswith((".pkl", ".pickle", ".pth", ".joblib"))}


def test_the_served_estimator_is_the_champion_and_loads_from_the_registry(client: Any, logged: Logged, trained: Trained) -> None:
    import torch
    from mlflow import pytorch, sklearn

    assert client.get_model_version_by_alias("order_returned", "champion").version == int(logged.version)
    matrix = np.array([[2, 80], [3, 20]], dtype=np.float32)
    loaded = sklearn.load_model("models:/order_returned@champion").predict_proba(matrix)[:, 1]
    np.testing.assert_array_equal(loaded, trained.estimators["boosting"].predict(matrix))
    network = pytorch.load_model(logged.models["network"])
    torch_scores = network(torch.from_numpy(matrix)).detach().numpy()
    np.testing.assert_allclose(torch_scores, trained.estimators["network"].predict(matrix), atol=1e-6)


def test_requirements_are_given_without_a_local_build_tag(experiment: Experiment, logged: Logged) -> None:
    lines = {line for path in experiment.artifacts.rglob("requirements.txt") for line in path.read_text().splitlines()}
    assert {line.partition("==")[0] for line in lines} >= {"scikit-learn", "skops", "torch", "numpy"}
    assert not [line for line in lines if "+" in line]


def test_a_model_that_failed_its_gate_leaves_the_champion_alone(
    experiment: Experiment, client: Any, logged: Logged, trained: Trained
) -> None:
    with run(experiment, "order_returned", {}):
        second = log(trained, {}, {}, champion=False)
    assert second.version != logged.version
    assert str(client.get_model_version_by_alias("order_returned", "champion").version) == logged.version


def test_an_exception_ends_the_run_as_failed(experiment: Experiment, client: Any) -> None:
    started = []
    with pytest.raises(ZeroDivisionError), run(experiment, "broken", {}) as run_id:
        started.append(run_id)
        raise ZeroDivisionError
    assert [client.get_run(each).info.status for each in started] == ["FAILED"]
    assert experiments._mlflow().active_run() is None


def test_a_run_that_somebody_else_left_open_is_used_and_ended(client: Any) -> None:
    """Dagster's `mlflow_tracking` resource opens a run and leaves it RUNNING."""
    opened = experiments._mlflow().start_run(run_name="job").info.run_id
    with ended("order_returned", {"by": "us"}) as used:
        assert used == opened
    assert client.get_run(opened).info.status == "FINISHED"
    with ended("second model of the same job", {}) as another:
        assert another != opened
    assert client.get_run(another).info.status == "FINISHED"


def test_preparing_twice_is_the_same_experiment(experiment: Experiment, client: Any) -> None:
    assert prepare(experiment) == prepare(experiment)


def test_telemetry_is_off() -> None:
    experiments._mlflow()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
