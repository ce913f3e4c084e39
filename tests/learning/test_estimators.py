"""Each estimator learns the same thing twice, and its file is safe, small, repeatable and agrees with it."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pytest

from palantir_assets.learning import boosting, network
from palantir_assets.learning.estimators import Fitted, fit
from palantir_assets.learning.features import Feature, Matrix
from palantir_assets.ontology.spec import Estimator

SHOP = Feature("shop", "categorical", ("a", "b", "c"))
AMOUNT = Feature("amount", "numeric")
ESTIMATORS = [Estimator(kind="gradient_boosting"), Estimator(kind="mlp", epochs=4), Estimator(kind="mlp", epochs=4, embeddings=False)]


def _rows(features: tuple[Feature, ...] = (SHOP, AMOUNT), rows: int = 3_000) -> tuple[Matrix, npt.NDArray[np.bool_]]:
    random = np.random.default_rng(1)
    columns = [random.integers(0, 5, rows) if feature.codes else random.normal(40, 10, rows) for feature in features]
    matrix = np.column_stack(columns).astype(np.float32)
    target = random.random(rows) < 1 / (1 + np.exp(-(columns[-1] - columns[-1].mean()) / columns[-1].std()))
    matrix[::50, [feature.codes == 0 for feature in features]] = np.nan
    return matrix, target


@lru_cache
def _fit(estimator: Estimator, features: tuple[Feature, ...] = (SHOP, AMOUNT), seed: int = 0) -> Fitted:
    matrix, target = _rows(features)
    return fit(estimator, matrix, target, np.arange(len(target)) >= 2_700, features, seed=seed)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: f"{each.kind}-{each.embeddings}")
def test_an_estimator_learns_and_gives_probabilities(estimator: Estimator) -> None:
    matrix, target = _rows()
    scores = _fit(estimator).predict(matrix)
    assert scores.dtype == np.float64
    assert scores.shape == (len(matrix),)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores[target].mean() > scores[~target].mean() + 0.1


@pytest.mark.parametrize("estimator", ESTIMATORS[:2], ids=lambda each: each.kind)
def test_the_same_seed_gives_the_same_scores_and_the_same_bytes(estimator: Estimator) -> None:
    first, second = _fit(estimator), _fit.__wrapped__(estimator)
    assert (first.predict(_rows()[0]) == second.predict(_rows()[0])).all()
    assert first.to_bytes() == second.to_bytes()


def test_another_seed_gives_another_network() -> None:
    assert (_fit(ESTIMATORS[1]).predict(_rows()[0]) != _fit(ESTIMATORS[1], seed=1).predict(_rows()[0])).any()


def test_learning_leaves_the_settings_of_torch_as_they_were() -> None:
    import torch

    torch.manual_seed(5)
    before = (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.random.get_rng_state().tolist())
    _fit.__wrapped__(ESTIMATORS[1])
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.random.get_rng_state().tolist()) == before


def test_a_skops_file_gives_the_model_back_and_holds_no_address_or_time() -> None:
    fitted = _fit(ESTIMATORS[0])
    data = fitted.to_bytes()
    again = boosting.boosting_from_bytes(data)
    assert (again.predict(_rows()[0]) == fitted.predict(_rows()[0])).all()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == sorted(archive.namelist())


def test_a_skops_file_with_a_foreign_type_is_refused() -> None:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    with pytest.raises(UntrustedTypesFoundException):
        boosting.boosting_from_bytes(skops.io.dumps({"model": subprocess.Popen}))


def test_trees_stop_when_later_rows_no_longer_gain() -> None:
    random = np.random.default_rng(3)
    matrix, target = random.normal(size=(2_000, 1)).astype(np.float32), random.random(2_000) < 0.5
    noise = boosting.fit_boosting(matrix, target, np.arange(2_000) >= 1_800, (AMOUNT,), seed=0)
    assert noise.parameters["trees"] < 20
    unjudged = boosting.fit_boosting(matrix, target, np.zeros(2_000, dtype=bool), (AMOUNT,), seed=0)
    assert unjudged.parameters["trees"] == boosting.MAX_TREES // 2


@pytest.mark.parametrize("features", [(SHOP,), (AMOUNT,), (AMOUNT, SHOP, AMOUNT)], ids=["category", "number", "mixed"])
def test_the_onnx_file_agrees_with_torch_and_says_nothing_of_the_machine(features: tuple[Feature, ...]) -> None:
    import onnxruntime

    fitted = _fit(Estimator(kind="mlp", epochs=1), features)
    data = fitted.to_bytes()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    matrix, _ = _rows(features, rows=777)
    (given,) = session.run(["probability"], {"features": matrix})
    np.testing.assert_allclose(given, fitted.predict(matrix), atol=1e-5)
    assert b".py" not in data
    assert b"stack_trace" not in data


def test_a_network_is_not_thrown_by_what_training_never_showed() -> None:
    matrix, target = _rows()
    matrix[:, 0] = 2 + matrix[:, 0] % 3  # no missing, no other
    fitted = network.fit_network(matrix, target, (SHOP, AMOUNT), epochs=2, embeddings=True, seed=0)
    strange = np.array([[0, 1e30], [1, -1e30], [1, np.nan]], dtype=np.float32)
    assert np.isfinite(fitted.predict(strange)).all()
    unseen, seen = (fitted.predict(np.array([[code, 40]], dtype=np.float32))[0] for code in (1, 2))
    assert abs(unseen - seen) < 0.2


def test_progress_is_told_in_shares_that_end_at_one() -> None:
    matrix, target = _rows()
    for estimator in (ESTIMATORS[0], Estimator(kind="mlp", epochs=2)):
        shares: list[float] = []
        fit(estimator, matrix, target, np.zeros(len(target), dtype=bool), (SHOP, AMOUNT), seed=0, on_share=shares.append)
        assert shares == sorted(shares)
        assert shares[-1] == 1.0


def test_the_room_costs_no_heavy_import() -> None:
    heavy = "{'sklearn', 'torch', 'skops', 'onnx', 'onnxruntime', 'matplotlib', 'mlflow', 'pandas'}"
    rooms = "from palantir_assets.learning import drawing, training; from palantir_assets.stores import experiments"
    code = f"import sys; {rooms}; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
