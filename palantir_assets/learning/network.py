"""A small neural network: torch, one embedding a category, two hidden layers, and its ONNX file.

The network takes the encoded matrix as it is: looking up, standardising and filling gaps are part of it, so that
its file needs nothing beside the encoder. Learning is seeded, single-threaded and deterministic: a run gives the
same bytes whatever else the machine does. Which rows train is decided in `training`.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from palantir_assets.learning.features import OTHER, Feature, Matrix

BATCH: Final = 4096
SMALLEST_BATCH: Final = 64
BATCHES_AN_EPOCH: Final = 50  # at least, so that a small table is learned from too
HIDDEN: Final = (64, 32)
LEARNING_RATE: Final = 1e-2
WEIGHT_DECAY: Final = 1e-4
WIDEST_EMBEDDING: Final = 16
_CHUNK: Final = 65_536
_FURTHEST: Final = 10.0  # standard deviations: what lies beyond is drawn in


@dataclass(frozen=True, slots=True)
class Network:
    """A fitted network: a torch module from float32 (rows, features) to probabilities (rows,)."""

    model: Any
    parameters: Mapping[str, str | int | float]
    suffix: ClassVar[str] = ".onnx"
    library: ClassVar[str] = "torch"

    def predict(self, matrix: Matrix) -> npt.NDArray[np.float64]:
        """The probability of the target for each row, float64 (rows,)."""
        import torch

        out = np.empty(len(matrix), dtype=np.float64)
        with _deterministic(0), torch.inference_mode():
            for start in range(0, len(matrix), _CHUNK):
                out[start : start + _CHUNK] = self.model(torch.from_numpy(matrix[start : start + _CHUNK])).numpy()
        return out

    def to_bytes(self) -> bytes:
        """The ONNX file (input `features` float32 (rows, features), output `probability` float32 (rows,))."""
        return _onnx(self.model, width=int(self.parameters["features"]))


def fit_network(
    matrix: Matrix,
    target: npt.NDArray[np.bool_],
    features: Sequence[Feature],
    *,
    epochs: int,
    embeddings: bool,
    seed: int,
    on_share: Callable[[float], None] = lambda share: None,
) -> Network:
    """Learn from all rows for so many epochs; `on_share` hears the share that is done after each."""
    import torch

    size = min(BATCH, max(SMALLEST_BATCH, len(matrix) // BATCHES_AN_EPOCH))
    with _deterministic(seed):
        model = _module(features, *_moments(matrix, features), embeddings=embeddings)
        for epoch in _epochs(model, torch.from_numpy(matrix), torch.from_numpy(target.astype(np.float32)), epochs=epochs, size=size):
            on_share(epoch / epochs)
    used: dict[str, str | int | float] = {"epochs": epochs, "batch": size, "learning_rate": LEARNING_RATE, "features": len(features)}
    return Network(model.eval(), {**used, "hidden": "×".join(map(str, HIDDEN))})


def _epochs(model: Any, rows: Any, truth: Any, *, epochs: int, size: int) -> Iterator[int]:
    """Learn for so many epochs in batches of `size`; gives the number of each finished epoch, from 1."""
    import torch

    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps = epochs * -(-len(rows) // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=max(steps, 2))
    for epoch in range(1, epochs + 1):
        for batch in torch.randperm(len(rows)).split(size):
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model.logits(rows[batch]), truth[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        yield epoch


def _module(features: Sequence[Feature], means: Matrix, deviations: Matrix, *, embeddings: bool) -> Any:
    import torch
    from torch import nn

    categories = [index for index, feature in enumerate(features) if feature.kind == "categorical"]
    numbers = [index for index, feature in enumerate(features) if feature.kind == "numeric"]

    class Net(nn.Module):  # type: ignore[misc]  # torch is Any to mypy here
        def __init__(self) -> None:
            super().__init__()
            self.tables = nn.ModuleList(_table(features[index].codes, embeddings=embeddings) for index in categories)
            self.register_buffer("means", torch.from_numpy(means))
            self.register_buffer("deviations", torch.from_numpy(deviations))
            width = sum(table.embedding_dim for table in self.tables) + 2 * len(numbers)
            first, second = HIDDEN
            layers = (nn.Linear(width, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU(), nn.Linear(second, 1))
            self.layers = nn.Sequential(*layers)

        def logits(self, matrix: Any) -> Any:
            parts = [table(matrix[:, index].long()) for table, index in zip(self.tables, categories, strict=True)]
            if numbers:
                given = matrix[:, numbers]
                missing = torch.isnan(given)
                standard = ((given - self.means) / self.deviations).clamp(-_FURTHEST, _FURTHEST)
                parts += [torch.where(missing, torch.zeros_like(standard), standard), missing.float()]
            return self.layers(torch.cat(parts, dim=1)).squeeze(1)

        def forward(self, matrix: Any) -> Any:
            return torch.sigmoid(self.logits(matrix))

    return Net()


def _table(codes: int, *, embeddings: bool) -> Any:
    """An embedding, small at first and zero for what may never be seen in training; or, without, a frozen one-hot."""
    import torch
    from torch import nn

    if not embeddings:
        return nn.Embedding.from_pretrained(torch.eye(codes), freeze=True)
    table = nn.Embedding(codes, min(WIDEST_EMBEDDING, (codes + 1) // 2))
    with torch.no_grad():
        table.weight.normal_(std=0.05)
        table.weight[: OTHER + 1] = 0.0
    return table


def _moments(matrix: Matrix, features: Sequence[Feature]) -> tuple[Matrix, Matrix]:
    """Mean and standard deviation of each numeric column, float32 (numeric columns,), gaps left out; 0 and 1 if there is nothing."""
    columns = [matrix[:, index].astype(np.float64) for index, feature in enumerate(features) if feature.kind == "numeric"]
    known = [column[~np.isnan(column)] for column in columns]
    means = np.array([column.mean() if len(column) else 0.0 for column in known], dtype=np.float32)
    deviations = np.array([column.std() if len(column) else 0.0 for column in known], dtype=np.float32)
    return means, np.where(deviations > 0, deviations, np.float32(1))


@contextmanager
def _deterministic(seed: int) -> Iterator[None]:
    """torch with one thread, its own random state and deterministic algorithms; put back as it was afterwards."""
    import torch

    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(strict)
            torch.set_num_threads(threads)


def _onnx(model: Any, *, width: int) -> bytes:
    import torch

    rows = ({0: torch.export.Dim("rows")},)
    with warnings.catch_warnings(), _quiet("torch.onnx"):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model,
            (torch.zeros(2, width),),
            dynamo=True,
            verbose=False,
            input_names=["features"],
            output_names=["probability"],
            dynamic_shapes=rows,
        )
    return _without_traces(program.model_proto)


def _without_traces(proto: Any) -> bytes:
    """The file without what the exporter notes down about this machine (source paths, stack traces)."""
    import onnx

    lean = onnx.ModelProto()
    lean.CopyFrom(proto)
    del lean.metadata_props[:], lean.graph.metadata_props[:], lean.functions[:]
    for part in (*lean.graph.node, *lean.graph.value_info, *lean.graph.initializer, *lean.graph.input, *lean.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    del lean.graph.value_info[:]
    onnx.checker.check_model(lean)
    return bytes(lean.SerializeToString(deterministic=True))


@contextmanager
def _quiet(logger: str) -> Iterator[None]:
    """Only errors of a library whose warnings say nothing to us (optional packages that are not installed)."""
    log = logging.getLogger(logger)
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
